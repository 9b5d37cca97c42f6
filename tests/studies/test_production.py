"""`production`: runs with their fractions, a refill in the midst, a stop, and the statistics."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest
from quick_rig import LHS, ran, write
from refilling_rig import REFILLS
from watched_rig import plugins_with

from flowrig.interfaces import Fraction, StudyPoint
from flowrig.journal.events import FractionMade, HoldBegun, Intent, Measured
from flowrig.journal.journal import AnyEvent
from flowrig.operator.requests import OperatorRequests, Request
from flowrig.planning.plan import plan_campaign
from flowrig.plugins.registry import Plugins
from flowrig.profile import check_profile, load_profile
from flowrig.profile.settings import settings_from
from flowrig.report import content_of, render
from flowrig.run.options import ResumeOptions
from flowrig.run.start import RunOutcome, resume_run
from flowrig.testing import StudyBench

PRODUCTION = """
[[campaign.stages]]
name = "make"
study = "production"
volume = "0.2 mL"
each = "0.05 mL"
look_every = "3 s"
keep = { pla = "+-60 %", a300 = "± 60 %" }
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> RunOutcome:
    """From discovery to production: a design of two, then four fractions of the best."""
    outcome, _ = ran(tmp_path_factory.mktemp("production"), LHS + PRODUCTION)
    assert outcome.state == "finished", outcome.reason
    return outcome


def fractions(outcome: RunOutcome) -> list[FractionMade]:
    """The fractions in the journal of a run."""
    with outcome.record() as record:
        return [one.data for one in record.journal.events(FractionMade)]


def test_every_fraction_stands_in_the_journal_once(made: RunOutcome) -> None:
    found = fractions(made)
    assert [one.number for one in found] == [1, 2, 3, 4]
    assert [one.experiments for one in found] == [(3, 4, 5), (5, 6, 7), (7, 8, 9), (9, 10, 11)]
    assert all(one.kept and not one.reason for one in found)
    assert sum(one.volume_ul for one in found) == pytest.approx(200.0, rel=0.05)
    with made.record() as record:
        best = max(record.experiments()[:2], key=lambda one: one.objective)
        assert {one.conditions["ODE"] for one in record.decisions()[2:]} == {best.conditions["ODE"]}


def test_fractions_are_told_in_summary_and_page(made: RunOutcome) -> None:
    with made.record() as record:
        (study,) = record.summary()["studies"]
        page = render(content_of(record))
    assert [one["kept"] for one in study["fractions"]] == [True] * 4
    assert "mL in 4 of 4 fractions are kept, 0 refused" in study["findings"][0]["text"]
    assert "experiments 9 to 11: kept" in page


def test_syringes_are_filled_in_its_midst_without_a_person(tmp_path: Path) -> None:
    """A flow ends where the syringes do; what flows while the next one settles is no product."""
    stage = PRODUCTION.replace("0.2 mL", "6 mL").replace("0.05 mL", "2 mL").replace("3 s", "2 min")
    outcome, _ = ran(tmp_path, REFILLS + stage)
    assert outcome.state == "finished", outcome.reason
    found = fractions(outcome)
    assert [one.number for one in found] == [1, 2, 3]
    assert all(one.kept for one in found)
    with outcome.record() as record:
        flows = sum(not one.continues for one in record.decisions())
        commands = [one.data.command for one in record.journal.events(Intent)]
        assert not list(record.journal.events(HoldBegun))
        ended_s = record.experiments()[-1].ended_s
    assert flows == 3
    assert sum(one.volume_ul for one in found) == pytest.approx(6000.0, rel=0.01)
    assert "draw" in commands
    plan = plan_campaign(load_profile(tmp_path / "quick.toml", plugins_with()))
    assert plan.parts[-1].ends_s == pytest.approx(ended_s, rel=0.03)


def test_an_interrupted_fraction_is_refused_and_made_again(tmp_path: Path) -> None:
    requests = OperatorRequests()

    def listen(event: AnyEvent) -> None:
        if isinstance(event.data, Measured) and event.data.index == 3:
            requests.ask(Request.PAUSE, "program")
        if isinstance(event.data, HoldBegun):
            requests.ask(Request.GO_ON, "program")

    outcome, _ = ran(tmp_path, PRODUCTION, requests=requests, listeners=[listen])
    assert outcome.state == "finished", outcome.reason
    found = fractions(outcome)
    assert [one.kept for one in found] == [True, False, True, True, True]
    assert found[1].reason == "its flow was interrupted before experiment 4"


