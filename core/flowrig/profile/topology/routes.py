"""Valves with routes: where each flow that enters one leaves it, by position.

A valve with routes has several ways through it at once. It holds no liquid of its own, so that for
given positions it can be left out: what leads into it leads to where its position leads that.
"""

from collections.abc import Iterator, Mapping
from itertools import islice, product

from attrs import evolve

from flowrig.profile.model import Component, Stream
from flowrig.profile.model.flow import Outlets

__all__ = [
    "MOST_COMBINATIONS",
    "NOWHERE",
    "all_ways",
    "every_position",
    "valves_with_routes",
    "without_valves",
]

NOWHERE = ""
"""Where a stream leads that meets a closed port."""

MOST_COMBINATIONS = 256
"""Most combinations of positions that are looked at: of valves with routes, and of valves that
variables turn."""


def valves_with_routes(path: Mapping[str, Component]) -> dict[str, Component]:
    """The valves that have routes, by component."""
    return {name: one for name, one in path.items() if one.routes}


def every_position(path: Mapping[str, Component]) -> Iterator[dict[str, str]]:
    """Every combination of positions of the valves with routes, by component.

    Returns:
        at most `MOST_COMBINATIONS`; a rule refuses profiles with more.
    """
    valves = valves_with_routes(path)
    combinations = product(*(one.routes for one in valves.values()))
    for positions in islice(combinations, MOST_COMBINATIONS):
        yield dict(zip(valves, positions, strict=True))


def without_valves(
    path: Mapping[str, Component],
    streams: Mapping[str, Stream],
    positions: Mapping[str, str],
) -> tuple[Mapping[str, Component], Mapping[str, Stream]]:
    """The path and the streams without valves that have routes.

    The valves themselves stay in the path, but nothing leads into them.

    Args:
        path: components by name.
        streams: streams by name.
        positions: by component, the position of a valve; the first one for others.

    Returns:
        the same path and streams if no valve has routes.
    """
    ways = {
        name: one.routes.get(positions.get(name, next(iter(one.routes))), {})
        for name, one in valves_with_routes(path).items()
    }
    if not ways:
        return path, streams
    led = {name: _led_on(one, ways) for name, one in path.items()}
    fed = {
        name: evolve(one, to=ways[one.to].get(name, NOWHERE)) if one.to in ways else one
        for name, one in streams.items()
    }
    return led, fed


def all_ways(path: Mapping[str, Component], start: str, to: Outlets) -> tuple[str, ...]:
    """The components that something leads to, wherever valves with routes stand.

    Args:
        path: components by name.
        start: the stream or component that leads there.
        to: where the profile says that it leads.
    """
    found: dict[str, None] = {}
    for outlet in Component(name=start, kind="junction", to=to).outlets:
        valve = path.get(outlet)
        routes = {} if valve is None else valve.routes
        if routes:
            ways = (way[start] for way in routes.values() if start in way)
            found |= dict.fromkeys(one for one in ways if one in path)
        elif outlet in path:
            found[outlet] = None
    return tuple(found)


def _led_on(component: Component, ways: Mapping[str, Mapping[str, str]]) -> Component:
    """A component that leads past the valves with routes."""
    if component.name in ways:
        return evolve(component, to=(), routes={})
    if not ways.keys() & {*component.outlets}:
        return component
    return evolve(component, to=_led(component.name, component.to, ways))


def _led(name: str, to: Outlets, ways: Mapping[str, Mapping[str, str]]) -> Outlets:
    """Where a component leads to; `()` where it meets closed ports only."""

    def led(outlet: str) -> str | None:
        return ways[outlet].get(name) if outlet in ways else outlet

    match to:
        case None:
            return None
        case str():
            return led(to) or ()
        case tuple():
            return tuple(one for outlet in to if (one := led(outlet)) is not None)
    shares: dict[str, float] = {}
    cases: dict[str, str] = {}
    for key, value in to.items():
        if isinstance(value, float):
            outlet = led(key)
            if outlet is not None:
                shares[outlet] = shares.get(outlet, 0.0) + value
        elif (outlet := led(value)) is not None:
            cases[key] = outlet
    return shares or cases or ()
