"""The simulated world of rigs whose valves turn between experiments."""

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowrig.clock import VirtualClock
from flowrig.interfaces.pump import Syringe
from flowrig.plugins.registry import Plugins
from flowrig.profile import Profile, load_profile
from flowrig.profile.model import Component, Stream
from flowrig.profile.model.flow import Outlets
from flowrig.profile.topology import FlowGraph, Topology
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

    def __init__(self, profile: Profile, path: FlowPath | None = None) -> None:
        self.profile = profile
        self.path = path or FlowPath.of(profile, {"injector": "load"})
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

    def seen(self, spectrometer: str = "hdx") -> Slice | None:
        cell = self.path.cells[spectrometer]
        total_ul = self.record.end_ul(cell.stretch)
        return self.record.slice_at(cell.stretch, cell.position_ul, total_ul)

    @property
    def slice(self) -> Slice:
        found = self.seen()
        assert found is not None
        return found

    def share(self, stream: str) -> float:
        return float(self.slice.shares[self.path.reactive.index(stream)])


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


def test_a_carrier_pushes_slugs_out_of_a_loop() -> None:
    """What was filled in as slugs is seen as slugs, though only carrier is pumped behind it."""
    streams = {
        "Pb": attrs.evolve(loop().streams["Pb"], to="mixer"),
        "Oil": attrs.evolve(loop().streams["Cs"], name="Oil", role="carrier", to="mixer"),
        "Push": attrs.evolve(loop().streams["Push"], role="carrier"),
    }
    flows = Flows(attrs.evolve(loop(), streams=streams))
    flows.run({"Pb": 150.0, "Oil": 50.0, "Push": 60.0}, 900.0)
    flows.turn("inject")
    reactive_ul = 0.0
    for _ in range(200):
        flows.run({"Push": 60.0}, 2.0)
        found = flows.seen()
        reactive_ul += 2.0 * (0.0 if found is None else found.reactive_share)
        if found is not None and found.reactive_share > 0.0:
            assert flows.share("Pb") == pytest.approx(1.0)
    assert reactive_ul == pytest.approx(150.0, rel=0.03)


def test_what_waits_in_a_loop_grows_older() -> None:
    """The time that a sample stands between filling and injection belongs to its history."""
    flows = Flows(loop())
    flows.run({"Pb": 100.0, "Cs": 100.0, "Push": 60.0}, 600.0)
    flows.turn("inject")
    flows.run({}, 400.0)
    flows.run({"Push": 60.0}, 200.0)
    before = flows.slice.met()[0][1]
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
        assert 0.0 <= flows.slice.shares.sum() <= 1.0 + 1e-9
    flows.run(rates, 2000.0)
    at = Topology(loop(), {"injector": turns[-1][0]})
    through = at.flows_ul_min(rates)["cell"]
    expected = [through.get(name, 0.0) / sum(through.values()) for name in flows.path.reactive]
    assert flows.slice.shares == pytest.approx(expected, abs=1e-6)


