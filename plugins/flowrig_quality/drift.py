"""A trend of conditions that come back, against time."""

import math
from collections.abc import Sequence
from itertools import combinations
from statistics import NormalDist, median

from attrs import frozen

from flowrig.interfaces.quality import CheckedSample, Doubt, QualityCheck
from flowrig_quality.settings import DriftSettings

__all__ = ["Drift", "Trend", "seasonal_trend"]

Group = Sequence[tuple[float, float]]
"""Times [s] and logarithms of a feature at one condition, in order of time."""


@frozen
class Trend:
    """A monotone trend.

    Attributes:
        p: of the two-sided test; 1 without repeats.
        slope_per_s: median of the slopes between repeats [1/s].
    """

    p: float
    slope_per_s: float


class Drift(QualityCheck):
    """Doubts a repeated condition whose feature rises or falls with time.

    Every condition that comes back is a group of its own: the Kendall test by groups (Hirsch, Slack
    & Smith, *Water Resour. Res.* 1982, 18, 107) needs no model of what conditions do, and the
    slope is the median of all slopes inside groups, there named the seasonal Kendall slope. A
    condition that does not come back is not judged.
    """

    settings: DriftSettings

    def doubts(self, sample: CheckedSample, earlier: Sequence[CheckedSample]) -> list[Doubt]:
        """One for each feature that drifts, if the sample repeats a condition."""
        samples = [*(one for one in earlier if one.quality != "bad"), sample]
        groups: dict[tuple[object, ...], list[CheckedSample]] = {}
        for one in samples:
            groups.setdefault(tuple(sorted(one.conditions.items())), []).append(one)
        own = groups[tuple(sorted(sample.conditions.items()))]
        repeated = [some for some in groups.values() if len(some) > 1]
        if len(own) < 2 or sum(map(len, repeated)) < self.settings.least:
            return []
        wanted = self.settings.features
        names = [n for n in sample.features if wanted is None or n in wanted]
        found = []
        for name in names:
            doubt = self._doubt(name, repeated, len(names))
            if doubt is not None:
                found.append(doubt)
        return found

    def _doubt(self, name: str, groups: Sequence[Sequence[CheckedSample]], of: int) -> Doubt | None:
        values = [[one.features.get(name, math.nan) for one in some] for some in groups]
        if any(math.isfinite(v) and v <= 0.0 for some in values for v in some):
            return None  # no relative change
        logs: list[list[tuple[float, float]]] = [
            [
                (one.measured_s, math.log(v))
                for one, v in zip(some, its, strict=True)
                if math.isfinite(v)
            ]
            for some, its in zip(groups, values, strict=True)
        ]
        points = [one for some in logs if len(some) > 1 for one in some]
        if len(points) < self.settings.least:
            return None
        trend = seasonal_trend(logs)
        times = [time for time, _ in points]
        hours = (max(times) - min(times)) / 3600.0
        change = math.expm1(trend.slope_per_s * hours * 3600.0)
        if trend.p * of >= self.settings.significance or abs(change) < self.settings.least_change:
            return None
        word = "risen" if change > 0.0 else "fallen"
        text = f"{name} of repeated conditions has {word} by {abs(change):.1%} in {hours:.2g} h"
        return Doubt(
            text=text, quality=self.settings.quality, test="Kendall test by groups", p=trend.p
        )


def seasonal_trend(groups: Sequence[Group]) -> Trend:
    """The Kendall test by groups, with the correction for continuity, and the median slope.

    Args:
        groups: one for each condition.
    """
    score, variance, slopes = 0, 0.0, list[float]()
    for some in groups:
        n = len(some)
        for (first_s, first), (later_s, later) in combinations(some, 2):
            score += (later > first) - (later < first)
            if later_s > first_s:
                slopes.append((later - first) / (later_s - first_s))
        ties = [sum(1 for _, other in some if other == one) for one in {v for _, v in some}]
        full = n * (n - 1) * (2 * n + 5)
        variance += (full - sum(t * (t - 1) * (2 * t + 5) for t in ties)) / 18.0
    if variance <= 0.0 or not slopes:
        return Trend(1.0, 0.0)
    z = max(abs(score) - 1, 0) / math.sqrt(variance)
    return Trend(2.0 * (1.0 - NormalDist().cdf(z)), median(slopes))
