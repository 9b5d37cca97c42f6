"""The kit on real instruments: only permitted actions happen to them."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import broken_drivers
import click.testing
import pytest
from attrs import evolve, frozen

from flowrig.cli import main
from flowrig.clock import RealClock
from flowrig.emulation import BenchWorld, Detector, Emulator, EmulatorContext, Plate, Plunger
from flowrig.errors import ConnectionLostError, InputError, UnsafeStateError
from flowrig.interfaces import DeviceSettings, Syringe
from flowrig.plugins import DriverOffer
from flowrig.plugins.registry import Plugins
from flowrig.testing import Tap
from flowrig.testing.bench.live import LiveSession
from flowrig.testing.bench.live_bench import LivePumpBench
from flowrig.testing.conformance.heater import LUKEWARM_C, RISE_C
from flowrig.testing.conformance.pump import SMALL
from flowrig.testing.templates.flowrig_template import heater_emulator, pump_emulator
from flowrig_chemyx.settings import FusionSettings
from flowrig_ocean.settings import HdxSettings
from flowrig_watlow.settings import F4TSettings

SYRINGE = Syringe(volume_ul=10_000.0, inner_diameter_mm=14.567)
LONG_S = 20.0
"""A deadline [s] that a busy machine keeps, as every instrument here answers."""
SETTINGS: dict[str, DeviceSettings] = {
    "chemyx-fusion": FusionSettings(address="", deadline_s=LONG_S),
    "watlow-f4t": F4TSettings(address="127.0.0.1", deadline_s=LONG_S),
    "ocean-hdx": HdxSettings(address="127.0.0.1", deadline_s=LONG_S, light_source="lamp-enable"),
}
UNOBSERVABLE = {"ocean-hdx": {"test_opening_moves_nothing"}}


@frozen
class Instrument:
    """An emulated instrument on a real clock, in the place of a real instrument."""

    offer: DriverOffer
    settings: DeviceSettings
    world: BenchWorld
    emulator: Emulator
    tap: Tap

    def session(self, **consent: Any) -> LiveSession:
        return LiveSession(self.offer, self.settings, **consent)


@contextmanager
def instrument(offer: DriverOffer, settings: DeviceSettings, emulator: Any) -> Iterator[Instrument]:
    clock = RealClock()
    plunger = Plunger(clock, inner_diameter_mm=SYRINGE.inner_diameter_mm)
    world = BenchWorld(plunger, Plate(clock), Detector())
    tap = Tap(clock)
    with emulator(EmulatorContext("instrument", settings, world, clock, tap.wrap)) as running:
        yield Instrument(offer, running.serve(), world, running, tap)


@contextmanager
def shipped(name: str) -> Iterator[Instrument]:
    offer = Plugins.discover().drivers()[name]
    module, _, cls = offer.emulator.partition(":")
    emulator = getattr(__import__(module, fromlist=[cls]), cls)
    with instrument(offer, SETTINGS[name], emulator) as one:
        yield one


def driven_by(
    driver: type, kind: str, module: str = "broken_drivers", deadline_s: float = LONG_S
) -> Any:
    """An instrument of the kit's templates, with a driver that has one fault."""
    offer = DriverOffer(
        kind=kind,
        name="broken",
        target=f"{module}:{driver.__name__}",
        settings=type(broken_drivers.SETTINGS),
    )
    emulator = {"pump": pump_emulator, "heater": heater_emulator}[kind].TemplateEmulator
    return instrument(offer, evolve(broken_drivers.SETTINGS, deadline_s=deadline_s), emulator)


@pytest.mark.parametrize("driver", list(SETTINGS))
def test_a_sound_driver_passes_and_nothing_moves(driver: str) -> None:
    """Checks that only query pass, those that act are skipped; plunger and plate are unchanged."""
    with shipped(driver) as one:
        before = list(one.world.plate.set_points_c)
        session = one.session(syringe=SYRINGE)
        assert session.identify_at_rest().model
        verdicts = {check.name: session.run(check) for check in session.checks}
        acts = {check.name for check in session.checks if check.acts}
        failed = {name: v.advice for name, v in verdicts.items() if v.outcome == "failed"}
        skipped = {name for name, v in verdicts.items() if v.outcome == "skipped"}
        assert not failed
        assert skipped == acts | UNOBSERVABLE.get(driver, set())
        assert len(verdicts) - len(skipped) >= 6
        assert one.world.plunger.starts == 0
        assert one.world.plate.set_points_c == before
        assert not one.world.detector.lit


