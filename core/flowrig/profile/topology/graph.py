"""The flow path as a directed graph: what leads where, and what share of a stream passes where.

A graph is made from any path, sound or not, so that the rules of a profile can ask it too: names
that stand for no component, and ways around in a circle, lead nowhere.
"""

from collections.abc import Iterator, Mapping
from functools import cached_property

from flowrig.profile.model import Component, Stream
from flowrig.profile.topology.routes import every_position, without_valves

__all__ = ["FlowGraph"]

MOST_ROUTES = 64
"""Largest number of routes that are listed; ten splits in a row have a thousand."""


class FlowGraph:
    """Components and where each of them leads.

    A valve with routes is left out: what leads into it leads to where its position leads that.

    Args:
        path: components by name.
        streams: streams by name.
        positions: by component, the position of a valve; the first one for others.

    Attributes:
        path: components by name, each with the components that it leads to.
        streams: streams by name, each with the component that it enters; "" for a closed port.
        onward: by component, the components that it leads to.
        loops: ways around in a circle.
        order: all components, every one before those that it leads to.
    """

    def __init__(
        self,
        path: Mapping[str, Component],
        streams: Mapping[str, Stream],
        positions: Mapping[str, str] | None = None,
    ) -> None:
        self._given = path, streams
        self._positions = positions or {}
        self.path, self.streams = without_valves(path, streams, self._positions)
        path = self._path = self.path
        self._streams = self.streams
        self.onward: Mapping[str, tuple[str, ...]] = {
            name: tuple(one for one in component.outlets if one in path)
            for name, component in path.items()
        }
        self.loops, self.order = self._walk()
        self._passing: dict[str, dict[str, float]] = {}
        self._reaching: dict[str, dict[str, float]] = {}
        self._shares: dict[tuple[str, str], Mapping[str, float]] = {}

    @cached_property
    def sources(self) -> Mapping[str, tuple[str, ...]]:
        """By component, the components that lead to it."""
        return {
            name: tuple(one for one, onward in self.onward.items() if name in onward)
            for name in self._path
        }

    @cached_property
    def feeds(self) -> Mapping[str, tuple[str, ...]]:
        """By component, the streams that enter the path there."""
        return {
            name: tuple(one for one, stream in self._streams.items() if stream.to == name)
            for name in self._path
        }

    @cached_property
    def phases(self) -> tuple[str, ...]:
        """The phases of the streams."""
        return tuple(dict.fromkeys(stream.phase for stream in self._streams.values()))

    def downstream(self, start: str) -> tuple[str, ...]:
        """A component and all components downstream, every one before those that it leads to."""
        reached = {start}
        for name in self.order:
            if name in reached:
                reached.update(self.onward[name])
        return tuple(name for name in self.order if name in reached)

    def shares(self, name: str, phase: str) -> Mapping[str, float]:
        """Share of the flow of a phase through a component that goes to each one downstream."""
        key = name, phase
        if key not in self._shares:
            shares = self._path[name].shares(self._case(name, phase))
            self._shares[key] = {one: share for one, share in shares.items() if one in self._path}
        return self._shares[key]

    def passing(self, stream: str) -> Mapping[str, float]:
        """The share of a stream that passes each component, in the order of the flow; none is 0."""
        if stream not in self._passing:
            self._passing[stream] = self._pass(self._streams[stream])
        return self._passing[stream]

    def reaching(self, stream: str) -> Mapping[str, float]:
        """The largest share of a stream that passes each component, wherever valves stand."""
        if stream not in self._reaching:
            found = self._reaching[stream] = {}
            for graph in self._everywhere:
                passing = graph._pass(graph.streams[stream], all_positions=True)
                for name, share in passing.items():
                    found[name] = max(found.get(name, 0.0), share)
        return self._reaching[stream]

    @cached_property
    def _everywhere(self) -> "tuple[FlowGraph, ...]":
        """The graph in every combination of positions of valves with routes."""
        return tuple(
            FlowGraph(*self._given, positions) if positions else self
            for positions in every_position(self._given[0])
        )

    def closed_to(self, stream: str) -> tuple[str, ...]:
        """Where a stream meets closed ports: components, or its own name where it enters none."""
        start = self._streams[stream].to
        if start not in self._path:
            return (stream,)
        phase = self._streams[stream].phase
        passed = self.passing(stream)
        return tuple(
            one for one in passed if not (self._path[one].is_end or self.shares(one, phase))
        )

    def routes(self, start: str, end: str) -> Iterator[tuple[str, ...]]:
        """Ways of liquid from one component (included) to another (not included).

        No more than `MOST_ROUTES` are given.
        """
        found: set[tuple[str, ...]] = set()
        for phase in self.phases_at(start):
            leading = self._leading_to(end, phase)
            for route in self._routes(start, end, phase, leading):
                if len(found) < MOST_ROUTES and route not in found:
                    found.add(route)
                    yield route
                elif len(found) == MOST_ROUTES:
                    return

    def phases_at(self, name: str) -> tuple[str, ...]:
        """The phases that reach a component, of those that go different ways.

        Where no separator lies downstream, all phases go the same way, and one stands for them.
        """
        streams = [one for one in self._streams if self.passing(one).get(name, 0.0) > 0.0]
        phases = tuple(dict.fromkeys(self._streams[one].phase for one in streams))
        parted = any(self._path[one].kind == "separator" for one in self.downstream(name))
        return phases if parted else phases[:1]

    def _case(self, name: str, phase: str) -> str:
        """What decides where a flow goes behind a component: its phase, or a valve's position."""
        component = self._path[name]
        if component.kind != "valve":
            return phase
        to = component.to if isinstance(component.to, Mapping) else {}
        return self._positions.get(name, next(iter(to), ""))

    def _pass(self, stream: Stream, *, all_positions: bool = False) -> dict[str, float]:
        passing = {stream.to: 1.0} if stream.to in self._path else {}
        for name in self.order:
            here = passing.get(name, 0.0)
            if here <= 0.0:
                continue
            shares = self.shares(name, stream.phase)
            if all_positions and self._path[name].kind == "valve":
                shares = dict.fromkeys(self.onward[name], 1.0)
            for one, share in shares.items():
                passing[one] = passing.get(one, 0.0) + here * share
        return {name: min(passing[name], 1.0) for name in self.order if name in passing}

    def _leading_to(self, end: str, phase: str) -> set[str]:
        leading = {end}
        for name in reversed(self.order):
            if leading & self.shares(name, phase).keys():
                leading.add(name)
        return leading

    def _routes(
        self, start: str, end: str, phase: str, leading: set[str]
    ) -> Iterator[tuple[str, ...]]:
        way = {start: iter(self.shares(start, phase))}
        while way:
            here, ahead = next(reversed(way.items()))
            one = next(ahead, None)
            if one is None:
                del way[here]
            elif one == end:
                yield tuple(way)
            elif one in leading and one not in way:
                way[one] = iter(self.shares(one, phase))

    def _walk(self) -> tuple[tuple[tuple[str, ...], ...], tuple[str, ...]]:
        """Circles, each once, and all components, every one before those that it leads to."""
        done: dict[str, None] = {}
        loops: list[tuple[str, ...]] = []
        for start in self._path:
            way = {} if start in done else {start: iter(self.onward[start])}
            while way:
                here, ahead = next(reversed(way.items()))
                one = next(ahead, None)
                if one is None:
                    done[here] = None
                    del way[here]
                elif one in way:
                    names = list(way)
                    loops.append(tuple(names[names.index(one) :]))
                elif one not in done:
                    way[one] = iter(self.onward[one])
        return tuple(loops), tuple(reversed(done))
