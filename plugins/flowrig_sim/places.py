"""Where devices of other kinds sit in the fluidic world, and the bodies that their kinds offer."""

import math
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

PULSATION = 0.01
"""Share of that pressure by which the pumps' steps make it swing (assumed)."""

PULSATION_PERIODS_S = (1.7, 7.3)
"""Periods of the swings [s] (assumed); no usual interval between two readings is a multiple."""


class FluidPlace:
    """A place at a component of the flow path; see `flowrig.emulation.Place`.

    Args:
        clock: the run's clock.
        flow_ul_min: flow rate [µL/min] through the component.
        temperature_c: temperature [°C] of the component.

    Attributes:
        clock: as above.
        effects: the newest value of each effect, by name.
    """

    def __init__(
        self,
        clock: Clock,
        flow_ul_min: Callable[[], float],
        temperature_c: Callable[[], float],
    ) -> None:
        self.clock = clock
        self.effects: dict[str, float | str] = {}
        self._flow_ul_min = flow_ul_min
        self._temperature_c = temperature_c

    @property
    def temperature_c(self) -> float:
        """Temperature [°C]: that of the heater, or of the room."""
        return self._temperature_c()

    @property
    def pressure_bar(self) -> float:
        """Absolute pressure [bar], from the resistance of the line behind."""
        now_s = self.clock.now_s()
        swing = sum(math.sin(2.0 * math.pi * now_s / one) for one in PULSATION_PERIODS_S)
        share = 1.0 + PULSATION * swing / len(PULSATION_PERIODS_S)
        return AIR_BAR + BACK_PRESSURE_BAR_MIN_UL * max(self._flow_ul_min(), 0.0) * share

    def flow_ul_min(self) -> float:
        """Flow rate [µL/min] of all that passes."""
        return self._flow_ul_min()

    def act(self, effect: str, value: float | str) -> None:
        """Remember an effect; this world knows none."""
        self.effects[effect] = value


def bodies_of(
    profile: Profile,
    clock: Clock,
    rates_ul_min: Callable[[], Mapping[str, float]],
    temperatures_c: Mapping[str, Callable[[], float]],
) -> dict[str, Any]:
    """A body for every device of another kind, by device; none where the kind offers none.

    Args:
        profile: the rig.
        clock: the run's clock.
        rates_ul_min: flow rate [µL/min] of every stream now.
        temperatures_c: by heater, its temperature [°C] now.

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

        place = FluidPlace(clock, flow_ul_min, temperatures_c.get(heater or "", lambda: ROOM_C))
        body = import_target(entry.kind.body, f"the body of the kind {entry.kind.name!r}")
        bodies[name] = body(place)
    return bodies
