"""Settings that a person at a panel, or another program, changes behind the back of a run."""

import math
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

import flowrig as package
from flowrig.emulation import Emulator
from flowrig.errors import SafetyTripError
from flowrig.interfaces import (
    Heater,
    HeaterReading,
    PumpReadBack,
    PumpState,
    Quality,
    SpectrometerReadBack,
)
from flowrig.journal.events import ChangedElsewhere, EventData, Intent, Measured, Outcome, Tripped
from flowrig.journal.journal import FILE_NAME, Journal
from flowrig.measurement.evaluate import evaluate
from flowrig.plugins.registry import Plugins
from flowrig.procedure.procedures import calibrate, run_condition
from flowrig.procedure.steps import (
    SetFlowRates,
    SetTemperatures,
    Start,
    Step,
    Wait,
    WaitSteady,
)
from flowrig.profile import Profile, load_profile
from flowrig.rig.rig import Rig, RigReading
from flowrig.rig.simulated import emulated
from flowrig.run.options import RunOptions
from flowrig.run.start import start_run
from flowrig.safety.actuation import Actuation
from flowrig.safety.changed_elsewhere import Change, ChangeWatch
from flowrig.safety.guard import Guard
from flowrig.safety.rig_state import RigState
from flowrig.safety.syringes import SyringeLedger

Short = Callable[..., Path]
RUNNING, STOPPED = PumpState.RUNNING, PumpState.STOPPED


@pytest.fixture(scope="module")
def profile() -> Profile:
    """The reference rig; the syringe of CuI has an inner diameter of 28.6 mm."""
    return load_profile("cs3cu2i5-heatup-chem3", Plugins.discover())


class Told:
    """What a rig was told, and readings of it.

    Attributes:
        watch: finds what somebody else has changed.
    """

    def __init__(self, profile: Profile) -> None:
        self._state = RigState()
        self.watch = ChangeWatch(profile, self._state)

    def command(self, **intent: Any) -> None:
        """A command that worked."""
        self._state.follow(0.0, Intent(**intent))
        self._state.follow(0.0, Outcome(intent=0, command=intent["command"], outcome="done"))

    def heat(self, set_point_c: float) -> None:
        """A set point of the plate."""
        self.command(command="set-temperatures", set_points_c={"plate": set_point_c})
        self.watch.heaters_told({"plate": set_point_c})

    def pump(self, rate_ul_min: float) -> None:
        """CuI flows at a flow rate."""
        rates = {"CuI": rate_ul_min}
        self.command(command="set-flow-rates", flow_rates_ul_min=rates)
        self.watch.pumps_told(rates)
        self.command(command="start", flow_rates_ul_min=rates)

    def sees_heater(
        self, set_point_c: float, controls: bool | None = None, *, settled: bool = False
    ) -> list[Change]:
        """What somebody else has changed at the plate, by a reading that is then remembered."""
        heater = HeaterReading(
            time_s=0.0, temperature_c=25.0, set_point_c=set_point_c, controls=controls
        )
        return self._sees(RigReading({"plate": heater}, {}), settled)

    def sees_pump(self, state: PumpState = RUNNING, **read_back: float) -> list[Change]:
        """What somebody else has changed at the pump of CuI."""
        return self._sees(
            RigReading({}, {"CuI": state}, {"CuI": PumpReadBack(time_s=0.0, **read_back)}), False
        )

    def _sees(self, reading: RigReading, settled: bool) -> list[Change]:
        found = self.watch.changes(reading, settled=settled)
        self.watch.learn(reading)
        return found


@pytest.fixture
def told(profile: Profile) -> Told:
    """A rig that was told nothing yet."""
    return Told(profile)


def test_a_set_point_that_was_commanded_is_no_change(told: Told) -> None:
    """Neither as it was sent, nor as the controller rounds it."""
    told.heat(120.6)
    assert told.sees_heater(121.0) == told.sees_heater(121.0, settled=True) == []
    told.heat(150.14)
    assert told.sees_heater(150.14, settled=True) == []


