"""Production whose product leaves its limits: it holds for a person, or looks for better ones."""

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from quick_rig import killed, ran, resumed, write
from watched_rig import plugins_with

from flowrig.interfaces import At
from flowrig.interfaces.study import Conditions, StudyPoint
from flowrig.journal.events import Decided, FractionMade, HoldBegun, Skipped
from flowrig.journal.journal import AnyEvent
from flowrig.operator.requests import OperatorRequests, Request
from flowrig.problem.space import Parameter, Space
from flowrig.profile import ProfileError, load_profile
from flowrig.run.options import ResumeOptions
from flowrig.run.start import RunOutcome, resume_run
from flowrig.run_record.reader import RunRecord
from flowrig.testing import StudyBench
from flowrig_studies.nearby import RADIUS, best_of, most_nearby, next_nearby
from flowrig_studies.production import SEARCHES, Production
from flowrig_studies.production_settings import ProductionSettings

Merit = Callable[[Conditions, float], float]


def made(
    wanted: ProductionSettings, merit: Merit, skips: Sequence[int] = ()
) -> tuple[Production, list[StudyPoint]]:
    """A production whose feature and objective are those of a condition after so many hours."""
    rig = attrs.evolve(StudyBench(Production, wanted).rig(), rsd={"pla": 0.01}, frames_s=20.0)
    study, points, time_s = Production(rig, wanted), list[StudyPoint](), 0.0
    while len(points) < study.most_points() and (asked := study.next_points(points)):
        (one,) = asked
        time_s += 600.0 if one.after_s is None else one.after_s
        value, number = merit(one.conditions, time_s / 3600.0), len(points) + 1
        skipped = bool(one.asks) and number in skips
        points.append(
            StudyPoint(
                number=number,
                point=one,
                features={} if skipped else {"pla": value, "a300": 1.0},
                objective=np.nan if skipped else value,
                quality="skipped" if skipped else "good",
                ended_s=time_s,
            )
        )
    return study, points


def moved(conditions: Conditions, hours: float) -> float:
    """The optimum of A moves away after half an hour."""
    best = 100.0 if hours < 0.5 else 115.0
    return 1.0 - ((float(conditions["A"]) - best) / 40.0) ** 2


def test_it_goes_on_where_it_is_better() -> None:
    """Experiments near the present condition, then fractions that its own first looks judge."""
    wanted = ProductionSettings(
        at=At({"A": 100.0}), duration_s=2 * 3600.0, look_every_s=120.0, outside="optimize"
    )
    study, points = made(wanted, moved)
    searched = [one for one in points if not one.point.continues and not one.point.keeps_s]
    assert 1 <= len(searched) <= most_nearby(study.rig.space)
    last = points[-1].point.conditions
    assert moved(last, 1.0) > moved({**last, "A": 100.0}, 1.0) + 0.05
    kept = [one for one in study.fractions(points) if one.kept]
    assert len(kept) * wanted.look_every_s == pytest.approx(wanted.duration_s)
    assert kept[-1].mean["pla"] > 0.9
    texts = [one.text for one in study.findings(points).findings]
    assert any(one.startswith(f"from experiment {searched[-1].number + 1} on") for one in texts)
    assert all("near the present condition: pla is -" in one.point.reason for one in searched)


def test_it_asks_a_person() -> None:
    """At the second look outside; the moving average begins anew, and a skip ends it."""
    wanted = ProductionSettings(duration_s=7200.0, look_every_s=60.0, outside="hold")
    study, points = made(wanted, lambda _, h: 0.8 if 0.5 < h < 0.6 else 1.0)
    asked = [one for one in points if one.point.asks]
    assert len(asked) == 1
    assert "pla is -" in asked[0].point.asks
    assert not asked[0].point.continues
    kept = sum(one.kept for one in study.fractions(points))
    assert kept == 120
    _, fewer = made(wanted, lambda _, h: 0.8 if h > 0.5 else 1.0, [asked[0].number])
    assert len(fewer) == asked[0].number


number = st.floats(-1.0, 1.0)


@settings(max_examples=40, deadline=None)
@given(slopes=st.tuples(number, number, number), start=st.tuples(*[st.floats(0.0, 1.0)] * 3))
def test_a_search_stays_inside_and_finds_nothing_worse(
    slopes: tuple[float, ...], start: tuple[float, ...]
) -> None:
    """Of a plane: what is chosen is at least as good as the middle, and near it."""
    space = Space(
        (
            Parameter("x", 0.0, 10.0, ""),
            Parameter("y", 5.0, 6.0, "", 0.1),
            Parameter("z", -1.0, 1.0, ""),
            Parameter.category("solvent", ["ODE", "toluene"]),
        )
    )
    (row,) = space.rows(space.from_unit(np.array([[*start, 0.0]])))
    middle: Mapping[str, Any] = {**row, "y": 5.0 + round(10.0 * (row["y"] - 5.0)) / 10.0}

    def merit(conditions: Conditions) -> float:
        unit = space.to_unit(space.array([conditions]))[0]
        return float(np.dot([*slopes, 0.0], unit))

    done, level = list[StudyPoint](), merit(middle)
    bench = StudyBench(Production, ProductionSettings())
    while (asked := next_nearby(space, middle, level, done)) is not None:
        assert space.holds(asked)
        assert asked["solvent"] == "ODE"
        point = attrs.evolve(bench.fresh().next_points(())[0], conditions=asked)
        done.append(StudyPoint(number=len(done) + 1, point=point, objective=merit(asked)))
    assert 1 <= len(done) <= most_nearby(space)
    best = best_of(middle, level, done)
    assert merit(best) >= level
    away = space.to_unit(space.array([best, middle]))
    assert np.abs(away[0] - away[1]).max() <= 3.5 * RADIUS * np.sqrt(3.0)


