"""The simulated world on paths that divide, join and part by phase."""

from collections.abc import Mapping
from pathlib import Path

import attrs
import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from sim_bench import heat_up_profile

from flowrig.cli import main
from flowrig.clock import VirtualClock
from flowrig.interfaces.pump import Syringe
from flowrig.plugins.registry import Plugins
from flowrig.profile import Profile, load_profile_text
from flowrig.profile.model import Component, Stream
from flowrig.profile.topology import Topology
from flowrig_sim.flow.flowpath import FlowPath
from flowrig_sim.flow.transport import FlowRecord, Slice
from flowrig_sim.world import FluidicWorld

STEPS = 40


def stream(name: str, to: str, phase: str) -> Stream:
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


def rig(path: Mapping[str, Component], streams: Mapping[str, Stream]) -> Profile:
    profile: Profile = heat_up_profile()
    return attrs.evolve(profile, path=path, streams=streams, sections={})


class Flows:
    """A flow path through which streams flow at given rates [µL/min], step by step."""

    def __init__(self, profile: Profile, step_s: float) -> None:
        self.path = FlowPath.of(profile)
        self.record = FlowRecord(self.path, step_s)
        self._step_s, self._now_s = step_s, 0.0

    def run(self, rates: Mapping[str, float], steps: int) -> None:
        order = (*self.path.reactive, *self.path.carriers)
        times_s = np.array([self._now_s + self._step_s * (i + 1) for i in range(steps)])
        added_ul = np.array([rates.get(name, 0.0) * self._step_s / 60.0 for name in order])
        self.record.append(times_s, np.tile(added_ul, (steps, 1)))
        self._now_s = float(times_s[-1])

    def seen(self, spectrometer: str) -> Slice | None:
        cell = self.path.cells[spectrometer]
        total_ul = self.record.end_ul(cell.stretch)
        return self.record.slice_at(cell.stretch, cell.position_ul, total_ul)


@st.composite
def rigs(draw: st.DrawFn) -> tuple[Profile, dict[str, float], str]:
    """A path whose components lead to earlier ones, flow rates, and a component to look at."""
    path = {"c0": Component(name="c0", kind="waste")}
    for index in range(1, draw(st.integers(2, 8))):
        outlets = draw(st.lists(st.sampled_from(list(path)), min_size=1, max_size=3, unique=True))
        to: tuple[str, ...] | dict[str, float] | dict[str, str] = tuple(outlets)
        how = draw(st.sampled_from(("equal", "shares", "phases")))
        if how == "shares":
            parts = [draw(st.floats(0.2, 1.0)) for _ in outlets]
            to = {one: part / sum(parts) for one, part in zip(outlets, parts, strict=True)}
        elif how == "phases":
            to = {phase: draw(st.sampled_from(list(path))) for phase in ("oil", "water", "polar")}
        name = f"c{index}"
        path[name] = Component(
            name=name,
            kind="separator" if how == "phases" else "junction",
            to=to,
            given_volume_ul=draw(st.floats(1.0, 60.0)),
        )
    looked_at = draw(st.sampled_from(list(path)))
    path[looked_at] = attrs.evolve(path[looked_at], spectrometer="cell")
    entries = draw(st.lists(st.sampled_from(list(path)[1:]), min_size=1, max_size=4))
    phases = [draw(st.sampled_from(("oil", "water", "polar"))) for _ in entries]
    streams = {
        f"s{i}": stream(f"s{i}", entry, phase)
        for i, (entry, phase) in enumerate(zip(entries, phases, strict=True))
    }
    rates = {name: draw(st.sampled_from((0.0, 20.0, 100.0, 500.0))) for name in streams}
    return rig(path, streams), rates, looked_at


@settings(max_examples=25, deadline=None)
@given(rigs())
def test_at_steady_state_the_world_agrees_with_the_graph(
    given_rig: tuple[Profile, dict[str, float], str],
) -> None:
    """Composition, and the time of every route, are those of the flow path."""
    profile, rates, name = given_rig
    topology = Topology(profile)
    flows = topology.flows_ul_min(rates)
    reactive = {s: q for s, q in flows[name].items() if profile.streams[s].role != "carrier"}
    minutes = [
        profile.path[part].volume_ul / sum(some.values())
        for part, some in flows.items()
        if sum(some.values()) > 0.0
    ]
    flowing = Flows(profile, 4 * 60.0 * (sum(minutes) + 0.1) / STEPS)
    flowing.run(rates, STEPS)
    found = flowing.seen("cell")
    total = sum(reactive.values())
    if total <= 0.0:
        assert found is None or found.reactive_share == 0.0
        return
    assert found is not None
    expected = [reactive.get(one, 0.0) / total for one in flowing.path.reactive]
    assert found.shares == pytest.approx(expected, abs=1e-6)
    assert found.reactive_share == pytest.approx(total / sum(flows[name].values()))


