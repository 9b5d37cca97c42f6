"""`repeatability` and `perturbation`: conditions that come back between others."""

import math
from collections.abc import Sequence

import numpy as np

from flowrig.interfaces import (
    Finding,
    Findings,
    Panel,
    PlannedStudy,
    Point,
    Series,
    StudyPoint,
)
from flowrig_studies.places import spread_out
from flowrig_studies.reading import (
    chance,
    features_of,
    percent,
    rsd_finding,
    too_few,
    usable,
    values_of,
)
from flowrig_studies.settings import PerturbationSettings, RepeatabilitySettings
from flowrig_studies.statistics import CONFIDENCE, SIGNIFICANT, line, pooled_spread, spread

__all__ = ["Perturbation", "Repeatability"]

SCATTER = "relative standard deviation of repeated experiments"


class Repeatability(PlannedStudy):
    """Measures a few conditions several times, in blocks of random order."""

    settings: RepeatabilitySettings

    def plan(self) -> Sequence[Point]:
        """Each block has every condition once (randomized complete blocks: Box, Hunter & Hunter,
        Statistics for Experimenters, 2nd ed. 2005, chapter 4)."""
        conditions = spread_out(self.rig, self.settings.conditions)
        rng = np.random.default_rng([self.rig.seed, 7])
        return [
            Point(conditions=conditions[int(place)], reason=f"repeat {block}")
            for block in range(1, self.settings.repeats + 1)
            for place in rng.permutation(len(conditions))
        ]

    def findings(self, points: Sequence[StudyPoint]) -> Findings:
        """The scatter of each feature, pooled over the conditions."""
        groups: dict[tuple[object, ...], list[StudyPoint]] = {}
        for one in usable(points):
            groups.setdefault(tuple(one.point.conditions.values()), []).append(one)
        repeated = [some for some in groups.values() if len(some) > 1]
        if not repeated:
            return too_few(len(usable(points)), self.settings.conditions + 1)
        findings, panels, repeatability = list[Finding](), list[Panel](), dict[str, float]()
        for feature in features_of(self.rig, self.settings.features):
            values = [values_of(some, feature) for some in repeated]
            found = pooled_spread(list(values))
            if not math.isfinite(found.rsd):
                continue
            repeatability[feature] = found.rsd
            findings.append(rsd_finding(feature, found, self.rig, SCATTER))
            panels.append(
                Panel(
                    x="condition",
                    y=f"{feature} (% of its mean there)",
                    series=[
                        Series(
                            name=feature,
                            x=[float(n) for n, some in enumerate(values, 1) for _ in some],
                            y=[100.0 * x / np.nanmean(some) for some in values for x in some],
                        )
                    ],
                )
            )
        return Findings(findings=findings, panels=panels, repeatability=repeatability)


class Perturbation(PlannedStudy):
    """Alternates one condition with others, as Sadeghi et al. (2024, 2025) do."""

    settings: PerturbationSettings

    def plan(self) -> Sequence[Point]:
        """The condition, another one, the condition …"""
        again = Point(conditions=self.rig.conditions(self.settings.at), reason="reference")
        others = spread_out(self.rig, self.settings.repeats - 1, label=1)
        found = [again]
        for one in others:
            found += [Point(conditions=one, reason="between references"), again]
        return found

    def findings(self, points: Sequence[StudyPoint]) -> Findings:
        """The scatter of the condition that comes back, and what is left of the one before."""
        again = [one for one in usable(points) if one.point.reason == "reference"]
        if len(again) < 3:
            return too_few(len(again), 3)
        before = {one.number: one for one in usable(points)}
        findings, panels, repeatability = list[Finding](), list[Panel](), dict[str, float]()
        for feature in features_of(self.rig, self.settings.features):
            values = values_of(again, feature)
            found = spread(values)
            if not math.isfinite(found.rsd):
                continue
            repeatability[feature] = found.rsd
            findings.append(rsd_finding(feature, found, self.rig, SCATTER))
            pairs = [(before[n.number - 1], n) for n in again if n.number - 1 in before]
            x = values_of([one for one, _ in pairs], feature)
            y = values_of([one for _, one in pairs], feature)
            findings.append(_carry_over(feature, x, y))
            panels.append(
                Panel(
                    x=f"{feature} of the experiment before",
                    y=f"{feature} of the reference",
                    series=[Series(name=feature, x=x.tolist(), y=y.tolist())],
                )
            )
        return Findings(findings=findings, panels=panels, repeatability=repeatability)


def _carry_over(feature: str, before: np.ndarray, after: np.ndarray) -> Finding:
    """How much of the experiment before is left in the reference: the slope of a straight line."""
    fit = line(before, after)
    if not math.isfinite(fit.slope):
        return Finding(text=f"{feature}: too few pairs to tell what is left of the one before")
    shown = f"{percent(fit.slope)} ± {percent(fit.half)} of the experiment before"
    if fit.p < SIGNIFICANT:
        text = f"{feature} carries over: {shown} ({chance(fit.p)})"
    else:
        text = f"{feature} shows no carry-over: {shown} ({chance(fit.p)})"
    return Finding(
        text=text,
        name=f"carry-over of {feature}",
        value=fit.slope,
        low=fit.slope - fit.half,
        high=fit.slope + fit.half,
        confidence=CONFIDENCE,
        test="t test of the slope of a straight line",
        p=fit.p,
    )