def test_a_pump_that_may_move_pushes_out_a_little() -> None:
    """It delivers about a thousandth of its syringe, and stops."""
    with shipped("chemyx-fusion") as one:
        session = one.session(may_act=True, syringe=SYRINGE)
        (check,) = [check for check in session.checks if check.acts]
        verdict = session.run(check)
        assert verdict.outcome == "passed", verdict.advice
        assert one.world.plunger.starts == 1
        assert not one.world.plunger.moves
        assert 0 < one.world.plunger.moved_ul < 3 * SMALL * SYRINGE.volume_ul


def test_a_heater_that_may_heat_hardly_warms() -> None:
    """No set point is more than a few degrees above its temperature; then it is off."""
    with shipped("watlow-f4t") as one:
        plate = one.world.plate
        highest_c = plate.temperature_c + RISE_C
        session = one.session(may_act=True)
        for check in session.checks:
            if check.acts:
                verdict = session.run(check)
                assert verdict.outcome == "passed", verdict.advice
        assert plate.temperature_c < max(plate.set_points_c) <= highest_c
        assert plate.set_point_c <= LUKEWARM_C


def test_an_instrument_at_work_is_left_alone() -> None:
    """A running pump and a hot plate are reported, and not stopped."""
    with shipped("chemyx-fusion") as one:
        with one.offer.load()("pump", one.settings) as pump:
            pump.set_syringe(SYRINGE)
            pump.set_rate(100.0)
            pump.start()
        with pytest.raises(InputError, match="at work: running"):
            one.session().identify_at_rest()
        assert one.world.plunger.moves
    with shipped("watlow-f4t") as one:
        with one.offer.load()("plate", one.settings) as heater:
            heater.set_temperature(80.0)
        with pytest.raises(InputError, match=r"set to 80 °C"):
            one.session().identify_at_rest()
        assert one.world.plate.set_point_c == 80.0


def test_a_pump_that_may_move_needs_a_syringe() -> None:
    """Without the syringe the size of a small volume is unknown."""
    with shipped("chemyx-fusion") as one, pytest.raises(InputError, match="which syringe"):
        one.session(may_act=True)


def test_without_a_syringe_none_is_set() -> None:
    """A wrong diameter would stay in the pump; checks that need one are skipped."""
    with shipped("chemyx-fusion") as one:
        session = one.session()
        (check,) = [check for check in session.checks if "out_of_range" in check.name]
        assert session.run(check).outcome == "skipped"
        assert one.tap.sent
        assert b"diameter" not in one.tap.sent


@pytest.mark.usefixtures("punctual")
@pytest.mark.parametrize(
    ("driver", "check"),
    [
        (broken_drivers.RunsWhenOpened, "test_opening_moves_nothing"),
        (broken_drivers.Clamps, "test_out_of_range_is_refused_before_sending"),
        (broken_drivers.QueriesBeforeItRefuses, "test_out_of_range_is_refused_before_sending"),
        (broken_drivers.CountsInItsIdentity, "test_the_identity_is_stable"),
        (broken_drivers.KeepsItsPort, "test_closing_releases_the_port"),
        (broken_drivers.StampsTheOpening, "test_answers_are_fresh_and_dated"),
        (broken_drivers.StopsOnlyWhatRuns, "test_stop_is_harmless_at_rest"),
    ],
)
def test_a_wrong_driver_fails_and_the_pump_is_at_rest(driver: type, check: str) -> None:
    """The fault shows in the answers alone, and the instrument is at rest afterwards."""
    with driven_by(driver, "pump") as one:
        session = one.session(syringe=SYRINGE)
        (wanted,) = [live for live in session.checks if live.name == check]
        try:
            verdict = session.run(wanted)
        except UnsafeStateError:
            assert driver in (broken_drivers.StopsOnlyWhatRuns, broken_drivers.KeepsItsPort)
        else:
            assert verdict.outcome == "failed"
            assert len(verdict.advice) > 40
        assert not one.world.plunger.moves


@pytest.mark.usefixtures("punctual")
def test_a_driver_that_does_not_refuse_heats_nothing() -> None:
    """Set points above the highest are not tried without permission to heat."""
    with driven_by(broken_drivers.ClampsTheSetPoint, "heater") as one:
        session = one.session()
        (check,) = [check for check in session.checks if "out_of_range" in check.name]
        assert session.run(check).outcome == "failed"
        assert all(set_point_c <= LUKEWARM_C for set_point_c in one.world.plate.set_points_c)


