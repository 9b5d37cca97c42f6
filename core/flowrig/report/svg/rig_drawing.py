"""A drawing of a rig, laid out from what flows where.

Syringes stand on the left, the waste on the right; every component has the column that its longest
way from a syringe asks for, and the row of the branch that brings it most streams.
"""

from collections.abc import Callable, Mapping

from attrs import frozen

from flowrig.profile.model import Component, Profile, Stream
from flowrig.profile.topology import FlowGraph, Topology
from flowrig.report.svg.markup import Markup, join, tag
from flowrig.report.svg.numbers import with_unit

__all__ = ["draw_rig"]

COLUMN, ROW = 104.0, 62.0
LEFT, TOP = 80.0, 54.0
BELOW = 96.0
COIL = "h8v-10" + "v-20".join(["a8 8 0 0 1 16 0v20a8 8 0 0 0 16 0"] * 2) + "v-10h8"


@frozen
class Place:
    """Where something is drawn [px]."""

    x: float
    y: float


@frozen
class Layout:
    """Where everything is drawn, by stream and component name, and sizes [px].

    Attributes:
        streams: needle tips of the syringes, by stream.
        components: by name.
        barrel: length of a syringe's barrel, as the longest name asks for.
        width: of the drawing.
        height: of the drawing.
    """

    streams: Mapping[str, Place]
    components: Mapping[str, Place]
    barrel: float
    width: float
    height: float


def draw_rig(profile: Profile) -> Markup:
    """The rig as SVG: syringes by role, flow path, volumes and bores, heaters, spectrometers."""
    layout = _lay_out(profile)
    title = f"Flow path of {profile.title}"
    return tag(
        "svg",
        tag("title", title),
        tag("g", *_tubes(profile, layout), class_="tubes"),
        *(_draw_component(c, layout.components[c.name]) for c in profile.path.values()),
        *(_draw_stream(s, layout.streams[s.name], layout.barrel) for s in profile.streams.values()),
        _residence_time(profile, layout),
        viewBox=f"0 0 {layout.width:g} {layout.height:g}",
        role="img",
        aria_label=title,
        class_="rig",
    )


def _lay_out(profile: Profile) -> Layout:
    depth = _depths(FlowGraph(profile.path, profile.streams))
    stream_rows, rows = _rows(profile)
    barrel = max(44.0, 10 + 7.5 * max((len(name) for name in stream_rows), default=0))
    left = LEFT + barrel
    return Layout(
        streams={name: Place(left, TOP + row * ROW) for name, row in stream_rows.items()},
        components={
            name: Place(left + depth[name] * COLUMN, TOP + row * ROW) for name, row in rows.items()
        },
        barrel=barrel,
        width=left + max(depth.values(), default=0) * COLUMN + COLUMN / 2,
        height=TOP + max(len(stream_rows) - 1, 0) * ROW + BELOW,
    )


def _rows(profile: Profile) -> tuple[dict[str, float], dict[str, float]]:
    """The row of each stream, so that no branches cross, and of each component."""
    path, topology = profile.path, Topology(profile)
    sources, feeds = topology.graph.sources, topology.graph.feeds
    weight = {name: len(topology.streams_through(name)) for name in path}
    streams: dict[str, float] = {}
    components: dict[str, float] = {}

    def settle(name: str) -> None:
        for upstream in sorted(sources[name], key=lambda c: -weight[c]):
            if upstream not in components:
                settle(upstream)
        for stream in feeds[name]:
            streams[stream] = float(len(streams))
        heaviest = max((weight[c] for c in sources[name]), default=0)
        main = [components[c] for c in sources[name] if weight[c] == heaviest]
        if heaviest <= 1:
            main += [streams[s] for s in feeds[name]]
        components[name] = sum(main) / len(main) if main else float(len(streams))

    for name, component in path.items():
        if component.is_end:
            settle(name)
    return streams, components


