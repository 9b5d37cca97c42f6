"""Control charts of a production: a feature over its looks, with limits and a moving average."""

import math
from collections.abc import Sequence

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from flowrig.interfaces import Finding, Panel, Series, StudyPoint
from flowrig_studies.production_settings import Band
from flowrig_studies.reading import drift_finding, percent
from flowrig_studies.statistics import line

__all__ = ["FIRST_LOOKS", "Chart", "chart_of", "chart_panel", "drift_of", "told_drift"]

SMOOTHING = 0.2
"""Weight of the newest look in the moving average."""

FIRST_LOOKS = 5
"""Looks whose mean every later one is compared with."""

GROSS_SIGMA = 4.5
"""Standard deviations beyond its limits at which one look alone refuses a fraction."""

TOLD_BELOW = 0.001
"""Probability below which a drift is told; small, because it is looked for at every look."""


@frozen(kw_only=True)
class Chart:
    """A feature over the looks of a production at one condition.

    Attributes:
        values: of each look, shape `n`; nan where there is none.
        smooth: moving average, shape `n`; nan until the first looks are over.
        target: mean of the first looks; nan until they are over.
        low: lower limit.
        high: upper limit.
        sd: standard deviation of a look.
        begin: the look from which on the limits are known; those before are not judged, so that
            what was said of a fraction stays.
    """

    values: NDArray[np.float64]
    smooth: NDArray[np.float64]
    target: float = math.nan
    low: float = -math.inf
    high: float = math.inf
    sd: float = 0.0
    begin: int = 0

    def outside(self, place: int) -> bool:
        """Whether a look shows that the product is outside the limits."""
        value, smooth = self.values[place], self.smooth[place]
        if place < self.begin:
            return False
        gross = GROSS_SIGMA * self.sd
        return bool(not self.low <= smooth <= self.high and math.isfinite(smooth)) or bool(
            not self.low - gross <= value <= self.high + gross and math.isfinite(value)
        )

    def off(self, place: int) -> str:
        """How far a look is off, in words."""
        smooth = self.smooth[place]
        by = smooth if not self.low <= smooth <= self.high else self.values[place]
        return f"{percent(by / self.target - 1.0)} off its first looks"


def chart_of(points: Sequence[StudyPoint], band: Band, rsd: float) -> Chart:
    """The chart of a feature.

    Args:
        points: looks at one condition, in order. Where a person was asked before one, the moving
            average begins anew.
        band: the feature, and its limits.
        rsd: known relative standard deviation of a look, as a fraction; nan if it is not known.
    """
    values = np.array([p.features.get(band.feature, math.nan) for p in points], dtype=float)
    values[[not one.is_usable for one in points]] = math.nan
    smooth = np.full(len(values), math.nan)
    first = values[np.isfinite(values)][:FIRST_LOOKS]
    if len(first) < FIRST_LOOKS:
        return Chart(values=values, smooth=smooth, begin=len(values))
    target = float(first.mean())
    level = target
    begin = int(np.flatnonzero(np.isfinite(values))[FIRST_LOOKS - 1])
    for place in range(begin, len(values)):
        if points[place].point.asks:
            level = target
        if math.isfinite(values[place]):
            level += SMOOTHING * (values[place] - level)
        smooth[place] = level
    sd = abs(target) * rsd if math.isfinite(rsd) else float(first.std(ddof=1))
    width = band.width if not band.is_relative else band.width * abs(target)
    return Chart(
        values=values,
        smooth=smooth,
        target=target,
        low=target - width,
        high=target + width,
        sd=sd,
        begin=begin,
    )


def drift_of(name: str, points: Sequence[StudyPoint], chart: Chart) -> Finding | None:
    """Whether a feature rises or falls with time; None until that can be told.

    Args:
        name: the feature.
        points: the looks up to which it is asked, the first ones of the chart.
        chart: of the feature.
    """
    values = chart.values[: len(points)]
    good = np.isfinite(values)
    if good.sum() < 2 * FIRST_LOOKS or not math.isfinite(chart.target):
        return None
    hours = np.array([one.ended_s for one in points])[good] / 3600.0
    if np.ptp(hours) <= 0.0:
        return None
    fit = line(hours - hours[0], values[good] / chart.target, in_time=True)
    if not math.isfinite(fit.p):
        return None
    return drift_finding(name, fit, TOLD_BELOW)


def told_drift(name: str, points: Sequence[StudyPoint], chart: Chart) -> str:
    """A drift that a person should know of, in words; "" for none. Arguments as of `drift_of`."""
    found = drift_of(name, points, chart)
    is_told = found is not None and found.p is not None and found.p < TOLD_BELOW
    return found.text if found is not None and is_told else ""


def chart_panel(name: str, parts: Sequence[tuple[Sequence[StudyPoint], Chart]]) -> Panel:
    """The figure of a feature over a whole production.

    Args:
        name: the feature.
        parts: the looks at each condition, and their chart.
    """
    start_s, series = parts[0][0][0].ended_s, list[Series]()
    names = name, "moving average", "limits"
    for points, chart in parts:
        hours = [(one.ended_s - start_s) / 3600.0 for one in points]
        series.append(Series(name=names[0], x=hours, y=chart.values.tolist()))
        if math.isfinite(chart.target):
            known = np.isfinite(chart.smooth)
            smooth = [x for x, there in zip(hours, known, strict=True) if there]
            ends = [hours[0], hours[-1]]
            average = chart.smooth[known].tolist()
            series += [
                Series(name=names[1], x=smooth, y=average, line=True),
                Series(name=names[2], x=ends, y=[chart.low] * 2, line=True),
                Series(name="", x=ends, y=[chart.high] * 2, line=True),
            ]
        names = "", "", ""  # the legend has each once
    return Panel(x="time (h)", y=name, series=series)
