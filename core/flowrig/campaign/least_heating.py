"""A batch in the order in which heating and cooling take least time from where the rig is."""

from collections.abc import Sequence
from itertools import pairwise

from flowrig.procedure.heating_time import AMBIENT_C, steady_time_s
from flowrig.profile import Steady

__all__ = ["least_heating"]

PASSES = 3
"""How often every condition is tried at every other place; most gain is in the first."""

MOST = 500
"""Conditions in a batch above which only the orders by one heater are tried: all pairs of them take
seconds."""

GAIN_S = 1e-6
"""A gain of less time [s] is a rounding error."""

Temperatures = tuple[float, ...]
Costs = Sequence[Sequence[float]]
"""Time [s] from each condition, and last from the start, to each condition."""


def least_heating(
    steady: Steady, batch: Sequence[Temperatures], start: Temperatures | None
) -> list[int]:
    """Places of a batch in an order that takes little time to heat and to cool.

    The best of some orders (rising and falling set points of each heater, always to the nearest)
    is improved by moving single conditions as long as that saves time. It need not be the very
    best, and is found in the square of the number of conditions.

    Args:
        steady: how fast heaters are, from the profile.
        batch: set points [°C] of each condition, in the order of the heaters.
        start: those of the experiment before; None for room temperature.
    """
    places = list(range(len(batch)))
    if len(batch) < 2 or not batch[0]:
        return places
    begin = (AMBIENT_C,) * len(batch[0]) if start is None else start
    orders = [places]
    for heater in range(len(begin)):
        rising = sorted(places, key=lambda place: (batch[place][heater], batch[place]))
        orders += [rising, rising[::-1]]
    if len(batch) > MOST:
        return min(orders, key=lambda order: _way_s(steady, [begin, *(batch[p] for p in order)]))
    # The start is the place behind the last.
    costs_s = [[_time_s(steady, one, other) for other in batch] for one in (*batch, begin)]
    orders.append(_nearest(costs_s))
    return _improved(min(orders, key=lambda order: _total_s(costs_s, order)), costs_s)


def _way_s(steady: Steady, way: Sequence[Temperatures]) -> float:
    return sum(_time_s(steady, one, other) for one, other in pairwise(way))


def _time_s(steady: Steady, one: Temperatures, other: Temperatures) -> float:
    return max(steady_time_s(steady, *both) for both in zip(one, other, strict=True))


def _total_s(costs_s: Costs, order: Sequence[int]) -> float:
    """Time [s] of an order from the start."""
    return sum(costs_s[one][other] for one, other in pairwise((len(order), *order)))


def _nearest(costs_s: Costs) -> list[int]:
    """Always the condition that is reached first."""
    left, order = list(range(len(costs_s) - 1)), [len(costs_s) - 1]
    while left:
        place = min(left, key=costs_s[order[-1]].__getitem__)
        left.remove(place)
        order.append(place)
    return order[1:]


def _improved(order: Sequence[int], costs_s: Costs) -> list[int]:
    """The order after single conditions were moved to where they cost less time."""
    found = [len(order), *order]  # the start first; it is not moved
    for _ in range(PASSES):
        moved = False
        for place in order:
            position = found.index(place)
            del found[position]
            extra_s = _extra_s(found, place, costs_s)
            cheapest = min(range(len(extra_s)), key=extra_s.__getitem__)
            gains = extra_s[position - 1] - extra_s[cheapest] > GAIN_S
            found.insert(cheapest + 1 if gains else position, place)
            moved |= gains
        if not moved:
            break
    return found[1:]


def _extra_s(found: Sequence[int], place: int, costs_s: Costs) -> list[float]:
    """What a condition costs more [s] behind each of an order than the direct way."""
    own = costs_s[place]
    extra = [
        costs_s[one][place] + own[other] - costs_s[one][other] for one, other in pairwise(found)
    ]
    return [*extra, costs_s[found[-1]][place]]
