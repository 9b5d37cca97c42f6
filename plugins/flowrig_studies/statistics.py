"""Statistics of repeated and ordered measurements, each with its confidence and its source."""

import math
from collections.abc import Sequence

import numpy as np
from attrs import frozen
from numpy.typing import ArrayLike, NDArray

from flowrig_studies.distributions import (
    chi2_quantile,
    f_sf,
    student_quantile,
    student_two_sided,
)

__all__ = [
    "CONFIDENCE",
    "SIGNIFICANT",
    "Line",
    "Spread",
    "common_slope",
    "half_width",
    "line",
    "one_way",
    "plateau_from",
    "pooled_spread",
    "spread",
]

Array = NDArray[np.float64]

CONFIDENCE = 0.95
"""Confidence of every interval."""

MANY = 1e9
"""Degrees of freedom of a scatter that is known."""

SIGNIFICANT = 0.05
"""Probability by chance below which a test finds an effect."""


@frozen
class Spread:
    """A relative standard deviation.

    Attributes:
        rsd: as a fraction; nan where it cannot be known.
        low: lower end of its confidence interval.
        high: upper end of its confidence interval.
        df: its degrees of freedom.
    """

    rsd: float
    low: float
    high: float
    df: int


NO_SPREAD = Spread(math.nan, math.nan, math.nan, 0)


def spread(values: ArrayLike) -> Spread:
    """Relative standard deviation of repeated measurements.

    Its interval is that of the modified McKay method for the coefficient of variation of a normal
    sample (Vangel, Am. Stat. 1996, 50, 21).

    Args:
        values: of one condition, shape `n`; nan is left out.
    """
    return pooled_spread([values])


def pooled_spread(groups: "list[ArrayLike]") -> Spread:
    """Relative standard deviation of repeats, pooled over conditions.

    Every group is divided by its own mean; squares are added up over all groups, as are degrees of
    freedom. For the interval see `spread`.

    Args:
        groups: values of each condition, shape `n`; groups of one value say nothing.
    """
    squares, df = 0.0, 0
    for values in groups:
        found = np.asarray(values, dtype=float)
        found = found[np.isfinite(found)]
        if len(found) > 1 and found.mean():
            squares += float(np.square(found / found.mean() - 1.0).sum())
            df += len(found) - 1
    if not df:
        return NO_SPREAD
    k = math.sqrt(squares / df)
    ends = []
    for share in (1.0 + CONFIDENCE) / 2.0, (1.0 - CONFIDENCE) / 2.0:
        u = chi2_quantile(share, df)
        below = ((u + 2.0) / (df + 1.0) - 1.0) * k * k + u / df
        ends.append(k / math.sqrt(below) if below > 0.0 else math.inf)
    return Spread(k, ends[0], ends[1], df)


@frozen
class Line:
    """A straight line through measurements, by least squares.

    Attributes:
        slope: nan where it cannot be known.
        at_zero: value at x = 0.
        half: half width of the confidence interval of the slope.
        p: probability of such a slope, or a steeper one, by chance alone.
    """

    slope: float
    at_zero: float
    half: float
    p: float


def line(x: ArrayLike, y: ArrayLike, *, in_time: bool = False) -> Line:
    """A straight line, and the t test of its slope.

    Draper & Smith, Applied Regression Analysis, 3rd ed. 1998, section 1.4.

    Args:
        x: places, shape `n`.
        y: values, shape `n`; nan is left out.
        in_time: whether they follow each other in time, so that neighbours may be alike: fewer
            values then count, by the correlation of the residuals with the ones before (Santer et
            al., J. Geophys. Res. 2000, 105, 7337).
    """
    xs, ys = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    keep = np.isfinite(ys) & np.isfinite(xs)
    xs, ys = xs[keep], ys[keep]
    df = float(len(xs) - 2)
    if df < 1 or not np.ptp(xs) > 0:
        return Line(math.nan, math.nan, math.nan, math.nan)
    about = xs - xs.mean()
    squares = float(np.square(about).sum())
    slope = float(about @ ys) / squares
    left = ys - ys.mean() - slope * about
    if in_time and float(left @ left) > 0.0:
        alike = max(float(left[1:] @ left[:-1]) / float(left @ left), 0.0)
        df = len(xs) * (1.0 - alike) / (1.0 + alike) - 2.0
        if df < 1.0:
            return Line(slope, float(ys.mean() - slope * xs.mean()), math.nan, math.nan)
    error = math.sqrt(float(left @ left) / df / squares)
    at_zero = float(ys.mean() - slope * xs.mean())
    if not error > 0.0:
        return Line(slope, at_zero, 0.0, 0.0 if slope else 1.0)
    half = half_width(error, df)
    return Line(slope, at_zero, half, student_two_sided(slope / error, df))