@pytest.mark.parametrize("found_c", [150.0, 119.9, 121.0, 20.0, -10.0])
def test_a_set_point_that_somebody_moves_is_a_change(told: Told, found_c: float) -> None:
    """Up, down, by a little, with both values, until it is put back."""
    told.heat(120.6)
    assert told.sees_heater(120.6) == []
    for _ in range(2):
        assert told.sees_heater(found_c) == [Change("plate", "set point", 120.6, found_c, "°C")]
    assert told.sees_heater(120.6) == []


@given(
    before_c=st.floats(0.0, 180.0),
    told_c=st.floats(0.0, 180.0),
    parts=st.lists(st.floats(0.0, 1.0), max_size=8).map(sorted),
)
def test_a_ramp_to_the_commanded_set_point_is_no_change(
    profile: Profile, before_c: float, told_c: float, parts: list[float]
) -> None:
    """However fast, however often it is looked at, up and down, and a second time as well."""
    told = Told(profile)
    for begin_c, end_c in ((before_c, told_c), (told_c, before_c)):
        told.sees_heater(begin_c)
        told.heat(end_c)
        for part in parts:
            assert told.sees_heater(round(begin_c + part * (end_c - begin_c), 2)) == []
        assert told.sees_heater(end_c, settled=True) == []


@pytest.mark.parametrize(
    ("ramp_c", "changed"),
    [
        ((30.0, 60.0, 59.0), [False, False, True]),
        ((30.0, 150.0), [False, True]),
        ((24.0,), [True]),
        ((120.0, 119.0), [False, True]),
    ],
)
def test_a_ramp_that_turns_round_or_goes_on_is_a_change(
    told: Told, ramp_c: tuple[float, ...], changed: list[bool]
) -> None:
    """From 25 to 120 °C: back, beyond the end, away from it, and away after its end."""
    told.sees_heater(25.0)
    told.heat(120.0)
    assert [bool(told.sees_heater(set_point_c)) for set_point_c in ramp_c] == changed


def test_a_ramp_is_over_before_a_sample_is_taken(told: Told) -> None:
    """A set point that somebody has stopped on its way differs from then on."""
    told.sees_heater(25.0)
    told.heat(120.0)
    assert told.sees_heater(118.0) == []
    assert told.sees_heater(118.0, settled=True)


def test_a_heater_that_was_told_nothing_must_not_get_a_higher_set_point(told: Told) -> None:
    """A set point that follows the temperature down, as some controllers show it, is no change."""
    for set_point_c in (60.0, 40.0, 25.0, 25.4):
        assert told.sees_heater(set_point_c) == []
    (change,) = told.sees_heater(90.0)
    assert (change.setting, change.commanded, change.found) == ("set point", 25.0, 90.0)


def test_a_heater_that_is_off_must_not_be_switched_on(told: Told) -> None:
    """Nor off, while it should heat; a controller that does not say so is not asked."""
    assert told.sees_heater(20.0, controls=False) == []
    assert [c.setting for c in told.sees_heater(20.0, controls=True)] == ["control loop"]
    told.heat(90.0)
    assert told.sees_heater(90.0, controls=True) == told.sees_heater(90.0) == []
    assert told.sees_heater(90.0, controls=False) == [Change("plate", "control loop", "on", "off")]


def test_a_set_point_that_is_no_number_is_not_known(told: Told) -> None:
    """It is no change; whether the reading is sound is another rule."""
    assert told.sees_heater(math.nan) == []
    told.heat(90.0)
    assert told.sees_heater(math.nan) == told.sees_heater(math.nan, settled=True) == []
    assert told.sees_heater(90.0) == []