def _depths(graph: FlowGraph) -> dict[str, int]:
    """How many components lie on the longest way from a syringe to each one, itself included."""
    depth = dict.fromkeys(graph.order, 1)
    for name in graph.order:
        for onward in graph.onward[name]:
            depth[onward] = max(depth[onward], depth[name] + 1)
    return depth


def _tubes(profile: Profile, layout: Layout) -> list[Markup]:
    """The connections, each level until just before its end and then up or down."""
    drawn = [
        _tube(layout.streams[s.name], layout.components[s.to]) for s in profile.streams.values()
    ]
    drawn += [
        _tube(layout.components[c.name], layout.components[outlet])
        for c in profile.path.values()
        for outlet in c.outlets
    ]
    return drawn


def _tube(start: Place, end: Place) -> Markup:
    return tag("path", d=f"M{start.x:.1f} {start.y:.1f}H{end.x:.1f}V{end.y:.1f}")


def _draw_stream(stream: Stream, tip: Place, barrel: float) -> Markup:
    volume = with_unit(stream.syringe.volume_ul / 1000, "mL", 2)
    x, y = tip.x - 8 - barrel, tip.y
    return tag(
        "g",
        tag("title", f"{stream.name}: {stream.contents}; {volume} syringe on {stream.pump}"),
        tag("rect", x=x, y=y - 11, width=barrel, height=22.0, rx=3.0, class_="barrel"),
        tag("rect", x=x + 1, y=y - 10, width=barrel - 2, height=20.0, rx=2.0, class_="liquid"),
        tag("path", d=f"M{tip.x - 8:.1f} {y:.1f}h8", class_="needle"),
        tag("path", d=f"M{x:.1f} {y:.1f}h-9m0 -8v16", class_="plunger"),
        tag("text", stream.name, x=x + barrel / 2, y=y + 4, text_anchor="middle", class_="content"),
        tag("text", volume, x=x - 14, y=y + 4, text_anchor="end", class_="small"),
        class_=f"stream {stream.role}",
    )


def _draw_component(component: Component, at: Place) -> Markup:
    dimensions = _dimensions(component)
    if component.kind == "tubing":
        labels = _lines(dimensions, at.x, at.y - 9 - 12 * (len(dimensions) - 1), "small")
    else:
        y = at.y + BELOW_SHAPE[component.kind]
        name = component.name.replace("_", " ")
        above = component.kind == "junction"
        labels = _lines([name], at.x, at.y - 15 if above else y, "name")
        labels += _lines(dimensions, at.x, y if above else y + 13, "small")
    shape = SHAPES[component.kind](component, at)
    return tag("g", tag("title", _hint(component)), shape, *labels, class_=component.kind)


def _lines(lines: list[str], x: float, y: float, class_: str) -> list[Markup]:
    return [
        tag("text", line, x=x, y=y + 12 * i, text_anchor="middle", class_=class_)
        for i, line in enumerate(lines)
    ]


def _dimensions(component: Component) -> list[str]:
    """Volume and bore, where they are known and not zero."""
    found = []
    if component.volume_ul > 0:
        vessel = component.kind in ("vessel", "waste")
        size = (component.volume_ul / 1000, "mL") if vessel else (component.volume_ul, "µL")
        found.append(with_unit(*size, 3))
    if component.inner_diameter_mm is not None:
        found.append(f"⌀\u2009{with_unit(component.inner_diameter_mm, 'mm', 2)}")
    return found


def _hint(component: Component) -> str:
    facts = [component.material, *_dimensions(component)]
    if component.length_mm is not None:
        facts.append(f"{with_unit(component.length_mm / 10, 'cm')} long")
    facts.append(component.note)
    known = ", ".join(fact for fact in facts if fact)
    return f"{component.name} ({component.kind})" + (f": {known}" if known else "")


def _tubing(component: Component, at: Place) -> Markup:
    del component
    return tag("path", d=f"M{at.x - 22:.1f} {at.y:.1f}h44", class_="wall")


