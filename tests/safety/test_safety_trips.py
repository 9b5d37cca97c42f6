"""Trips and interlocks in runs, judged by what the emulated rig physically does in the end."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar

import pytest
from watched_rig import WORLD, WatchedWorld, assert_at_rest, moved_ul, plugins_with, run_watched

import flowrig as package
from flowrig.errors import (
    InputError,
    InterlockError,
    OutOfRangeError,
    SafetyTripError,
    UnsafeStateError,
    UnsupportedError,
)
from flowrig.interfaces import Heater, HeaterReading
from flowrig.journal.events import Ended, EventData, SafeStateSought, Tripped, TripReset
from flowrig.journal.journal import FILE_NAME, Journal
from flowrig.operator.requests import OperatorRequests, Request
from flowrig.planning.plan import plan_campaign
from flowrig.plugins import DriverOffer, hookimpl
from flowrig.plugins.registry import Plugins
from flowrig.procedure.steps import (
    SetFlowRates,
    SetTemperatures,
    Start,
    Step,
    Stop,
    Wait,
    WaitSteady,
)
from flowrig.profile import load_profile
from flowrig.run.options import ResumeOptions
from flowrig.run.start import resume_run
from flowrig.safety.syringes import SyringeLedger
from flowrig_chemyx.driver import ChemyxFusion
from flowrig_chemyx.settings import FusionSettings
from flowrig_sim.plate import Plate

Short = Callable[..., Path]


def steps(*wanted: Step) -> Iterator[Step]:
    """A procedure of given steps."""
    yield from wanted


def perform(profile: Path, *wanted: Step) -> WatchedWorld:
    """Do some steps by hand on an emulated rig."""
    with package.open_rig(str(profile), simulate=True, plugins=plugins_with()) as rig:
        package.perform(rig, steps(*wanted))  # type: ignore[arg-type]
    return WatchedWorld.newest


def events(folder: Path, *kinds: type[EventData]) -> list[Any]:
    with Journal(folder / FILE_NAME, read_only=True) as journal:
        return list(journal.events(*kinds))


def stall(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(WatchedWorld, "fill_ul", {"CuI": 400.0})


@pytest.mark.slow
def test_a_trip_stays_until_a_person_resets_it(
    short: Short, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run that tripped is not resumed until its rule is reset; the journal knows all of it."""
    stall(monkeypatch)
    folder, plugins = tmp_path / "run", plugins_with()
    outcome, world, clock = run_watched(short(2, 1, WORLD), folder)
    assert outcome.state == "failed"
    assert_at_rest(world, clock)
    (trip,) = events(folder, Tripped)
    assert (trip.data.rule, trip.data.device) == ("stream-stopped", "pump_cui")
    kinds = [event.kind for event in events(folder, Tripped, SafeStateSought, Ended)]
    assert kinds == ["trip", "safe-state", "ended"]

    monkeypatch.setattr(WatchedWorld, "fill_ul", {})
    with pytest.raises(InputError, match="was not reset"):
        resume_run(folder, ResumeOptions(plugins=plugins))
    with pytest.raises(InputError, match="those that have: stream-stopped"):
        resume_run(folder, ResumeOptions(plugins=plugins, reset=["runaway"]))
    outcome = resume_run(
        folder, ResumeOptions(plugins=plugins, reset=["stream-stopped"], refilled=["CuI"])
    )
    assert outcome.state == "finished"
    assert [e.data for e in events(folder, TripReset)] == [TripReset(rules=("stream-stopped",))]


def test_the_command_line_tells_a_trip_once_and_how_to_reset_it(
    short: Short, flowrig: Any, tmp_path: Path
) -> None:
    """Device, cause and remedy in one notice, then the command that goes on."""
    more = '[supervision]\nrise = "1 s"\n'
    folder = tmp_path / "run"
    failed = flowrig("run", short(2, 1, more), "--simulate", "--out", folder, code=1)
    said = failed.stdout + failed.stderr
    assert said.count("plate: the reading did not rise by 2 °C") == 1
    assert "if it is only slow, commission it" in said
    assert f"flowrig resume {folder} --reset-trip no-rise" in said.replace("\n", "")
    refused = flowrig("resume", folder, code=2)
    assert f"flowrig resume {folder} --reset-trip no-rise" in refused.stderr.replace("\n", "")
    flowrig("resume", folder, "--reset-trip", "no-rise", code=1)  # the plate is as slow as before
    (reset,) = events(folder, TripReset)
    assert reset.data == TripReset(rules=("no-rise",))


