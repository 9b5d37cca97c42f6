"""What the studies read from points, and how they say it."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from flowrig.interfaces import Finding, Findings, StudyPoint, StudyRig
from flowrig_studies.statistics import CONFIDENCE, Line, Spread

__all__ = [
    "chance",
    "drift_finding",
    "features_of",
    "percent",
    "rsd_finding",
    "too_few",
    "usable",
    "values_of",
]

Array = NDArray[np.float64]

VANGEL = "relative standard deviation, interval by Vangel's modified McKay method"

SLOPE_TEST = "t test of the slope of a straight line"


def features_of(rig: StudyRig, wanted: Sequence[str]) -> tuple[str, ...]:
    """The features of a study: those that were named, else those of the objective."""
    return tuple(wanted) or tuple(rig.responses)


def usable(points: Sequence[StudyPoint]) -> list[StudyPoint]:
    """The points that were measured and are not bad."""
    return [one for one in points if one.is_usable]


def values_of(points: Sequence[StudyPoint], feature: str) -> Array:
    """Values of a feature, shape `n`; nan where there is none."""
    return np.array([one.features.get(feature, np.nan) for one in points], dtype=float)


def percent(fraction: float) -> str:
    """A fraction in percent, with two digits that say something."""
    shown = 100.0 * fraction
    return f"{shown:.0f} %" if 10.0 <= abs(shown) < 1e5 else f"{shown:.2g} %"


def chance(p: float) -> str:
    """The probability of a result by chance alone, in words."""
    return f"p = {p:.2g}" if p >= 1e-4 else "p < 0.0001"


def rsd_finding(feature: str, found: Spread, rig: StudyRig, what: str) -> Finding:
    """The relative standard deviation of a feature, compared with that in the profile.

    Args:
        feature: its name.
        found: its spread.
        rig: knows the repeatability that the profile gives.
        what: of what it is, in words.
    """
    ends = f"{percent(found.low)} to {percent(found.high)} with {CONFIDENCE:.0%} confidence"
    text = f"{feature}: {what} {percent(found.rsd)} ({ends}, {found.df} degrees of freedom)"
    given = rig.rsd.get(feature)
    if given is not None:
        inside = found.low <= given <= found.high
        text += f"; the profile says {percent(given)}, which {'agrees' if inside else 'differs'}"
    return Finding(
        text=text,
        name=feature,
        value=found.rsd,
        low=found.low,
        high=found.high,
        confidence=CONFIDENCE,
        test=VANGEL,
    )


def drift_finding(feature: str, fit: Line, below: float) -> Finding:
    """Whether a feature rises or falls with time.

    Args:
        feature: its name.
        fit: of its relative values, against hours.
        below: probability below which it counts as a drift.
    """
    range_text = f"{percent(fit.slope)} ± {percent(fit.half)} an hour"
    verb = "drifts by" if fit.p < below else "does not drift:"
    return Finding(
        text=f"{feature} {verb} {range_text} ({chance(fit.p)})",
        name=f"drift of {feature}",
        value=fit.slope,
        unit="1/h",
        low=fit.slope - fit.half,
        high=fit.slope + fit.half,
        confidence=CONFIDENCE,
        test=SLOPE_TEST,
        p=fit.p,
    )


def too_few(count: int, needed: int) -> Findings:
    """What is said of a study that has not enough points yet."""
    return Findings(
        findings=[Finding(text=f"{count} points can be used, and {needed} are needed to say more")]
    )