@pytest.mark.parametrize("found", [80.0, 101.1, 100.3, 0.0])
def test_a_flow_rate_that_somebody_changes_is_a_change(told: Told, found: float) -> None:
    """Faster and slower, as soon as it moves from what the pump has made of the command."""
    told.pump(100.0)
    assert told.sees_pump(rate_ul_min=100.0) == []
    change = Change("pump_cui", "flow rate", 100.0, found, "µL/min")
    assert told.sees_pump(rate_ul_min=found) == [change]
    assert told.sees_pump(rate_ul_min=100.0) == []
    told.pump(50.0)
    assert told.sees_pump(rate_ul_min=50.0) == []


def test_a_pump_may_round_its_flow_rate(told: Told) -> None:
    """By a hundredth at most; a pump that cannot be asked is not judged."""
    told.pump(123.456)
    assert told.sees_pump() == told.sees_pump(rate_ul_min=123.0) == []
    told.pump(100.0)
    assert told.sees_pump(rate_ul_min=102.0)


def test_a_syringe_diameter_that_somebody_changes_is_a_change(told: Told) -> None:
    """The pump moves its plunger by it, so that the flow is another one."""
    told.pump(100.0)
    assert told.sees_pump(rate_ul_min=100.0, inner_diameter_mm=28.6) == []
    found = told.sees_pump(rate_ul_min=100.0, inner_diameter_mm=23.0)
    assert found == [Change("pump_cui", "syringe diameter", 28.6, 23.0, "mm")]


def test_a_pump_that_nobody_started_must_not_run(told: Told) -> None:
    """One that ran before the first look was started by whoever opened the rig."""
    assert told.sees_pump(RUNNING) == []
    assert told.sees_pump(STOPPED) == []
    assert told.sees_pump(RUNNING) == [Change("pump_cui", "state", "stopped", "running")]
    told.pump(100.0)
    assert told.sees_pump(RUNNING) == []
    told.command(command="stop", streams=("CuI",))
    assert told.sees_pump(STOPPED) == []
    assert told.sees_pump(PumpState.DELAYED) == [Change("pump_cui", "state", "stopped", "delayed")]


SOUND = SpectrometerReadBack(
    time_s=0.0,
    integration_time_us=8000,
    exposures_averaged=1,
    trigger_mode=0,
    boxcar_width=0,
    is_light_on=False,
)


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ({}, None),
        ({"integration_time_us": 16_000}, ("integration time", 8000, 16_000, "µs")),
        ({"exposures_averaged": 5}, ("number of averaged exposures", 1, 5, "")),
        ({"trigger_mode": 3}, ("trigger mode", 0, 3, "")),
        ({"boxcar_width": 2}, ("boxcar width", 0, 2, "")),
        ({"is_light_on": True}, ("light", "off", "on", "")),
        ({"integration_time_us": None, "is_light_on": None}, None),
    ],
)
def test_every_setting_of_a_spectrometer_is_compared(
    told: Told, found: Mapping[str, Any], expected: tuple[Any, ...] | None
) -> None:
    """What it does not report is not judged, and known again when it does."""
    told.command(command="set-light", spectrometers=("hdx_pl",), on=False)
    for now in (SOUND, evolve(SOUND, **found)):
        changes = told.watch.spectrometer_changes({"hdx_pl": now}, {"hdx_pl": 8000})
    assert changes == ([] if expected is None else [Change("hdx_pl", *expected)])
    assert not told.watch.spectrometer_changes({"hdx_pl": SOUND}, {"hdx_pl": 8000})


def test_the_first_look_at_a_spectrometer_compares_it_with_its_driver(told: Told) -> None:
    """Another program may have been there since it was opened; rounding counts as told."""
    (change,) = told.watch.spectrometer_changes({"hdx_pl": SOUND}, {"hdx_pl": 20_000})
    assert (change.commanded, change.found) == (20_000, 8000)
    assert not told.watch.spectrometer_changes({"hdx_absorbance": SOUND}, {"hdx_absorbance": 8010})


