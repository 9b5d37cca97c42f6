"""The drawing of the rig."""

import re
from collections.abc import Callable
from itertools import combinations, pairwise
from pathlib import Path
from xml.etree import ElementTree

import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st

from flowrig.plugins.registry import Plugins
from flowrig.profile import Profile, load_profile, load_profile_text
from flowrig.profile.model import Component, ResidenceTime
from flowrig.profile.topology import FlowGraph
from flowrig.report import ReportContent
from flowrig.report.svg.layers import Node, rows_of
from flowrig.report.svg.rig_drawing import ROOM, draw_rig

MakeContent = Callable[[int], ReportContent]


@pytest.fixture(scope="module")
def plugins() -> Plugins:
    return Plugins.discover()


@pytest.fixture(scope="module")
def profile(plugins: Plugins) -> Profile:
    return load_profile("cs3cu2i5-heatup-chem3", plugins)


def words(drawing: str) -> list[str]:
    """All text of a drawing but its titles."""
    root = ElementTree.fromstring(drawing)
    return ["".join(text.itertext()) for text in root.iter("text")]


def test_everything_of_the_rig_is_drawn(content: MakeContent) -> None:
    """Streams, components, heaters and spectrometers are named, with volumes and bores."""
    profile = content(0).profile
    texts = words(draw_rig(profile))
    for name in [*profile.streams, "manifold", "mixer", "segmentation", "reactor", "waste"]:
        assert name in texts
    assert {"plate", "hdx absorbance", "hdx pl"} <= set(texts)
    assert "600\u2009µL" in texts
    assert "⌀\u20090.76\u2009mm" in texts
    assert "τ counts over 1000\u2009µL; spectra after 2 τ" in texts


def test_roles_have_their_colours(content: MakeContent) -> None:
    """Each stream carries its role as a class."""
    profile = content(0).profile
    drawing = draw_rig(profile)
    for role in ("reagent", "solvent", "carrier"):
        expected = sum(stream.role == role for stream in profile.streams.values())
        assert drawing.count(f'class="stream {role}"') == expected


def test_two_branches_do_not_cross(content: MakeContent) -> None:
    """Streams of one junction stand side by side, however the profile lists them."""
    profile = content(0).profile
    streams = dict(zip("abcdef", profile.streams.values(), strict=False))
    ends = {"a": "left", "b": "right", "c": "left", "d": "right", "e": "meet"}
    path = {
        "left": Component(name="left", kind="junction", to="mix_left"),
        "right": Component(name="right", kind="junction", to="mix_right"),
        "mix_left": Component(name="mix_left", kind="mixer", to="meet"),
        "mix_right": Component(name="mix_right", kind="mixer", to="meet"),
        "meet": Component(name="meet", kind="junction", to="out"),
        "out": Component(name="out", kind="waste"),
    }
    drawing = draw_rig(
        evolve(
            profile,
            streams={n: evolve(s, name=n, to=ends[n]) for n, s in streams.items()},
            path=path,
            residence_time=ResidenceTime(start="meet", end="out", equilibrium=1.2),
        )
    )
    heights = {
        name: float(y)
        for y, name in re.findall(r' y="([\d.]+)"[^>]*class="content">(\w)<', drawing)
    }
    order = [name for name in sorted(heights, key=lambda name: heights[name]) if name != "e"]
    assert len(set(heights.values())) == 5
    assert {frozenset(order[:2]), frozenset(order[2:])} == {frozenset("ac"), frozenset("bd")}


@st.composite
def paths(draw: st.DrawFn) -> tuple[dict[str, Component], list[str]]:
    """Components of all kinds that lead to earlier ones, and where streams enter."""
    path = {"c0": Component(name="c0", kind="waste")}
    for index in range(1, draw(st.integers(2, 14))):
        name = f"c{index}"
        outlets = draw(st.lists(st.sampled_from(list(path)), min_size=1, max_size=4, unique=True))
        kind = draw(st.sampled_from(("tubing", "reactor", "flow-cell", "mixer")))
        if len(outlets) > 1:
            kind = draw(st.sampled_from(("junction", "vessel")))
        path[name] = Component(
            name=name,
            kind=kind,  # type: ignore[arg-type]
            to=tuple(outlets) if len(outlets) > 1 else outlets[0],
            given_volume_ul=10.0,
            inner_diameter_mm=0.5,
            heater="plate" if kind == "reactor" else None,
            spectrometer="hdx" if kind == "flow-cell" else None,
        )
    fed = {outlet for component in path.values() for outlet in component.outlets}
    return path, [name for name in path if name not in fed]


