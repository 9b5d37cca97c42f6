"""Volumes, flow rates and times of a rig's flow path, by component, section and route."""

import math
from collections.abc import Callable, Mapping

from flowrig.errors import InputError
from flowrig.problem.space import Value
from flowrig.profile.model import Lines, Profile, Section
from flowrig.profile.topology.graph import FlowGraph
from flowrig.profile.topology.positions import positions_under, valve_positions

__all__ = ["Topology"]

SECONDS_PER_MINUTE = 60.0


class Topology:
    """Volumes and times of a rig's flow path.

    Streams may divide and join again. Of several routes between two components the longest counts;
    routes side by side are never added up.

    Valves stand where `[settings]` says, else in their safe positions; `Topology.of` turns them to
    where the conditions of an experiment have them.

    Args:
        profile: a checked profile, whose streams all reach an end of the path.
        positions: by device, other positions.

    Attributes:
        positions: by component, the position of each valve.
        graph: what leads where.
        sections: stretches of the path by name, with `residence`.

    Raises:
        InputError: the flow path leads around in a circle.
    """

    def __init__(self, profile: Profile, positions: Mapping[str, str] | None = None) -> None:
        self._profile = profile
        self._residence_time = profile.residence_time
        given = {**profile.device_settings, **(positions or {})}
        self.positions = valve_positions(profile.path, profile.devices, given)
        self.graph = FlowGraph(profile.path, profile.streams, self.positions)
        self._path, self._streams = self.graph.path, self.graph.streams
        if self.graph.loops:
            loop = " -> ".join(self.graph.loops[0])
            raise InputError(f"the flow path does not lead to a waste, but in a circle: {loop}")
        self.sections: Mapping[str, Section] = {
            **profile.sections,
            "residence": profile.residence_time.section,
        }

    @classmethod
    def of(cls, profile: Profile, conditions: Mapping[str, Value]) -> "Topology":
        """The flow path in an experiment under some conditions."""
        with_parts = profile.with_volumes(profile.volumes_ul(conditions))
        return cls(with_parts, positions_under(profile, conditions))

    @property
    def lines(self) -> Lines | None:
        """The components that exist several times; None where there are none."""
        return self._profile.lines

    def in_any_line(self, component: str) -> str:
        """The name of a component without the number of its line."""
        if self.lines is None or self.lines.line_of(component) is None:
            return component
        return component.rpartition(".")[0]

    def at(self, positions: Mapping[str, str]) -> "Topology":
        """The same with other positions of valves, by device."""
        return Topology(self._profile, positions)

    def route(self, stream: str) -> tuple[str, ...]:
        """The components that a stream passes, every one before those that it leads to."""
        return tuple(self.graph.passing(stream))

    def ends(self, stream: str) -> dict[str, float]:
        """The ends of the path that a stream reaches, with the share of it that ends there."""
        passing = self.graph.passing(stream)
        return {name: share for name, share in passing.items() if self._path[name].is_end}

    def streams_through(self, component: str) -> tuple[str, ...]:
        """The streams that pass a component, wholly or in part."""
        return tuple(one for one in self._streams if component in self.graph.passing(one))

    def flows_ul_min(self, flow_rates_ul_min: Mapping[str, float]) -> dict[str, dict[str, float]]:
        """Flow rate [µL/min] of each stream through each component: by component, then stream.

        What flows into a component flows out of it. Streams that are not named stand still.
        """
        flows: dict[str, dict[str, float]] = {name: {} for name in self.graph.order}
        for stream in self._streams:
            for name, share in self.graph.passing(stream).items():
                flows[name][stream] = share * flow_rates_ul_min.get(stream, 0.0)
        return flows

    def flow_rate_ul_min(self, component: str, flow_rates_ul_min: Mapping[str, float]) -> float:
        """Flow rate [µL/min] through a component; streams that are not named stand still."""
        return sum(
            self.graph.passing(one)[component] * flow_rates_ul_min.get(one, 0.0)
            for one in self.streams_through(component)
        )

    def ends_of(self, section: Section) -> tuple[str, ...]:
        """Where a section ends: as it says, else at every measuring point downstream.

        Where nothing is measured downstream, it ends where liquid is collected, else in the waste.
        """
        if section.ends:
            return section.ends
        after = self.graph.downstream(section.start)[1:]
        found = [one for one in after if self._path[one].spectrometer is not None]
        found = found or [one for one in after if self._path[one].kind == "vessel"]
        return tuple(found or [one for one in after if self._path[one].is_end])

    def is_passed(self, section: Section) -> bool:
        """Whether liquid flows from the start of a section to one of its ends."""
        return bool(self.routes(section))

    def routes(self, section: Section) -> tuple[tuple[str, ...], ...]:
        """The ways of liquid through a section: components up to its end, which is not included."""
        return tuple(
            route
            for end in self.ends_of(section)
            for route in self.graph.routes(section.start, end)
        )

    def volume_ul(self, start: str, end: str) -> float:
        """Volume [µL] of the largest route from the inlet of one component to that of another.

        Raises:
            InputError: the second is not downstream of the first.
        """
        return self._longest(start, (end,), lambda name: self._path[name].volume_ul)

    def section_volume_ul(self, section: Section) -> float:
        """Volume [µL] of the largest route through a section.

        Raises:
            InputError: no liquid flows from its start to its end.
        """
        ends = self.ends_of(section)
        return self._longest(section.start, ends, lambda name: self._path[name].volume_ul)

    def section_time_s(self, section: Section, flow_rates_ul_min: Mapping[str, float]) -> float:
        """Time [s] of plug flow through a section, on its longest route.

        Each component's volume is divided by the flow rate through it, so that streams may join
        and divide on the way. Routes where nothing flows do not count; the time is infinite if
        nothing flows at all.

        Raises:
            InputError: no liquid flows from its start to its end.
        """
        minutes = self._minutes(flow_rates_ul_min)
        ends = self.ends_of(section)
        return SECONDS_PER_MINUTE * self._longest(section.start, ends, minutes)

    def route_time_s(self, route: tuple[str, ...], flow_rates_ul_min: Mapping[str, float]) -> float:
        """Time [s] of plug flow along a route; infinite where nothing flows."""
        return SECONDS_PER_MINUTE * sum(map(self._minutes(flow_rates_ul_min), route))

    def residence_time_s(self, flow_rates_ul_min: Mapping[str, float]) -> float:
        """Residence time τ [s]: the time of the section `residence`.

        Sadeghi et al., Digital Discovery 2025, 4, 1722 count τ from the segmentation junction to
        the flow cells. Infinite if nothing flows.
        """
        return self.section_time_s(self.sections["residence"], flow_rates_ul_min)

    def reactor_time_s(self, flow_rates_ul_min: Mapping[str, float]) -> float:
        """Longest time [s] that liquid spends in reactors on its way to the waste.

        Reactors one after the other add up; of reactors side by side liquid passes one. Infinite if
        nothing flows.
        """
        return max(self.reactor_times_s(flow_rates_ul_min).values(), default=math.inf)

    def reactor_times_s(self, flow_rates_ul_min: Mapping[str, float]) -> dict[str, float]:
        """Time [s] in reactors, by stream that flows and passes one; of all if none does.

        For a stream that divides, the time on the longest of its routes.
        """
        minutes = self._minutes(flow_rates_ul_min)

        def in_reactor(name: str) -> float:
            return minutes(name) if self._path[name].kind == "reactor" else 0.0

        times_s = {
            name: SECONDS_PER_MINUTE
            * self._longest(stream.to, tuple(self.ends(name)), in_reactor, (stream.phase,))
            for name, stream in self._streams.items()
            if flow_rates_ul_min.get(name, 0.0) > 0.0
        }
        return {stream: time_s for stream, time_s in times_s.items() if time_s > 0.0} or times_s

    def equilibrium_time_s(self, flow_rates_ul_min: Mapping[str, float]) -> float:
        """Time [s] from the start of the pumps until spectra are steady, in multiples of τ."""
        return self._residence_time.equilibrium * self.residence_time_s(flow_rates_ul_min)

    def _minutes(self, flow_rates_ul_min: Mapping[str, float]) -> Callable[[str], float]:
        """The time [min] of plug flow through a component."""

        def minutes(name: str) -> float:
            volume_ul = self._path[name].volume_ul
            if volume_ul <= 0:
                return 0.0
            flow_ul_min = self.flow_rate_ul_min(name, flow_rates_ul_min)
            return volume_ul / flow_ul_min if flow_ul_min > 0 else math.inf

        return minutes

    def _longest(
        self,
        start: str,
        ends: tuple[str, ...],
        weight: Callable[[str], float],
        phases: tuple[str, ...] | None = None,
    ) -> float:
        """The largest sum of weights on the routes from a start to ends.

        Routes of infinite weight count only if there are no others.
        """
        phases = self.graph.phases_at(start) if phases is None else phases
        after = [self._after(start, phase, weight) for phase in phases]
        found = [one[end] for one in after for end in ends if end in one]
        if not found:
            raise InputError(f"{' or '.join(map(repr, ends))} is not downstream of {start!r}")
        return _largest(*found)

    def _after(self, start: str, phase: str, weight: Callable[[str], float]) -> dict[str, float]:
        """By component downstream, the largest sum of weights on the routes to its inlet."""
        after = {start: 0.0}
        for name in self.graph.downstream(start):
            if name in after:
                through = after[name] + weight(name)
                for one in self.graph.shares(name, phase):
                    after[one] = _largest(after.get(one, math.inf), through)
        return after


def _largest(*sums: float) -> float:
    """The largest finite one; infinite if there is none."""
    return max((one for one in sums if math.isfinite(one)), default=math.inf)