def test_a_change_is_told_once_until_it_is_put_back(told: Told) -> None:
    """And a sample that began while a setting differed knows of it."""
    change = Change("plate", "set point", 120.0, 150.0, "°C")
    assert told.watch.note([change], ["plate"]) == [change]
    assert told.watch.note([evolve(change, found=151.0)], ["plate"]) == []
    told.watch.forget()
    assert [one.found for one in told.watch.noted] == [151.0]
    assert told.watch.note([], ["pump_cui"]) == []
    assert told.watch.noted
    assert told.watch.note([], ["plate"]) == []
    assert not told.watch.noted
    assert told.watch.note([change], ["plate"]) == [change]


# --- on an emulated rig ---


@contextmanager
def emulated_rig(profile: Path) -> Iterator[tuple[Rig, Mapping[str, Emulator]]]:
    """An open rig, and its emulators, at whose panels a person can stand."""
    emulators: dict[str, Emulator] = {}

    @contextmanager
    def simulator(*args: Any, **options: Any) -> Iterator[Any]:
        with emulated(*args, **options) as found:
            emulators.update(found.emulators)
            yield found

    with package.open_rig(str(profile), simulate=True, simulator=simulator) as rig:
        yield rig, emulators


def guard_of(rig: Rig, written: list[EventData]) -> Guard:
    """A guard that writes durable events into a list."""

    def write(data: EventData) -> int:
        written.append(data)
        return len(written)

    return Guard(Actuation(rig, write, SyringeLedger(rig.profile)), lambda event: None)


@pytest.mark.parametrize(
    ("fault", "setting"), [("panel-set-point", "set point"), ("panel-loop-off", "control loop")]
)
def test_a_change_at_the_panel_of_a_heater_ends_a_wait(
    short: Short, fault: str, setting: str
) -> None:
    """The message names the device, the value found and the value commanded."""
    more = '[devices.plate]\nmodbus = "127.0.0.1:502"\n'
    with emulated_rig(short(1, 1, more)) as (rig, emulators):

        def procedure() -> Iterator[Step]:
            yield SetTemperatures({"plate": 40.0})
            yield WaitSteady({"plate": 40.0})
            emulators["plate"].switch(fault)
            yield Wait(60.0, "nothing")

        with pytest.raises(SafetyTripError, match=f"plate: its {setting} is .*, not ") as tripped:
            package.perform(rig, procedure())  # type: ignore[arg-type]
    (trip,) = tripped.value.trips
    assert (trip.rule, trip.action) == ("changed-elsewhere", "safe")


