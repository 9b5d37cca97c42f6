"""The flow path of a profile as the world needs it: stretches with the same streams, and cells."""

import math
from collections.abc import Mapping

from attrs import frozen

from flowrig.profile.model import Component, Profile
from flowrig.profile.model.devices import detectors_at
from flowrig.profile.topology import FlowGraph, Topology

__all__ = ["FALLBACK_BORE_MM", "FlowCell", "FlowPath", "Inlet", "Stretch", "bore_mm"]

FALLBACK_BORE_MM = 0.762
"""0.03 in, the published reactor bore: for components without a bore in the profile."""


@frozen(eq=False)
class Inlet:
    """What flows from the end of one stretch into another.

    Attributes:
        stretch: where it comes from.
        fractions: by stream, how much of all that is pumped passes here, 0 to 1.
    """

    stretch: "Stretch"
    fractions: Mapping[str, float]


@frozen(eq=False, kw_only=True)
class Stretch:
    """Components one after the other, through which the same flows.

    Attributes:
        components: the components, in the direction of flow.
        reactive: names of the streams that are no carriers, in the profile's order.
        carriers: names of the streams that are carriers.
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
        cells: flow cells by the name of their detector.
    """

    reactive: tuple[str, ...]
    carriers: tuple[str, ...]
    solvents: tuple[str, ...]
    stretches: tuple[Stretch, ...]
    cells: Mapping[str, FlowCell]

    @classmethod
    def of(cls, profile: Profile) -> "FlowPath":
        """The flow path of a profile.

        Raises:
            InputError: liquid would flow in a circle.
        """
        streams = profile.streams.values()
        stretches = _stretches(profile)
        return cls(
            reactive=tuple(s.name for s in streams if s.role != "carrier"),
            carriers=tuple(s.name for s in streams if s.role == "carrier"),
            solvents=tuple(s.name for s in streams if s.role == "solvent"),
            stretches=stretches,
            cells=_cells(profile, stretches),
        )


def bore_mm(component: Component) -> float:
    """Bore [mm] of a component, or the published one of a reactor."""
    bore = component.inner_diameter_mm
    return FALLBACK_BORE_MM if bore is None or not math.isfinite(bore) else bore


def _stretches(profile: Profile) -> tuple[Stretch, ...]:
    """All stretches; each comes after those that flow into it."""
    graph = Topology(profile).graph
    runs: dict[str, list[str]] = {}
    first: dict[str, str] = {}
    for name in graph.order:
        sources = graph.sources[name]
        alone = len(sources) == 1 and len(graph.onward[sources[0]]) == 1
        start = first[sources[0]] if alone and not graph.feeds[name] else name
        first[name] = start
        runs.setdefault(start, []).append(name)
    found: dict[str, Stretch] = {}
    for start, run in runs.items():
        sources = graph.sources[start]
        inlets = tuple(_inlet(graph, profile, found[first[one]], one, start) for one in sources)
        passing = {name: graph.passing(name).get(start, 0.0) for name in profile.streams}
        inside = [profile.streams[name] for name, share in passing.items() if share > 0.0]
        found[start] = Stretch(
            components=tuple(profile.path[name] for name in run),
            reactive=tuple(s.name for s in inside if s.role != "carrier"),
            carriers=tuple(s.name for s in inside if s.role == "carrier"),
            inlets=tuple(one for one in inlets if one.fractions),
            entering=graph.feeds[start],
            fractions={s.name: passing[s.name] for s in inside},
        )
    return tuple(found.values())


def _inlet(
    graph: FlowGraph, profile: Profile, source: Stretch, component: str, target: str
) -> Inlet:
    fractions = {
        name: share * graph.shares(component, profile.streams[name].phase).get(target, 0.0)
        for name, share in source.fractions.items()
    }
    return Inlet(source, {name: share for name, share in fractions.items() if share > 0.0})


def _cells(profile: Profile, stretches: tuple[Stretch, ...]) -> dict[str, FlowCell]:
    """The flow cells with a detector, by detector."""
    cells = {}
    for stretch in stretches:
        passed_ul = 0.0
        for component in stretch.components:
            middle_ul = passed_ul + component.volume_ul / 2
            for detector in detectors_at(component, profile.devices):
                cells[detector] = FlowCell(detector, middle_ul, bore_mm(component), stretch)
            passed_ul += component.volume_ul
    return cells
