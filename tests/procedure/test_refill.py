"""Syringes that fill themselves between experiments, on the emulated rig."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from refilling_rig import RIG, refilling
from watched_rig import WatchedWorld, assert_at_rest, plugins_with, run_watched

from flowrig.journal.events import CutLiquid, EventData, Intent, Outcome, Reading, WentOn
from flowrig.journal.journal import FILE_NAME, AnyEvent, Journal
from flowrig.operator.requests import OperatorRequests, Request
from flowrig.planning.plan import plan_campaign
from flowrig.profile import load_profile_text
from flowrig.rig.simulated import EmulatedRig, emulated
from flowrig.run.start import RunOutcome
from flowrig.run_record.reader import RunRecord
from flowrig.safety.supply_lines import SupplyLines

Move = tuple[str, Any]


class Strikes:
    """Injects a fault into a device when an event comes."""

    def __init__(self, when: Callable[[EventData], bool], device: str, fault: str) -> None:
        self._when, self._device, self._fault = when, device, fault
        self._rig: EmulatedRig | None = None

    def __call__(self, event: AnyEvent) -> None:
        """Take an event of the journal."""
        if self._rig is not None and self._when(event.data):
            self._rig.emulators[self._device].inject(self._fault)
            self._rig = None

    @contextmanager
    def simulator(self, *arguments: Any, **options: Any) -> Iterator[EmulatedRig]:
        """Start the emulators."""
        with emulated(*arguments, **options) as rig:
            self._rig = rig
            yield rig


def run(folder: Path, text: str = RIG, **options: Any) -> tuple[RunOutcome, WatchedWorld]:
    """A run on the rig, whose end leaves it at rest."""
    (folder / "rig.toml").write_text(text, encoding="utf-8")
    outcome, world, clock = run_watched(folder / "rig.toml", folder / "run", **options)
    assert_at_rest(world, clock)
    return outcome, world


def moves(folder: Path) -> list[Move]:
    """Starts, draws, stops and turns of the valves, in order."""
    with Journal(folder / "run" / FILE_NAME, read_only=True) as journal:
        intents = [event.data for event in journal.events(Intent)]
    return [
        (one.command, one.positions or one.volumes_ul or one.streams)
        for one in intents
        if one.command in ("start", "draw", "stop", "set-values")
    ]


def drawing(data: EventData) -> bool:
    """Whether pumps are told to draw."""
    return isinstance(data, Outcome) and data.command == "draw"


class Underway:
    """True at the second look after pumps were told to draw."""

    def __init__(self) -> None:
        self._looks = -1

    def __call__(self, data: EventData) -> bool:
        """Take an event."""
        if drawing(data):
            self._looks = 0
        elif self._looks >= 0 and isinstance(data, Reading):
            self._looks += 1
        return self._looks == 2


def assert_counted(folder: Path, world: WatchedWorld) -> None:
    """Both accounts are what the world knows, and nothing went the wrong way."""
    with RunRecord(folder / "run", plugins_with()) as record:
        ledger = record.ledger()
    for stream in ("CuI", "PFO"):
        body: Any = world.pump(f"pump_{stream.lower()}")
        assert ledger.left_ul[stream] == pytest.approx(body.fill_ul, abs=0.5)
        assert (body.to_reservoir_ul, body.from_line_ul) == (0.0, 0.0)
        if stream in ledger.reservoirs.left_ul:
            taken_ul = ledger.reservoirs.full_ul[stream] - ledger.reservoirs.left_ul[stream]
            assert taken_ul == pytest.approx(body.from_reservoir_ul, abs=0.5)


def test_syringes_fill_themselves_between_experiments(tmp_path: Path) -> None:
    """Valves to the reservoirs, the pumps draw together, valves back; then all flows again."""
    outcome, world = run(tmp_path)
    assert outcome.state == "finished"
    told = moves(tmp_path)
    at = next(n for n, (command, _) in enumerate(told) if command == "draw")
    assert [command for command, _ in told[at - 2 : at + 3]] == [
        "stop", "set-values", "draw", "stop", "set-values",
    ]  # fmt: skip
    assert told[at - 1][1] == {"v_cui": "fill", "v_pfo": "fill"}
    assert set(told[at][1]) == {"CuI", "PFO"}
    assert told[at + 2][1] == {"v_cui": "run", "v_pfo": "run"}
    assert told[-1] == ("set-values", {"v_cui": "off", "v_pfo": "run"})
    body: Any = world.pump("pump_cui")
    assert body.from_reservoir_ul > 200.0
    assert_counted(tmp_path, world)


def test_a_valve_that_does_not_turn_ends_the_run_before_anything_is_drawn(tmp_path: Path) -> None:
    """Its position is verified first."""
    strikes = Strikes(lambda data: isinstance(data, Outcome), "v_cui", "stuck-valve")
    text = RIG.replace(
        'run = 1, fill = 2, off = 3 }\nsafe = "off"', 'run = 1, fill = 2 }\nsafe = "run"'
    )
    outcome, world = run(tmp_path, text, simulator=strikes.simulator, listeners=[strikes])
    assert outcome.state == "failed"
    assert "v_cui" in outcome.reason
    assert not any(command == "draw" for command, _ in moves(tmp_path))
    assert_counted(tmp_path, world)


def test_a_pump_that_stalls_while_it_draws_ends_the_run(tmp_path: Path) -> None:
    """What it drew until then is counted, and its valve turns back."""
    strikes = Strikes(Underway(), "pump_cui", "stall")
    outcome, world = run(tmp_path, simulator=strikes.simulator, listeners=[strikes])
    assert outcome.state == "failed"
    assert "pump_cui" in outcome.reason
    body: Any = world.pump("pump_cui")
    assert body.from_reservoir_ul > 20.0
    assert moves(tmp_path)[-1] == ("set-values", {"v_cui": "off", "v_pfo": "run"})
    assert_counted(tmp_path, world)


def test_a_valve_turned_by_hand_while_the_pump_draws_ends_the_run(tmp_path: Path) -> None:
    """What was drawn counts as gone, and not as in the syringe."""
    strikes = Strikes(drawing, "v_cui", "turned-by-hand times=1")
    outcome, world = run(tmp_path, simulator=strikes.simulator, listeners=[strikes])
    assert outcome.state == "failed"
    assert "v_cui" in outcome.reason
    with RunRecord(tmp_path / "run", plugins_with()) as record:
        ledger = record.ledger()
    body: Any = world.pump("pump_cui")
    assert ledger.left_ul["CuI"] < body.fill_ul
    assert ledger.left_ul["CuI"] + ledger.room_ul("CuI") < 990.0
    taken_ul = ledger.reservoirs.full_ul["CuI"] - ledger.reservoirs.left_ul["CuI"]
    assert taken_ul >= body.from_reservoir_ul


def test_a_reservoir_that_is_low_needs_a_person(tmp_path: Path) -> None:
    """The run holds, names it, and goes on when it is full."""
    text = refilling(3).replace('reservoir = "20 mL"', 'reservoir = "0.4 mL"')
    text = text.replace('volume = "1 mL"', 'volume = "0.4 mL"').replace("0.9 mL", "0.15 mL")
    outcome, _ = run(tmp_path, text)
    assert outcome.state == "held", outcome.reason
    assert re.search(
        r"fill the reservoir of CuI: 0\.\d+ mL left, fill up to 0.4 mL", outcome.reason
    )
    assert "--refilled CuI.reservoir" in outcome.reason


def test_a_pause_waits_for_the_end_of_a_refill(tmp_path: Path) -> None:
    """While a valve leads to a reservoir nothing else may flow."""
    requests = OperatorRequests()
    paused: list[str] = []

    def pause(event: AnyEvent) -> None:
        if drawing(event.data):
            requests.ask(Request.PAUSE)
        if event.kind == "hold":
            paused.append(event.kind)
            requests.ask(Request.GO_ON)

    outcome, world = run(tmp_path, requests=requests, listeners=[pause])
    assert (outcome.state, paused) == ("finished", ["hold"])
    assert_counted(tmp_path, world)


HOLDS = """
[[interlocks]]
reading = "gauge.pressure"
above = "1.9 bar"
action = "hold"

