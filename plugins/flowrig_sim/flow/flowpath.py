"""The flow path of a profile as the world needs it: streams, volumes, reactor and flow cells."""

import math
from collections.abc import Mapping, Sequence

from attrs import frozen

from flowrig.errors import InputError
from flowrig.profile.model import Component, Profile, Stream

__all__ = ["FlowCell", "FlowPath"]

FALLBACK_BORE_MM = 0.762
"""0.03 in, the published reactor bore: for reactors and cells without a bore in the profile."""


@frozen
class FlowCell:
    """A cell in which a spectrometer looks at the passing slugs.

    Attributes:
        spectrometer: name of the device.
        position_ul: volume [µL] from the segmentation junction to the middle of the cell.
        bore_mm: bore [mm] of the cell.
    """

    spectrometer: str
    position_ul: float
    bore_mm: float


@frozen(kw_only=True)
class FlowPath:
    """The wet side of a rig: a premixing volume, then slugs in plug flow.

    Attributes:
        reactive: names of the streams that form the reactive phase, in the profile's order.
        carriers: names of the streams that form the carrier phase.
        premix_ul: volume [µL] from the junction of the reactive streams to the segmentation
            junction.
        reactor_start_ul: volume [µL] from the segmentation junction to the reactor's inlet.
        reactor_end_ul: volume [µL] from the segmentation junction to the reactor's outlet.
        reactor_bore_mm: bore [mm] of the reactor.
        heater: name of the device that heats the reactor.
        cells: flow cells by the name of their spectrometer.
    """

    reactive: tuple[str, ...]
    carriers: tuple[str, ...]
    premix_ul: float
    reactor_start_ul: float
    reactor_end_ul: float
    reactor_bore_mm: float
    heater: str
    cells: Mapping[str, FlowCell]

    @property
    def reactor_ul(self) -> float:
        """Volume [µL] of the reactor."""
        return self.reactor_end_ul - self.reactor_start_ul

    @classmethod
    def of(cls, profile: Profile) -> "FlowPath":
        """The flow path of a profile.

        Raises:
            InputError: the streams form no slugs, or the slugs do not pass one heated reactor and
                then the cells.
        """
        reactive = tuple(s for s in profile.streams.values() if s.role != "carrier")
        carriers = tuple(s for s in profile.streams.values() if s.role == "carrier")
        trunk = _common(profile, reactive)
        segmented = _common(profile, (*reactive, *carriers))
        if not segmented:
            raise InputError(f"{profile.name}: the streams never meet, so no slugs form")
        premix_ul = sum(c.volume_ul for c in trunk[: len(trunk) - len(segmented)])
        reactor, start_ul = _reactor(profile, segmented)
        return cls(
            reactive=tuple(stream.name for stream in reactive),
            carriers=tuple(stream.name for stream in carriers),
            premix_ul=premix_ul,
            reactor_start_ul=start_ul,
            reactor_end_ul=start_ul + reactor.volume_ul,
            reactor_bore_mm=_bore_mm(reactor),
            heater=_heater(profile, reactor),
            cells=_cells(profile, segmented, start_ul + reactor.volume_ul),
        )


def _downstream(profile: Profile, stream: Stream) -> list[Component]:
    """The components that a stream runs through, in order."""
    components: list[Component] = []
    name: str | None = stream.to
    while name is not None:
        components.append(profile.path[name])
        outlets = profile.path[name].outlets
        if len(outlets) > 1:
            raise InputError(
                f"{profile.name}: the fluidic world cannot simulate a flow that divides, as in "
                f"{name!r}"
            )
        name = outlets[0] if outlets else None
    return components


def _common(profile: Profile, streams: Sequence[Stream]) -> list[Component]:
    """The components that all of some streams run through, in order."""
    paths = [_downstream(profile, stream) for stream in streams]
    return [c for c in paths[0] if all(c in path for path in paths)] if paths else []


def _reactor(profile: Profile, segmented: Sequence[Component]) -> tuple[Component, float]:
    """The reactor, and the volume [µL] from the segmentation junction to its inlet."""
    reactors = [component for component in segmented if component.kind == "reactor"]
    if len(reactors) != 1:
        raise InputError(
            f"{profile.name}: the fluidic world needs one reactor after the segmentation junction, "
            f"found {len(reactors)}"
        )
    before = segmented[: segmented.index(reactors[0])]
    return reactors[0], sum(component.volume_ul for component in before)


def _heater(profile: Profile, reactor: Component) -> str:
    if reactor.heater is None:
        raise InputError(f"{profile.name}: the reactor {reactor.name!r} names no heater")
    return reactor.heater


def _cells(
    profile: Profile, segmented: Sequence[Component], reactor_end_ul: float
) -> dict[str, FlowCell]:
    """The flow cells with a spectrometer, by spectrometer."""
    cells = {}
    passed_ul = 0.0
    for component in segmented:
        if component.kind == "flow-cell" and component.spectrometer is not None:
            middle_ul = passed_ul + component.volume_ul / 2
            if middle_ul < reactor_end_ul:
                raise InputError(
                    f"{profile.name}: the flow cell {component.name!r} lies before the reactor"
                )
            cells[component.spectrometer] = FlowCell(
                component.spectrometer, middle_ul, _bore_mm(component)
            )
        passed_ul += component.volume_ul
    return cells


def _bore_mm(component: Component) -> float:
    bore_mm = component.inner_diameter_mm
    return FALLBACK_BORE_MM if bore_mm is None or not math.isfinite(bore_mm) else bore_mm
