"""Studies that are wrong in one way each, and the check that finds it."""

import math
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

import numpy as np
from attrs import evolve

from flowrig.interfaces import Finding, Findings
from flowrig.testing import StudyBench, StudyConformance
from flowrig.testing.templates.flowrig_template.study import TemplateStudy
from flowrig.testing.templates.flowrig_template.study_settings import TemplateStudySettings

__all__ = ["BROKEN"]


class LeavesTheSpace(TemplateStudy):
    def plan(self):
        name = self.rig.space.names[0]
        return [evolve(one, conditions={**one.conditions, name: 1e3}) for one in super().plan()]


class Silent(TemplateStudy):
    def findings(self, points):
        return Findings()


class NeedsAPoint(TemplateStudy):
    def findings(self, points):
        return Findings(findings=[Finding(text=f"it ended at {points[-1].ended_s:g} s")])


class Counts(TemplateStudy):
    asked = 0

    def next_points(self, points):
        self.asked += 1
        return super().next_points(points)[self.asked - 1 :]


class RollsDice(TemplateStudy):
    def findings(self, points):
        return Findings(findings=[Finding(text="luck", value=np.random.random())])  # noqa: NPY002


class TrustsEveryPoint(TemplateStudy):
    def findings(self, points):
        worst = min((one.features["pla"] for one in points), default=0.0)
        return Findings(findings=[Finding(text=f"at least {math.floor(worst)}")])


class WantsAll(TemplateStudy):
    def findings(self, points):
        if 0 < len(points) < self.most_points():
            raise IndexError("not yet")
        return super().findings(points)


class ForgetsTheLimits(TemplateStudy):
    def plan(self):
        parameters = self.rig.space.parameters
        low = {one.name: (one.choices or (one.low,))[0] for one in parameters}
        return [evolve(one, conditions=low) for one in super().plan()]


def bench(broken: type) -> Callable[[], AbstractContextManager[StudyBench]]:
    return lambda: nullcontext(StudyBench(broken, TemplateStudySettings()))


BROKEN = [
    (check, StudyConformance, bench(broken), broken.__name__)
    for check, broken in (
        ("test_a_run_can_do_its_points", LeavesTheSpace),
        ("test_it_says_what_it_found", Silent),
        ("test_nothing_measured_is_no_error", NeedsAPoint),
        ("test_it_keeps_no_state", Counts),
        ("test_chance_comes_from_the_seed", RollsDice),
        ("test_points_may_fail", TrustsEveryPoint),
        ("test_it_says_something_at_any_time", WantsAll),
        ("test_it_takes_other_spaces", ForgetsTheLimits),
    )
]