def half_width(error: float, df: float) -> float:
    """Half of the confidence interval of an estimate, by Student's t.

    Args:
        error: its standard error.
        df: degrees of freedom of that.
    """
    return student_quantile((1.0 + CONFIDENCE) / 2.0, df) * error


def common_slope(curves: "Sequence[tuple[ArrayLike, ArrayLike]]") -> tuple[float, float, float]:
    """The slope of straight lines that are parallel, each with a height of its own.

    Least squares, pooled over the lines (Draper & Smith, Applied Regression Analysis, 3rd ed. 1998,
    chapter 14). ICH Q1E, Evaluation for Stability Data, 2003, pools batches in this way.

    Args:
        curves: places and values of each line, shape `n`; nan is left out.

    Returns:
        the slope, its standard error and the degrees of freedom; nan for what cannot be known.
    """
    xx = xy = yy = 0.0
    df = -1
    for x, y in curves:
        xs, ys = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
        keep = np.isfinite(xs) & np.isfinite(ys)
        if keep.any():
            about, values = xs[keep] - xs[keep].mean(), ys[keep] - ys[keep].mean()
            xx, xy, yy = xx + about @ about, xy + about @ values, yy + values @ values
            df += int(keep.sum()) - 1
    if not xx > 0.0:
        return math.nan, math.nan, df
    slope = float(xy / xx)
    if df < 1:
        return slope, math.nan, df
    return slope, math.sqrt(max(float(yy - slope * xy), 0.0) / df / float(xx)), df


def one_way(groups: "list[Array]", rsd: float = math.nan) -> float:
    """Probability of the differences between the means of levels by chance.

    One-way analysis of variance (Fisher, Statistical Methods for Research Workers, 1925). The
    scatter is relative, and that of the repeats; without repeats it is `rsd`, if it is known.

    Args:
        groups: values of each level, shape `n`, at least one each.
        rsd: known relative standard deviation, as a fraction, for levels that were not repeated.

    Returns:
        nan if there is neither a repeat nor a known scatter.
    """
    scatter, df = _scatter(groups, rsd)
    means = np.array([one.mean() for one in groups])
    counts = np.array([len(one) for one in groups])
    grand = float((means * counts).sum() / counts.sum())
    between = float((counts * np.square(means - grand)).sum()) / (len(groups) - 1)
    within = (scatter * grand) ** 2
    if math.isnan(within):
        return math.nan
    return f_sf(between / within if within > 0.0 else math.inf, len(groups) - 1, df)


def plateau_from(x: ArrayLike, y: ArrayLike, rsd: float = math.nan) -> tuple[float | None, float]:
    """The x from which on values stay on a plateau.

    From the highest level down, each level is compared with the mean of all above it by a t test,
    until one differs: Helmert contrasts, stepping down (Ruberg, J. Am. Stat. Assoc. 1989, 84, 816).
    The scatter is relative, and that of all repeats; without repeats it is `rsd`, if it is known.

    Args:
        x: levels, shape `n`.
        y: values, shape `n`; nan is left out.
        rsd: known relative standard deviation, as a fraction, for levels that were not repeated.

    Returns:
        the lowest level on the plateau, None if the two highest levels differ already; and the
        probability by chance of the difference of the first level that is not on it, or, if all
        are, of the last; nan where nothing could be tested.
    """
    xs, ys = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    keep = np.isfinite(ys)
    levels = sorted(set(xs[keep].tolist()), reverse=True)
    groups = [ys[keep & (xs == level)] for level in levels]
    scatter, df = _scatter(groups, rsd)
    start, p = None, math.nan
    for place in range(1, len(levels)):
        above, here = np.concatenate(groups[:place]), groups[place]
        error = scatter * abs(float(above.mean())) * math.sqrt(1.0 / len(above) + 1.0 / len(here))
        apart = float(here.mean() - above.mean())
        if math.isnan(error):
            return None, math.nan
        p = student_two_sided(apart / error if error > 0.0 else math.copysign(math.inf, apart), df)
        if p < SIGNIFICANT:
            return start, p
        start = levels[place]
    return start, p


def _scatter(groups: list[Array], rsd: float) -> tuple[float, float]:
    """Relative standard deviation of repeats, with its degrees of freedom; else the known one."""
    found = pooled_spread(list(groups))
    return (found.rsd, float(found.df)) if found.df else (rsd, MANY)
