"""The drawing of the rig."""

import re
from collections.abc import Callable
from xml.etree import ElementTree

from attrs import evolve

from flowrig.profile.model import Component, ResidenceTime
from flowrig.report import ReportContent
from flowrig.report.svg.rig_drawing import draw_rig

MakeContent = Callable[[int], ReportContent]


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
