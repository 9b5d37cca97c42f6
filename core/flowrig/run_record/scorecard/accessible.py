"""The accessible space of a rig: its dimensions, bounds and size."""

import math

import numpy as np
from attrs import frozen

from flowrig.problem.space import Parameter, Space
from flowrig.run_record.scorecard.figure import Figure, not_known

__all__ = ["AccessibleSpace", "Dimension", "accessible_space"]

DRAWS = 4096
"""Random points of the box of bounds, of which the share that can be reached is counted; its
standard error is below 0.8 %."""


@frozen(kw_only=True)
class Dimension:
    """One condition that an optimizer chooses.

    Attributes:
        name: of the condition.
        unit: of its bounds; "" for a plain number and a category.
        low: lower bound; of a category 0.
        high: upper bound; of a category the number of its last choice.
        choices: names of the choices of a category; empty for a number.
        values: number of values that can be chosen; None if every value between the bounds can.
    """

    name: str
    unit: str
    low: float
    high: float
    choices: tuple[str, ...]
    values: int | None


@frozen(kw_only=True)
class AccessibleSpace:
    """The space from which conditions are chosen.

    Attributes:
        dimensions: the conditions.
        size: number of conditions that can be chosen; not known where one is continuous.
        reachable: share of the box of bounds that keeps to every constraint.
    """

    dimensions: tuple[Dimension, ...]
    size: Figure
    reachable: float


def accessible_space(space: Space) -> AccessibleSpace:
    """The space from which conditions are chosen, by its parameters and constraints."""
    dimensions = tuple(map(_dimension, space.parameters))
    reachable = _reachable(space)
    counts = [one.values for one in dimensions]
    if any(count is None for count in counts):
        endless = sum(count is None for count in counts)
        size = not_known(f"{endless} of {len(counts)} conditions are continuous")
    else:
        total = math.prod(count for count in counts if count is not None)
        size = Figure(total * reachable, "", "number of values of each, times the reachable share")
    return AccessibleSpace(dimensions=dimensions, size=size, reachable=reachable)


def _dimension(parameter: Parameter) -> Dimension:
    steps = parameter.steps
    return Dimension(
        name=parameter.name,
        unit=parameter.unit,
        low=parameter.low,
        high=parameter.high,
        choices=parameter.choices,
        values=None if steps is None else steps + 1,
    )


def _reachable(space: Space) -> float:
    if not (space.constraints or space.curved):
        return 1.0
    X = space.from_unit(np.random.default_rng(0).random((DRAWS, len(space.names))))
    return float(space.feasible(X).mean())
