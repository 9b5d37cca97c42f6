"""Move points that break bounds, steps or constraints to where they hold."""

from collections.abc import Mapping
from itertools import product

import numpy as np
from numpy.typing import NDArray

from flowrig.problem.space import LinearConstraint, Space

__all__ = ["on_steps", "pulled_inside"]

Array = NDArray[np.float64]

MOST_ROUNDS = 200
BISECTIONS = 60
MARGIN = 1e-6
"""How far inside a constraint points are pulled, in widths of the constraint or of the unit cube,
whichever is less, so that few rounds suffice."""


def pulled_inside(space: Space, points: Array) -> Array:
    """Points moved to the nearest ones that keep to bounds and constraints, each in turn.

    Projecting on convex sets in turn ends in their intersection (Bregman, USSR Computational
    Mathematics and Mathematical Physics 1967, 7, 200); every set is one constraint together with
    all bounds, so that a single constraint takes a single round. Points inside stay where they are.
    What cannot be brought inside is left out.

    Args:
        space: bounds and linear constraints.
        points: points in units of the unit cube, shape `n x d`, also outside of it.

    Returns:
        points of the unit cube inside every constraint, shape `at most n x d`, in order.
    """
    points = np.clip(points, 0.0, 1.0)
    slabs = [_in_unit_cube(space, constraint) for constraint in space.constraints]
    for _ in range(MOST_ROUNDS):
        outside = ~space.feasible(space.from_unit(points))
        if not outside.any():
            break
        moved = points[outside]
        for normal, low, high in slabs:
            moved = _projected(moved, normal, low, high)
        points[outside] = moved
    return points[space.feasible(space.from_unit(points))]


def _projected(points: Array, normal: Array, low: float, high: float) -> Array:
    """The nearest points of the unit cube whose product with `normal` is from `low` to `high`.

    These are `clip(point + shift * normal)`, whose product with `normal` grows with the shift.
    """
    along = points @ normal
    target = np.clip(along, low, high)
    reach = 2.0 * np.sqrt(len(normal)) / np.abs(normal[normal != 0]).min(initial=1.0)
    least, most = np.full(len(points), -reach), np.full(len(points), reach)
    for _ in range(BISECTIONS):
        shift = (least + most) / 2.0
        short = np.clip(points + np.outer(shift, normal), 0.0, 1.0) @ normal < target
        least, most = np.where(short, shift, least), np.where(short, most, shift)
    shift = np.where(along == target, 0.0, (least + most) / 2.0)
    return np.asarray(np.clip(points + np.outer(shift, normal), 0.0, 1.0))


def _in_unit_cube(space: Space, constraint: LinearConstraint) -> tuple[Array, float, float]:
    """Unit normal, lower and upper bound of a constraint on points of the unit cube."""
    coefficients = np.array([constraint.coefficients.get(name, 0.0) for name in space.names])
    normal = coefficients * (space.high - space.low)
    length = float(np.linalg.norm(normal)) or 1.0
    margin = MARGIN * min(constraint.high - constraint.low, length)
    offset = float(coefficients @ space.low)
    return (
        normal / length,
        (constraint.low + margin - offset) / length,
        (constraint.high - margin - offset) / length,
    )


def on_steps(space: Space, conditions: Mapping[str, float]) -> dict[str, float]:
    """The nearest conditions whose values are on the steps of their parameters.

    Of the values below and above in each stepped condition, the combination is taken that is
    nearest, in shares of the ranges, and keeps to every constraint; if none does, the nearest.

    Args:
        space: bounds, steps and constraints.
        conditions: by parameter name.
    """
    stepped = [p for p in space.parameters if p.step is not None]
    if not stepped or any(p.name not in conditions for p in space.parameters):
        return dict(conditions)
    choices = [_around(conditions[p.name], p.low, p.high, p.step or 0.0) for p in stepped]
    rows = [
        {**conditions, **dict(zip([p.name for p in stepped], values, strict=True))}
        for values in product(*choices)
    ]
    X = space.array(rows)
    wanted = space.to_unit(space.array([conditions]))
    far = np.square(space.to_unit(X) - wanted).sum(axis=1)
    inside = space.feasible(X)
    if inside.any():
        far = np.where(inside, far, np.inf)
    return rows[int(np.argmin(far))]


def _around(value: float, low: float, high: float, step: float) -> list[float]:
    """The values on steps below and above, inside the bounds."""
    below = np.floor((value - low) / step + 1e-9)
    most = np.floor((high - low) / step + 1e-9)
    return sorted({low + step * float(np.clip(k, 0.0, most)) for k in (below, below + 1.0)})
