"""A run on a rig with a valve and a sensor, whose kinds come from plugins."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import pytest
from other_devices import BLOCKED, RIG, plugins_with_kit
from watched_rig import QUICK, WatchedWorld, run_watched

from flowrig.clock import VirtualClock
from flowrig.journal.events import (
    ChangedElsewhere,
    EventData,
    Intent,
    Measured,
    Reading,
    RunStarted,
    SafeStateSought,
    StepBegun,
    Tripped,
)
from flowrig.journal.journal import FILE_NAME, Journal
from flowrig.plugins.registry import Plugins
from flowrig.profile import check_profile, load_profile
from flowrig.report import html
from flowrig.report.exports.table import csv_rows
from flowrig.report.from_record import content_of
from flowrig.rig.simulated import EmulatedRig, emulated
from flowrig.run.make_safe import make_run_safe
from flowrig.run.options import RunOptions
from flowrig.run.rescue import LeftRig, Rescue, RescueJournal
from flowrig.run.start import RunOutcome, start_run
from flowrig.run_record.reader import RunRecord
from flowrig.run_record.rig_of import missing_drivers, rig_of
from flowrig.safety.syringes import SyringeLedger


@pytest.fixture(scope="module")
def plugins() -> Plugins:
    """The drivers of the rig, and what is installed."""
    return plugins_with_kit()


D = TypeVar("D", bound=EventData)


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
    folder: Path, plugins: Plugins, text: str = RIG, **options: Any
) -> tuple[RunOutcome, WatchedWorld]:
    """A run on the rig."""
    (folder / "rig.toml").write_text(text, encoding="utf-8")
    outcome, world, _ = run_watched(folder / "rig.toml", folder / "run", plugins, **options)
    return outcome, world


def events(folder: Path, kind: type[D]) -> list[D]:
    """What a journal holds of one kind."""
    with Journal(folder / "run" / FILE_NAME, read_only=True) as journal:
        return [event.data for event in journal.events(kind)]


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory, plugins: Plugins) -> Path:
    """The folder of a run that was measured to its end."""
    folder = tmp_path_factory.mktemp("done")
    outcome, world = run(folder, plugins)
    assert outcome.state == "finished"
    assert (world.body("selector").number, world.body("selector").turns) == (1, 2)
    return folder


def test_a_valve_is_turned_once_and_goes_to_its_safe_position(done: Path) -> None:
    """It has the position of [settings] in every experiment; at the end it is safe."""
    told = [one.positions for one in events(done, Intent) if one.command == "set-values"]
    assert told == [{"selector": "fill"}, {"selector": "run"}]
    (sought,) = events(done, SafeStateSought)
    assert sought.reached
    assert sought.steps[-1].step == "selector at 'run'"


def test_readings_are_columns_of_every_experiment(done: Path, plugins: Plugins) -> None:
    """In the journal, in exports and in the report, with their units."""
    assert events(done, RunStarted)[0].readings == {
        "gauge.pressure": "bar",
        "gauge.temperature": "degC",
    }
    for measured in events(done, Measured):
        assert measured.readings is not None
        assert 1.1 < (measured.readings["gauge.pressure"] or 0.0) < 1.5
    looks = events(done, Reading)
    assert {(one.positions or {})["selector"] for one in looks} == {"run", "fill"}
    with RunRecord(done / "run", plugins) as record:
        content = content_of(record)
    assert content.features["gauge.pressure"].unit == "bar"
    assert "gauge.pressure" in html.render(content)


def test_readings_are_exported(done: Path, plugins: Plugins) -> None:
    """Tables have a column for each of them, with its unit in the name."""
    with RunRecord(done / "run", plugins) as record:
        head, *rows = csv_rows(record)
    at = head.index("gauge.pressure_bar")
    assert head[at + 1] == "gauge.temperature_c"
    assert [1.1 < row[at] < 1.5 for row in rows] == [True, True]


@pytest.mark.parametrize(
    ("faults", "said"),
    [
        ([("gauge", "pressure-rises")], "pressure is .* bar, above 6 bar"),
        ([("selector", "stuck-valve")], "told to turn to 'fill' and reports 'run'"),
        pytest.param([("gauge", "mute after=6")], "gauge", marks=pytest.mark.slow),
    ],
)
def test_a_fault_ends_the_run_in_the_safe_state(
    tmp_path: Path, plugins: Plugins, faults: list[tuple[str, str]], said: str
) -> None:
    """A pressure that rises, a valve that does not turn, a sensor that is silent."""
    text = RIG + BLOCKED.partition('[[interlocks]]\nreading = "gauge.pressure"\nrises')[0]
    outcome, world = run(tmp_path, plugins, text, simulator=with_faults(*faults))
    assert outcome.state == "failed"
    assert re.search(said, outcome.reason), outcome.reason
    (sought,) = events(tmp_path, SafeStateSought)
    assert sought.reached, sought.text
    assert world.body("selector").number == 1


FROZEN = """
[[interlocks]]
reading = "gauge.pressure"
frozen_after = "90 s"
while_flowing = ["CuI", "ODE", "PFO"]
"""


@pytest.mark.parametrize(
    "faults", [[], pytest.param([("gauge", "frozen-sensor at_s=60")], id="frozen")]
)
def test_a_frozen_sensor_is_noticed(
    tmp_path: Path, plugins: Plugins, faults: list[tuple[str, str]]
) -> None:
    """A sound one passes; one that keeps its value while liquid flows ends the run safe."""
    simulator = with_faults(*faults)
    outcome, _ = run(tmp_path, plugins, RIG + FROZEN, simulator=simulator)
    trips = events(tmp_path, Tripped)
    assert [(one.rule, one.device) for one in trips] == [("frozen-reading", "gauge")] * bool(faults)
    assert outcome.state == ("failed" if faults else "finished"), outcome.reason
    (sought,) = events(tmp_path, SafeStateSought)
    assert sought.reached, sought.text


@pytest.mark.slow
def test_a_rise_puts_the_run_on_hold(tmp_path: Path, plugins: Plugins) -> None:
    """An interlock on a rise takes its action, and its grace time."""
    rise = BLOCKED.partition("[[interlocks]]")[2].partition("[[interlocks]]")[2]
    text = RIG + "[[interlocks]]" + rise
    fault = ("gauge", "pressure-rises at_s=60")
    outcome, _ = run(tmp_path, plugins, text, simulator=with_faults(fault))
    trips = events(tmp_path, Tripped)
    assert trips
    assert trips[0].action == "hold"
    assert "rises by 2 bar/min, more than 2 bar/min" in trips[0].cause
    assert outcome.state == "held"


def test_a_valve_that_somebody_turns_is_noticed(tmp_path: Path, plugins: Plugins) -> None:
    """At the next look, and told with both positions."""
    turned = False

    def turn(event: Any) -> None:
        nonlocal turned
        if isinstance(event.data, StepBegun) and "steady state" in event.data.what and not turned:
            turned = True
            WatchedWorld.newest.body("selector").number = 10

    outcome, world = run(tmp_path, plugins, listeners=[turn])
    (changed,) = events(tmp_path, ChangedElsewhere)
    assert (changed.device, changed.commanded, changed.found) == ("selector", "fill", "off")
    assert outcome.state == "failed"
    assert world.body("selector").number == 1


@pytest.mark.slow
def test_a_valve_without_its_driver_is_named(tmp_path: Path, plugins: Plugins) -> None:
    """The rest of the rig is made safe; the valve is told to be left as it is."""
    outcome, _ = run(tmp_path, plugins)
    assert outcome.state == "finished"
    loaded = rig_of(tmp_path / "run")
    assert "kit-valve" in missing_drivers(loaded.profile)["selector"]
    assert "kit-sensor" in missing_drivers(loaded.profile)["gauge"]
    steps = [step for step in loaded.profile.safe_state if "selector" in step.devices]
    assert [step.do for step in steps] == ["safe"]
    assert loaded.profile.devices["selector"].safe == "run"


def test_a_rig_that_was_left_is_made_safe(tmp_path: Path, plugins: Plugins) -> None:
    """A valve that a program left somewhere goes to its safe position."""
    path = tmp_path / "rig.toml"
    path.write_text(RIG, encoding="utf-8")
    clock = VirtualClock()
    with emulated(load_profile(path, plugins), clock, seed=1) as rig:
        rig.world.body("selector").number = 2
        ledger = SyringeLedger(rig.profile)
        left = LeftRig(profile=rig.profile, ledger=ledger, references={})
        safe = Rescue(left, RescueJournal(None, clock)).run("a test")
        assert safe.reached, str(safe)
        assert rig.world.body("selector").number == 1
        rig.world.body("selector").number = 2
        quiet = Rescue(left, RescueJournal(None, clock)).make_quiet()
        assert quiet is not None
        assert quiet.reached
        assert rig.world.body("selector").number == 1


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("safe = \"run\"", ""), "the safe position of the valve 'selector' is not known"),
        (("safe = \"run\"", "safe = \"shut\""), "got 'shut'; expected one of run, fill, off"),
        (("selector = \"fill\"", "selector = \"shut\""), "got 'shut'; expected one of run"),
        (("selector = \"fill\"", "gauge = \"1 bar\""), "this is no device that is set to a number"),
        (("sensor = \"gauge\"", "sensor = \"gauges\""), "unknown device 'gauges'"),
        (("sensor = \"gauge\"", "valve = \"gauge\""), "'gauge' is a sensor; expected a valve"),
        (("sensor = \"gauge\"", "device = \"pump_ode\""), "'pump_ode' is a pump; expected a"),
        (("sensor = \"gauge\"", "centrifuge = \"gauge\""), "unknown key 'centrifuge'"),
        (("positions = {", "spots = {"), "missing key 'positions'"),
        (("address = \"COM32\"", "address = \"COM32\"\nsafe = \"1 bar\""), "has no safe value"),
        (("above = \"6 bar\"", "above = \"6 mL\""), "expected a pressure"),
        (("above = \"6 bar\"", "above = \"6 bar\"\nbelow = \"9 bar\""), "one limit, and has 2"),
        (("above = \"6 bar\"", ""), "needs one limit, and has 0"),
        (("120 bar/h", "120 bar"), "expected a rise such as"),
        (("gauge.pressure", "gauge.presure"), "unknown reading 'gauge.presure'"),
        (("action = \"safe\"", "kind = \"heat-needs-flow\""), "a reading has no kind"),
        (("action = \"safe\"", "heater = \"plate\""), "reading takes no key 'heater'"),
        (("action = \"safe\"", "limit = \"3 bar\""), "unknown key 'limit'"),
        (("above = \"6 bar\"", "above = \"6 bar\"\nfrozen_after = \"9 s\""), "limit, and has 2"),
        (("above = \"6 bar\"", "frozen_after = \"9 bar\""), "expected a time"),
        (
            ("above = \"6 bar\"", "frozen_after = \"0 s\"\nwhile_flowing = [\"ODE\"]"),
            "expected more than 0 s",
        ),
        (("above = \"6 bar\"", "frozen_after = \"9 s\""), "expected a key `while_flowing`"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_at_its_place(
    tmp_path: Path, plugins: Plugins, change: tuple[str, str], said: str
) -> None:
    """Each mistake is found by `check`, with its line and what is expected."""
    path = tmp_path / "rig.toml"
    assert change[0] in RIG + BLOCKED
    path.write_text((RIG + BLOCKED).replace(*change, 1), encoding="utf-8")
    problems = check_profile(path, plugins)
    assert problems
    assert re.search(re.escape(said), str(problems[0])), problems
    assert problems[0].line > 0


SPACE = """
[[space]]
name = "antisolvent"
is = "selector"
choices = ["fill", "off"]
"""


@pytest.mark.slow
def test_a_position_is_a_condition(tmp_path: Path, plugins: Plugins) -> None:
    """An optimizer chooses it; the valve turns before each experiment, and while nothing flows."""
    text = RIG.replace("experiments = 2", "experiments = 4") + SPACE
    outcome, world = run(tmp_path, plugins, text)
    assert outcome.state == "finished", outcome.reason
    chosen = [one.conditions["antisolvent"] for one in events(tmp_path, Measured)]
    assert {*chosen} == {"fill", "off"}
    told = [
        (one.positions or {})["selector"]
        for one in events(tmp_path, Intent)
        if one.command == "set-values"
    ]
    turns = [position for n, position in enumerate(chosen) if n == 0 or chosen[n - 1] != position]
    assert told == ["fill", *turns[turns[0] == "fill" :], "run"]
    assert world.body("selector").number == 1


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (('"fill", "off"]', '"fill", "shut"]'), "unknown position 'shut'"),
        (('is = "selector"', 'is = "gauge"'), "'gauge' has no positions"),
        (('is = "selector"', 'is = "selectors"'), "unknown device with positions 'selectors'"),
    ],
)
def test_a_condition_that_is_no_position_is_told(
    tmp_path: Path, plugins: Plugins, change: tuple[str, str], said: str
) -> None:
    """`check` knows the positions and the devices."""
    path = tmp_path / "rig.toml"
    path.write_text(RIG + SPACE.replace(*change, 1), encoding="utf-8")
    problems = check_profile(path, plugins)
    assert [one for one in problems if said in str(one)], problems


VICI = (
    QUICK.format(experiments=1)
    + """
