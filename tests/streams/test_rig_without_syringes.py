"""Runs on a rig of which a pump without a syringe and a gas controller drive two streams."""

import math
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import pytest
from flow_sources import SOURCES, plugins_with_sources
from watched_rig import WatchedWorld, run_watched

from flowrig.clock import VirtualClock
from flowrig.errors import ConnectionLostError
from flowrig.interfaces import PumpState
from flowrig.journal.events import (
    ChangedElsewhere,
    EventData,
    HoldBegun,
    Outcome,
    Reading,
    SafeStateSought,
    StepBegun,
    Tripped,
    WasteLevels,
)
from flowrig.journal.journal import FILE_NAME, Journal
from flowrig.planning.plan import plan_campaign
from flowrig.plugins.registry import Plugins
from flowrig.profile import load_profile
from flowrig.report import html
from flowrig.report.from_record import content_of
from flowrig.rig.device_threads import DeviceThreads
from flowrig.rig.rig import Rig, open_rig
from flowrig.rig.simulated import EmulatedRig, emulated
from flowrig.run.options import RunOptions
from flowrig.run.rescue import LeftRig, Rescue, RescueJournal
from flowrig.run.start import RunOutcome, start_run
from flowrig.run_record.reader import RunRecord
from flowrig.run_record.rig_of import missing_drivers, rig_of
from flowrig.safety.syringes import SyringeLedger

D = TypeVar("D", bound=EventData)

STANDARD = 1.5e5 / 101_325.0
"""Volume of the gas at standard conditions, as a multiple of that at 1.5 bar."""


@pytest.fixture(scope="module")
def plugins() -> Plugins:
    """The drivers of the rig, and what is installed."""
    return plugins_with_sources()


def with_faults(*faults: tuple[str, str]) -> Callable[..., Any]:
    """A simulator in which faults of devices are planned."""

    @contextmanager
    def simulator(*arguments: Any, **options: Any) -> Iterator[EmulatedRig]:
        with emulated(*arguments, **options) as rig:
            for device, fault in faults:
                rig.emulators[device].inject(fault)
            yield rig

    return simulator


def run(
    folder: Path, plugins: Plugins, text: str = SOURCES, **options: Any
) -> tuple[RunOutcome, WatchedWorld]:
    """A run on the rig."""
    (folder / "rig.toml").write_text(text, encoding="utf-8")
    outcome, world, _ = run_watched(folder / "rig.toml", folder / "run", plugins, **options)
    return outcome, world


def events(folder: Path, kind: type[D]) -> list[D]:
    """What a journal holds of one kind."""
    with Journal(folder / "run" / FILE_NAME, read_only=True) as journal:
        return [event.data for event in journal.events(kind)]


def charged_ul(folder: Path, stream: str) -> float:
    """What the account of a run has charged a stream."""
    return sum((one.dispensed_ul or {}).get(stream, 0.0) for one in events(folder, Outcome))


def in_the_steady_state(action: Callable[[], object]) -> Callable[[Any], None]:
    """A listener that acts once, while the streams flow."""
    done: list[bool] = []

    def listen(event: Any) -> None:
        if isinstance(event.data, StepBegun) and "steady state" in event.data.what and not done:
            done.append(True)
            action()

    return listen


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory, plugins: Plugins) -> Path:
    """The folder of a run that was measured to its end."""
    folder = tmp_path_factory.mktemp("done")
    outcome, world = run(folder, plugins)
    assert outcome.state == "finished", outcome.reason
    moved = {name: world.pump(name).moved_ul for name in ("hplc", "nitrogen")}
    assert charged_ul(folder, "ODE") == pytest.approx(moved["hplc"], abs=0.1)
    assert charged_ul(folder, "PFO") == pytest.approx(moved["nitrogen"], rel=1e-3)
    assert min(moved.values()) > 1000.0
    return folder


def test_a_device_that_counts_is_charged_its_count(done: Path) -> None:
    """The other one is charged flow rate times time, and that is marked as estimated."""
    stops = [one for one in events(done, Outcome) if one.dispensed_ul]
    assert {*stops[-1].dispensed_ul} >= {"ODE", "PFO"}
    for one in stops:
        assert "ODE" not in (one.estimated or ())
        assert "PFO" in (one.estimated or ())


def test_a_gas_leaves_the_waste(done: Path) -> None:
    """Only liquids fill it."""
    (waste,) = events(done, WasteLevels)[-1].vessels.values()
    liquids = sum(charged_ul(done, name) for name in ("CuI", "ZnI2", "CsOA", "ODE"))
    assert waste.filled_ul == pytest.approx(liquids)


def test_what_the_devices_report_is_read(done: Path) -> None:
    """A look asks each device once, for its state and for its readings."""
    looks = events(done, Reading)
    assert {one.pumps["PFO"] for one in looks} == {"running", "stopped"}
    for one in looks:
        flow = (one.readings or {})["nitrogen.flow"] or 0.0
        assert (flow > 0.0) is (one.pumps["PFO"] == "running")


