"""Where devices of other kinds sit in the fluidic world, and the bodies that their kinds offer."""

from collections.abc import Callable, Mapping
from typing import Any

from flowrig.clock import Clock
from flowrig.emulation import AIR_BAR, ROOM_C
from flowrig.plugins.offers import import_target
from flowrig.profile.model import Profile
from flowrig.profile.topology import Topology

__all__ = ["FluidPlace", "bodies_of"]

BACK_PRESSURE_BAR_MIN_UL = 0.5e-3
"""Pressure [bar] that the line behind a component needs for each µL/min (assumed: 0.5 bar at
1 mL/min, as in some metres of narrow tubing)."""


class FluidPlace:
    """A place at a component of the flow path; see `flowrig.emulation.Place`.

    Args:
        clock: the run's clock.
        flow_ul_min: flow rate [µL/min] through the component.
        temperature_c: temperature [°C] of the component.

        on_position: called with the number of the position to which the device has turned.

    Attributes:
        clock: as above.
        effects: the newest value of each effect, by name.
    """

    def __init__(
        self,
        clock: Clock,
        flow_ul_min: Callable[[], float],
        temperature_c: Callable[[], float],
        on_position: Callable[[float], object] = lambda number: None,
    ) -> None:
        self.clock = clock
        self.effects: dict[str, float | str] = {}
        self._flow_ul_min = flow_ul_min
        self._temperature_c = temperature_c
        self._on_position = on_position

    @property
    def temperature_c(self) -> float:
        """Temperature [°C]: that of the heater, or of the room."""
        return self._temperature_c()

    @property
    def pressure_bar(self) -> float:
        """Absolute pressure [bar], from the resistance of the line behind."""
        return AIR_BAR + BACK_PRESSURE_BAR_MIN_UL * max(self._flow_ul_min(), 0.0)

    def flow_ul_min(self) -> float:
        """Flow rate [µL/min] of all that passes."""
        return self._flow_ul_min()

    def act(self, effect: str, value: float | str) -> None:
        """Remember an effect; this world knows the turning of a valve."""
        self.effects[effect] = value
        if effect == "position" and isinstance(value, float):
            self._on_position(value)


def bodies_of(
    profile: Profile,
    clock: Clock,
    rates_ul_min: Callable[[], Mapping[str, float]],
    temperatures_c: Mapping[str, Callable[[], float]],
    lead: Mapping[str, Callable[[bool], object]],
) -> dict[str, Any]:
    """A body for every device of another kind, by device; none where the kind offers none.

    Args:
        profile: the rig.
        clock: the run's clock.
        rates_ul_min: flow rate [µL/min] of every stream now.
        temperatures_c: by heater, its temperature [°C] now.
        lead: by stream, leads its plunger to the reservoir, or to the flow path.

    Raises:
        PluginError: the body of a kind does not load.
    """
    topology = Topology(profile)
    at = {device: name for name, one in profile.path.items() for device in one.devices}
    bodies = {}
    for name, entry in profile.devices.items():
        if entry.kind is None or not entry.kind.body:
            continue
        component = at.get(name)
        heater = None if component is None else profile.path[component].heater

        def flow_ul_min(component: str | None = component) -> float:
            if component is None:
                return 0.0
            return topology.flow_rate_ul_min(component, rates_ul_min())

        degrees = temperatures_c.get(heater or "", lambda: ROOM_C)
        place = FluidPlace(clock, flow_ul_min, degrees, _refilling(profile, name, lead))
        body = import_target(entry.kind.body, f"the body of the kind {entry.kind.name!r}")
        bodies[name] = body(place)
    return bodies


def _refilling(
    profile: Profile, device: str, lead: Mapping[str, Callable[[bool], object]]
) -> Callable[[float], object]:
    """What the turning of a device does to the plunger whose syringe it fills; nothing for others.

    A profile gives the numbers of positions in the settings of the device.
    """
    numbers = getattr(profile.devices[device].settings, "positions", {})
    for stream, refill in profile.refills.items():
        if refill.valve == device:
            return lambda number: lead[stream](number == numbers.get(refill.fill))
    return lambda number: None