def test_ctrl_c_in_the_middle_stops_the_pump() -> None:
    """Whatever ends a check, its bench brings the pump to rest."""
    with shipped("chemyx-fusion") as one:

        def interrupted(bench: LivePumpBench) -> None:
            pump = bench.open()
            pump.set_syringe(SYRINGE)
            pump.set_rate(100.0)
            pump.start()
            assert one.world.plunger.moves
            raise KeyboardInterrupt

        bench = LivePumpBench(one.offer.load(), one.settings, may_act=True)
        with pytest.raises(KeyboardInterrupt), bench:
            interrupted(bench)
        assert not one.world.plunger.moves


def test_an_instrument_that_went_away_is_not_taken_for_one_at_rest() -> None:
    """If the instrument does not answer at the end, the message asks for an inspection."""
    with shipped("chemyx-fusion") as one:
        bench = LivePumpBench(one.offer.load(), one.settings, syringe=SYRINGE)
        with pytest.raises(UnsafeStateError, match="look at it now"), bench:
            one.emulator.stop()


@pytest.fixture
def check() -> Callable[..., Any]:
    """Runs `flowrig plugin check --live`."""

    def run(*words: str, answers: str = "") -> Any:
        command = ["plugin", "check", *words, "--live"]
        return click.testing.CliRunner().invoke(main, command, input=answers)

    return run


def test_each_check_is_announced_and_asked_for(check: Callable[..., Any]) -> None:
    """If every check is declined, all are announced, and none counts as passed."""
    with shipped("ocean-hdx") as one:
        done = check("ocean-hdx", "--address", one.settings.address, answers="n\n" * 20)
    assert done.exit_code == 0, done.output
    assert "ocean-hdx at 127.0.0.1" in done.output
    assert "sets a short integration time, and takes three frames" in done.output
    assert done.output.count("go on?") == len(one.session().checks)
    assert "0 passed, 0 failed" in done.output
    assert len(one.tap.sent.split(b"\xc1\xc0")) > 1  # the first look


def test_scripts_get_verdicts_alone(check: Callable[..., Any]) -> None:
    """On standard output; settings are those of a profile."""
    with shipped("watlow-f4t") as one:
        done = check(
            "watlow", "--address", one.settings.address, "--set", "deadline=20 s",
            "--set", "loop=1",
            "--json", answers="y\n" + "n\n" * 20,
        )  # fmt: skip
    assert done.exit_code == 0, done.output
    report = json.loads(done.stdout)
    assert (report["kind"], report["name"], report["identity"]["model"]) == (
        "heater",
        "watlow-f4t",
        "F4T",
    )
    outcomes = [one["outcome"] for one in report["checks"]]
    assert outcomes[0] == "passed"
    assert set(outcomes[1:]) == {"skipped"}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["chemyx", "--set", "buad=9600"], "did you mean 'baud'"),
        (["chemyx", "--set", "baud=fast"], "baud"),
        (["chemyx", "--set", "baud"], "key=value"),
        (["chemyx", "--may-move"], "which syringe"),
        (["chemyx", "--syringe", "10 mL", "wide"], "a length such as"),
        (["random"], "name one driver"),
    ],
)
def test_wrong_options_are_reported_before_opening(
    check: Callable[..., Any], words: list[str], said: str
) -> None:
    """Exit code 2, and a line with the expected form."""
    done = check(*words, "--address", "no-such-port")
    assert done.exit_code == 2, done.output
    assert said in done.output


def test_an_instrument_that_does_not_answer_is_reported(check: Callable[..., Any]) -> None:
    """Exit code 1, and nothing is checked."""
    done = check("chemyx", "--address", "no-such-port")
    assert done.exit_code == 1
    assert "no-such-port" in done.output


def test_settings_reach_the_emulator_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without --live, --set changes the settings of driver and emulator."""
    from flowrig.testing.conformance import installed

    seen = []
    monkeypatch.setattr(installed, "score", lambda suite, new_bench: seen.append(new_bench))
    offer = Plugins.discover().drivers()["chemyx-fusion"]
    installed.score_offer(offer, "COM3", ["channel=2", "model=4000"])
    settings = seen[0].args[2]
    assert settings == FusionSettings(
        address="COM3", channel=2, model="4000", deadline_s=installed.DEADLINE_S
    )
    installed.score_offer(offer, "COM3", ["deadline=3 s"])
    assert seen[1].args[2] == FusionSettings(address="COM3", deadline_s=3.0)


def test_errors_of_a_link_are_no_failure_of_a_check() -> None:
    """The first identification raises them: the address may be wrong, not the driver."""
    offer = Plugins.discover().drivers()["chemyx-fusion"]
    session = LiveSession(offer, FusionSettings(address="no-such-port"))
    with pytest.raises(ConnectionLostError):
        session.identify_at_rest()