@pytest.mark.parametrize("after", [1, 2, 3])
def test_a_fraction_that_a_stop_broke_is_not_counted(tmp_path: Path, after: int) -> None:
    requests = OperatorRequests()

    def listen(event: AnyEvent) -> None:
        if isinstance(event.data, Measured) and event.data.index == after:
            requests.ask(Request.STOP, "program")

    stage = PRODUCTION.replace("0.2 mL", "0.1 mL")
    outcome, _ = ran(tmp_path, stage, requests=requests, listeners=[listen])
    assert outcome.state == "stopped"
    outcome = resume_run(tmp_path / "run", ResumeOptions(plugins=plugins_with()))
    assert outcome.state == "finished", outcome.reason
    found = fractions(outcome)
    broken = (after - 1) // 2
    assert [one.number for one in found] == [1, 2, 3]
    assert [one.kept for one in found] == [place != broken for place in range(3)]


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ('keep = { pl = "+-2 %" }', "`keep` names the unknown feature 'pl'; expected one of"),
        ('keep = { pla = "2 %" }', "`keep` has '2 %' for pla; expected such as \"+-10 %\""),
        ('volume = "1 mL"\nduration = "1 h"', "`duration` stands beside `volume`"),
        ('each = "1 mL"', "`each` stands without `volume`"),
        ('volume = "2 L"\neach = "1 L"', "`each` is 1e+03 mL, and full syringes keep the flow"),
        ('look_every = "100 ms"', "`look_every` is shorter than the frames of a look take"),
    ],
)
def test_a_setting_that_does_not_fit_is_refused(tmp_path: Path, given: str, told: str) -> None:
    stage = f'[[campaign.stages]]\nname = "make"\nstudy = "production"\n{given}\n'
    (problem,) = check_profile(write(tmp_path, stage), plugins_with())
    assert told in str(problem)


Simulated = Callable[..., list[Fraction]]


@pytest.fixture(scope="module")
def simulated() -> Simulated:
    """Fractions of eight hours whose looks, one a minute, scatter by 4 %."""
    plugins = Plugins.discover()
    offer = plugins.offer("study", "production")
    settings = attrs.evolve(
        settings_from(offer, plugins, ()), volume_ul=192e3, each_ul=8e3, look_every_s=60.0,
        keep={"pla": "+-10 %", "a300": "+-10 %"},
    )  # fmt: skip
    kit = StudyBench(offer.load(), settings)

    def make(seed: int, **an_hour: float) -> list[Fraction]:
        rng = np.random.default_rng(seed)
        points = kit.measured(kit.fresh().next_points(()), ())

        def looked(one: StudyPoint) -> StudyPoint:
            features: dict[str, Any] = {
                name: (1.0 + 0.04 * rng.standard_normal())
                * (1.0 + an_hour.get(name, 0.0) * one.ended_s / 3600.0)
                for name in ("pla", "a300")
            }
            return attrs.evolve(one, features=features)

        return list(kit.fresh().fractions([looked(one) for one in points]))

    return make


def test_a_fade_is_told_before_it_costs_five_per_cent(simulated: Simulated) -> None:
    """A lamp that fades by 1 %/h, and a pump that loses 5 % in 8 h."""
    for seed in range(2):
        for rate in (-0.01, -0.05 / 8.0):
            told = [one for one in simulated(seed, pla=rate) if one.told]
            assert told
            assert "pla drifts by -" in told[0].told[0]
            assert rate * told[0].ended_s / 3600.0 > -0.05


def test_what_is_far_off_is_refused(simulated: Simulated) -> None:
    found = simulated(1, pla=-0.05)
    assert found[0].kept
    assert not found[-1].kept
    assert "pla is 0.6" in found[-1].reason


@pytest.mark.slow
def test_nothing_healthy_is_refused(simulated: Simulated) -> None:
    """In a hundred productions of eight hours, and at most a few of them are told to drift."""
    whole = [simulated(seed) for seed in range(100)]
    assert all(one.kept for found in whole for one in found)
    assert sum(any(one.told for one in found) for found in whole) <= 5
