"""`dye`: a dye of known quantum yield in the place of the reagents.

The proxy of the quantum yield is relative to such a dye, in the same cells and at the same exposure
(Sadeghi et al., Digital Discovery 2025, 4, 1722). Which dyes have known yields, and how they are
measured: Resch-Genger & Rurack, Pure Appl. Chem. 2013, 85, 2005.
"""

import math
from collections.abc import Sequence

import numpy as np

from flowrig.interfaces import Finding, Findings, Panel, PlannedStudy, Point, Series, StudyPoint
from flowrig_studies.reading import features_of, percent, too_few, usable, values_of
from flowrig_studies.settings import DyeSettings, dye_conditions
from flowrig_studies.statistics import CONFIDENCE, half_width

__all__ = ["Dye"]

MEAN = "mean, interval by Student's t"


class Dye(PlannedStudy):
    """Measures a dye a few times, each time as an experiment."""

    settings: DyeSettings

    def plan(self) -> Sequence[Point]:
        """The dye, again and again; nothing learns from it."""
        conditions = dye_conditions(self.settings, self.rig)
        point = Point(conditions=conditions, is_foreign=True, reason=self.settings.dye)
        return [point] * self.settings.repeats

    def findings(self, points: Sequence[StudyPoint]) -> Findings:
        """The mean of each feature, with its confidence."""
        good = usable(points)
        if len(good) < 2:
            return too_few(len(good), 2)
        findings, panels = list[Finding](), list[Panel]()
        for feature in features_of(self.rig, self.settings.features):
            values = values_of(good, feature)
            if not np.isfinite(values).all():
                continue
            unit = self.rig.units.get(feature, "")
            findings.append(_mean(feature, unit, values))
            numbers = [float(one.number) for one in good]
            panels.append(
                Panel(
                    x="experiment",
                    y=f"{feature} ({unit})" if unit else feature,
                    series=[Series(name=feature, x=numbers, y=values.tolist())],
                )
            )
        advice = "flowrig calibrate dye writes the numbers into a profile, for the next runs"
        return Findings(findings=[*findings, Finding(text=advice)], panels=panels)


def _mean(feature: str, unit: str, values: np.ndarray) -> Finding:
    mean, count = float(values.mean()), len(values)
    error = float(values.std(ddof=1)) / math.sqrt(count)
    half = half_width(error, count - 1)
    share = f", {percent(error / abs(mean))} of it" if mean else ""
    shown = f"{feature}: {mean:.5g} {unit}".rstrip()
    return Finding(
        text=f"{shown}, standard error {error:.2g}{share} ({count} measurements)",
        name=feature,
        value=mean,
        unit=unit,
        low=mean - half,
        high=mean + half,
        confidence=CONFIDENCE,
        test=MEAN,
    )