def boxes(drawing: str) -> list[tuple[str, float, float, float, float]]:
    """Words of components with left, right, top and bottom [px]; letters are 6 px wide."""
    found = []
    for group in ElementTree.fromstring(drawing).findall("g"):
        if group.get("class") in ROOM:
            for text in group.iter("text"):
                words, x, y = str(text.text), float(text.get("x", "")), float(text.get("y", ""))
                found.append((words, x - 3 * len(words), x + 3 * len(words), y - 9, y + 1))
    return found


@settings(max_examples=40)
@given(paths())
def test_no_words_stand_on_one_another(
    profile: Profile, rig: tuple[dict[str, Component], list[str]]
) -> None:
    """Wherever flows divide and join, each component has its own place, with its words."""
    path, entries = rig
    first = next(iter(profile.streams.values()))
    streams = {f"s{i}": evolve(first, name=f"s{i}", to=to) for i, to in enumerate(entries)}
    span = ResidenceTime(start=entries[0], end="c0", equilibrium=1.0)
    drawing = draw_rig(
        evolve(profile, path=path, streams=streams, residence_time=span, sections={})
    )
    found = boxes(drawing)
    assert {words for words, *_ in found} >= {n for n, c in path.items() if c.kind != "tubing"}
    for one, other in combinations(found, 2):
        apart = one[2] <= other[1] or other[2] <= one[1] or one[4] <= other[3] or other[4] <= one[3]
        assert apart, f"{one} and {other}"


@given(
    st.lists(
        st.tuples(st.integers(0, 4), st.lists(st.integers(0, 30), max_size=3)),
        min_size=1,
        max_size=20,
    )
)
def test_nodes_of_a_column_have_the_room_they_take(given: list[tuple[int, list[int]]]) -> None:
    """Whatever leads to them, neighbours stand as far apart as both need."""
    nodes: dict[str, Node] = {}
    for index, (column, near) in enumerate(sorted(given)):
        known = [f"n{i % max(index, 1)}" for i in near if index]
        before = tuple(name for name in known if nodes[name].column < column)
        nodes[f"n{index}"] = Node(column, before, above=0.3 + index % 3, below=0.2)
    rows = rows_of(nodes)
    for column in range(5):
        names = sorted((n for n in nodes if nodes[n].column == column), key=lambda n: rows[n])
        for upper, lower in pairwise(names):
            assert rows[lower] - rows[upper] > nodes[upper].below + nodes[lower].above - 1e-9


def test_shares_and_phases_stand_at_their_tubes(plugins: Plugins) -> None:
    """A divided flow is drawn with its shares, a separator with its phases, a section as a line."""
    text = """
extends = "cs3cu2i5-heatup-chem3"
[path]
segmentation = { to = { reactor = 0.7, bypass = 0.3 } }
reactor = { to = "join" }
bypass = { kind = "tubing", volume = "10 uL", to = "join" }
join = { kind = "junction", to = "cooling" }
cell_pl = { to = "membrane" }
membrane = { kind = "separator", to = { carrier = "waste", reactive = "vial" } }
vial = { kind = "vessel" }
[sections.reaction]
start = "segmentation"
end = "join"
"""
    texts = words(draw_rig(load_profile_text(text, "split.toml", plugins)))
    assert {"70\u2009%", "30\u2009%", "carrier", "reactive", "vial", "membrane"} <= set(texts)
    assert "reaction: 600\u2009µL" in texts


def test_a_valve_with_routes_is_drawn_in_each_position(plugins: Plugins) -> None:
    """Each way through it has a place of its own, and sections stand where they are passed."""
    file = Path(__file__).parents[1] / "sim" / "valves" / "loop.toml"
    drawing = draw_rig(load_profile(file, plugins))
    texts = words(drawing)
    assert {"injector at 'load'", "injector at 'inject'"} <= set(texts)
    for name, times in {"valve, Push": 2, "valve, loop": 2, "Pb": 2, "cell": 2}.items():
        assert texts.count(name) == times, name
    assert sum(text.startswith("front: ") for text in texts) == 1
    assert sum(text.startswith("growth: ") for text in texts) == 1


def test_a_path_of_a_thousand_parts_is_drawn(profile: Profile) -> None:
    """Nothing in the drawing, or in routes, counts on a short path."""
    path = {"end": Component(name="end", kind="waste")}
    for index in range(999):
        path[f"t{index}"] = Component(
            name=f"t{index}", kind="tubing", to=list(path)[-1], given_volume_ul=1.0
        )
    first = next(iter(profile.streams.values()))
    span = ResidenceTime(start="t998", end="end", equilibrium=1.0)
    long = evolve(
        profile, path=path, streams={"s": evolve(first, name="s", to="t998")}, residence_time=span
    )
    assert "τ counts over 999\u2009µL; spectra after 1 τ" in words(draw_rig(long))
    assert len(next(FlowGraph(path, long.streams).routes("t998", "end"))) == 999
