"""Where devices of other kinds sit in the fluidic world, and the bodies that their kinds offer."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from flowrig.clock import Clock
from flowrig.emulation import AIR_BAR, ROOM_C
from flowrig.plugins.offers import import_target
from flowrig.profile.model import DeviceEntry, Profile
from flowrig.profile.model.devices import gas_factor
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
        acts: what the world does at an effect, by its name.

    Attributes:
        clock: as above.
        effects: the newest value of each effect, by name.
    """

    def __init__(
        self,
        clock: Clock,
        flow_ul_min: Callable[[], float],
        temperature_c: Callable[[], float],
        acts: Mapping[str, Callable[[float], object]] | None = None,
    ) -> None:
        self.clock = clock
        self.effects: dict[str, float | str] = {}
        self._flow_ul_min = flow_ul_min
        self._temperature_c = temperature_c
        self._acts = acts or {}

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
        """Remember an effect; this world knows the drive of a stream."""
        self.effects[effect] = value
        if effect in self._acts:
            self._acts[effect](float(value))


def bodies_of(
    profile: Profile,
    clock: Clock,
    rates_ul_min: Callable[[], Mapping[str, float]],
    temperatures_c: Mapping[str, Callable[[], float]],
    drive: Callable[[str, float], object],
) -> dict[str, Any]:
    """A body for every device of another kind, by device; none where the kind offers none.

    Args:
        profile: the rig.
        clock: the run's clock.
        rates_ul_min: flow rate [µL/min] of every stream now.
        temperatures_c: by heater, its temperature [°C] now.
        drive: drives the stream of a device at a flow rate [µL/min].

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

        temperature_c = temperatures_c.get(heater or "", lambda: ROOM_C)
        acts = _drives(profile, entry, partial(drive, name)) if entry.drives else {}
        place = FluidPlace(clock, flow_ul_min, temperature_c, acts)
        body = import_target(entry.kind.body, f"the body of the kind {entry.kind.name!r}")
        bodies[name] = body(place)
    return bodies


def _drives(
    profile: Profile, entry: DeviceEntry, drive: Callable[[float], object]
) -> dict[str, Callable[[float], object]]:
    """What a device that drives a stream does there, in µL/min or in its own unit."""
    factor = 1.0 / gas_factor(profile.streams[entry.drives], entry)
    unit = entry.abilities.ul_min_per_unit

    def in_units(value: float) -> None:
        drive(value * unit * factor)

    return {"drive_ul_min": lambda rate: drive(rate * factor), "drive": in_units}