@st.composite
def turning_rigs(
    draw: st.DrawFn,
) -> tuple[dict[str, Component], dict[str, Stream], list[dict[str, str]], str]:
    """Components that lead to earlier ones, some of them valves, streams of two phases, positions
    one after the other, and a component to look at."""
    path = {"c0": Component(name="c0", kind="waste")}
    plain = ["c0"]
    for index in range(1, draw(st.integers(3, 9))):
        name, before = f"c{index}", st.sampled_from(list(path))
        how = draw(st.sampled_from(("on", "equal", "phases", "valve", "routes")))
        volume_ul = draw(st.floats(1.0, 60.0))
        to: Outlets = draw(before)
        if how == "equal":
            to = tuple(draw(st.lists(before, min_size=1, max_size=3, unique=True)))
        elif how == "phases":
            to = {"oil": draw(before), "water": draw(before)}
        elif how == "valve":
            to = {"a": draw(before), "b": draw(before)}
        if how == "routes":  # its ways are known once all that lead into it are
            path[name] = Component(name=name, kind="valve", routes={"a": {}, "b": {}})
            continue
        kind = {"phases": "separator", "valve": "valve"}.get(how, "junction")
        path[name] = Component(name=name, kind=kind, to=to, given_volume_ul=volume_ul)  # type: ignore[arg-type]
        plain.append(name)
    entries = draw(st.lists(st.sampled_from(list(path)[1:]), min_size=1, max_size=4))
    streams = {
        f"s{i}": flowing(f"s{i}", to, draw(st.sampled_from(("oil", "water"))))
        for i, to in enumerate(entries)
    }
    names = list(path)
    for name, valve in path.items():
        sources = [n for n, c in path.items() if name in c.outlets or name in str(c.to)]
        sources += [n for n, one in streams.items() if one.to == name]
        lower = [one for one in plain if names.index(one) < names.index(name)]
        if valve.kind == "valve" and valve.to is None:
            ways = {at: {s: draw(st.sampled_from(lower)) for s in sources} for at in "ab"}
            path[name] = attrs.evolve(valve, routes=ways)
    valves = [name for name, one in path.items() if one.kind == "valve"]
    at = [
        {name: draw(st.sampled_from("ab")) for name in valves}
        for _ in range(draw(st.integers(1, 4)))
    ]
    looked_at = draw(st.sampled_from(plain))
    path[looked_at] = attrs.evolve(path[looked_at], spectrometer="cell")
    return path, streams, at, looked_at


def flowing(name: str, to: str, phase: str) -> Stream:
    return Stream(
        name=name,
        pump=name,
        syringe=Syringe(50_000.0, 28.6),
        contents="",
        role="carrier" if phase == "oil" else "solvent",
        flow_rate_ul_min=(0.0, 1000.0),
        to=to,
        given_phase=phase,
    )


@settings(max_examples=25, deadline=None)
@given(turning_rigs(), st.data())
def test_wherever_valves_stood_the_world_ends_as_the_graph(
    rig: tuple[dict[str, Component], dict[str, Stream], list[dict[str, str]], str],
    data: st.DataObject,
) -> None:
    """After any turns, steady flow is that of the last positions, and nothing is lost."""
    path, streams, at, looked_at = rig
    profile = attrs.evolve(loop(), path=path, streams=streams, sections={})
    rates = {name: data.draw(st.sampled_from((0.0, 20.0, 300.0))) for name in streams}
    graphs = [FlowGraph(path, streams, some) for some in at]
    flows = Flows(profile, FlowPath.along(profile, graphs[0]))
    for graph in graphs:
        flows.record.turn(FlowPath.along(profile, graph))
        flows.run(rates, data.draw(st.sampled_from((0.5, 20.0, 300.0))))
        shares = flows.seen("cell")
        assert shares is None or -1e-9 <= shares.shares.min() <= shares.shares.sum() <= 1 + 1e-9
    flows.run(rates, 6000.0)
    passing = {name: graphs[-1].passing(name).get(looked_at, 0.0) for name in streams}
    through = {name: rates[name] * share for name, share in passing.items()}
    reactive = {name: q for name, q in through.items() if streams[name].role != "carrier"}
    found = flows.seen("cell")
    if sum(reactive.values()) > 0.0:
        assert found is not None
        total = sum(reactive.values())
        expected = [reactive.get(name, 0.0) / total for name in flows.path.reactive]
        assert found.shares == pytest.approx(expected, abs=1e-6)
        assert found.reactive_share == pytest.approx(total / sum(through.values()))


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


def test_check_tells_sections_by_position(flowrig: Any) -> None:
    """What is passed in one position only is told with it; τ in each."""
    sections = json.loads(flowrig("check", FILE, "--json").stdout)["sections"]
    assert sections["front"]["with"] == {"injector": "load"}
    assert sections["growth"]["with"] == {"injector": "inject"}
    (other,) = sections["residence"]["also"]
    assert other["with"] == {"injector": "inject"}
    said = " ".join(flowrig("check", FILE).stdout.split())
    assert "with injector at 'inject': 300 µL/min in all" in said
    assert "section growth: nothing flows through it" in said
