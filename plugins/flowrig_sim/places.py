"""Where devices of other kinds sit in the fluidic world, and the bodies that their kinds offer."""

import math
from collections.abc import Callable, Mapping
from functools import lru_cache, partial
from typing import Any, Protocol

import numpy as np
from attrs import field, frozen

from flowrig.clock import Clock
from flowrig.emulation import AIR_BAR, ROOM_C, Glimpse
from flowrig.plugins.offers import import_target
from flowrig.profile.model import DeviceEntry, Profile
from flowrig.profile.model.devices import detectors_at, gas_factor
from flowrig.profile.topology import Topology, valve_turners

__all__ = ["Doings", "FluidPlace", "Valves", "View", "bodies_of", "values_of_devices"]

BACK_PRESSURE_BAR_MIN_UL = 0.5e-3
"""Pressure [bar] that the line behind a component needs for each µL/min (assumed: 0.5 bar at
1 mL/min, as in some metres of narrow tubing)."""

PULSATION = 0.01
"""Share of that pressure, and of a velocity, by which the pumps' steps make it swing (assumed)."""

PULSATION_PERIODS_S = (1.7, 7.3)
"""Periods of the swings [s] (assumed); no usual interval between two readings is a multiple."""


class Valves(Protocol):
    """Where the valves of the path stand."""

    @property
    def positions(self) -> Mapping[str, str]:
        """By device, the position of those that were turned."""
        ...

    def turn(self, device: str, position: str) -> None:
        """Turn a valve now."""
        ...


class View(Protocol):
    """What a detector sees at its place."""

    @property
    def rng(self) -> np.random.Generator:
        """Source of the noise of the detector."""
        ...

    def glimpse(self, seconds: float) -> Glimpse:
        """See `flowrig.emulation.Place.glimpse`."""
        ...

    def reactive_at(self, distance_mm: float) -> float:
        """See `flowrig.emulation.Place.reactive_at`."""
        ...


class FluidPlace:
    """A place at a component of the flow path; see `flowrig.emulation.Place`.

    Args:
        clock: the run's clock.
        flow_ul_min: flow rate [µL/min] through the component.
        temperature_c: temperature [°C] of the component.
        acts: what the world does at an effect, by its name.
        view: what a detector sees there; None for another device.
        bore_mm: inner diameter [mm] of the component; None where it is not known.

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
        *,
        view: View | None = None,
        bore_mm: float | None = None,
    ) -> None:
        self.clock = clock
        self.rng = None if view is None else view.rng
        self._view = view
        self._bore_mm = bore_mm
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
        return AIR_BAR + BACK_PRESSURE_BAR_MIN_UL * max(self._flow_ul_min(), 0.0) * self._swing

    @property
    def _swing(self) -> float:
        """Factor by which the pumps' steps make the flow swing now."""
        now_s = self.clock.now_s()
        swing = sum(math.sin(2.0 * math.pi * now_s / one) for one in PULSATION_PERIODS_S)
        return 1.0 + PULSATION * swing / len(PULSATION_PERIODS_S)

    def flow_ul_min(self) -> float:
        """Flow rate [µL/min] of all that passes."""
        return self._flow_ul_min()

    def velocity_mm_s(self) -> float:
        """Velocity [mm/s] with the swing of the pumps; 1 µL is 1 mm³."""
        if self._bore_mm is None:
            return 0.0
        plain = self._flow_ul_min() / 60.0 / (math.pi / 4.0 * self._bore_mm**2)
        return plain * self._swing

    def glimpse(self, seconds: float) -> Glimpse:
        """What passes; nothing where no detector looks."""
        return Glimpse() if self._view is None else self._view.glimpse(seconds)

    def reactive_at(self, distance_mm: float) -> float:
        """Share of the reactive phase at a point; none where no detector looks."""
        return 0.0 if self._view is None else self._view.reactive_at(distance_mm)

    def act(self, effect: str, value: float | str) -> None:
        """Remember an effect, which chemistries get to know.

        The world itself knows the drive of a stream, and valves of the path.
        """
        self.effects[effect] = value
        if effect in self._acts:
            self._acts[effect](value)


@frozen(kw_only=True, eq=False)
class Doings:
    """What bodies do to the world.

    Attributes:
        drive: drives the stream of a device at a flow rate [µL/min].
        lead: by stream with a syringe, leads its plunger to the reservoir, or to the flow path.
        effects: gets, by device, what its body does where it sits.
    """

    drive: Callable[[str, float], object]
    lead: Mapping[str, Callable[[bool], object]]
    effects: dict[str, dict[str, float | str]] = field(factory=dict)