def test_the_report_draws_them(done: Path, plugins: Plugins) -> None:
    """With the volume of the supply in the place of a syringe's."""
    with RunRecord(done / "run", plugins) as record:
        page = html.render(content_of(record))
    assert re.search("nitrogen; 40.mL, from nitrogen", page)


def test_the_plan_counts_with_the_supply(tmp_path: Path, plugins: Plugins) -> None:
    """It says when a supply runs out, and what it assumes."""
    path = tmp_path / "rig.toml"
    path.write_text(SOURCES.replace('"40 mL"', '"1 mL"'), encoding="utf-8")
    plan = plan_campaign(load_profile(path, plugins))
    assert [refill.streams for refill in plan.refills] == [("PFO",)]
    assert "every syringe and supply is full at the start" in plan.assumptions[0]


def test_the_flow_rate_of_a_gas_counts_at_its_pressure(tmp_path: Path, plugins: Plugins) -> None:
    """The controller is told standard volumes, and the world gets those at 1.5 bar."""
    path = tmp_path / "rig.toml"
    path.write_text(SOURCES, encoding="utf-8")
    with open_rig(load_profile(path, plugins), simulate=True, plugins=plugins) as rig:
        rig.set_flow_rates({"PFO": 400.0})
        rig.start(["PFO"])
        assert WatchedWorld.newest.body("nitrogen").told == pytest.approx(0.4 * STANDARD, abs=1e-3)
        rig.clock.sleep(60.0)
        assert WatchedWorld.newest.pump("nitrogen").moved_ul == pytest.approx(400.0, rel=2e-3)
        assert rig.read().read_backs["PFO"].rate_ul_min == 400.0
        rig.stop(["PFO"])
        assert rig.pump_states(["PFO", "ODE"]) == dict.fromkeys(("PFO", "ODE"), PumpState.STOPPED)


def test_a_supply_that_is_empty_holds_the_run(tmp_path: Path, plugins: Plugins) -> None:
    """The run asks for a full supply, as it does for a syringe."""
    outcome, _ = run(tmp_path, plugins, SOURCES.replace('"40 mL"', '"1 mL"'))
    assert outcome.state == "held"
    (hold,) = events(tmp_path, HoldBegun)
    assert (hold.refill, hold.supplied) == (("PFO",), ("PFO",))
    assert "refill PFO" in hold.text


def test_a_supply_without_an_end_is_never_empty(tmp_path: Path, plugins: Plugins) -> None:
    """Nothing is asked of a person, and the account stays finite where it is written."""
    text = SOURCES.replace('supply = "40 mL"\n', "").replace("extends", "interlocks = []\nextends")
    outcome, _ = run(tmp_path, plugins, text)
    assert outcome.state == "finished", outcome.reason
    with RunRecord(tmp_path / "run", plugins) as record:
        ledger = record.ledger()
    assert math.isinf(ledger.left_ul["PFO"])
    assert ledger.short_of({"PFO": 1e9}) == {}
    assert ledger.lasts("PFO", 1.0) == 0


@pytest.mark.parametrize(
    ("device", "fault", "setting"),
    [
        ("hplc", "panel-rate", "flow rate"),
        ("nitrogen", "panel-rate", "flow rate"),
    ],
)
def test_a_flow_rate_that_somebody_changes_is_noticed(
    tmp_path: Path, plugins: Plugins, device: str, fault: str, setting: str
) -> None:
    """At the next look; the run ends in the safe state, with every stream stopped."""
    change = in_the_steady_state(
        lambda: WatchedWorld.newest.body(device).faults[fault].switch(True)
    )
    outcome, world = run(tmp_path, plugins, listeners=[change])
    assert outcome.state == "failed"
    (changed,) = events(tmp_path, ChangedElsewhere)
    assert (changed.device, changed.setting) == (device, setting)
    assert float(changed.found) == pytest.approx(0.8 * float(changed.commanded), rel=0.01)
    assert world.body(device).told == 0.0


def test_a_start_that_nobody_ordered_is_noticed(tmp_path: Path, plugins: Plugins) -> None:
    """Somebody starts the solvent while the rig heats: it is stopped."""

    def start(event: Any) -> None:
        if isinstance(event.data, StepBegun) and "steady" not in event.data.what:
            WatchedWorld.newest.body("hplc").faults["panel-start"].switch(True)

    outcome, world = run(tmp_path, plugins, listeners=[start])
    assert outcome.state == "failed"
    (changed,) = events(tmp_path, ChangedElsewhere)
    assert (changed.device, changed.setting, changed.found) == ("hplc", "state", "running")
    assert world.body("hplc").told == 0.0