def _junction(component: Component, at: Place) -> Markup:
    del component
    return tag("circle", cx=at.x, cy=at.y, r=9.0, class_="body")


def _mixer(component: Component, at: Place) -> Markup:
    del component
    return join(
        tag("rect", x=at.x - 26, y=at.y - 11, width=52.0, height=22.0, rx=11.0, class_="body"),
        tag(
            "path",
            d=f"M{at.x - 18:.1f} {at.y:.1f}" + "l4.5 -6l9 12l4.5 -6" * 2,
            class_="inside",
        ),
    )


def _reactor(component: Component, at: Place) -> Markup:
    heater = component.heater or ""
    return join(
        tag("rect", x=at.x - 40, y=at.y - 26, width=80.0, height=52.0, rx=6.0, class_="plate"),
        tag("path", d=f"M{at.x - 40:.1f} {at.y:.1f}{COIL}", class_="inside"),
        tag("text", heater, x=at.x, y=at.y - 32, text_anchor="middle", class_="device"),
    )


def _flow_cell(component: Component, at: Place) -> Markup:
    parts = [tag("rect", x=at.x - 13, y=at.y - 13, width=26.0, height=26.0, rx=3.0, class_="body")]
    if component.spectrometer is not None:
        parts += [
            tag("path", d=f"M{at.x:.1f} {at.y - 30:.1f}v60", class_="beam"),
            tag(
                "text",
                component.spectrometer.replace("_", " "),
                x=at.x,
                y=at.y - 36,
                text_anchor="middle",
                class_="device",
            ),
        ]
    return join(*parts)


def _waste(component: Component, at: Place) -> Markup:
    del component
    return tag(
        "path",
        d=f"M{at.x - 6:.1f} {at.y - 6:.1f}h12v8l9 8v14h-30v-14l9 -8Z",
        class_="body",
    )


def _separator(component: Component, at: Place) -> Markup:
    del component
    return join(
        tag("rect", x=at.x - 22, y=at.y - 13, width=44.0, height=26.0, rx=3.0, class_="body"),
        tag("path", d=f"M{at.x - 22:.1f} {at.y:.1f}" + "h6m4 0" * 4 + "h4", class_="inside"),
    )


def _vessel(component: Component, at: Place) -> Markup:
    del component
    return tag(
        "path",
        d=f"M{at.x - 12:.1f} {at.y - 14:.1f}v22a12 10 0 0 0 24 0v-22",
        class_="body",
    )


BELOW_SHAPE = {
    "junction": 22.0,
    "mixer": 27.0,
    "reactor": 42.0,
    "flow-cell": 44.0,
    "separator": 29.0,
    "vessel": 34.0,
    "waste": 39.0,
}
"""How far below its middle the words of a component stand [px]; a junction's name is above."""

SHAPES: Mapping[str, Callable[[Component, Place], Markup]] = {
    "tubing": _tubing,
    "junction": _junction,
    "mixer": _mixer,
    "reactor": _reactor,
    "flow-cell": _flow_cell,
    "separator": _separator,
    "vessel": _vessel,
    "waste": _waste,
}


def _residence_time(profile: Profile, layout: Layout) -> Markup:
    """A dimension line from where the residence time starts to where it ends."""
    span = profile.residence_time
    topology = Topology(profile)
    ends = [layout.components[end] for end in topology.ends_of(span.section)]
    start, end = layout.components[span.start], max(ends, key=lambda place: place.x)
    volume_ul = topology.section_volume_ul(span.section)
    y = layout.height - 26
    words = f"τ counts over {with_unit(volume_ul, 'µL')}; spectra after {span.equilibrium:g} τ"
    return tag(
        "g",
        tag("path", d=f"M{start.x:.1f} {y - 6:.1f}v12m0 -6H{end.x:.1f}m0 -6v12"),
        tag("text", words, x=(start.x + end.x) / 2, y=y + 18, text_anchor="middle"),
        class_="tau",
    )
