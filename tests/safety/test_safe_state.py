"""The safe state under worse than one fault: hung, lost and broken drivers, and Ctrl-C in it."""

import threading
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner
from watched_rig import (
    WORLD,
    WatchedWorld,
    assert_at_rest,
    moved_ul,
    plugins_with,
    run_watched,
)

import flowrig as package
from flowrig.cli import main
from flowrig.cli.runs.safe import _announce
from flowrig.clock import VirtualClock
from flowrig.errors import ConnectionLostError, UnknownOutcomeError
from flowrig.interfaces import PumpState
from flowrig.journal.journal import AnyEvent
from flowrig.rig import device_threads
from flowrig.rig.device_threads import DeviceThreads
from flowrig_chemyx.driver import ChemyxFusion
from flowrig_ocean.driver import OceanHdx
from flowrig_watlow.driver import WatlowF4T
from flowrig_watlow.scpi.link import ScpiLink

Short = Callable[..., Path]


def test_a_heater_that_hangs_keeps_no_pump_from_being_stopped(
    short: Short, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its step is told as unknown after the deadline; every stream is stopped."""
    for_ever = threading.Event()
    monkeypatch.setattr(WatlowF4T, "_do_off", lambda self: for_ever.wait())
    with package.open_rig(str(short()), simulate=True) as rig:
        rig.set_flow_rates({"CuI": 100.0})
        rig.start(["CuI"])
        monkeypatch.setattr(device_threads, "DEADLINE_S", 0.3)
        safe = package.reach_safe_state(rig)
        for_ever.set()

        assert [step.reached for step in safe.steps] == [False] + [True] * (len(safe.steps) - 1)
        assert "did not return" in str(safe)
        assert rig.pump("CuI").status().state is PumpState.STOPPED


def test_a_heater_too_late_to_be_opened_is_switched_off_all_the_same(
    short: Short, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A controller that answers after every deadline, and obeys, gets off, and off is not
    confirmed; when it answers in time again, its set point is idle."""

    def late(self: ScpiLink, command: str) -> str:
        self._send(command)
        raise TimeoutError("no answer in time")

    with package.open_rig(str(short()), simulate=True) as rig:
        rig.set_temperatures({"plate": 120.0})
        with monkeypatch.context() as slow:
            slow.setattr(ScpiLink, "query", late)
            assert not rig.reconnect(["plate"])
            assert not rig.heater("plate").is_open
            with pytest.raises(UnknownOutcomeError, match="told to come to rest"):
                rig.heaters_off(["plate"])
        assert rig.reconnect(["plate"])

        assert rig.read_heaters(["plate"])["plate"].set_point_c == 20.0


COLD = """
extends = "cspbbr3-larp"
[[safe_state]]
do = "stop"
streams = ["Precursor"]
[[safe_state]]
do = "flush"
flow_rates = { Toluene = "10 mL/min" }
until_below = "60 degC"
at_most = "3 min"
[[safe_state]]
do = "stop"
streams = ["Toluene"]
"""


def test_without_a_heater_a_flush_takes_all_of_its_time(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing tells whether the path is cold; `check` says so, and `safe` speaks of no heat."""
    (tmp_path / "cold.toml").write_text(COLD, encoding="utf-8")
    with package.open_rig(str(tmp_path / "cold.toml"), simulate=True) as rig:
        safe = package.reach_safe_state(rig)
        assert rig.clock.now_s() >= 180.0
        _announce(SimpleNamespace(profile=rig.profile, simulated=True))  # type: ignore[arg-type]
    assert "to its safe state: flow off" in " ".join(capsys.readouterr().out.split())
    assert safe.reached
    assert "flushed with Toluene" in [step.step for step in safe.steps]
    said = CliRunner().invoke(main, ["check", str(tmp_path / "cold.toml")]).output
    assert "always takes 3 min; leave `until_below` out" in " ".join(said.split())


def test_a_plate_that_cannot_be_read_counts_as_hot(
    short: Short, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a temperature the lines are flushed for the longest time."""

    def lost(self: WatlowF4T) -> None:
        raise ConnectionLostError("no answer", device=self.name)

    with package.open_rig(str(short()), simulate=True) as rig:
        monkeypatch.setattr(WatlowF4T, "_do_read", lost)
        package.reach_safe_state(rig)
        flush = next(step for step in rig.profile.safe_state if step.do == "flush")
        assert rig.clock.now_s() >= flush.at_most_s


def test_a_pump_that_stalls_while_it_flushes_is_told(
    short: Short, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The flush is not confirmed and names the stream; the other one flushes to its end."""

    def lost(self: WatlowF4T) -> None:
        raise ConnectionLostError("no answer", device=self.name)

    monkeypatch.setattr(WatchedWorld, "fill_ul", {"ODE": 500.0})
    profile = str(short(1, 1, WORLD))
    with package.open_rig(profile, simulate=True, plugins=plugins_with()) as rig:
        monkeypatch.setattr(WatlowF4T, "_do_read", lost)
        safe = package.reach_safe_state(rig)
        flush = next(step for step in rig.profile.safe_state if step.do == "flush")

        told = [step.detail for step in safe.steps if not step.reached]
        assert len(told) == 1
        assert "the pump of ODE was stalled while it should flush" in told[0]
        moved = moved_ul(WatchedWorld.newest)
        assert moved["ode"] == pytest.approx(500.0, abs=1.0)
        assert moved["pfo"] >= flush.flow_rates_ul_min["PFO"] * flush.at_most_s / 60.0
        assert_at_rest(WatchedWorld.newest, rig.clock)


def test_a_spectrometer_that_was_lost_is_opened_again_to_shut_its_light(
    short: Short, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The run fails, and its safe state is confirmed all the same."""

    once: Callable[..., Any] = OceanHdx._do_acquire_frame
    gone = set[str]()

    def lost(self: OceanHdx) -> Any:
        if self.name in gone:
            return once(self)
        gone.add(self.name)
        self.close()
        raise ConnectionLostError("no answer", device=self.name)

    monkeypatch.setattr(OceanHdx, "_do_acquire_frame", lost)
    outcome, world, clock = run_watched(short(1, 1, WORLD), tmp_path / "run")
    assert (outcome.state, outcome.exit_code) == ("failed", 1)
    assert_at_rest(world, clock)


def test_ctrl_c_again_and_again_still_ends_at_rest(short: Short, tmp_path: Path) -> None:
    """Ctrl-C at the first start, and at steps of the safe state, leaves nothing running or hot."""
    left = ["start", "heater-off", "stop", "set-light"]

    def impatient(event: AnyEvent) -> None:
        if event.kind == "intent" and left and event.data.command == left[0]:
            left.pop(0)
            raise KeyboardInterrupt

    outcome, world, clock = run_watched(short(1, 1, WORLD), tmp_path / "run", listeners=[impatient])
    assert not left
    assert (outcome.state, outcome.exit_code) == ("stopped", 3)
    assert_at_rest(world, clock)


@pytest.mark.parametrize(
    ("method", "says"), [("_do_open", "did not open"), ("_do_set_syringe", "ZeroDivisionError")]
)
def test_a_bug_in_a_driver_ends_the_run_in_words(
    short: Short, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, method: str, says: str
) -> None:
    """Whatever a driver raises before the first step, the run ends, is journalled and is safe."""

    def bug(*_: object) -> None:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr(ChemyxFusion, method, bug)
    outcome, world, clock = run_watched(short(1, 1, WORLD), tmp_path / "run")
    assert outcome.state == "failed"
    assert says in outcome.reason
    assert_at_rest(world, clock)
    with package.RunRecord(tmp_path / "run", plugins_with()) as record:
        assert record.state == "failed"


def test_a_driver_that_hangs_while_others_are_watched_is_given_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Virtual time, which stands still meanwhile, goes on afterwards."""
    monkeypatch.setattr(device_threads, "DEADLINE_S", 0.2)
    clock, for_ever = VirtualClock(), threading.Event()
    with DeviceThreads(clock) as threads:
        hung = {"hdx": for_ever.wait}
        told = threads.attempt(hung, tick_s=5.0, on_tick=lambda: None)
        clock.sleep(10.0)
        for_ever.set()
    assert isinstance(told["hdx"], UnknownOutcomeError)
    assert clock.now_s() >= 10.0


def test_a_call_waits_for_the_one_that_was_left_under_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """A look that raises ends no acquisition; what comes next on the device waits as long."""
    monkeypatch.setattr(device_threads, "DEADLINE_S", 0.1)

    def fault() -> None:
        raise ConnectionLostError("no answer", device="pump")

    clock, gate = VirtualClock(), threading.Event()
    with DeviceThreads(clock) as threads:
        with pytest.raises(ConnectionLostError):
            threads.attempt({"hdx": gate.wait}, duration_s=60.0, tick_s=0.0, on_tick=fault)
        threading.Timer(0.4, gate.set).start()
        assert threads.call({"hdx": lambda: "dark"}) == {"hdx": "dark"}


def test_a_fault_while_frames_are_taken_ends_the_acquisition(short: Short) -> None:
    """The light is shut at once, not after the frames that nobody wants any more."""

    def fault() -> None:
        raise ConnectionLostError("no answer", device="pump_cui")

    with package.open_rig(str(short()), simulate=True) as rig:
        with pytest.raises(ConnectionLostError):
            rig.acquire(["hdx_pl"], 200, 1.0, tick_s=5.0, on_tick=fault)
        rig.set_light(["hdx_pl"], False)
        assert rig.clock.now_s() < 10.0
