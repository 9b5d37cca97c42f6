"""`dynamic-residence-time`: looks while new liquid arrives, as in Sadeghi et al., Nanoscale 2024.

Conditions follow on one another; each is looked at from the start of its flow on, every fraction of
a residence time τ.
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
from flowrig.problem.space import Value
from flowrig_studies.distributions import student_quantile
from flowrig_studies.places import one_variable
from flowrig_studies.reading import features_of, too_few, usable, values_of
from flowrig_studies.settings import DynamicSettings
from flowrig_studies.statistics import CONFIDENCE

__all__ = ["DynamicResidenceTime"]

LEAST_FRAMES = 10
"""Frames of a look, as far as an experiment has so many."""

STEADY_SHARE = 2.0 / 3.0
"""Share of the time after which the rest counts as the steady state."""

TEST = "all later looks inside the prediction interval of those in the last third"


class DynamicResidenceTime(PlannedStudy):
    """Tells after how many residence times features are steady."""

    settings: DynamicSettings

    def plan(self) -> Sequence[Point]:
        """Looks at each condition in turn."""
        name, levels = self._levels()
        conditions = self.rig.conditions(self.settings.at)
        return [one for level in levels for one in self._looks({**conditions, name: level}, name)]

    def _looks(self, conditions: "dict[str, Value]", name: str) -> list[Point]:
        tau_s = self.rig.residence_time_s(conditions)
        frame_s, dark_s = self.rig.frames_s / self.rig.frames, self.rig.dark_s
        frames = self.settings.frames
        if frames is None:
            fitting = math.floor((self.settings.every * tau_s - dark_s) / frame_s)
            frames = min(max(fitting, LEAST_FRAMES), self.rig.frames)
        every_s = max(self.settings.every * tau_s, frames * frame_s + dark_s)
        count = math.floor(self.settings.until * tau_s / every_s + 1e-9)
        first = Point(
            conditions=conditions, after_s=every_s, frames=frames, reason=f"{name} changes"
        )
        later = Point(
            conditions=conditions,
            continues=True,
            after_s=every_s,
            frames=frames,
            reason=f"{name} changed",
        )
        return [first, *[later] * (count - 1)]

    def findings(self, points: Sequence[StudyPoint]) -> Findings:
        """After how many τ each feature is steady, at each condition."""
        name, _ = self._levels()
        # A look after an interruption sees the liquid of an unknown past.
        good = [one for one in usable(points) if not one.interrupted and one.flowing_s is not None]
        chains = _chains(good)
        if not any(len(some) >= 6 for some in chains):
            return too_few(max(map(len, chains), default=0), 6)
        findings, panels = list[Finding](), list[Panel]()
        unit = self.rig.space.units.get(name, "")
        for feature in features_of(self.rig, self.settings.features):
            steady, drawn = list[float](), list[Series]()
            for some in chains:
                tau_s = self.rig.residence_time_s(some[0].point.conditions)
                times = np.array([one.flowing_s for one in some], dtype=float) / tau_s
                values = values_of(some, feature)
                level = some[0].point.conditions[name]
                label = f"{name} {level if isinstance(level, str) else f'{level:.4g}'} {unit}"
                after = steady_after(times, values)
                steady.append(after)
                drawn.append(Series(name=label.strip(), x=times.tolist(), y=values.tolist()))
                findings.append(_told(feature, label.strip(), tau_s, after))
            waited = self.rig.equilibrium
            panels.append(
                Panel(
                    x="time since the liquid changed (τ)",
                    y=feature,
                    series=drawn,
                    marks={"the profile waits": waited},
                )
            )
            if all(map(math.isfinite, steady)):
                enough = "enough" if waited >= 0.99 * max(steady) else "too short"
                text = f"{feature} is steady after {max(steady):.2g} τ at every condition; "
                text += f"the {waited:g} τ of the profile are {enough}"
                findings.append(
                    Finding(text=text, name=f"{feature} steady", value=max(steady), unit="τ",
                            test=TEST)
                )  # fmt: skip
        return Findings(findings=findings, panels=panels)

    def _levels(self) -> tuple[str, Sequence[Value]]:
        return one_variable(self.rig, self.settings.sweep, self.settings.at, 3)


def steady_after(times: np.ndarray, values: np.ndarray) -> float:
    """The time from which on all values lie inside the scatter of the last third.

    The scatter is a prediction interval for one more value of a normal sample (Hahn & Meeker,
    Statistical Intervals, 1991, section 4.8), for all looks together by Bonferroni's inequality.

    Args:
        times: rising, shape `n`.
        values: shape `n`; nan is left out.

    Returns:
        the time; nan if the last third has fewer than three values, or values differ up to it.
    """
    keep = np.isfinite(values)
    times, values = times[keep], values[keep]
    late = times >= STEADY_SHARE * times.max(initial=0.0)
    rest = values[late]
    if len(rest) < 3:
        return math.nan
    share = 1.0 - (1.0 - CONFIDENCE) / (2.0 * len(values))
    half = student_quantile(share, len(rest) - 1) * float(rest.std(ddof=1))
    half *= math.sqrt(1.0 + 1.0 / len(rest))
    outside = np.flatnonzero(np.abs(values - rest.mean()) > half)
    if not len(outside):
        return float(times[0])
    return float(times[outside[-1] + 1]) if outside[-1] + 1 < len(times) else math.nan


def _told(feature: str, label: str, tau_s: float, after: float) -> Finding:
    text = f"{feature} at {label}, τ = {tau_s:.3g} s: "
    text += f"steady after {after:.2g} τ" if math.isfinite(after) else "not steady at the end"
    return Finding(
        text=text, name=f"{feature} at {label}", value=after, unit="τ", confidence=CONFIDENCE,
        test=TEST,
    )  # fmt: skip


def _chains(points: Sequence[StudyPoint]) -> list[list[StudyPoint]]:
    """The looks at each condition, in order."""
    chains: list[list[StudyPoint]] = []
    for one in points:
        if not one.point.continues or not chains:
            chains.append([])
        chains[-1].append(one)
    return chains
