"""Where studies look if nobody says it."""

from collections.abc import Mapping, Sequence

import numpy as np

from flowrig.errors import FlowrigError
from flowrig.interfaces import At, StudyRig, Sweep
from flowrig.problem.designs import maximin_latin_hypercube
from flowrig.problem.door import Door
from flowrig.problem.space import Value

__all__ = ["is_reachable", "levels_of", "one_variable", "spread_out"]

DESIGNS = 10
"""Designs of which the most evenly spread is taken."""

INSIDE = 1e-6
"""Share of a range by which levels stay away from a limit that follows from other conditions."""


def spread_out(rig: StudyRig, count: int, label: int = 0) -> list[dict[str, Value]]:
    """Conditions that are spread over the search space, by a Latin hypercube.

    Args:
        rig: its space and seed.
        count: how many.
        label: of the design, so that two studies of a run have different ones.
    """
    rng = np.random.default_rng([rig.seed, label, count])
    points = maximin_latin_hypercube(rig.space, count, DESIGNS, rng)
    door = Door(rig.space)
    return [door.admit(row) for row in rig.space.rows(rig.space.from_unit(points))]


def one_variable(
    rig: StudyRig, sweep: Sweep | None, at: At, count: int
) -> tuple[str, Sequence[Value]]:
    """The variable of a sweep, and its levels.

    Without a sweep it is the number that changes the residence time most; its levels are evenly
    spaced over the part of its range that can be reached.

    Args:
        rig: the rig.
        sweep: the variable and its levels; None to choose them.
        at: the other conditions.
        count: how many levels are chosen.
    """
    if sweep is not None:
        return next(iter(sweep.levels.items()))
    conditions, found = rig.conditions(at), list[tuple[float, str, list[float]]]()
    for one in rig.space.parameters:
        if not one.choices:
            levels = levels_of(rig, one.name, at, count)
            ends = [rig.residence_time_s({**conditions, one.name: x}) for x in levels]
            found.append((max(ends) / min(ends), one.name, levels))
    _, name, levels = max(found)
    return name, levels


def levels_of(rig: StudyRig, name: str, at: At, count: int) -> list[float]:
    """Evenly spaced values of a number, over the part of its range that can be reached.

    Args:
        rig: the rig.
        name: of the variable.
        at: the other conditions.
        count: how many.
    """
    parameter = next(one for one in rig.space.parameters if one.name == name)
    conditions = rig.conditions(at)
    middle = float(parameter.number_of(conditions[name]))
    low, high = (
        _reached(rig, conditions, name, middle, end) for end in (parameter.low, parameter.high)
    )
    door = Door(rig.space)
    levels = np.linspace(low, high, count).tolist()
    return list(dict.fromkeys(float(door.admit({**conditions, name: x})[name]) for x in levels))


def is_reachable(door: Door, conditions: Mapping[str, Value]) -> bool:
    """Whether conditions meet all limits of a search space.

    Args:
        door: of the space.
        conditions: by name.
    """
    try:
        door.admit(conditions)
    except FlowrigError:
        return False
    return True


def _reached(
    rig: StudyRig, conditions: Mapping[str, Value], name: str, inside: float, end: float
) -> float:
    """The value nearest to the end of a range that meets all limits, by bisection."""
    door = Door(rig.space)

    def fits(x: float) -> bool:
        return is_reachable(door, {**conditions, name: x})

    if fits(end):
        return end
    good, bad = inside, end
    while abs(good - bad) > INSIDE * abs(end - inside):
        middle = (good + bad) / 2.0
        good, bad = (middle, bad) if fits(middle) else (good, middle)
    return good