HOLDS = """
[[campaign.stages]]
study = "production"
at = "middle"
duration = "3 min"
look_every = "5 s"
keep = { a300 = "±0.0001 %" }
outside = "hold"
"""


def held(folder: Path, requests: Sequence[Request]) -> RunOutcome:
    """A run that asks a person, who makes these requests at the first question."""
    operator = OperatorRequests()

    def listen(event: AnyEvent) -> None:
        if isinstance(event.data, HoldBegun):
            for one in requests:
                operator.ask(one, "program")

    outcome, _ = ran(folder, HOLDS, requests=operator, listeners=[listen])
    return outcome


def asked_and_skipped(outcome: RunOutcome) -> tuple[list[int], list[int]]:
    """Experiments before which a person was asked, and those that were skipped."""
    with outcome.record() as record:
        asked = [one.data.index for one in record.journal.events(Decided) if one.data.asks]
        return asked, [one.data.index for one in record.journal.events(Skipped)]


def test_a_person_ends_a_production(tmp_path: Path) -> None:
    """By skipping the look before which the run asks."""
    outcome = held(tmp_path, [Request.SKIP, Request.GO_ON])
    assert outcome.state == "finished", outcome.reason
    asked, skipped = asked_and_skipped(outcome)
    assert len(asked) == 1
    assert skipped == asked


@pytest.mark.slow
def test_a_run_that_is_resumed_was_answered(tmp_path: Path) -> None:
    """Nobody came in time; who resumes has put right what was wrong, and is asked no more."""
    outcome = held(tmp_path, [])
    assert outcome.state == "held"
    asked, _ = asked_and_skipped(outcome)
    again = resume_run(outcome.folder, ResumeOptions(plugins=plugins_with()))
    later, skipped = asked_and_skipped(again)
    assert later[: len(asked)] == asked
    with again.record() as record:
        assert asked[0] in {one.index for one in record.experiments()}
    assert not skipped


YIELD = '[[campaign.stages]]\nstudy = "production"\nmakes = { Cu = "580 g/mol" }\n'


def test_a_yield_needs_what_a_stream_contains(tmp_path: Path) -> None:
    with pytest.raises(ProfileError, match="`makes` names 'Cu', which no stream contains"):
        load_profile(write(tmp_path, YIELD), plugins_with())
    text = YIELD + '[streams.CuI]\ncontains = { Cu = "10 mmol/L" }\n'
    load_profile(write(tmp_path, text), plugins_with())


def test_the_mass_of_the_product_is_said_with_what_is_assumed() -> None:
    """20 µmol/min of Cu, of which 90 % become product."""
    wanted = ProductionSettings(
        duration_s=3600.0, look_every_s=60.0, makes_g_mol={"Cu": 500.0}, conversion=0.9
    )
    bench = StudyBench(Production, wanted)
    rig = attrs.evolve(bench.rig(), species_umol_min=lambda _: {"Cu": 20.0}, frames_s=20.0)
    points = bench.run(rig)
    study = Production(rig, wanted)
    mass = next(f for f in study.findings(points).findings if f.name == "mass by Cu")
    kept_ul = sum(one.volume_ul for one in study.fractions(points) if one.kept)
    hours = points[-1].ended_s / 3600.0 - points[0].ended_s / 3600.0
    kept_umol = kept_ul / rig.product_ul_min(points[0].point.conditions) * 20.0
    assert mass.value == pytest.approx(kept_umol * 500.0 * 0.9 / 1000.0 / hours)
    assert "if 0.9 of Cu reacts to 500 g/mol" in mass.text


OPTIMIZES = HOLDS.replace('"hold"', '"optimize"').replace('"3 min"', '"1 min"')


@pytest.fixture(scope="module")
def optimized(tmp_path_factory: pytest.TempPathFactory) -> RunOutcome:
    outcome, _ = ran(tmp_path_factory.mktemp("optimized"), OPTIMIZES)
    assert outcome.state == "finished", outcome.reason
    return outcome


@pytest.mark.slow
@pytest.mark.parametrize("share", [0.35, 0.5, 0.65, 0.8, 0.95])
def test_a_search_goes_on_after_a_kill(optimized: RunOutcome, tmp_path: Path, share: float) -> None:
    """What was searched is not searched again, and every fraction is written once."""
    folder = killed(optimized, tmp_path / "run", share)
    with RunRecord(folder, plugins_with()) as record:
        before = [one.conditions for one in record.decisions()]
    resumed(folder)
    with RunRecord(folder, plugins_with()) as record:
        decisions = record.decisions()
        written = [one.data.number for one in record.journal.events(FractionMade)]
        (study,) = record.summary()["studies"]
        space = record.profile.space
    assert [one.conditions for one in decisions][: len(before)] == before
    searched = [one for one in decisions if not one.continues and not one.keeps_s]
    assert 1 <= len(searched) <= SEARCHES * most_nearby(space)
    for one, following in pairwise(searched):
        assert one.conditions != following.conditions or following.index > one.index + 1
    assert written == [*range(1, len(written) + 1)]
    assert [one["number"] for one in study["fractions"]] == written
