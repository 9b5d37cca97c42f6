"""`sweep`, `grid` and `partial-grid`: variables through their ranges, at the steady state."""

import math
from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any

import numpy as np
from attrs import evolve

from flowrig.errors import InputError
from flowrig.interfaces import (
    Finding,
    Findings,
    Panel,
    PlannedStudy,
    Point,
    Series,
    StudyPoint,
    StudyRig,
)
from flowrig.problem.door import Door
from flowrig.problem.space import Value
from flowrig_studies.places import is_reachable, levels_of, one_variable
from flowrig_studies.reading import chance, features_of, percent, too_few, usable, values_of
from flowrig_studies.settings import GridSettings, PartialGridSettings, SweepSettings
from flowrig_studies.statistics import CONFIDENCE, SIGNIFICANT, one_way, plateau_from

__all__ = ["GridStudy", "PartialGridStudy", "SweepStudy"]

PLATEAU = "t tests of Helmert contrasts, from the highest level down until one differs"
EFFECT = "one-way analysis of variance of the levels"


class SweepStudy(PlannedStudy):
    """Runs one variable through its levels, and looks for a plateau at their upper end."""

    settings: SweepSettings

    def plan(self) -> Sequence[Point]:
        """The levels in their order, as often as they are repeated."""
        name, levels = self._levels()
        conditions = self.rig.conditions(self.settings.at)
        return [
            Point(conditions={**conditions, name: level}, reason=f"{name} {_shown(level)}")
            for _ in range(self.settings.repeats)
            for level in levels
        ]

    def findings(self, points: Sequence[StudyPoint]) -> Findings:
        """Where the plateau of each feature begins, for a number; for a category which is best."""
        name, levels = self._levels()
        good = usable(points)
        if len(good) < 3:
            return too_few(len(good), 3)
        wanted = (self.settings.plateau,) if self.settings.plateau else self.settings.features
        findings, panels = list[Finding](), list[Panel]()
        for feature in features_of(self.rig, wanted):
            marks: Mapping[str, float] = {}
            if isinstance(levels[0], str):
                findings.append(_effect(self.rig, good, feature, name))
            else:
                finding, start = _plateau(self.rig, good, feature, name)
                findings.append(finding)
                marks = {} if start is None else {"plateau": start}
            panels.append(_panel(self.rig, good, feature, name, marks))
        return Findings(findings=findings, panels=panels)

    def _levels(self) -> tuple[str, Sequence[Value]]:
        return one_variable(self.rig, self.settings.sweep, self.settings.at, 5)


class GridStudy(PlannedStudy):
    """Measures every combination of levels."""

    settings: GridSettings

    def plan(self) -> Sequence[Point]:
        """The combinations that meet all limits, the last variable changing fastest."""
        door = Door(self.rig.space)
        reachable = [one for one in self._combinations() if is_reachable(door, one)]
        if not reachable:
            raise InputError("no combination of the levels meets the limits of the search space")
        return [
            Point(conditions=one, reason="grid")
            for one in reachable
            for _ in range(self.settings.repeats)
        ]

    def findings(self, points: Sequence[StudyPoint]) -> Findings:
        """What each variable does, and where each feature is highest."""
        good = usable(points)
        if len(good) < 3:
            return too_few(len(good), 3)
        found = _effects(self.rig, good, list(self._levels()), self.settings.features)
        planned, every = self.most_points() // self.settings.repeats, len(self._combinations())
        if planned < every:
            text = f"{every - planned} of {every} combinations are outside of the limits"
            left_out = Finding(text=f"{text}, and were left out")
            return evolve(found, findings=[*found.findings, left_out])
        return found

    def _combinations(self) -> list[dict[str, Value]]:
        levels, conditions = self._levels(), self.rig.conditions(self.settings.at)
        return [
            {**conditions, **dict(zip(levels, row, strict=True))}
            for row in product(*levels.values())
        ]

    def _levels(self) -> Mapping[str, Sequence[Any]]:
        if self.settings.sweep is not None:
            return self.settings.sweep.levels
        return {one.name: one.choices or (one.low, one.high) for one in self.rig.space.parameters}


class PartialGridStudy(PlannedStudy):
    """Changes one variable after the other, and leaves all others as they are."""

    settings: PartialGridSettings

    def plan(self) -> Sequence[Point]:
        """The range of the first variable, of the second …"""
        at, found = self.settings.at, list[Point]()
        conditions = self.rig.conditions(at)
        for one in self.rig.space.parameters:
            levels: Sequence[Value] = one.choices
            if not levels:
                levels = levels_of(self.rig, one.name, at, self.settings.levels)
            found += [
                Point(conditions={**conditions, one.name: level}, reason=f"{one.name} alone")
                for level in levels
                for _ in range(self.settings.repeats)
            ]
        return found

    def findings(self, points: Sequence[StudyPoint]) -> Findings:
        """What each variable does alone."""
        good, findings, panels = usable(points), list[Finding](), list[Panel]()
        for feature in features_of(self.rig, self.settings.features):
            for name in self.rig.space.names:
                alone = [one for one in good if one.point.reason == f"{name} alone"]
                if len(alone) > 1:
                    findings.append(_effect(self.rig, alone, feature, name))
                    panels.append(_panel(self.rig, alone, feature, name, {}))
        return Findings(findings=findings, panels=panels)