@pytest.mark.parametrize(
    ("faults", "said"),
    [
        ([("hplc", "stuck-setting at_s=1")], "was told to deliver .* and reports 0 µL/min"),
        pytest.param([("hplc", "mute at_s=60")], "hplc", marks=pytest.mark.slow),
    ],
)
def test_a_device_that_does_not_obey_ends_the_run(
    tmp_path: Path, plugins: Plugins, faults: list[tuple[str, str]], said: str
) -> None:
    """A start that is not kept, a device that falls silent while it delivers."""
    outcome, _ = run(tmp_path, plugins, simulator=with_faults(*faults))
    assert outcome.state in ("failed", "unknown")
    assert re.search(said, outcome.reason), outcome.reason
    assert events(tmp_path, SafeStateSought)


def test_a_device_that_stops_by_itself_is_noticed(tmp_path: Path, plugins: Plugins) -> None:
    """A stream that was started has to flow until it is stopped."""
    stop = in_the_steady_state(lambda: WatchedWorld.newest.body("hplc").tell(0.0))
    outcome, _ = run(tmp_path, plugins, listeners=[stop])
    assert outcome.state == "failed"
    (trip,) = events(tmp_path, Tripped)
    assert (trip.rule, trip.device) == ("stream-stopped", "hplc")


def test_a_rig_that_was_left_is_made_safe(tmp_path: Path, plugins: Plugins) -> None:
    """What a program left running is stopped, and the stop is confirmed."""
    path = tmp_path / "rig.toml"
    path.write_text(SOURCES, encoding="utf-8")
    clock = VirtualClock()
    with emulated(load_profile(path, plugins), clock, seed=1) as rig:
        bodies = [rig.world.body(name) for name in ("hplc", "nitrogen")]
        left = LeftRig(profile=rig.profile, ledger=SyringeLedger(rig.profile), references={})
        for attempt in (Rescue.run, Rescue.make_quiet):
            for body in bodies:
                body.tell(1.0)
            rescue = Rescue(left, RescueJournal(None, clock))
            safe = rescue.run("a test") if attempt is Rescue.run else rescue.make_quiet()
            assert safe is not None
            assert safe.reached, str(safe)
            assert [body.told for body in bodies] == [0.0, 0.0]


def test_a_device_that_does_not_stop_is_told_again(tmp_path: Path, plugins: Plugins) -> None:
    """The stop is repeated until it is confirmed, and the safe state is reached."""
    deaf = ("hplc", "stuck-setting at_s=60 for_s=130")
    outcome, world = run(tmp_path, plugins, simulator=with_faults(deaf))
    assert outcome.state == "failed"
    assert "was told to deliver 0 µL/min and reports" in outcome.reason
    (sought,) = events(tmp_path, SafeStateSought)
    assert sought.reached, sought.text
    assert world.body("hplc").told == 0.0
    assert charged_ul(tmp_path, "ODE") == pytest.approx(world.pump("hplc").moved_ul, rel=0.01)


def test_a_shipped_pump_without_a_syringe_runs(tmp_path: Path, plugins: Plugins) -> None:
    """An HPLC pump counts nothing: the flow rate that it keeps, times time, is charged."""
    ssi = 'driver = "ssi-hplc"\nflow_rate_max = "10 mL/min"'
    outcome, world = run(tmp_path, plugins, SOURCES.replace('driver = "kit-source"', ssi))
    assert outcome.state == "finished", outcome.reason
    # The pump keeps whole µL/min, and is charged those.
    assert charged_ul(tmp_path, "ODE") == pytest.approx(world.pump("hplc").moved_ul, rel=1e-4)
    assert all((one.readings or {})["hplc.pressure"] for one in events(tmp_path, Reading))


@pytest.mark.slow
def test_a_device_without_its_driver_is_named(tmp_path: Path, plugins: Plugins) -> None:
    """The rest of the rig is made safe; the stream is told to be stopped by hand."""
    text = SOURCES.replace('"watched"', '"fluidic"')
    (tmp_path / "rig.toml").write_text(text, encoding="utf-8")
    options = RunOptions(
        folder=tmp_path / "run", simulate=True, clock=VirtualClock(), plugins=plugins
    )
    outcome = start_run(tmp_path / "rig.toml", options)
    assert outcome.state == "finished"
    loaded = rig_of(tmp_path / "run")  # the kit is not installed
    assert "kit-source" in missing_drivers(loaded.profile)["hplc"]
    assert "nitrogen" not in missing_drivers(loaded.profile)
    assert loaded.profile.devices["nitrogen"].drives == "PFO"
    clock = VirtualClock()
    with DeviceThreads(clock) as threads:
        rig = Rig(loaded.profile, clock, threads)
        assert {*rig.try_to_stop(["ODE"])} == {"ODE"}
        with pytest.raises(ConnectionLostError, match="kit-source"):
            rig["hplc"].open()
