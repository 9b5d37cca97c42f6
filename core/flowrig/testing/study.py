"""Checks of studies, and their bench: rigs that answer at once."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import attrs
import numpy as np

from flowrig.errors import FlowrigError
from flowrig.interfaces.study import Aged, Findings, Point, Storage, Study, StudyPoint, StudyRig
from flowrig.problem.space import LinearConstraint, Parameter, Space
from flowrig.profile.controls.studies import require_points
from flowrig.testing.conformance.checks import Level, earns, require

__all__ = ["StudyBench", "StudyConformance"]

VOLUME_UL = 1000.0
"""Volume of the flow path of the bench's rigs."""

FLOW_S = 3000.0
"""How long [s] the syringes of the bench last."""

SCATTER = 0.03
"""Relative standard deviation of their features."""

NUMBERS = (
    Parameter("temperature", 120.0, 180.0, "°C"),
    Parameter("A", 80.0, 120.0, "µL/min"),
    Parameter("B", 200.0, 400.0, "µL/min"),
)


class StudyBench:
    """A study's class and settings, and rigs for it.

    Args:
        study: the class.
        settings: an instance of its settings class.
    """

    def __init__(self, study: Callable[[StudyRig, Any], Study], settings: Any) -> None:
        self._study = study
        self.settings = settings

    def rig(self, space: Space | None = None) -> StudyRig:
        """A rig with two flow rates, a temperature and two features.

        Args:
            space: another search space.
        """

        def residence_time_s(conditions: Any) -> float:
            return VOLUME_UL / (100.0 + float(conditions.get("B", 300.0))) * 60.0

        return StudyRig(
            space=Space(NUMBERS) if space is None else space,
            units={"pla": "counts·nm", "a300": ""},
            responses=("pla", "a300"),
            equilibrium=2.0,
            residence_time_s=residence_time_s,
            frames=200,
            frames_s=20.0,
            longest_flow_s=lambda conditions: FLOW_S,
            storage=[Storage(channel="aged", units={"plqy": "%"}, series_s={"dark": (0.0, 1e5)})],
            positions={"collector": ("drain", "vial-1", "vial-2")},
            rsd={"pla": SCATTER},
            product_ul_min=lambda conditions: 100.0 + float(conditions.get("B", 300.0)),
        )

    def fresh(self, rig: StudyRig | None = None) -> Study:
        """A new study, on a rig or that of the bench."""
        return self._study(rig or self.rig(), self.settings)

    def measured(self, points: Sequence[Point], done: Sequence[StudyPoint]) -> list[StudyPoint]:
        """What these points give on the rig, after those that are over."""
        found = list[StudyPoint]()
        time_s = done[-1].ended_s if done else 0.0
        for number, one in enumerate(points, len(done) + 1):
            rng = np.random.default_rng(number)
            time_s += 60.0 if one.after_s is None else one.after_s
            values = [float(x) for x in one.conditions.values() if not isinstance(x, str)]
            size = 1.0 + sum(values) / 1000.0
            found.append(
                StudyPoint(
                    number=number,
                    point=one,
                    features={
                        name: size * (1.0 + SCATTER * float(rng.standard_normal()))
                        for name in ("pla", "a300")
                    },
                    objective=size,
                    ended_s=time_s,
                    flowing_s=time_s,
                    aged=_aged(size) if one.is_stored else (),
                )
            )
        return found

    def run(self, rig: StudyRig | None = None) -> list[StudyPoint]:
        """All points of a whole study, each asked of a new instance.

        Raises:
            AssertionError: it asks for what a run would refuse, or does not end.
        """
        rig = rig or self.rig()
        most, done = self.fresh(rig).most_points(), list[StudyPoint]()
        while True:
            asked = self.fresh(rig).next_points(tuple(done))
            try:
                last = done[-1].point if done else None
                points = require_points(asked, rig, most - len(done), last)
            except FlowrigError as error:
                raise AssertionError(f"after {len(done)} points {error}") from error
            if not points:
                return done
            if points[0].continues and not (last and last.keeps_s):
                raise AssertionError(
                    f"after {len(done)} points it continues a flow that has ended; give the point "
                    "before `keeps_s`, or ask for both in one answer"
                )
            done += self.measured(points, done)


def _aged(fresh: float) -> list[Aged]:
    """What was found of a stored sample."""
    return [
        Aged(channel="aged", series="dark", age_s=age_s, values={"plqy": fresh * share})
        for age_s, share in ((0.0, 1.0), (5e4, 0.93), (1e5, 0.9))
    ]


