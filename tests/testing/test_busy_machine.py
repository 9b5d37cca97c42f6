"""A busy machine does not change a driver's level; an idle one does not excuse a slow driver."""

import time
from types import SimpleNamespace

import click.testing
import pytest
from attrs import evolve
from broken_drivers import SETTINGS, DoesNotConfirmItsStart
from test_live import SYRINGE, driven_by

from flowrig.cli import main
from flowrig.errors import ConnectionLostError
from flowrig.testing import Level, PumpBench, PumpConformance, punctuality
from flowrig.testing.bench.bench import MORE_PATIENCE
from flowrig.testing.conformance.checks import TRIES, TooSlowToJudge
from flowrig.testing.conformance.scorecard import Scorecard, Verdict, verdict
from flowrig.testing.punctuality import LATE_S, PERIOD_S, Punctuality
from flowrig.testing.templates.flowrig_template import pump_emulator
from flowrig.testing.templates.flowrig_template.pump import TemplatePump

CHECK = "test_answers_are_fresh_and_dated"
SHORT_S = 0.05
"""A deadline [s] that is missed in any case."""


class MissesDeadlines(TemplatePump):
    """Misses deadlines like a driver on a busy machine.

    Attributes:
        misses: how many drivers still miss their deadline.
        deadlines_s: those of the drivers that were opened.
    """

    misses = 0
    deadlines_s: list[float]

    def _do_open(self) -> None:
        super()._do_open()
        cls = type(self)
        cls.deadlines_s.append(self.settings.deadline_s)
        self.late = cls.misses > 0
        cls.misses -= 1

    def _do_read_state(self):
        if self.late:
            time.sleep(self.settings.deadline_s)
            raise self._fault(ConnectionLostError, "no answer in time")
        return super()._do_read_state()


class WaitsTooLong(TemplatePump):
    """Takes longer for an answer than the time limit of a call."""

    def _query(self, question):
        time.sleep(0.2)
        return super()._query(question)


def bench(
    driver: type = MissesDeadlines,
    deadline_s: float = SETTINGS.deadline_s,
    patience_s: float = 20.0,
) -> PumpBench:
    settings = evolve(SETTINGS, deadline_s=deadline_s)
    return PumpBench(driver, pump_emulator.TemplateEmulator, settings, patience_s=patience_s)


def judge(driver: type = MissesDeadlines, **options: float) -> Verdict:
    return verdict(PumpConformance, CHECK, lambda: bench(driver, **options))