def _effects(
    rig: StudyRig, good: Sequence[StudyPoint], names: Sequence[str], features: Sequence[str]
) -> Findings:
    findings, panels = list[Finding](), list[Panel]()
    for feature in features_of(rig, features):
        values = values_of(good, feature)
        if np.isfinite(values).any():
            best = good[int(np.nanargmax(values))]
            where = ", ".join(f"{n} {_shown(best.point.conditions[n])}" for n in names)
            findings.append(
                Finding(text=f"{feature} is highest in experiment {best.number}: {where}")
            )
        for name in names:
            findings.append(_effect(rig, good, feature, name))
            panels.append(_panel(rig, good, feature, name, {}))
    return Findings(findings=findings, panels=panels)


def _plateau(
    rig: StudyRig, good: Sequence[StudyPoint], feature: str, name: str
) -> tuple[Finding, float | None]:
    x = [float(one.point.conditions[name]) for one in good]
    start, p = plateau_from(x, values_of(good, feature), rig.rsd.get(feature, math.nan))
    unit = rig.space.units.get(name, "")
    if start is not None:
        text = f"{feature} is on a plateau from {name} = {start:g} {unit}".rstrip() + " on"
        whole = start <= min(x)
        text += ", all levels" if whole else f"; the level below differs ({chance(p)})"
    elif math.isnan(p):
        text = f"{feature}: a plateau cannot be told without repeats or a known repeatability"
    else:
        text = f"{feature} has no plateau up to {name} = {max(x):g} {unit}".rstrip()
        text += f": its two highest levels differ ({chance(p)})"
    finding = Finding(
        text=text,
        name=f"plateau of {feature}",
        value=math.nan if start is None else start,
        unit=unit,
        confidence=CONFIDENCE,
        test=PLATEAU,
        p=None if math.isnan(p) else p,
    )
    return finding, start


def _effect(rig: StudyRig, good: Sequence[StudyPoint], feature: str, name: str) -> Finding:
    """How far apart the means of the levels are, and whether that can be chance."""
    groups: dict[Value, list[float]] = {}
    for one, value in zip(good, values_of(good, feature).tolist(), strict=True):
        if math.isfinite(value):
            groups.setdefault(one.point.conditions[name], []).append(value)
    means = {level: float(np.mean(some)) for level, some in groups.items()}
    if len(means) < 2:
        return Finding(text=f"{feature}: too few levels of {name} to tell what it does")
    grand = float(np.mean(list(means.values())))
    change = (max(means.values()) - min(means.values())) / abs(grand) if grand else math.nan
    p = one_way([np.array(some) for some in groups.values()], rig.rsd.get(feature, math.nan))
    best = max(means, key=lambda level: means[level])
    text = f"{feature} changes by {percent(change)} of its mean with {name}"
    text += f", highest at {_shown(best)} {rig.space.units.get(name, '')}".rstrip()
    if not math.isnan(p):
        told = "more than chance" if p < SIGNIFICANT else "which may be chance"
        text += f"; {told} ({chance(p)})"
    return Finding(
        text=text,
        name=f"effect of {name} on {feature}",
        value=change,
        confidence=CONFIDENCE,
        test=EFFECT,
        p=None if math.isnan(p) else p,
    )


def _panel(
    rig: StudyRig,
    good: Sequence[StudyPoint],
    feature: str,
    name: str,
    marks: Mapping[str, float],
) -> Panel:
    parameter = next(one for one in rig.space.parameters if one.name == name)
    found = zip(good, values_of(good, feature).tolist(), strict=True)
    known = [(one.point.conditions[name], value) for one, value in found if math.isfinite(value)]
    x = [float(parameter.number_of(level)) for level, _ in known]
    y = [value for _, value in known]
    places = sorted(set(x))
    means = [float(np.mean([b for a, b in zip(x, y, strict=True) if a == at])) for at in places]
    unit = rig.units.get(feature, "")
    series = [Series(name=feature, x=x, y=y)]
    if not parameter.choices:
        series.append(Series(name="mean", x=places, y=means, line=True))
    return Panel(
        x=f"{name} ({parameter.unit})" if parameter.unit else name,
        y=f"{feature} ({unit})" if unit else feature,
        series=series,
        marks=marks,
        names=tuple(parameter.choices),
    )


def _shown(value: Value) -> str:
    return value if isinstance(value, str) else f"{value:.4g}"
