"""A drawing of a rig, laid out from what flows where.

Syringes stand on the left, the waste on the right; every component has the column that its longest
way from a syringe asks for, and the row of the branch that brings it most streams. Where a flow
divides, its branches fan out; a tube that skips columns keeps a row of its own there.
"""

from collections.abc import Callable, Mapping
from itertools import islice, pairwise

from attrs import evolve, frozen

from flowrig.profile.model import Component, Profile, Stream
from flowrig.profile.model.flow import drawn_from
from flowrig.profile.topology import (
    FlowGraph,
    Topology,
    every_position,
    in_words,
    valve_turners,
    without_valves,
)
from flowrig.report.svg.layers import Node, rows_of
from flowrig.report.svg.markup import Markup, join, tag
from flowrig.report.svg.numbers import with_unit

__all__ = ["draw_rig"]

MOST_LINES_DRAWN = 4
"""Most lines side by side that are all drawn."""
MOST_DRAWN = 4
"""Most combinations of positions of valves with routes that are drawn."""
COLUMN, ROW = 104.0, 62.0
LEFT, TOP = 80.0, 54.0
BELOW = 56.0
SECTION = 40.0
"""Height of the line of one section [px]."""
LETTER = 6.4
"""Width of a letter of a name [px], at most."""
COIL = "h8v-10" + "v-20".join(["a8 8 0 0 1 16 0v20a8 8 0 0 0 16 0"] * 2) + "v-10h8"


@frozen
class Place:
    """Where something is drawn [px]."""

    x: float
    y: float


@frozen
class Tube:
    """A connection, from a stream or component to a component.

    Attributes:
        fans_out: whether it leaves a component together with others.
        label: share or phase of what flows through it, "" for everything.
        label_x: where the label ends [px].
        places: where it runs, from its start to its end, one place a column.
    """

    fans_out: bool
    label: str
    label_x: float
    places: tuple[Place, ...]


@frozen
class Layout:
    """Where everything is drawn, by stream and component name, and sizes [px].

    Attributes:
        streams: needle tips of the syringes, by stream.
        components: by name.
        tubes: the connections.
        barrel: length of a syringe's barrel, as the longest name asks for.
        width: of the drawing.
        height: of what is drawn above the sections.
    """

    streams: Mapping[str, Place]
    components: Mapping[str, Place]
    tubes: tuple[Tube, ...]
    barrel: float
    width: float
    height: float


def draw_rig(profile: Profile) -> Markup:
    """The rig as SVG: syringes by role, flow path, volumes and bores, heaters, spectrometers.

    Where valves have routes, the first combinations of their positions are drawn one below the
    other, each way through a valve as a valve of its own.
    """
    title = f"Flow path of {profile.title}"
    combinations = list(islice(every_position(profile.path), MOST_DRAWN))
    parts: list[Markup] = []
    width, height = 0.0, 0.0
    for positions in combinations:
        shown = _with_ways(profile, positions) if positions else profile
        children, own_width, own_height = _drawn(shown)
        if positions:
            turners = valve_turners(profile.path, profile.devices)
            words = in_words({turners.get(name, name): at for name, at in positions.items()})
            y = height + TOP / 2
            parts.append(tag("text", words, x=LEFT, y=y, class_="name"))
            children = [tag("g", *children, transform=f"translate(0 {height + TOP / 2:g})")]
            own_height += TOP / 2
        parts += children
        width, height = max(width, own_width), height + own_height
    return tag(
        "svg",
        tag("title", title),
        *parts,
        viewBox=f"0 0 {width:g} {height:g}",
        role="img",
        aria_label=title,
        class_="rig",
    )