@pytest.fixture(params=[True, False], ids=["late", "on time"])
def is_late(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Whether the machine counts as late, independent of its real load."""
    monkeypatch.setattr(Punctuality, "is_late", request.param)
    return request.param


@pytest.fixture
def late_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that counts as late, independent of its real load."""
    monkeypatch.setattr(Punctuality, "is_late", True)


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(MissesDeadlines, "misses", 0)
    monkeypatch.setattr(MissesDeadlines, "deadlines_s", [], raising=False)


def test_missed_deadlines_count_only_on_a_machine_that_is_on_time(is_late: bool) -> None:
    """On a late machine the check is made again with longer deadlines, and passes."""
    MissesDeadlines.misses = TRIES - 1
    assert judge().outcome == ("passed" if is_late else "failed")
    tries = TRIES if is_late else 1
    assert MissesDeadlines.deadlines_s == pytest.approx(
        [SETTINGS.deadline_s * MORE_PATIENCE**n for n in range(tries)]
    )


def test_a_driver_that_misses_all_deadlines_fails_on_a_punctual_machine(is_late: bool) -> None:
    """On a late machine the outcome is unjudged, with the reason and the last failure."""
    MissesDeadlines.misses = 100
    found = judge(deadline_s=SHORT_S)
    assert found.outcome == ("unjudged" if is_late else "failed")
    assert ("the machine is too slow to judge" in found.advice) == is_late
    assert "no answer" in found.advice


def test_a_slow_driver_fails_on_a_machine_that_is_on_time(is_late: bool) -> None:
    """A call that still waits is a failure of the driver, unless the machine is late."""
    found = judge(WaitsTooLong, patience_s=0.02)
    assert found.outcome == ("unjudged" if is_late else "failed")
    assert "still waits" in found.advice


@pytest.mark.usefixtures("late_machine")
def test_a_late_machine_does_not_excuse_a_wrong_answer() -> None:
    """Where no call took as long as the deadline, a failure counts at once."""
    with (
        bench(DoesNotConfirmItsStart, deadline_s=60.0) as one,
        pytest.raises(AssertionError, match="against a blocked line"),
    ):
        PumpConformance().test_a_stall_is_reported(one)


@pytest.mark.usefixtures("late_machine")
def test_pytest_skips_what_cannot_be_judged() -> None:
    """A test of the suite is skipped with the reason, because the kit raises a SkipTest."""
    MissesDeadlines.misses = 100
    with (
        bench(deadline_s=SHORT_S) as one,
        pytest.raises(TooSlowToJudge, match="try again when it is less busy"),
    ):
        getattr(PumpConformance(), CHECK)(one)


@pytest.mark.usefixtures("late_machine")
def test_a_new_try_begins_in_a_new_world() -> None:
    """Neither syringe, plunger nor driver of the first try are those of the second."""
    with bench() as one:
        one.open()
        before = (one.driver, one.plunger, one.clock, one.tap)
        one.plunger.jam()
        assert one.restart()
        after = (one.driver, one.plunger, one.clock, one.tap)
        assert all(old is not new for old, new in zip(before, after, strict=True))
        assert not before[0].is_open
        assert not one.plunger.stalled
        assert one.plunger.inner_diameter_mm == one.syringe.inner_diameter_mm
        one.open()


@pytest.mark.usefixtures("late_machine")
def test_a_real_instrument_is_not_tried_again() -> None:
    """The operator consented to one try; the outcome is unjudged."""
    with driven_by(MissesDeadlines, "pump", __name__, deadline_s=0.5) as one:
        session = one.session(syringe=SYRINGE)
        (check,) = [live for live in session.checks if live.name == CHECK]
        MissesDeadlines.misses = 1
        assert session.run(check).outcome == "unjudged"
        (asked, *_) = MissesDeadlines.deadlines_s
        assert asked == 0.5


def card(**outcomes: str) -> Scorecard:
    return Scorecard(
        tuple(Verdict(f"{level} {n}", "", Level(level), outcome) for level, all_ in outcomes.items()
              for n, outcome in enumerate(all_.split()))
    )  # fmt: skip


@pytest.mark.parametrize(
    ("earned", "possible_level", "scorecard"),
    [
        (Level.GOLD, Level.GOLD, card(bronze="passed", silver="skipped", gold="passed")),
        (Level.BRONZE, Level.GOLD, card(bronze="passed", silver="unjudged", gold="passed")),
        (Level.BRONZE, Level.SILVER, card(bronze="passed", silver="unjudged", gold="failed")),
        (None, None, card(bronze="failed unjudged", silver="passed", gold="passed")),
    ],
)
def test_what_is_not_judged_earns_no_level_and_rules_out_none(
    earned: Level | None, possible_level: Level | None, scorecard: Scorecard
) -> None:
    """The scorecard has the earned level and the possible level."""
    assert (scorecard.level, scorecard.possible_level) == (earned, possible_level)


def test_the_medal_says_that_the_machine_is_too_slow(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first line has both levels, and the check stands below with its reason."""
    found = Scorecard(
        (
            Verdict("one", "One.", Level.BRONZE, "passed"),
            Verdict("two", "Two.", Level.SILVER, "unjudged", "the machine is too slow to judge"),
            Verdict("three", "Three.", Level.GOLD, "passed"),
        )
    )
    monkeypatch.setattr("flowrig.testing.conformance.installed.score_offer", lambda *_: found)
    done = click.testing.CliRunner().invoke(
        main, ["plugin", "check", "chemyx", "--at-least", "silver"]
    )
    assert done.exit_code == 1
    lines = done.output.splitlines()
    assert lines[0].endswith(": bronze, perhaps gold: this machine is too slow to judge")
    assert "  silver 0 of 1" in lines
    assert "  not judged: Two." in lines


@pytest.mark.parametrize(
    ("took_s", "used_s", "late"),
    [
        (PERIOD_S, 0.0, False),
        (PERIOD_S + 2 * LATE_S, 0.0, True),
        (PERIOD_S + 2 * LATE_S, 2 * LATE_S, False),  # the driver itself computed all the time
    ],
)
def test_own_computing_is_no_lateness(
    monkeypatch: pytest.MonkeyPatch, took_s: float, used_s: float, late: bool
) -> None:
    """A thread that wakes late was held up by others, unless this process used the time."""
    now = SimpleNamespace(wall_s=0.0, cpu_s=0.0)
    machine = Punctuality()

    def sleep(_: float) -> None:
        now.wall_s += took_s
        now.cpu_s += used_s
        machine._over.set()

    clock = SimpleNamespace(
        sleep=sleep, monotonic=lambda: now.wall_s, process_time=lambda: now.cpu_s
    )
    monkeypatch.setattr(punctuality, "time", clock)
    with machine:
        machine._thread.join()
    assert machine.is_late == late
