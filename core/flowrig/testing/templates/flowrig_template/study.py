"""The ends of a variable, each several times; replace it by your own study."""

import math
from collections.abc import Sequence

import numpy as np

from flowrig.interfaces import Finding, Findings, Panel, PlannedStudy, Point, Series, StudyPoint

from .study_settings import TemplateStudySettings


class TemplateStudy(PlannedStudy):
    """Measures the two ends of the first condition in turn, and says how far they are apart."""

    settings: TemplateStudySettings

    def plan(self) -> Sequence[Point]:
        """One end, the other end, as often as they are repeated."""
        conditions, first = self.rig.conditions(self.settings.at), self.rig.space.parameters[0]
        ends = first.choices[:2] or (first.low, first.high)
        return [
            Point(conditions={**conditions, first.name: end}, reason=f"{first.name} {end}")
            for _ in range(self.settings.repeats)
            for end in ends
        ]

    def findings(self, points: Sequence[StudyPoint]) -> Findings:
        """The difference of the first response."""
        name, response = self.rig.space.names[0], self.rig.responses[0]
        groups: dict[object, list[float]] = {}
        for one in points:
            value = one.features.get(response, math.nan)
            if one.is_usable and math.isfinite(value):
                groups.setdefault(one.point.conditions[name], []).append(value)
        if len(groups) < 2:
            return Findings(findings=[Finding(text="too few points yet")])
        means = [float(np.mean(some)) for some in groups.values()]
        apart = abs(means[1] - means[0])
        x = [float(place) for place, some in enumerate(groups.values()) for _ in some]
        y = [value for some in groups.values() for value in some]
        return Findings(
            findings=[
                Finding(
                    text=f"the ends of {name} differ by {apart:.3g} in {response}",
                    name=response,
                    value=apart,
                    unit=self.rig.units.get(response, ""),
                    test="difference of means",
                )
            ],
            panels=[
                Panel(
                    x=name,
                    y=response,
                    series=[Series(name=response, x=x, y=y)],
                    names=tuple(map(str, groups)),
                )
            ],
        )