class StudyConformance:
    """The conformance suite of studies; a test class adds the fixture `bench`."""

    @earns(Level.BRONZE)
    def test_a_run_can_do_its_points(self, bench: StudyBench) -> None:
        """Its points lie in the search space, and it asks for at most `most_points`."""
        require(len(bench.run()) > 0, "it asks for no point; return at least one Point at first")

    @earns(Level.BRONZE)
    def test_it_says_what_it_found(self, bench: StudyBench) -> None:
        """At the end there are findings, each with a sentence, and a figure that can be drawn."""
        found = bench.fresh().findings(bench.run())
        require(
            isinstance(found, Findings) and len(found.findings) > 0,
            "findings() of a whole study says nothing; return Findings([Finding(text=…)])",
        )
        _require_sound(found)

    @earns(Level.BRONZE)
    def test_nothing_measured_is_no_error(self, bench: StudyBench) -> None:
        """Without a point, findings() returns Findings."""
        _require_sound(_findings(bench.fresh(), ()))

    @earns(Level.SILVER)
    def test_it_keeps_no_state(self, bench: StudyBench) -> None:
        """The same points give the same answers, whatever was asked before."""
        done = bench.run()
        used = bench.fresh()
        used.findings(done)
        used.next_points(done)
        for count in (0, len(done) // 2, len(done)):
            some = tuple(done[:count])
            require(
                repr(used.next_points(some)) == repr(bench.fresh().next_points(some)),
                f"after {count} points a used study asks for other points than a new one; derive "
                "them from the argument of next_points() alone",
            )
            require(
                repr(_findings(used, some)) == repr(_findings(bench.fresh(), some)),
                f"after {count} points a used study finds something else than a new one; derive it "
                "from the argument of findings() alone",
            )

    @earns(Level.SILVER)
    def test_chance_comes_from_the_seed(self, bench: StudyBench) -> None:
        """Global random numbers change neither points nor findings."""
        answers = []
        for noise in (1, 2):
            np.random.seed(noise)  # noqa: NPY002 - studies must not depend on it
            done = bench.run()
            found = _findings(bench.fresh(), done)
            answers.append(repr(([one.point for one in done], found)))  # nan is not equal to nan
        require(
            answers[0] == answers[1],
            "two runs of one seed differ; draw from np.random.default_rng([self.rig.seed, …])",
        )

    @earns(Level.SILVER)
    def test_points_may_fail(self, bench: StudyBench) -> None:
        """Findings are possible with points that were skipped, or are bad, or have no value."""
        done = bench.run()
        nothing = dict.fromkeys(("pla", "a300"), math.nan)
        for quality in ("skipped", "bad", "doubtful"):
            features = {} if quality == "skipped" else nothing
            broken = [attrs.evolve(one, quality=quality, features=features) for one in done]
            for some in (broken, [*broken[: len(done) // 2], *done[len(done) // 2 :]]):
                _require_sound(_findings(bench.fresh(), some))

    @earns(Level.GOLD)
    def test_it_says_something_at_any_time(self, bench: StudyBench) -> None:
        """Findings are possible after any number of points: a run may be stopped, or looked at."""
        done = bench.run()
        for count in range(1, len(done), max(1, len(done) // 20)):
            _require_sound(_findings(bench.fresh(), done[:count]))

    @earns(Level.GOLD)
    def test_it_takes_other_spaces(self, bench: StudyBench) -> None:
        """Categories and limits are respected, or `objection` of its settings names them."""
        category = Parameter.category("liquid", ["toluene", "hexane"])
        limit = LinearConstraint("total", {"A": 1.0, "B": 1.0}, 290.0, 500.0)
        for space in (Space((category, NUMBERS[2])), Space(NUMBERS, (limit,))):
            rig = bench.rig(space)
            if not bench.settings.objection(rig):
                _require_sound(_findings(bench.fresh(rig), bench.run(rig)))


def _findings(study: Study, points: Sequence[StudyPoint]) -> Findings:
    try:
        return study.findings(points)
    except Exception as error:
        raise AssertionError(
            f"findings() of {len(points)} points raised {error!r}; say that they are too few, or "
            "leave out what has no value"
        ) from error


def _require_sound(found: Findings) -> None:
    """Refuse findings that no report could show."""
    require(isinstance(found, Findings), f"findings() returned {found!r}; return Findings")
    for one in found.findings:
        require(
            bool(one.text.strip()) and not one.text.endswith("."),
            f"a finding says {one.text!r}; write one sentence without a full stop",
        )
    for panel in found.panels:
        for some in panel.series:
            same = len(some.x) == len(some.y) and len(some.sd) in (0, len(some.y))
            require(same, f"the series {some.name!r} has not as many x as y")