COILS = """
extends = "cs3cu2i5-heatup-chem3"
[path]
segmentation = { to = { reactor = 0.75, coil = 0.25 } }
reactor = { to = "join" }
coil = { kind = "reactor", volume = "300 uL", heater = "plate", to = "join" }
join = { kind = "junction", volume = "0 uL", to = "cooling" }
"""
RATES = {"CuI": 100.0, "ZnI2": 100.0, "CsOA": 50.0, "ODE": 250.0, "PFO": 250.0}


def test_a_parcel_behind_two_coils_knows_both() -> None:
    """Three quarters of it took 64 s in the reactor, the rest 96 s in the coil."""
    profile = load_profile_text(COILS, "coils.toml", Plugins.discover())
    flowing = Flows(profile, 0.5)
    flowing.run(RATES, 600)
    found = flowing.seen("hdx_pl")
    assert found is not None
    assert found.shares.sum() == pytest.approx(1.0)
    times = {
        passage.component.name: (share, passage.left_s - passage.entered_s)
        for share, one in found.met()
        for passage in one.passages
    }
    assert times["reactor"] == pytest.approx((0.75, 64.0))
    assert times["coil"] == pytest.approx((0.25, 96.0))


def test_what_goes_in_comes_out_of_two_coils() -> None:
    """A pulse of dye arrives in two parts, and all of it."""
    path = {
        "tee": Component(name="tee", kind="junction", to={"fast": 0.5, "slow": 0.5}),
        "fast": Component(name="fast", kind="tubing", to="join", given_volume_ul=20.0),
        "slow": Component(name="slow", kind="tubing", to="join", given_volume_ul=80.0),
        "join": Component(name="join", kind="junction", to="cell"),
        "cell": Component(name="cell", kind="flow-cell", to="end", spectrometer="cell"),
        "end": Component(name="end", kind="waste"),
    }
    streams = {name: stream(name, "tee", "water") for name in ("dye", "solvent")}
    streams["oil"] = stream("oil", "tee", "oil")
    flowing = Flows(rig(path, streams), 0.5)
    clear = {"solvent": 60.0, "oil": 60.0}
    flowing.run(clear, 200)
    seen = []
    for step in range(400):
        dyed = step < 20
        flowing.run({"dye": 60.0, "oil": 60.0} if dyed else clear, 1)
        found = flowing.seen("cell")
        assert found is not None
        seen.append(float(found.shares[flowing.path.reactive.index("dye")]))
    assert sum(seen) == pytest.approx(20.0, abs=0.5)
    arrived = np.flatnonzero(np.array(seen) > 0.1)
    assert arrived[0] == pytest.approx(40, abs=2)
    assert arrived[-1] == pytest.approx(160 + 20, abs=2)
    assert max(seen) == pytest.approx(0.5)


def test_two_coils_make_what_one_makes_at_half_the_flow() -> None:
    """Branches that join keep their crystals: each half of the flow has its own coil."""
    text = COILS.replace("0.75", "0.5").replace("0.25", "0.5").replace("300 uL", "600 uL")
    both = load_profile_text(text, "coils.toml", Plugins.discover())
    one = load_profile_text('extends = "cs3cu2i5-heatup-chem3"', "one.toml", Plugins.discover())
    at = {"CuI": 100.0, "ZnI2": 100.0, "CsOA": 50.0, "ODE": 250.0}
    half = {name: 0.5 * rate for name, rate in at.items()}
    expected = world(one).truth({"temperature": 150.0, **half})
    coil = both.path["coil"]
    wide = attrs.evolve(coil, inner_diameter_mm=both.path["reactor"].inner_diameter_mm)
    both = attrs.evolve(both, path={**both.path, "coil": wide})
    assert world(both).truth({"temperature": 150.0, **at}) == pytest.approx(expected)


def world(profile: Profile) -> FluidicWorld:
    assert profile.simulation is not None
    return FluidicWorld(profile, profile.simulation.settings, VirtualClock(), 1)


@pytest.mark.slow
def test_a_rig_that_divides_and_parts_runs_and_is_reported(tmp_path: Path) -> None:
    """Two coils side by side, then the cells, then a membrane that takes the carrier off."""
    file, run = tmp_path / "rig.toml", tmp_path / "run"
    file.write_text(
        COILS
        + """
cell_pl = { to = "membrane" }
membrane = { kind = "separator", to = { carrier = "oil", reactive = "waste" } }
oil = { kind = "waste", volume = "1 L" }
[sections.reaction]
start = "segmentation"
end = "join"
[campaign]
stages = [{ name = "some", optimizer = "lhs", experiments = 2 }]
"""
    )
    done = CliRunner().invoke(
        main, ["run", str(file), "--simulate", "--seed", "1", "--out", str(run)]
    )
    assert done.exit_code == 0, done.output
    page = (run / "report.html").read_text(encoding="utf-8")
    assert "section reaction" in page
    assert "membrane" in page
