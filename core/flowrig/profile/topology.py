"""The flow path as a graph: streams through components, volumes and residence times.

Every component has one outlet, so each stream has one way to the waste, and streams only merge.
"""

import math
from collections.abc import Mapping

from flowrig.errors import InputError
from flowrig.profile.model import Profile

__all__ = ["Topology"]

SECONDS_PER_MINUTE = 60.0


class Topology:
    """Volumes and times of a rig's flow path.

    Args:
        profile: a checked profile, whose streams all reach the waste.
    """

    def __init__(self, profile: Profile) -> None:
        self._path = profile.path
        self._residence_time = profile.residence_time
        self._routes = {
            name: self._downstream(stream.to) for name, stream in profile.streams.items()
        }

    def route(self, stream: str) -> tuple[str, ...]:
        """The components that a stream passes, from where it enters to the waste."""
        return self._routes[stream]

    def streams_through(self, component: str) -> tuple[str, ...]:
        """The streams that pass a component."""
        return tuple(stream for stream, route in self._routes.items() if component in route)

    def flow_rate_ul_min(self, component: str, flow_rates_ul_min: Mapping[str, float]) -> float:
        """Flow rate [µL/min] through a component; streams that are not named stand still."""
        return sum(flow_rates_ul_min.get(one, 0.0) for one in self.streams_through(component))

    def volume_ul(self, start: str, end: str) -> float:
        """Volume [µL] from the inlet of one component to the inlet of another downstream.

        Raises:
            InputError: the second is not downstream of the first.
        """
        return sum(self._path[name].volume_ul for name in self._section(start, end))

    def residence_time_s(self, flow_rates_ul_min: Mapping[str, float]) -> float:
        """Residence time τ [s] between the two components that the profile names.

        Each component's volume is divided by the flow rate through it, so that streams may join on
        the way (Sadeghi et al., Digital Discovery 2025, 4, 1722 count τ from the segmentation
        junction to the flow cells). Infinite if nothing flows.
        """
        section = self._section(self._residence_time.start, self._residence_time.end)
        return self._time_s(section, flow_rates_ul_min)

    def reactor_time_s(self, flow_rates_ul_min: Mapping[str, float]) -> float:
        """Longest time [s] that liquid spends in heated reactors on its way to the waste.

        Reactors one after the other add up; of reactors side by side each stream passes its own.
        Infinite if nothing flows.
        """
        return max(self.reactor_times_s(flow_rates_ul_min).values(), default=math.inf)

    def reactor_times_s(self, flow_rates_ul_min: Mapping[str, float]) -> dict[str, float]:
        """Time [s] in heated reactors, by stream that flows and passes one; of all if none does."""
        times_s = {
            stream: self._time_s(self._reactors_of(stream), flow_rates_ul_min)
            for stream in self._routes
            if flow_rates_ul_min.get(stream, 0.0) > 0.0
        }
        return {stream: time_s for stream, time_s in times_s.items() if time_s > 0.0} or times_s

    def _reactors_of(self, stream: str) -> tuple[str, ...]:
        return tuple(one for one in self._routes[stream] if self._path[one].kind == "reactor")

    def equilibrium_time_s(self, flow_rates_ul_min: Mapping[str, float]) -> float:
        """Time [s] from the start of the pumps until spectra are steady, in multiples of τ."""
        return self._residence_time.equilibrium * self.residence_time_s(flow_rates_ul_min)

    def _time_s(self, components: tuple[str, ...], flow_rates_ul_min: Mapping[str, float]) -> float:
        minutes = 0.0
        for name in components:
            volume_ul = self._path[name].volume_ul
            if volume_ul > 0:
                flow_ul_min = self.flow_rate_ul_min(name, flow_rates_ul_min)
                minutes += volume_ul / flow_ul_min if flow_ul_min > 0 else math.inf
        return SECONDS_PER_MINUTE * minutes

    def _section(self, start: str, end: str) -> tuple[str, ...]:
        """The components from one (included) to another downstream (not included)."""
        route = self._downstream(start)
        if end not in route:
            raise InputError(f"{end!r} is not downstream of {start!r}")
        return route[: route.index(end)]

    def _downstream(self, start: str) -> tuple[str, ...]:
        route: list[str] = []
        name: str | None = start
        while name is not None:
            if name in route or name not in self._path:
                raise InputError(f"the flow path does not lead from {start!r} to a waste")
            route.append(name)
            name = self._path[name].to
        return tuple(route)
