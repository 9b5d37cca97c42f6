"""The simulated world of rigs whose valves turn between experiments."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowrig.clock import VirtualClock
from flowrig.plugins.registry import Plugins
from flowrig.profile import Profile, load_profile
from flowrig.profile.topology import Topology
from flowrig.run_record.reader import RunRecord
from flowrig_sim.flow.flowpath import FlowPath
from flowrig_sim.flow.transport import FlowRecord, Slice
from flowrig_sim.world import FluidicWorld

FILE = Path(__file__).parent / "loop.toml"
STEP_S = 0.5


@cache
def loop() -> Profile:
    return load_profile(FILE, Plugins.discover())


class Flows:
    """Liquid that flows through a rig whose valve turns, step by step."""

    def __init__(self, profile: Profile) -> None:
        self.profile = profile
        self.path = FlowPath.of(profile, {"injector": "load"})
        self.record = FlowRecord(self.path, STEP_S)
        self._now_s = 0.0

    def turn(self, position: str) -> None:
        self.record.turn(FlowPath.of(self.profile, {"injector": position}))

    def run(self, rates: Mapping[str, float], seconds: float) -> None:
        order = (*self.path.reactive, *self.path.carriers)
        steps = round(seconds / STEP_S)
        times_s = self._now_s + STEP_S * np.arange(1, steps + 1)
        added_ul = np.array([rates.get(name, 0.0) * STEP_S / 60.0 for name in order])
        self.record.append(times_s, np.tile(added_ul, (steps, 1)))
        self._now_s += steps * STEP_S

    def seen(self) -> Slice:
        cell = self.path.cells["hdx"]
        total_ul = self.record.end_ul(cell.stretch)
        found = self.record.slice_at(cell.stretch, cell.position_ul, total_ul)
        assert found is not None
        return found

    def share(self, stream: str) -> float:
        return float(self.seen().shares[self.path.reactive.index(stream)])


def test_a_loop_that_was_filled_is_injected() -> None:
    """All of what fills the loop passes the flow cell after the turn, and nothing else of it."""
    flows = Flows(loop())
    flows.run({"Pb": 100.0, "Cs": 100.0, "Push": 60.0}, 900.0)
    assert flows.share("Push") == pytest.approx(1.0, abs=1e-9)
    flows.turn("inject")
    passed_ul = {"Pb": 0.0, "Cs": 0.0, "Push": 0.0}
    for _ in range(300):
        flows.run({"Push": 60.0}, 4.0)
        for name in passed_ul:
            passed_ul[name] += 4.0 * flows.share(name)
    assert passed_ul["Pb"] == pytest.approx(100.0, rel=0.02)
    assert passed_ul["Cs"] == pytest.approx(100.0, rel=0.02)
    assert flows.share("Push") == pytest.approx(1.0, abs=1e-6)


def test_what_waits_in_a_loop_grows_older() -> None:
    """The time that a sample stands between filling and injection belongs to its history."""
    flows = Flows(loop())
    flows.run({"Pb": 100.0, "Cs": 100.0, "Push": 60.0}, 600.0)
    flows.turn("inject")
    flows.run({}, 400.0)
    flows.run({"Push": 60.0}, 200.0)
    before = flows.seen().met()[0][1]
    (in_loop,) = before.passages
    assert in_loop.component.name == "loop"
    assert in_loop.left_s - in_loop.entered_s > 400.0


@settings(max_examples=10, deadline=None)
@given(
    turns=st.lists(
        st.tuples(st.sampled_from(("load", "inject")), st.sampled_from((10.0, 100.0, 400.0))),
        min_size=1,
        max_size=5,
    )
)
def test_in_the_end_the_world_agrees_with_the_graph(turns: list[tuple[str, float]]) -> None:
    """Whatever was turned before, steady flow has the composition of the last position."""
    rates = {"Pb": 80.0, "Cs": 120.0, "Push": 100.0}
    flows = Flows(loop())
    for position, seconds in turns:
        flows.turn(position)
        flows.run(rates, seconds)
        assert 0.0 <= flows.seen().shares.sum() <= 1.0 + 1e-9
    flows.run(rates, 2000.0)
    at = Topology(loop(), {"injector": turns[-1][0]})
    through = at.flows_ul_min(rates)["cell"]
    expected = [through.get(name, 0.0) / sum(through.values()) for name in flows.path.reactive]
    assert flows.seen().shares == pytest.approx(expected, abs=1e-6)


def test_the_order_of_reads_changes_nothing() -> None:
    """A world that is read often and one that is read once see the same, bit for bit."""
    seen = []
    for pause_s in (0.25, 7.5):
        clock = VirtualClock()
        profile = loop()
        assert profile.simulation is not None
        world = FluidicWorld(profile, profile.simulation.settings, clock, 3)
        valve = world.body("injector")
        for position, rates in ((1, {"Pb": 100.0, "Cs": 50.0}), (2, {"Push": 80.0})):
            clock.sleep(5.0)
            valve.turn(position)
            clock.sleep(5.0)
            for name, rate in rates.items():
                world.pump(profile.streams[name].pump).push(rate)
            end_s = clock.now_s() + 146.0
            while clock.now_s() < end_s - 1e-6:
                clock.sleep(min(pause_s, end_s - clock.now_s()))
                _ = world.pump("pump_push").moved_ul
            for name in rates:
                world.pump(profile.streams[name].pump).push(0.0)
        fluid = world._fluid
        seen.append(fluid.content(fluid.path.cells["hdx"], clock.now_s()))
    assert seen[0] == seen[1]


def test_a_position_of_its_own_in_each_experiment(flowrig: Any, tmp_path: Path) -> None:
    """The valve turns while streams stand, and the wait is that of the position."""
    flowrig("run", FILE, "--simulate", "--seed", 1, "--out", tmp_path / "run")
    assert (tmp_path / "run" / "report.html").exists()
    with RunRecord(tmp_path / "run") as record:
        places = [one.conditions["where"] for one in record.experiments()]
        assert {*places} == {"load", "inject"}
        assert all(one.features["pla"] is not None for one in record.experiments())