def _drawn(profile: Profile) -> tuple[list[Markup], float, float]:
    """Everything of a rig whose valves have no routes, and the size [px] that it takes."""
    drawn = {*drawn_from(profile.streams)}  # in the place of a bottle, and at no component
    drawn |= _unshown_lines(profile)
    profile = evolve(profile, path={n: c for n, c in profile.path.items() if n not in drawn})
    topology = Topology(profile)
    layout = _lay_out(profile, topology)
    sections = _sections(profile, topology, layout)
    children = [
        tag("g", *map(_draw_tube, layout.tubes), class_="tubes"),
        *(_label(tube) for tube in layout.tubes if tube.label),
        *(_draw_component(c, layout.components[c.name]) for c in profile.path.values()),
        *(_draw_stream(s, layout.streams[s.name], layout.barrel) for s in profile.streams.values()),
        *sections,
    ]
    return children, layout.width, layout.height + SECTION * len(sections)


def _unshown_lines(profile: Profile) -> set[str]:
    """The parts of lines that are left out of a drawing: the first two and the last stay."""
    lines = profile.lines
    if lines is None or lines.count <= MOST_LINES_DRAWN:
        return set()
    kept = (None, 1, 2, lines.count)
    return {name for name in profile.path if lines.line_of(name) not in kept}


def _with_ways(profile: Profile, positions: Mapping[str, str]) -> Profile:
    """The rig with each way through a valve with routes as a valve of its own."""
    path = dict(profile.path)
    for name, position in positions.items():
        way = profile.path[name].routes[position]
        ends = {source: f"{name}, {source}" for source in way}
        path[name] = evolve(path[name], routes={position: ends})
        for source, outlet in way.items():
            path[ends[source]] = Component(name=ends[source], kind="valve", to=outlet)
    led, fed = without_valves(path, profile.streams, positions)
    kept = {name: one for name, one in led.items() if name not in positions}
    return evolve(profile, path=kept, streams=fed)


def _lay_out(profile: Profile, topology: Topology) -> Layout:
    graph = topology.graph
    depth = _depths(graph)
    streams = _stream_order(profile, topology)
    nodes, ways = _nodes(profile, topology, streams, depth)
    rows = rows_of(nodes)
    barrel = max(44.0, 10 + 7.5 * max(map(len, streams), default=0))
    left = _columns(profile, depth, LEFT + barrel)
    top = TOP - ROW * min(0.0, *rows.values())
    places = {
        name: Place(left[node.column], top + rows[name] * ROW) for name, node in nodes.items()
    }
    return Layout(
        streams={name: places[f"stream {name}"] for name in streams},
        components={name: places[name] for name in profile.path},
        tubes=tuple(
            Tube(fans_out, label, _label_x(profile, way[1], places), tuple(places[n] for n in way))
            for fans_out, label, way in ways
        ),
        barrel=barrel,
        width=left[-1] + COLUMN / 2,
        height=max(place.y for place in places.values()) + BELOW,
    )


def _columns(profile: Profile, depth: Mapping[str, int], first: float) -> list[float]:
    """The middle of each column [px]: two neighbours have room for the longer name."""
    widest = [COLUMN] * (max(depth.values(), default=0) + 1)
    for name, column in depth.items():
        component = profile.path[name]
        names = [name, component.heater or "", component.spectrometer or ""]
        widest[column] = max(widest[column], 8 + LETTER * max(map(len, names)))
    middles = [first]
    for before, here in pairwise(widest):
        middles.append(middles[-1] + max(COLUMN, (before + here) / 2))
    return middles


def _nodes(
    profile: Profile, topology: Topology, streams: list[str], depth: Mapping[str, int]
) -> tuple[dict[str, Node], list[tuple[bool, str, list[str]]]]:
    """What takes room in each column, and the nodes along each tube.

    A tube that skips columns has a node in each of them.
    """
    nodes = {f"stream {name}": Node(0) for name in streams}
    ways: list[tuple[bool, str, list[str]]] = []
    leading: dict[str, dict[str, float]] = {name: {} for name in topology.graph.order}

    def lead(start: str, end: str, weight: float, label: str, *, fans_out: bool) -> None:
        way = [start]
        for column in range(nodes[start].column + 1, depth[end]):
            way.append(f"way {start} {end} {column}")
            nodes[way[-1]] = Node(column, (way[-2],), above=LANE, below=LANE)
        leading[end][way[-1]] = weight
        ways.append((fans_out, label, [*way, end]))

    for name in streams:
        if profile.streams[name].to in depth:  # else it meets a closed port
            lead(f"stream {name}", profile.streams[name].to, 1.0, "", fans_out=False)
    for name in topology.graph.order:
        component, brought = profile.path[name], leading[name]
        heaviest = max(brought.values(), default=0.0)
        near = tuple(one for one, weight in brought.items() if weight >= heaviest)
        above, below = ROOM[component.kind]
        nodes[name] = Node(depth[name], near, above=above / ROW, below=below / ROW)
        weight = float(len(topology.streams_through(name)))
        for outlet, label in _labels(component).items():
            if outlet not in depth:  # of a line that is not drawn
                continue
            fans_out = len(component.outlets) > 1
            lead(name, outlet, weight / len(component.outlets), label, fans_out=fans_out)
    return nodes, ways