def test_one_reading_that_is_wrong_is_no_change(
    short: Short, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A garbled digit does not end a run: a second reading decides."""
    true, wrong = Heater.read, iter([*[False] * 4, True, False])

    def garbled(heater: Heater) -> HeaterReading:
        read = true(heater)
        return evolve(read, set_point_c=read.set_point_c + 8.0) if next(wrong, False) else read

    monkeypatch.setattr(Heater, "read", garbled)
    written: list[EventData] = []
    with emulated_rig(short(1, 1)) as (rig, _):
        guard = guard_of(rig, written)
        guard.set_temperatures({"plate": 40.0})
        for _ in range(8):
            guard.look()
    assert next(wrong, None) is None
    assert not [data for data in written if isinstance(data, ChangedElsewhere)]


def test_a_person_who_works_at_the_rig_may_change_it(short: Short) -> None:
    """While the run is on hold; what is left changed afterwards counts."""
    written: list[EventData] = []
    with emulated_rig(short(1, 1)) as (rig, emulators):
        guard = guard_of(rig, written)
        guard.set_temperatures({"plate": 40.0})
        with guard.person_works():
            emulators["plate"].switch("panel-set-point")
            guard.look()
        with pytest.raises(SafetyTripError, match="its set point is 70 °C, not 40 °C"):
            guard.look()
    (event,) = [data for data in written if isinstance(data, ChangedElsewhere)]
    assert (event.device, event.setting, event.commanded, event.found, event.unit) == (
        "plate", "set point", "40", "70", "°C",
    )  # fmt: skip


def test_a_pump_that_is_started_by_hand_trips(short: Short) -> None:
    """Also when it was used before, and stands still now."""
    with emulated_rig(short(1, 1)) as (rig, emulators):
        guard = guard_of(rig, [])
        guard.set_flow_rates({"PFO": 100.0})
        guard.start(["PFO"])
        guard.stop(["PFO"])
        guard.look()
        emulators["pump_pfo"].switch("panel-start")
        with pytest.raises(SafetyTripError, match="pump_pfo: its state is running, not stopped"):
            guard.look()


def campaign(short: Short, folder: Path, action: str, fault: str = "") -> tuple[Any, list[Any]]:
    """A run with a fault at the plate, and its events."""

    @contextmanager
    def simulator(*args: Any, **options: Any) -> Iterator[Any]:
        with emulated(*args, **options) as found:
            if fault:
                found.emulators["plate"].inject(fault)
            yield found

    more = f'[supervision]\nchanged_elsewhere = "{action}"\n'
    options = RunOptions(folder=folder, simulate=True, simulator=simulator)
    outcome = start_run(short(1, 1, more), options)
    with Journal(folder / FILE_NAME, read_only=True) as journal:
        return outcome, [e.data for e in journal.events(ChangedElsewhere, Tripped, Measured)]


IN_THE_FIRST_EXPERIMENT = "panel-set-point at_s=715 times=1"


@pytest.mark.slow
def test_a_run_that_only_flags_goes_on(short: Short, tmp_path: Path) -> None:
    """The measurement is bad and names both values; the next one is sound."""
    outcome, (change, first, second) = campaign(
        short, tmp_path / "run", "flag", IN_THE_FIRST_EXPERIMENT
    )
    assert outcome.state == "finished"
    assert float(change.found) - float(change.commanded) == pytest.approx(30.0, abs=0.01)
    assert first.quality == "bad"
    (flag,) = [flag for flag in first.flags if flag.startswith("changed elsewhere")]
    assert f"is {change.found} °C, not {change.commanded} °C" in flag
    assert second.quality != "bad"


@pytest.mark.parametrize("action", ["safe", "halt"])
def test_a_run_ends_as_its_profile_wants_it(short: Short, tmp_path: Path, action: str) -> None:
    """Nothing is measured; both values are in the journal, and a person has to reset the rule."""
    outcome, (change, trip) = campaign(short, tmp_path / "run", action, IN_THE_FIRST_EXPERIMENT)
    assert outcome.state == "failed"
    assert (change.device, trip.rule, trip.action) == ("plate", "changed-elsewhere", action)
    assert f"is {change.found} °C, not {change.commanded} °C" in trip.cause


def test_a_hold_waits_for_a_person(
    short: Short, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody comes, so that it expires; nothing was measured, and nothing has to be reset."""
    true = Heater.read

    def higher(heater: Heater) -> HeaterReading:
        read = true(heater)
        return evolve(read, set_point_c=read.set_point_c + 3.0 * (read.time_s > 715.0))

    monkeypatch.setattr(Heater, "read", higher)
    outcome, events = campaign(short, tmp_path / "run", "hold")
    assert outcome.state == "held"
    assert [type(data) for data in events] == [ChangedElsewhere, Tripped]


@pytest.mark.parametrize(
    ("wanted", "settings", "action"),
    [
        ("flag", ["flow rate"], None),
        ("flag", ["flow rate", "state"], "safe"),
        ("hold", ["flow rate"], "hold"),
        ("hold", ["state"], "safe"),
        ("halt", ["state"], "halt"),
    ],
)
def test_a_pump_that_runs_unasked_is_stopped(
    profile: Profile, wanted: Any, settings: list[str], action: str | None
) -> None:
    """Whatever the profile wants of other changes."""
    wanted = evolve(profile.supervision, changed_elsewhere=wanted)
    watch = ChangeWatch(evolve(profile, supervision=wanted), RigState())
    trips = watch.trips([Change("pump_cui", setting, "a", "b") for setting in settings])
    assert [trip.action for trip in trips] == ([] if action is None else [action])


def test_a_changed_observation_is_bad(short: Short) -> None:
    """Whatever its spectra look like."""
    with emulated_rig(short(1, 1)) as (rig, _):
        conditions = {v.name: v.range[0] for v in rig.profile.variables}

        def both() -> Generator[Step, Any, Any]:
            calibration = yield from calibrate(rig.profile)
            observation = yield from run_condition(rig.profile, conditions)
            return calibration, observation

        calibration, observation = package.perform(rig, both())
        nm = rig.wavelengths_nm()
    assert observation.changed == ()
    sound, _ = evaluate(rig.profile, nm, calibration, observation)
    assert sound.quality is not Quality.BAD
    changed = evolve(observation, changed=("hdx_pl: its light is on, not off",))
    spoilt, _ = evaluate(rig.profile, nm, calibration, changed)
    assert spoilt.quality is Quality.BAD
    assert "changed elsewhere: hdx_pl: its light is on, not off" in spoilt.flags


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        ("foreign-exposure", "its integration time is 16000 µs, not 8000 µs"),
        ("foreign-averaging", "its number of averaged exposures is 3, not 1"),
        ("foreign-trigger", "its trigger mode is 1, not 0"),
        ("foreign-lamp", "its light is on, not off"),
    ],
)
def test_a_spectrometer_is_asked_before_and_after_an_acquisition(
    short: Short, fault: str, says: str
) -> None:
    """Another program changes it: the frames are not used, and the other one is not named."""
    written: list[EventData] = []
    with emulated_rig(short(1, 1)) as (rig, emulators):
        guard = guard_of(rig, written)
        guard.set_light(rig.spectrometers, False)
        guard.look_at(rig.spectrometers)
        emulators["hdx_pl"].switch(fault)
        with pytest.raises(SafetyTripError, match=f"hdx_pl: {says}"):
            guard.look_at(rig.spectrometers)
        guard.look_at(["hdx_absorbance"])
    (change,) = [data for data in written if isinstance(data, ChangedElsewhere)]
    assert change.device == "hdx_pl"
    assert f"is {change.found}" in says


