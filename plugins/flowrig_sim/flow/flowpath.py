"""The flow path of a profile as the world needs it: stretches with the same streams, and cells."""

import math
from collections.abc import Mapping

from attrs import frozen

from flowrig.errors import InputError
from flowrig.profile.model import Component, Profile

__all__ = ["FALLBACK_BORE_MM", "FlowCell", "FlowPath", "Stretch", "bore_mm"]

FALLBACK_BORE_MM = 0.762
"""0.03 in, the published reactor bore: for components without a bore in the profile."""


@frozen(eq=False, kw_only=True)
class Stretch:
    """Components one after the other, through which the same streams flow.

    Attributes:
        components: the components, in the direction of flow.
        reactive: names of the streams that are no carriers, in the profile's order.
        carriers: names of the streams that are carriers.
        inlets: the stretches that meet at its beginning.
        entering: names of the streams that enter there directly.
    """

    components: tuple[Component, ...]
    reactive: tuple[str, ...]
    carriers: tuple[str, ...]
    inlets: "tuple[Stretch, ...]"
    entering: tuple[str, ...]

    @property
    def is_segmented(self) -> bool:
        """Whether slugs flow in a carrier here, which do not mix with each other."""
        return bool(self.reactive and self.carriers)

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
    """A cell in which a spectrometer looks at the passing liquid.

    Attributes:
        spectrometer: name of the device.
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
        cells: flow cells by the name of their spectrometer.
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
            InputError: the path has no end.
        """
        streams = profile.streams.values()
        stretches: list[Stretch] = []
        for name, component in profile.path.items():
            if component.to is None:
                _stretches_to(profile, name, stretches)
        return cls(
            reactive=tuple(s.name for s in streams if s.role != "carrier"),
            carriers=tuple(s.name for s in streams if s.role == "carrier"),
            solvents=tuple(s.name for s in streams if s.role == "solvent"),
            stretches=tuple(stretches),
            cells=_cells(stretches),
        )


def bore_mm(component: Component) -> float:
    """Bore [mm] of a component, or the published one of a reactor."""
    bore = component.inner_diameter_mm
    return FALLBACK_BORE_MM if bore is None or not math.isfinite(bore) else bore


def _stretches_to(profile: Profile, end: str, found: list[Stretch]) -> Stretch:
    """The stretch that ends with a component; it and all upstream are added to those found."""
    components = [profile.path[end]]
    while True:
        first = components[0].name
        entering = tuple(s.name for s in profile.streams.values() if s.to == first)
        before = [name for name, one in profile.path.items() if one.to == first]
        if entering or len(before) != 1:
            break
        components.insert(0, profile.path[before[0]])
        if len(components) > len(profile.path):
            raise InputError(f"{profile.name}: the flow path has a loop at {first!r}")
    inlets = tuple(_stretches_to(profile, name, found) for name in before)
    passing = {*entering, *(n for one in inlets for n in (*one.reactive, *one.carriers))}
    inside = [stream for stream in profile.streams.values() if stream.name in passing]
    stretch = Stretch(
        components=tuple(components),
        reactive=tuple(s.name for s in inside if s.role != "carrier"),
        carriers=tuple(s.name for s in inside if s.role == "carrier"),
        inlets=inlets,
        entering=entering,
    )
    found.append(stretch)
    return stretch


def _cells(stretches: list[Stretch]) -> dict[str, FlowCell]:
    """The flow cells with a spectrometer, by spectrometer."""
    cells = {}
    for stretch in stretches:
        passed_ul = 0.0
        for component in stretch.components:
            if component.spectrometer is not None:
                middle_ul = passed_ul + component.volume_ul / 2
                cells[component.spectrometer] = FlowCell(
                    component.spectrometer, middle_ul, bore_mm(component), stretch
                )
            passed_ul += component.volume_ul
    return cells