def _labels(component: Component) -> dict[str, str]:
    """By component downstream, what goes there; "" for everything."""
    if component.kind in ("separator", "valve") and isinstance(component.to, Mapping):
        cases: dict[str, list[str]] = {}
        for case, outlet in component.to.items():
            cases.setdefault(str(outlet), []).append(case)
        return {outlet: ", ".join(some) for outlet, some in cases.items()}
    shares = component.shares("")
    if len(shares) < 2:
        return dict.fromkeys(component.outlets, "")
    return {outlet: with_unit(100 * share, "%", 2) for outlet, share in shares.items()}


def _stream_order(profile: Profile, topology: Topology) -> list[str]:
    """The streams from top to bottom, so that branches which meet stand side by side."""
    graph, streams, settled = topology.graph, dict[str, None](), set[str]()
    weight = {name: len(topology.streams_through(name)) for name in graph.order}
    # A stack instead of recursion: a path may be longer than Python's limit.
    waiting = [(name, False) for name in reversed(graph.order) if not graph.onward[name]]
    while waiting:
        name, is_settled = waiting.pop()
        if is_settled:
            streams.update(dict.fromkeys(graph.feeds[name]))
        elif name not in settled:
            settled.add(name)
            waiting.append((name, True))
            upstream = sorted(graph.sources[name], key=lambda one: -weight[one])
            waiting += [(one, False) for one in reversed(upstream)]
    return list(streams | dict.fromkeys(profile.streams))


def _depths(graph: FlowGraph) -> dict[str, int]:
    """How many components lie on the longest way from a syringe to each one, itself included."""
    depth = dict.fromkeys(graph.order, 1)
    for name in graph.order:
        for onward in graph.onward[name]:
            depth[onward] = max(depth[onward], depth[name] + 1)
    return depth


def _draw_tube(tube: Tube) -> Markup:
    """A line that is level until a place and then goes up or down; first so where it fans out."""
    start, *rest = tube.places
    drawn = f"M{start.x:.1f} {start.y:.1f}"
    if tube.fans_out:
        drawn += f"V{rest[0].y:.1f}"
    for place in rest:
        drawn += f"H{place.x:.1f}V{place.y:.1f}"
    return tag("path", d=drawn)


def _label(tube: Tube) -> Markup:
    y = tube.places[1].y + 12
    return tag("text", tube.label, x=tube.label_x, y=y, text_anchor="end", class_="small")


def _label_x(profile: Profile, first: str, places: Mapping[str, Place]) -> float:
    """Where a label ends [px]: before the shape that its tube reaches first."""
    half = HALF_WIDTH[profile.path[first].kind] if first in profile.path else 0.0
    return places[first].x - half - 4


def _draw_stream(stream: Stream, tip: Place, barrel: float) -> Markup:
    x, y = tip.x - 8 - barrel, tip.y
    if stream.syringe is None:
        return _draw_source(stream, tip, barrel)
    volume = with_unit(stream.syringe.volume_ul / 1000, "mL", 2)
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


