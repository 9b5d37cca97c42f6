"""What goes wrong in a run, judged by what the emulated rig physically does in the end."""

import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from watched_rig import (
    WORLD,
    Run,
    WatchedWorld,
    assert_at_rest,
    moved_ul,
    plugins_with,
    run_watched,
)

from flowrig.clock import VirtualClock
from flowrig.errors import RefusedError, UnknownOutcomeError
from flowrig.interfaces import Optimizer, OptimizerSettings
from flowrig.journal.events import Measured, Outcome, Suspended
from flowrig.journal.journal import AnyEvent
from flowrig.operator.requests import OperatorRequests, Request
from flowrig.plugins import DriverOffer, Offer, hookimpl
from flowrig.rig.rig import Rig
from flowrig.run.options import ResumeOptions, RunOptions
from flowrig.run.start import RunOutcome, resume_run, start_run
from flowrig.run_record.reader import RunRecord
from flowrig_chemyx.driver import ChemyxFusion
from flowrig_chemyx.settings import FusionSettings
from flowrig_watlow.emulator.controller import F4TController

HERE = Path(__file__).stem

Short = Callable[..., Path]


class StubbornFusion(ChemyxFusion):
    """A pump that does not confirm its third stop, nor any later one."""

    def _do_stop(self) -> None:
        self.stops = getattr(self, "stops", 0) + 1
        super()._do_stop()
        if self.stops > 2:
            raise UnknownOutcomeError("no answer", device=self.name, command="stop")


class Wild(Optimizer):
    """Suggests what the rig must not do."""

    def _do_suggest(self, num_points: int) -> Sequence[Mapping[str, float]]:
        space = self.problem.space
        return [dict(zip(space.names, space.high * 2, strict=True))] * num_points

    def _do_ingest(self, results: Sequence[Mapping[str, Any]]) -> None:
        pass


class Faulty:
    """The plugin that offers them."""

    @hookimpl
    def flowrig_drivers(self) -> Sequence[DriverOffer]:
        return [
            DriverOffer(
                kind="pump",
                name="stubborn-fusion",
                target=f"{HERE}:StubbornFusion",
                settings=FusionSettings,
                emulator="flowrig_chemyx.emulator.emulator:ChemyxEmulator",
            )
        ]

    @hookimpl
    def flowrig_optimizers(self) -> Sequence[Offer]:
        return [
            Offer(kind="optimizer", name="wild", target=f"{HERE}:Wild", settings=OptimizerSettings)
        ]