[settings]
selector = "fill"

[devices.selector]
driver = "vici"
address = "COM31"
positions = { run = 1, fill = 2 }
safe = "run"

[path.waste]
valve = "selector"
"""
)


def test_the_emergency_command_needs_only_what_the_rig_names(tmp_path: Path) -> None:
    """It loads the driver of a valve and the plugin of its kind, and none of the campaign's."""
    (tmp_path / "rig.toml").write_text(VICI, encoding="utf-8")
    folder = tmp_path / "run"
    options = RunOptions(folder=folder, simulate=True, clock=VirtualClock())
    assert start_run(tmp_path / "rig.toml", options).state == "finished"
    loaded = rig_of(folder)
    assert not missing_drivers(loaded.profile)
    assert loaded.profile.devices["selector"].safe == "run"
    assert {*loaded.plugins.kinds()} >= {"valve"}
    assert not loaded.plugins.offers("surrogate")
    outcome = make_run_safe(folder)
    assert outcome.state == "finished", outcome.reason
    with Journal(folder / FILE_NAME, read_only=True) as journal:
        last = journal.last(SafeStateSought)
    assert last is not None
    assert (last.data.by, last.data.reached) == ("flowrig safe", True)
    assert "selector at 'run'" in [one.step for one in last.data.steps]