[devices.gauge]
driver = "scpi-sensor"
address = "192.0.2.20"
deadline = "1 s"
channels = { pressure = { query = "MEAS:PRES?", unit = "bar", scale = 0.001 } }

[path.mixer]
sensor = "gauge"
"""


def test_a_hold_ends_the_refill_under_way(tmp_path: Path) -> None:
    """Nothing draws any more, and the valves lead to the flow path, before a person comes."""
    strikes = Strikes(drawing, "gauge", "pressure-rises")
    outcome, world = run(
        tmp_path, refilling(more=HOLDS), simulator=strikes.simulator, listeners=[strikes]
    )
    assert outcome.state == "held", outcome.reason
    told = moves(tmp_path)
    at = next(n for n, (command, _) in enumerate(told) if command == "draw")
    assert told[at + 1 : at + 3] == [
        ("stop", ("CuI", "PFO")),
        ("set-values", {"v_cui": "run", "v_pfo": "run"}),
    ]
    assert_counted(tmp_path, world)


RINSING = RIG.replace('reservoir = "20 mL"', 'reservoir = "20 mL"\nrinse = "0.1 mL"')


def test_a_line_is_rinsed_after_each_refill() -> None:
    """Once; and again where a person may have done anything meanwhile."""
    lines = SupplyLines(load_profile_text(RINSING, "rig.toml", plugins_with()))
    assert lines.needed_ul(["CuI", "PFO"]) == {"CuI": 100.0}

    def stopped(**volumes: dict[str, float]) -> None:
        lines.follow(Outcome(intent=0, command="stop", outcome="done", **volumes))

    stopped(dispensed_ul={"CuI": 60.0, "PFO": 10.0})
    assert lines.needed_ul(["CuI"]) == pytest.approx({"CuI": 40.0})
    stopped(dispensed_ul={"CuI": 50.0})
    assert lines.needed_ul(["CuI"]) == {}
    stopped(dispensed_ul={}, drawn_ul={"PFO": 500.0})
    assert lines.needed_ul(["CuI"]) == {}
    stopped(dispensed_ul={}, drawn_ul={"CuI": 500.0}, taken_ul={"CuI": 500.0})
    assert lines.needed_ul(["CuI"]) == {"CuI": 100.0}
    stopped(dispensed_ul={"CuI": 100.0})
    assert lines.needed_ul(["CuI"]) == {}
    lines.follow(WentOn(by="terminal", refilled=("CuI",), emptied=()))
    assert lines.needed_ul(["CuI"]) == {"CuI": 100.0}
    stopped(dispensed_ul={"CuI": 100.0})
    lines.follow(CutLiquid(cut=1, text="", events=(), emptied_ul={}))
    assert lines.needed_ul(["CuI"]) == {"CuI": 100.0}


@pytest.mark.slow
def test_a_rinse_after_a_refill_is_counted(tmp_path: Path) -> None:
    """It flows alone, before the experiment, and is off the account as it is off the syringe."""
    outcome, world = run(tmp_path, RINSING)
    assert outcome.state == "finished", outcome.reason
    assert_counted(tmp_path, world)
    with Journal(tmp_path / "run" / FILE_NAME, read_only=True) as journal:
        intents = [event.data for event in journal.events(Intent)]
    draws = [one for one in intents if one.command == "draw" and "CuI" in (one.volumes_ul or {})]
    starts = [one.flow_rates_ul_min or {} for one in intents if one.command == "start"]
    rinses = [one for one in starts if set(one) == {"CuI"}]
    assert draws
    assert len(rinses) == 1 + len(draws)  # the first one when the run starts
    profile = load_profile_text(RINSING, "rig.toml", plugins_with())
    with_rinse = plan_campaign(profile)
    plain = plan_campaign(load_profile_text(RIG, "rig.toml", plugins_with()))
    more_ul = with_rinse.volumes_ul["CuI"] - plain.volumes_ul["CuI"]
    assert more_ul == pytest.approx(100.0 * len(rinses), rel=0.02)


def test_the_plan_tells_when_syringes_fill_themselves() -> None:
    """With their volumes and the time that it takes; nobody is asked."""
    profile = load_profile_text(refilling(3), "rig.toml", plugins_with())
    plan = plan_campaign(profile)
    assert plan.refills == ()
    assert [one.experiment for one in plan.drawings] == [2, 3]
    first = plan.drawings[0].volumes_ul
    assert 100.0 < first["CuI"] < 990.0
    assert not plan.problems
    without = load_profile_text(
        refilling(3).replace('rate = "500 uL/min"', 'rate = "50 uL/min"'),
        "rig.toml",
        plugins_with(),
    )
    assert plan_campaign(without).time_s > plan.time_s + 300.0