def test_a_sample_of_which_the_exposure_was_changed_is_not_kept(
    short: Short, tmp_path: Path
) -> None:
    """The change comes between two frames; the run ends, and both values are in the journal."""

    @contextmanager
    def simulator(*args: Any, **options: Any) -> Iterator[Any]:
        with emulated(*args, **options) as found:
            found.emulators["hdx_pl"].inject("foreign-exposure at_s=732.5 times=1")
            yield found

    options = RunOptions(folder=tmp_path / "run", simulate=True, simulator=simulator)
    outcome = start_run(short(1, 1), options)
    assert outcome.state == "failed"
    with Journal(tmp_path / "run" / FILE_NAME, read_only=True) as journal:
        change, _ = [e.data for e in journal.events(ChangedElsewhere, Tripped, Measured)]
    assert (change.commanded, change.found, change.unit) == ("8000", "16000", "µs")


def test_start_and_flow_pass_the_guard_with_read_backs(
    short: Short, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pump that reports what it was set to is left in peace; one that does not is stopped."""
    from flowrig_chemyx.driver import ChemyxFusion

    found_ul_min = {"pump_pfo": 100.0}

    def read_back(driver: ChemyxFusion) -> PumpReadBack:
        return PumpReadBack(time_s=0.0, rate_ul_min=found_ul_min[driver.name])

    monkeypatch.setattr(ChemyxFusion, "_do_read_back", read_back)
    with emulated_rig(short(1, 1)) as (rig, _):

        def procedure() -> Iterator[Step]:
            yield SetFlowRates({"PFO": 100.0})
            yield Start(("PFO",))
            yield Wait(20.0, "some flow")
            found_ul_min["pump_pfo"] = 80.0
            yield Wait(20.0, "some flow")

        with pytest.raises(SafetyTripError, match="flow rate is 80 µL/min, not 100 µL/min"):
            package.perform(rig, procedure())  # type: ignore[arg-type]