@pytest.fixture
def run(short: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs a short campaign in a watched world."""

    def start(
        more: str = "",
        fill_ul: Mapping[str, float] | None = None,
        requests: OperatorRequests | None = None,
        campaign: str = "",
    ) -> tuple[RunOutcome, WatchedWorld, VirtualClock]:
        monkeypatch.setattr(WatchedWorld, "fill_ul", fill_ul or {})
        profile, plugins = short(3, 1, WORLD + more), plugins_with(faulty=Faulty())
        text = profile.read_text(encoding="utf-8").replace("[campaign]", f"[campaign]\n{campaign}")
        profile.write_text(text, encoding="utf-8")
        return run_watched(profile, tmp_path / "run", plugins, requests=requests)

    return start


@pytest.mark.slow
def test_a_finished_run_leaves_the_rig_at_rest(run: Run, tmp_path: Path) -> None:
    """No plunger moves after the end, and the ledger agrees with the plungers."""
    outcome, world, clock = run()
    assert outcome.state == "finished"
    assert_at_rest(world, clock)
    with RunRecord(tmp_path / "run", plugins_with()) as record:
        stops = [(e.data.dispensed_ul or {}) for e in record.journal.events(Outcome)]
    for stream, name in (("CuI", "cui"), ("ODE", "ode"), ("PFO", "pfo")):
        counted = sum(stop.get(stream, 0.0) for stop in stops)
        assert counted == pytest.approx(moved_ul(world)[name], abs=1.0)


def test_a_finished_run_that_is_resumed_moves_nothing(
    finished: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where nothing is left to do, no instrument is opened, and the run is finished as before."""
    folder = shutil.copytree(finished.folder, tmp_path / "run")
    monkeypatch.setattr(Rig, "open", lambda self: pytest.fail("an instrument was opened"))
    outcome = resume_run(folder, ResumeOptions())
    assert (outcome.state, outcome.exit_code) == ("finished", 0)
    with RunRecord(folder) as record:
        kinds = [event.kind for event in record.journal.events()]
    assert kinds[-2:] == ["resumed", "ended"]
    assert kinds.count("safe-state") == 1


def test_a_pump_that_stalls_ends_the_run_safely(run: Run) -> None:
    """A pump reports that its syringe is emptier than the ledger holds; everything stops."""
    outcome, world, clock = run(fill_ul={"CuI": 400.0})
    assert outcome.state == "failed"
    assert "pump_cui" in outcome.reason
    assert "CuI" in outcome.reason
    assert_at_rest(world, clock)


def test_an_alarm_of_the_controller_ends_the_run_safely(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An alarm that the profile names is the reported reason, and the rig is at rest."""

    def above_100_c(controller: F4TController, number: int) -> bool:
        return number == 2 and controller.process_value_c > 100.0

    monkeypatch.setattr(F4TController, "alarm_warns", above_100_c)
    outcome, world, clock = run('[devices.plate]\nmodbus = "127.0.0.1"\nalarms = [1, 2]\n')
    assert outcome.state == "failed"
    assert "plate: alarm 2 of the controller warns" in outcome.reason
    assert_at_rest(world, clock)


def test_an_unconfirmed_stop_is_reported_as_unknown(run: Run, tmp_path: Path) -> None:
    """The run ends with what is not known; every other pump and the heater are at rest."""
    more = '[devices.pump_csoa]\ndriver = "stubborn-fusion"\naddress = "COM5"\n'
    outcome, world, clock = run(more)
    assert (outcome.state, outcome.exit_code) == ("unknown", 4)
    assert "NOT known" in outcome.reason
    assert "pump_csoa" in outcome.reason
    assert_at_rest(world, clock)


def test_a_rig_that_cannot_be_prepared_is_brought_to_rest(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pump that does not take its syringe ends the run before it begins, in the safe state."""

    def refuse(*_: object) -> None:
        raise RefusedError("the pump kept another diameter", device="pump_cui")

    monkeypatch.setattr(ChemyxFusion, "_do_set_syringe", refuse)
    outcome, world, clock = run()
    assert outcome.exit_code in {1, 4}
    assert "another diameter" in outcome.reason
    assert_at_rest(world, clock)


@pytest.mark.slow
def test_a_wild_suggestion_never_reaches_a_pump(run: Run, tmp_path: Path) -> None:
    """Suggestions outside the space are reported once a decision, and replaced by others."""
    more = '[[campaign.stages]]\nname = "wild"\noptimizer = "wild"\nexperiments = 2\n'
    outcome, world, clock = run(more)
    assert outcome.state == "finished"
    assert_at_rest(world, clock)
    with RunRecord(tmp_path / "run", plugins_with(faulty=Faulty())) as record:
        space, symptoms = record.profile.space, record.summary()["health"]
        assert [e.decision.stage for e in record.experiments()][-2:] == ["wild", "wild"]
        assert space.feasible(record.conditions()).all()
    incidents = [text for kind, text in symptoms.items() if kind.startswith("optimizer-failed")]
    assert len(incidents) == 2
    assert "failed twice before experiment 5: temperature = 360 °C is outside" in incidents[0]


@pytest.mark.parametrize(
    ("what", "state"),
    [pytest.param("hold", "held", marks=pytest.mark.slow), ("finish", "finished")],
)
def test_without_its_optimizer_a_campaign_holds_or_ends(run: Run, what: str, state: str) -> None:
    """As the campaign says: the rig is at rest either way, and the run can be resumed."""
    more = '[[campaign.stages]]\nname = "wild"\noptimizer = "wild"\nexperiments = 2\n'
    outcome, world, clock = run(more, campaign=f'if_optimizer_fails = "{what}"')
    assert outcome.state == state
    assert_at_rest(world, clock)


def test_a_stop_request_is_obeyed_while_heating(run: Run) -> None:
    """A run that is asked to stop before its first experiment measures none and is safe."""
    requests = OperatorRequests()
    requests.ask(Request.STOP)
    outcome, world, clock = run(requests=requests)
    assert (outcome.state, outcome.exit_code) == ("stopped", 3)
    assert_at_rest(world, clock)


class SuspendOnce:
    """A listener that suspends the computer in the first experiment."""

    def __init__(self, clock: VirtualClock, duration_s: float) -> None:
        self._clock = clock
        self._left_s = [duration_s]
        self._begun = False

    def __call__(self, event: AnyEvent) -> None:
        self._begun |= event.kind == "experiment"
        if self._begun and event.kind == "reading" and self._left_s:
            self._clock.skip(self._left_s.pop())


def suspended_run(profile: Path, folder: Path, duration_s: float) -> tuple[str, str]:
    """State and reason of a run whose computer is suspended once."""
    clock = VirtualClock()
    outcome = start_run(
        profile,
        RunOptions(
            folder=folder,
            simulate=True,
            clock=clock,
            plugins=plugins_with(),
            listeners=[SuspendOnce(clock, duration_s)],
        ),
    )
    return outcome.state, outcome.reason


def test_a_short_suspend_is_written_down_and_flags_its_experiment(
    short: Short, tmp_path: Path
) -> None:
    """The experiment under way is doubtful and says why; the next one is good."""
    state, _ = suspended_run(short(2, 1, WORLD), tmp_path / "run", 20.0)
    assert state == "finished"
    with RunRecord(tmp_path / "run", plugins_with()) as record:
        (slept,) = record.journal.events(Suspended)
        first, *others = [event.data for event in record.journal.events(Measured)]
    assert slept.data.slept_s == pytest.approx(20.0)
    assert first.quality == "doubtful"
    assert any("suspended for 20 s" in flag for flag in first.flags)
    assert all(other.quality == "good" for other in others)


def test_a_long_suspend_asks_for_a_person(short: Short, tmp_path: Path) -> None:
    """Nothing watched the rig for longer than a run may be silent: it is made safe."""
    state, reason = suspended_run(short(2, 1, WORLD), tmp_path / "run", 3600.0)
    assert state == "held"
    assert "suspended for 3600 s" in reason


@pytest.mark.slow
def test_a_run_that_never_slept_says_nothing(short: Short, tmp_path: Path) -> None:
    """No event, and no flag."""
    run_watched(short(1, 1, WORLD), tmp_path / "run")
    with RunRecord(tmp_path / "run", plugins_with()) as record:
        assert not list(record.journal.events(Suspended))
