"""Where devices of other kinds sit in the fluidic world, and the bodies that their kinds offer."""

from collections.abc import Callable, Mapping
from functools import lru_cache, partial
from typing import Any, Protocol

from flowrig.clock import Clock
from flowrig.emulation import AIR_BAR, ROOM_C
from flowrig.plugins.offers import import_target
from flowrig.profile.model import DeviceEntry, Profile
from flowrig.profile.topology import Topology, valve_turners

__all__ = ["FluidPlace", "Valves", "bodies_of"]

BACK_PRESSURE_BAR_MIN_UL = 0.5e-3
"""Pressure [bar] that the line behind a component needs for each µL/min (assumed: 0.5 bar at
1 mL/min, as in some metres of narrow tubing)."""


class Valves(Protocol):
    """Where the valves of the path stand."""

    @property
    def positions(self) -> Mapping[str, str]:
        """By device, the position of those that were turned."""
        ...

    def turn(self, device: str, position: str) -> None:
        """Turn a valve now."""
        ...


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
        acts: Mapping[str, Callable[[float | str], object]] | None = None,
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
        """Remember an effect; this world knows the positions of valves of the path."""
        self.effects[effect] = value
        if effect in self._acts:
            self._acts[effect](value)


def bodies_of(
    profile: Profile,
    clock: Clock,
    rates_ul_min: Callable[[], Mapping[str, float]],
    temperatures_c: Mapping[str, Callable[[], float]],
    valves: "Valves",
    *,
    lead: Mapping[str, Callable[[bool], object]],
) -> dict[str, Any]:
    """A body for every device of another kind, by device; none where the kind offers none.

    Args:
        profile: the rig.
        clock: the run's clock.
        rates_ul_min: flow rate [µL/min] of every stream now.
        temperatures_c: by heater, its temperature [°C] now.
        valves: where the valves of the path stand.
        lead: by stream, leads its plunger to the reservoir, or to the flow path.

    Raises:
        PluginError: the body of a kind does not load.
    """
    filling = {one.valve: (one.fill, lead[name]) for name, one in profile.refills.items()}
    turned_by = set(valve_turners(profile.path, profile.devices).values())
    topologies = lru_cache(maxsize=64)(lambda at: Topology(profile, dict(at)))
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
            topology = topologies(tuple(valves.positions.items()))
            return topology.flow_rate_ul_min(component, rates_ul_min())

        temperature_c = temperatures_c.get(heater or "", lambda: ROOM_C)
        turn = partial(_lead, entry, *filling[name]) if name in filling else None
        turn = partial(_turn, valves, entry) if name in turned_by else turn
        acts = {} if turn is None else {"position": turn}
        place = FluidPlace(clock, flow_ul_min, temperature_c, acts)
        body = import_target(entry.kind.body, f"the body of the kind {entry.kind.name!r}")
        bodies[name] = body(place)
        if name in filling:  # it is somewhere before it is turned
            _lead(entry, *filling[name], float(getattr(bodies[name], "number", 0.0)))
    return bodies


def _lead(
    entry: DeviceEntry, fill: str, lead: Callable[[bool], object], value: float | str
) -> None:
    """The valve of a syringe that fills itself stands at a position now."""
    number = getattr(entry.settings, "positions", {}).get(fill)
    lead(value in (fill, number))


def _turn(valves: Valves, entry: DeviceEntry, value: float | str) -> None:
    """A device of the path stands at a position now, given by its name or its number."""
    numbers = getattr(entry.settings, "positions", {})
    names = {float(number): name for name, number in numbers.items()}
    # Nothing leads on from a position that the profile does not name.
    position = value if isinstance(value, str) else names.get(value, f"position {value:g}")
    valves.turn(entry.name, position)
