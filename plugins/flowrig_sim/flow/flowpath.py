"""The flow path of a profile as the world needs it: stretches with the same streams, and cells."""

import math
from collections.abc import Iterator, Mapping

from attrs import field, frozen

from flowrig.profile.model import Component, Profile
from flowrig.profile.model.devices import detectors_at
from flowrig.profile.topology import FlowGraph, Topology, all_ways

__all__ = ["FALLBACK_BORE_MM", "FlowCell", "FlowPath", "Inlet", "Stretch", "bore_mm"]

FALLBACK_BORE_MM = 0.762
"""0.03 in, the published reactor bore: for components without a bore in the profile."""


@frozen(eq=False)
class Inlet:
    """What flows from the end of one stretch into another.

    Attributes:
        stretch: where it comes from.
        fractions: by stream, how much of all that is pumped passes here, 0 to 1.
        kept: by phase, share of what leaves the other stretch that passes here; 1 by default.
    """

    stretch: "Stretch"
    fractions: Mapping[str, float]
    kept: Mapping[str, float] = field(factory=dict)


@frozen(eq=False, kw_only=True)
class Stretch:
    """Components one after the other, through which the same flows, wherever valves stand.

    Attributes:
        components: the components, in the direction of flow.
        reactive: names of the streams that are no carriers and may get here, in the profile's
            order; also those that a valve brings here in two of its positions after each other.
        carriers: names of the carriers that may get here.
        inlets: what flows in from other stretches at its beginning.
        entering: names of the streams that enter there directly.
        fractions: by stream, how much of all that is pumped passes here, 0 to 1.
    """

    components: tuple[Component, ...]
    reactive: tuple[str, ...]
    carriers: tuple[str, ...]
    inlets: tuple[Inlet, ...]
    entering: tuple[str, ...]
    fractions: Mapping[str, float]

    @property
    def name(self) -> str:
        """Its first component: the same in all positions of valves."""
        return self.components[0].name

    @property
    def volume_ul(self) -> float:
        """Volume [µL] from its beginning to its end."""
        return sum(component.volume_ul for component in self.components)

    @property
    def is_heated(self) -> bool:
        """Whether a heater acts on a component."""
        return any(component.heater is not None for component in self.components)

    @property
    def slug_bore_mm(self) -> float:
        """Bore [mm] that sets the length of slugs: that of the reactor, else the first one."""
        reactors = [c for c in self.components if c.kind == "reactor"]
        bored = [c for c in (*reactors, *self.components) if c.inner_diameter_mm is not None]
        return bore_mm(bored[0]) if bored else FALLBACK_BORE_MM


@frozen
class FlowCell:
    """A cell in which a detector looks at the passing liquid.

    Attributes:
        spectrometer: name of the device, a spectrometer or another detector.
        position_ul: volume [µL] from the beginning of its stretch to the middle of the cell.
        bore_mm: bore [mm] of the cell.
        stretch: the stretch that it is in.
    """

    spectrometer: str
    position_ul: float
    bore_mm: float
    stretch: Stretch


@frozen(kw_only=True)
class FlowPath:
    """The wet side of a rig: streams that meet, and what they pass.

    Attributes:
        reactive: names of the streams that are no carriers, in the profile's order.
        carriers: names of the streams that form the carrier phase.
        solvents: names of the streams that are solvents.
        stretches: all stretches; each comes after those that flow into it.
        cells: flow cells by the name of their detector; of one that looks at lines in turn, that
            of the first line.
        line_cells: by detector that looks at lines in turn, its flow cells in their order.
        outlet: where liquid is taken for analyses off the line; None where the profile has none.
        phases: phase of each stream, by name.
    """

    reactive: tuple[str, ...]
    carriers: tuple[str, ...]
    solvents: tuple[str, ...]
    stretches: tuple[Stretch, ...]
    cells: Mapping[str, FlowCell]
    line_cells: Mapping[str, tuple[FlowCell, ...]] = field(factory=dict)
    outlet: FlowCell | None = None
    phases: Mapping[str, str] = field(factory=dict)

    @property
    def looked_at(self) -> tuple[FlowCell, ...]:
        """The flow cells, and the outlet last."""
        in_lines = (cell for cells in self.line_cells.values() for cell in cells)
        return (*in_lines, *self.cells.values(), *(() if self.outlet is None else (self.outlet,)))

    @classmethod
    def of(cls, profile: Profile, positions: Mapping[str, str] | None = None) -> "FlowPath":
        """The flow path of a profile.

        Args:
            profile: the rig.
            positions: by device, where valves stand; by default as outside of experiments.

        Raises:
            InputError: liquid would flow in a circle.
        """
        return cls.along(profile, Topology(profile, positions).graph)

    @classmethod
    def along(cls, profile: Profile, graph: FlowGraph) -> "FlowPath":
        """The flow path of a profile, where a graph says what leads where."""
        streams = profile.streams.values()
        stretches = _stretches(profile, graph)
        return cls(
            reactive=tuple(s.name for s in streams if s.role != "carrier"),
            carriers=tuple(s.name for s in streams if s.role == "carrier"),
            solvents=tuple(s.name for s in streams if s.role == "solvent"),
            phases={s.name: s.phase for s in streams},
            stretches=stretches,
            cells=_cells(profile, stretches),
            line_cells=_line_cells(profile, stretches),
            outlet=_outlet(profile, stretches) if profile.analysis.off_line else None,
        )