@pytest.mark.parametrize("action", ["safe", "halt", pytest.param("hold", marks=pytest.mark.slow)])
def test_an_interlock_ends_a_run_as_it_says(
    short: Short, tmp_path: Path, action: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Safe flushes, halt does not, and hold waits for a person without a latch; all are at rest."""
    monkeypatch.setattr(SyringeLedger, "short_of", lambda self, volumes_ul: {})
    more = (
        f'[[interlocks]]\nkind = "syringe-not-empty"\nstreams = ["CuI"]\naction = "{action}"\n'
        'remainder = "49.5 mL"\n'
    )
    profile, folder = short(2, 1, WORLD + more), tmp_path / "run"
    outcome, world, clock = run_watched(profile, folder)
    assert outcome.state == ("held" if action == "hold" else "failed")
    assert "the syringe of CuI holds 49." in outcome.reason
    assert_at_rest(world, clock)
    done = [step.step for step in events(folder, SafeStateSought)[-1].data.steps]
    assert any("flushed" in step for step in done) is (action != "halt")
    if action == "hold":
        assert resume_run(folder, ResumeOptions(plugins=plugins_with())).state == "held"
    else:
        with pytest.raises(InputError, match="syringe-not-empty"):
            resume_run(folder, ResumeOptions(plugins=plugins_with()))


def test_liquid_is_not_let_into_a_reactor_that_is_not_steady(short: Short) -> None:
    """As the published procedure wants it: the command is refused, and nothing has moved."""
    with pytest.raises(InterlockError, match="wait until it is within 5 °C"):
        perform(
            short(1, 1, WORLD),
            SetTemperatures({"plate": 150.0}),
            SetFlowRates({"CuI": 100.0}),
            Start(("CuI",)),
        )
    assert moved_ul(WatchedWorld.newest)["cui"] == 0.0


def test_a_set_point_is_not_changed_while_reagents_flow(short: Short) -> None:
    """The other side of the same rule; the heater keeps the set point that it had."""
    with pytest.raises(InterlockError, match="CuI would flow or flows"):
        perform(
            short(1, 1, WORLD),
            SetTemperatures({"plate": 120.0}),
            WaitSteady({"plate": 120.0}),
            SetFlowRates({"CuI": 100.0}),
            Start(("CuI",)),
            Wait(10.0, "some flow"),
            SetTemperatures({"plate": 180.0}),
        )
    assert WatchedWorld.newest.heater("plate").temperature_c < 121.0


@pytest.mark.parametrize(
    ("step", "says"),
    [
        (SetTemperatures({"plate": 186.0}), "outside the profile's limits"),
        (SetTemperatures({"plate": float("nan")}), "outside the profile's limits"),
        (SetFlowRates({"CuI": 500.0}), "outside the profile's limits"),
    ],
)
def test_what_is_outside_the_limits_is_refused(short: Short, step: Step, says: str) -> None:
    """A value that the profile does not allow raises before a byte is sent."""
    with pytest.raises(OutOfRangeError, match=says):
        perform(short(1, 1, WORLD), step)


HEAT_NEEDS_FLOW = """
[[interlocks]]
kind = "heat-needs-flow"
heater = "plate"
above = "60 degC"
streams = ["ODE"]
"""


def test_a_heater_that_needs_flow_is_not_heated_without_it(short: Short) -> None:
    """Neither is the last stream stopped while it is hot; with flow and cold, both pass."""
    profile = short(1, 1, WORLD + HEAT_NEEDS_FLOW)
    hot = SetTemperatures({"plate": 70.0})
    flow = (SetFlowRates({"ODE": 100.0}), Start(("ODE",)))
    with pytest.raises(InterlockError, match="start ODE first"):
        perform(profile, hot)
    with pytest.raises(InterlockError, match="stop it last"):
        perform(profile, *flow, hot, Stop(("ODE",)))
    perform(profile, *flow, Stop(("ODE",)))


def test_an_output_that_sticks_ends_by_hand_too(
    short: Short, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A plate that runs away trips; as it heats while it is off, nobody calls that safe."""
    true = Plate._set_point_c

    def welded(plate: Plate, time_s: float) -> float:
        return 500.0 if plate.temperature_c > 119.0 else true(plate, time_s)

    monkeypatch.setattr(Plate, "_set_point_c", welded)
    with pytest.raises(UnsafeStateError, match=r"plate went from .* cut its power") as told:
        perform(
            short(1, 1, WORLD),
            SetTemperatures({"plate": 120.0}),
            WaitSteady({"plate": 120.0}),
            Wait(600.0, "nothing"),
        )
    assert isinstance(told.value.__context__, SafetyTripError)
    assert "above its set point" in str(told.value.__context__)


def test_a_reading_that_freezes_ends_a_run(
    short: Short, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The controller heats on; the run notices by the reading that stands still."""
    true = Heater.read

    def frozen(heater: Heater) -> HeaterReading:
        told = true(heater)
        if told.temperature_c < 100.0:
            return told
        return HeaterReading(time_s=told.time_s, temperature_c=100.0, set_point_c=told.set_point_c)

    monkeypatch.setattr(Heater, "read", frozen)
    outcome, *_ = run_watched(short(1, 1, WORLD), tmp_path / "run")
    assert outcome.state == "failed"
    assert "plate: the reading has stood still at 100 °C" in outcome.reason
    assert "check the sensor" in outcome.reason


class PumpWithTimer(ChemyxFusion):
    """A pump that stops by itself when nobody talks to it."""

    armed_s: ClassVar[list[float]] = []

    def _do_arm_dead_man(self, timeout_s: float) -> None:
        self.armed_s.append(timeout_s)


class Timers:
    """The plugin that offers it."""

    @hookimpl
    def flowrig_drivers(self) -> Sequence[DriverOffer]:
        return [
            DriverOffer(
                kind="pump",
                name="timed-fusion",
                target=f"{Path(__file__).stem}:PumpWithTimer",
                settings=FusionSettings,
                emulator="flowrig_chemyx.emulator.emulator:ChemyxEmulator",
                dead_man=True,
            )
        ]


def test_a_dead_man_timer_is_armed_before_anything_moves(short: Short, tmp_path: Path) -> None:
    """With the time after which the watchdog would take over; drivers without one are not asked."""
    more = '[devices.pump_csoa]\ndriver = "timed-fusion"\naddress = "COM5"\n'
    requests = OperatorRequests()
    requests.ask(Request.STOP)
    run_watched(
        short(1, 1, WORLD + more),
        tmp_path / "run",
        plugins_with(timers=Timers()),
        requests=requests,
    )
    assert PumpWithTimer.armed_s == [60.0]


def test_a_device_without_a_dead_man_timer_says_so(short: Short) -> None:
    """And a time that is none is refused before anybody is asked."""
    with package.open_rig(str(short()), simulate=True) as rig:
        with pytest.raises(UnsupportedError, match="no dead-man timer"):
            rig["plate"].arm_dead_man(60.0)
        with pytest.raises(OutOfRangeError, match="positive time"):
            rig["plate"].arm_dead_man(float("nan"))


def test_a_check_tells_the_rules_and_what_the_rig_lacks(flowrig: Any) -> None:
    """Interlocks, how soon a broken sensor is noticed, and who goes on if the computer dies."""
    said = " ".join(flowrig("check", "cs3cu2i5-heatup-chem3").stdout.split())
    assert "PFO flows only while plate is within 5 °C of its set point or below 110 °C" in said
    assert "plate: a broken sensor is noticed within" in said
    assert "no dead-man timer: pump_cui" in said
    assert said.rpartition("no dead-man timer")[2].count("over-temperature cut-off is needed") == 1


GUARDED = """
extends = "cspbbr3-larp"
unset = ["devices.pump_precursor.model"]

[devices.pump_precursor]
driver = "new-era"
address = "COM3"
"""


@pytest.mark.parametrize("safe_mode", ["", 'safe_mode = "60 s"\n'])
def test_a_check_of_a_rig_without_a_heater_asks_for_no_cut_off(
    flowrig: Any, tmp_path: Path, safe_mode: str
) -> None:
    """And a pump that stops by itself, as its settings say, does not go on as it is."""
    path = tmp_path / "rig.toml"
    path.write_text(GUARDED + safe_mode, encoding="utf-8")
    said = " ".join(flowrig("check", path).stdout.split())
    stops = "pump_precursor: stops by itself after 60 s without a request"
    alone = "no dead-man timer: pump_toluene goes on as it is if this computer loses its power"
    both = "no dead-man timer: pump_precursor, pump_toluene go on as they are if this computer"
    assert (stops in said, alone in said, both in said) == (
        (True, True, False) if safe_mode else (False, False, True)
    )
    assert "over-temperature" not in said
    assert "on hold: nothing flows" in said
    planned = plan_campaign(load_profile(path, Plugins.discover()), 1)
    assert not [one for one in planned.assumptions if "heater" in one]