def _draw_source(stream: Stream, tip: Place, barrel: float) -> Markup:
    """A stream without a syringe: a rounded box in the place of the barrel."""
    x, y, holds = tip.x - 8 - barrel, tip.y, ""
    if stream.supply_ul is not None:
        holds = with_unit(stream.supply_ul / 1000, "mL", 2)
    title = f"{stream.name}: {stream.contents}; {holds or 'no end'}, from {stream.pump}"
    title += "" if stream.vessel is None else f", which draws from {stream.vessel.vessel}"
    return tag(
        "g",
        tag("title", title),
        tag("rect", x=x, y=y - 11, width=barrel, height=22.0, rx=11.0, class_="barrel"),
        tag("rect", x=x + 1, y=y - 10, width=barrel - 2, height=20.0, rx=10.0, class_="liquid"),
        tag("path", d=f"M{tip.x - 8:.1f} {y:.1f}h8", class_="needle"),
        tag("text", stream.name, x=x + barrel / 2, y=y + 4, text_anchor="middle", class_="content"),
        tag("text", holds, x=x - 14, y=y + 4, text_anchor="end", class_="small"),
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
    if component.volume_window_ul is not None:
        low_ul, high_ul = component.volume_window_ul
        found.append(f"{low_ul:.3g} to {with_unit(high_ul, 'µL', 3)}")
    elif component.volume_ul > 0:
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


def _valve(component: Component, at: Place) -> Markup:
    del component
    return join(
        tag("circle", cx=at.x, cy=at.y, r=13.0, class_="body"),
        tag("path", d=f"M{at.x - 9:.1f} {at.y:.1f}h9l7 -7m-7 7l7 7", class_="inside"),
    )


def _vessel(component: Component, at: Place) -> Markup:
    del component
    return tag(
        "path",
        d=f"M{at.x - 12:.1f} {at.y - 14:.1f}v22a12 10 0 0 0 24 0v-22",
        class_="body",
    )


LANE = 0.35
"""Room above and below a tube that passes other components [rows]."""

ROOM = {
    "tubing": (34.0, 14.0),
    "junction": (28.0, 38.0),
    "mixer": (14.0, 56.0),
    "reactor": (46.0, 71.0),
    "flow-cell": (50.0, 73.0),
    "separator": (16.0, 58.0),
    "valve": (16.0, 58.0),
    "vessel": (18.0, 63.0),
    "waste": (14.0, 68.0),
}
"""Room above and below the middle of a component, with its words [px]."""

HALF_WIDTH = {
    "tubing": 22.0,
    "junction": 9.0,
    "mixer": 26.0,
    "reactor": 40.0,
    "flow-cell": 13.0,
    "separator": 22.0,
    "valve": 13.0,
    "vessel": 12.0,
    "waste": 15.0,
}
"""Half the width of the shape of a component [px]."""

BELOW_SHAPE = {
    "junction": 22.0,
    "mixer": 27.0,
    "reactor": 42.0,
    "flow-cell": 44.0,
    "separator": 29.0,
    "valve": 29.0,
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
    "valve": _valve,
    "vessel": _vessel,
    "waste": _waste,
}


def _sections(profile: Profile, topology: Topology, layout: Layout) -> list[Markup]:
    """A dimension line for each section that is passed, from where it starts to where it ends."""
    drawn = []
    passed = [one for one in topology.sections.items() if topology.is_passed(one[1])]
    for number, (name, section) in enumerate(reversed(passed)):
        every = topology.ends_of(section)
        ends = [layout.components[end] for end in every if end in layout.components]
        if not ends or section.start not in layout.components:  # in a line that is not drawn
            continue
        start, end = layout.components[section.start], max(ends, key=lambda place: place.x)
        y = layout.height + 14 + SECTION * number
        volume = with_unit(topology.section_volume_ul(section), "µL")
        words = f"{name}: {volume}"
        if name == "residence":
            equilibrium = profile.residence_time.equilibrium
            words = f"τ counts over {volume}; spectra after {equilibrium:g} τ"
        drawn.append(
            tag(
                "g",
                tag("path", d=f"M{start.x:.1f} {y - 6:.1f}v12m0 -6H{end.x:.1f}m0 -6v12"),
                tag("text", words, x=(start.x + end.x) / 2, y=y + 18, text_anchor="middle"),
                class_="tau",
            )
        )
    return drawn
