"""Volumes and times of flow paths."""

import math
from collections.abc import Mapping

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowrig.errors import InputError
from flowrig.interfaces.pump import Syringe
from flowrig.plugins.registry import Plugins
from flowrig.profile import Profile, load_profile
from flowrig.profile.model import Component, ResidenceTime, Stream
from flowrig.profile.topology import Topology


@pytest.fixture(scope="module")
def profile(plugins: Plugins) -> Profile:
    return load_profile("cs3cu2i5-heatup-chem3", plugins)


def conditions(total_ul_min: float) -> Mapping[str, float]:
    share = total_ul_min / 1.5
    return {"temperature": 150, "CuI": 100, "ZnI2": 100, "CsOA": 50, "ODE": share - 250}


@pytest.mark.parametrize(("total_ul_min", "reactor_s"), [(600.0, 60.0), (900.0, 40.0)])
def test_the_published_reaction_times(
    profile: Profile, total_ul_min: float, reactor_s: float
) -> None:
    """The reference rig has 40 s at 900 µL/min and 60 s at 600 µL/min, as published."""
    rates = profile.flow_rates_ul_min(conditions(total_ul_min))
    topology = Topology(profile)
    assert sum(rates.values()) == pytest.approx(total_ul_min)
    assert topology.reactor_time_s(rates) == pytest.approx(reactor_s)
    assert topology.residence_time_s(rates) == pytest.approx(reactor_s / 0.6)
    assert topology.equilibrium_time_s(rates) == pytest.approx(2 * reactor_s / 0.6)


def test_routes_of_the_reference_rig(profile: Profile) -> None:
    """Reagents pass the mixer, the carrier joins at the junction, and all pass the reactor."""
    topology = Topology(profile)
    assert topology.route("PFO")[:3] == ("feed_pfo", "segmentation", "reactor")
    assert topology.streams_through("mixer") == ("CuI", "ZnI2", "CsOA", "ODE")
    assert topology.streams_through("reactor") == tuple(profile.streams)
    assert topology.volume_ul("feed_cui", "mixer") == pytest.approx(
        40 + math.pi / 4 * 0.508**2 * 500
    )


def test_a_rig_at_rest_has_no_finite_residence_time(profile: Profile) -> None:
    """Where nothing flows, nothing ever arrives."""
    assert Topology(profile).residence_time_s({}) == math.inf


def test_upstream_is_not_downstream(profile: Profile) -> None:
    """There is no volume from the waste back to the reactor."""
    with pytest.raises(InputError, match="not downstream"):
        Topology(profile).volume_ul("waste", "reactor")


@st.composite
def trees(draw: st.DrawFn) -> tuple[list[int], list[float], list[int], list[float]]:
    """A path whose components lead to earlier ones (0 is the waste), volumes, entries, flows."""
    count = draw(st.integers(2, 12))
    to = [0] + [draw(st.integers(0, index - 1)) for index in range(1, count)]
    volumes = [draw(st.floats(0, 1000)) for _ in range(count)]
    entries = draw(st.lists(st.integers(1, count - 1), min_size=1, max_size=6))
    flows = [draw(st.floats(1, 500)) for _ in entries]
    return to, volumes, entries, flows


@given(trees(), st.data())
def test_residence_time_adds_volume_over_flow(
    profile: Profile,
    tree: tuple[list[int], list[float], list[int], list[float]],
    data: st.DataObject,
) -> None:
    """τ is the sum of volume over flow along the way, and volumes along a way add up."""
    to, volumes, entries, flows = tree
    start = data.draw(st.sampled_from(entries))
    way = [start]
    while way[-1] != 0:
        way.append(to[way[-1]])
    cut = data.draw(st.integers(1, len(way) - 1))
    topology = Topology(
        attrs.evolve(
            profile,
            path={f"c{i}": _component(i, to[i], volumes[i]) for i in range(len(to))},
            streams={f"s{i}": _stream(f"s{i}", f"c{entry}") for i, entry in enumerate(entries)},
            residence_time=ResidenceTime(start=f"c{start}", end=f"c{way[cut]}", equilibrium=2.0),
        )
    )
    rates = {f"s{i}": flow for i, flow in enumerate(flows)}
    through = dict.fromkeys(way, 0.0)
    for entry, flow in zip(entries, flows, strict=True):
        part = entry
        while True:
            if part in through:
                through[part] += flow
            if part == 0:
                break
            part = to[part]
    seconds = sum(60 * volumes[part] / through[part] for part in way[:cut])
    assert topology.residence_time_s(rates) == pytest.approx(seconds)
    first, last = f"c{start}", f"c{way[-1]}"
    middle = f"c{way[cut]}"
    assert topology.volume_ul(first, last) == pytest.approx(
        topology.volume_ul(first, middle) + topology.volume_ul(middle, last)
    )
    assert topology.flow_rate_ul_min("c0", rates) == pytest.approx(sum(flows))


def _component(index: int, to: int, volume_ul: float) -> Component:
    kind = "waste" if index == 0 else "tubing"
    onward = None if index == 0 else f"c{to}"
    return Component(name=f"c{index}", kind=kind, to=onward, given_volume_ul=volume_ul)


def _stream(name: str, to: str) -> Stream:
    return Stream(
        name=name,
        pump=name,
        syringe=Syringe(50_000.0, 28.6),
        contents="",
        role="solvent",
        flow_rate_ul_min=(0.0, 1000.0),
        to=to,
    )
