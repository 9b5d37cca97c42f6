"""`robustness`: one condition, looked at again and again while it flows.

Sadeghi et al., Digital Discovery 2025, 4, 1722: 30 min at one condition. Sadeghi et al., Nanoscale
2024, 16, 580: 120 min.
"""

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
from flowrig_studies.reading import (
    drift_finding,
    features_of,
    rsd_finding,
    too_few,
    usable,
    values_of,
)
from flowrig_studies.settings import RobustnessSettings, step_s
from flowrig_studies.statistics import SIGNIFICANT, line, spread

__all__ = ["Robustness"]


class Robustness(PlannedStudy):
    """Watches one condition, and tells its scatter and its drift."""

    settings: RobustnessSettings

    def plan(self) -> Sequence[Point]:
        """One point that settles, and those that keep its flow."""
        conditions = self.rig.conditions(self.settings.at)
        every_s = step_s(self.settings, self.rig)
        count = 1 + math.floor(self.settings.duration_s / every_s + 1e-9)
        reason = f"{self.settings.duration_s / 60:g} min at one condition"
        first = Point(conditions=conditions, reason=reason)
        again = Point(conditions=conditions, continues=True, after_s=every_s, reason=reason)
        return [first, *[again] * (count - 1)]

    def findings(self, points: Sequence[StudyPoint]) -> Findings:
        """Relative standard deviation and drift of each feature."""
        good = usable(points)
        if len(good) < 3:
            return too_few(len(good), 3)
        hours = (np.array([one.ended_s for one in good]) - good[0].ended_s) / 3600.0
        findings, panels, repeatability = list[Finding](), list[Panel](), dict[str, float]()
        for feature in features_of(self.rig, self.settings.features):
            values = values_of(good, feature)
            found = spread(values)
            if not math.isfinite(found.rsd):
                continue
            repeatability[feature] = found.rsd
            findings.append(rsd_finding(feature, found, self.rig, "relative standard deviation"))
            relative = values / np.nanmean(values)
            findings.append(drift_finding(feature, line(hours, relative), SIGNIFICANT))
            panels.append(_panel(feature, hours, relative))
        breaks = sum(one.interrupted for one in good)
        if breaks:
            times = "once" if breaks == 1 else f"{breaks} times"
            text = f"the flow was interrupted {times}; the point after settled first"
            findings.append(Finding(text=text))
        return Findings(findings=findings, panels=panels, repeatability=repeatability)


def _panel(feature: str, hours: np.ndarray, relative: np.ndarray) -> Panel:
    fit = line(hours, relative)
    minutes = (hours * 60.0).tolist()
    ends = [minutes[0], minutes[-1]]
    trend = [100.0 * (fit.at_zero + fit.slope * one / 60.0) for one in ends]
    return Panel(
        x="time (min)",
        y=f"{feature} (% of its mean)",
        series=[
            Series(name=feature, x=minutes, y=(100.0 * relative).tolist()),
            Series(name="trend", x=ends, y=trend, line=True),
        ],
    )