def bodies_of(
    profile: Profile,
    clock: Clock,
    rates_ul_min: Callable[[], Mapping[str, float]],
    temperatures_c: Mapping[str, Callable[[], float]],
    *,
    valves: "Valves",
    does: Doings,
    views: Mapping[str, View],
) -> dict[str, Any]:
    """A body for every device of another kind, by device; none where the kind offers none.

    Args:
        profile: the rig.
        clock: the run's clock.
        rates_ul_min: flow rate [µL/min] of every stream now.
        temperatures_c: by heater, its temperature [°C] now.
        valves: where the valves of the path stand.
        does: what bodies do to the world.
        views: by detector, what it sees.

    Raises:
        PluginError: the body of a kind does not load.
    """
    filling = {one.valve: (one.fill, does.lead[name]) for name, one in profile.refills.items()}
    turned_by = set(valve_turners(profile.path, profile.devices).values())
    flow_through = _flow_through(profile, valves, rates_ul_min)
    at = _components(profile)
    bodies = {}
    for name, entry in profile.devices.items():
        if entry.kind is None or not entry.kind.body:
            continue
        component = at.get(name)
        heater = None if component is None else profile.path[component].heater
        temperature_c = temperatures_c.get(heater or "", lambda: ROOM_C)
        acts = _drives(profile, entry, partial(does.drive, name)) if entry.drives else {}
        if name in turned_by:
            acts["position"] = partial(_turn, valves, entry)
        elif name in filling:
            acts["position"] = partial(_lead, entry, *filling[name])
        flow_ul_min = partial(flow_through, component)
        bore_mm = None if component is None else profile.path[component].inner_diameter_mm
        view = views.get(name)
        place = FluidPlace(clock, flow_ul_min, temperature_c, acts, view=view, bore_mm=bore_mm)
        does.effects[name] = place.effects
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


def _flow_through(
    profile: Profile, valves: Valves, rates_ul_min: Callable[[], Mapping[str, float]]
) -> Callable[[str | None], float]:
    """What tells the flow rate [µL/min] through a component now; through no component it is 0."""
    topologies = lru_cache(maxsize=64)(lambda at: Topology(profile, dict(at)))

    def flow_ul_min(component: str | None) -> float:
        if component is None:
            return 0.0
        topology = topologies(tuple(valves.positions.items()))
        return topology.flow_rate_ul_min(component, rates_ul_min())

    return flow_ul_min


def _drives(
    profile: Profile, entry: DeviceEntry, drive: Callable[[float], object]
) -> dict[str, Callable[[float | str], object]]:
    """What a device that drives a stream does there, in µL/min or in its own unit."""
    factor = 1.0 / gas_factor(profile.streams[entry.drives], entry)
    unit = entry.abilities.ul_min_per_unit
    return {
        "drive_ul_min": lambda rate: drive(float(rate) * factor),
        "drive": lambda value: drive(float(value) * unit * factor),
    }


def _turn(valves: Valves, entry: DeviceEntry, value: float | str) -> None:
    """A device of the path stands at a position now, given by its name or its number."""
    valves.turn(entry.name, _position(entry, value))


def _position(entry: DeviceEntry, value: float | str) -> str:
    """The name of a position, which may be given by its number."""
    numbers = getattr(entry.settings, "positions", {})
    names = {float(number): name for name, number in numbers.items()}
    # Nothing leads on from a position that the profile does not name.
    return value if isinstance(value, str) else names.get(value, f"position {value:g}")


def values_of_devices(
    profile: Profile, effects: Mapping[str, Mapping[str, float | str]]
) -> dict[str, float | str]:
    """By device that is set or turned, the number or the position at which it works.

    Args:
        profile: the rig.
        effects: by device, what its body does where it sits; without an effect so far the device
            is as outside of experiments.
    """
    values = profile.device_values() if effects else {}
    for name, done in effects.items():
        entry = profile.devices[name]
        if done and entry.is_controlled:
            value = list(done.values())[-1]
            values[name] = _position(entry, value) if entry.abilities.is_selectable else value
    return values


def _components(profile: Profile) -> dict[str, str]:
    """The component at which a device of the path sits."""
    return {
        device: name
        for name, one in profile.path.items()
        for device in (*one.devices, *detectors_at(one, profile.devices))
    }