def bore_mm(component: Component) -> float:
    """Bore [mm] of a component, or the published one of a reactor."""
    bore = component.inner_diameter_mm
    return FALLBACK_BORE_MM if bore is None or not math.isfinite(bore) else bore


def _stretches(profile: Profile, graph: FlowGraph) -> tuple[Stretch, ...]:
    """All stretches; each comes after those that flow into it."""
    onward = {name: all_ways(profile.path, name, c.to) for name, c in profile.path.items()}
    before: dict[str, list[str]] = {name: [] for name in profile.path}
    for name, outlets in onward.items():
        for outlet in outlets:
            before[outlet].append(name)
    fed = {one for name, s in profile.streams.items() for one in all_ways(profile.path, name, s.to)}
    runs: dict[str, list[str]] = {}
    first: dict[str, str] = {}
    for name in graph.order:
        sources = before[name]
        # What a valve with routes connects is connected in some of its positions only.
        alone = len(sources) == 1 and onward[sources[0]] == profile.path[sources[0]].outlets
        alone = alone and len(onward[sources[0]]) == 1 and name not in fed
        start = first[sources[0]] if alone else name
        first[name] = start
        runs.setdefault(start, []).append(name)
    getting = {name: _getting_to(profile, onward, name) for name in profile.streams}
    found: dict[str, Stretch] = {}
    for start, run in runs.items():
        inlets = (
            _inlet(graph, profile, found[first[one]], one, start) for one in graph.sources[start]
        )
        passing = {name: graph.passing(name).get(start, 0.0) for name in profile.streams}
        inside = [stream for name, stream in profile.streams.items() if start in getting[name]]
        found[start] = Stretch(
            components=tuple(profile.path[name] for name in run),
            reactive=tuple(s.name for s in inside if s.role != "carrier"),
            carriers=tuple(s.name for s in inside if s.role == "carrier"),
            inlets=tuple(one for one in inlets if one.fractions),
            entering=graph.feeds[start],
            fractions={s.name: passing[s.name] for s in inside if passing[s.name] > 0.0},
        )
    return tuple(found.values())


def _getting_to(profile: Profile, onward: Mapping[str, tuple[str, ...]], stream: str) -> set[str]:
    """The components that a stream gets to, wherever valves stand one after the other."""
    one = profile.streams[stream]
    waiting = list(all_ways(profile.path, stream, one.to))
    found: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        found.add(name)
        component = profile.path[name]
        outlets = onward[name]
        if component.kind == "separator":
            shares = component.shares(one.phase)
            outlets = tuple(w for to in shares for w in all_ways(profile.path, name, to))
        waiting += outlets
    return found


def _inlet(
    graph: FlowGraph, profile: Profile, source: Stretch, component: str, target: str
) -> Inlet:
    phases = {profile.streams[name].phase for name in (*source.reactive, *source.carriers)}
    kept = {phase: graph.shares(component, phase).get(target, 0.0) for phase in phases}
    fractions = {
        name: share * kept[profile.streams[name].phase] for name, share in source.fractions.items()
    }
    return Inlet(source, {name: share for name, share in fractions.items() if share > 0.0}, kept)


def _outlet(profile: Profile, stretches: tuple[Stretch, ...]) -> FlowCell | None:
    """Where liquid is taken for analyses off the line: after the last flow cell, which is where it
    is steady; without one where it is collected, else at the last end of the path."""
    cells = list(_cells(profile, stretches).values())
    if cells:
        return cells[-1]
    ends = [one for one in stretches if one.components[-1].is_end]
    ends = [one for one in ends if one.components[-1].kind == "vessel"] or ends
    if not ends:
        return None
    last = ends[-1].components[-1]
    place_ul = sum(one.volume_ul for one in ends[-1].components[:-1])
    return FlowCell(last.name, place_ul, bore_mm(last), ends[-1])


def _cells(profile: Profile, stretches: tuple[Stretch, ...]) -> dict[str, FlowCell]:
    """The flow cells with a detector, by detector; those of the first line where it scans lines."""
    lines = profile.lines
    return {
        cell.spectrometer: cell
        for component, cell in _every_cell(profile, stretches)
        if lines is None or lines.line_of(component) in (None, 1)
    }


def _line_cells(
    profile: Profile, stretches: tuple[Stretch, ...]
) -> dict[str, tuple[FlowCell, ...]]:
    """The flow cells in lines, in the order of the lines, by detector."""
    lines = profile.lines
    if lines is None:
        return {}
    found: dict[str, dict[int, FlowCell]] = {}
    for component, cell in _every_cell(profile, stretches):
        line = lines.line_of(component)
        if line is not None:
            found.setdefault(cell.spectrometer, {})[line] = cell
    return {name: tuple(cells[one] for one in sorted(cells)) for name, cells in found.items()}


def _every_cell(profile: Profile, stretches: tuple[Stretch, ...]) -> Iterator[tuple[str, FlowCell]]:
    """Every flow cell with a detector, with the component that it is."""
    for stretch in stretches:
        passed_ul = 0.0
        for component in stretch.components:
            middle_ul = passed_ul + component.volume_ul / 2
            for detector in detectors_at(component, profile.devices):
                yield component.name, FlowCell(detector, middle_ul, bore_mm(component), stretch)
            passed_ul += component.volume_ul
