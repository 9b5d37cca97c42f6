"""Projection of points that break bounds or constraints onto allowed ones."""

import numpy as np
from numpy.typing import NDArray

from flowrig.problem.space import CurvedConstraint, LinearConstraint, Space

__all__ = ["curved_slopes", "pulled_inside"]

Array = NDArray[np.float64]

MOST_ROUNDS = 200
"""Rounds of projections after which a point counts as impossible to pull inside."""
BISECTIONS = 60
"""Bisections of one projection: enough for the precision of a double."""
MARGIN = 1e-6
"""Distance inside a constraint to which points are pulled, as a fraction of the width of the
constraint or of the unit cube, whichever is smaller. With a margin a few rounds are enough; without
it points approach a corner of constraints forever."""

SLOPE = 1e-6
"""Distance in the unit cube over which the slope of a curved constraint is taken."""
LONGEST_STEP = 0.5
"""Longest step towards a curved constraint, in the unit cube."""


def pulled_inside(space: Space, points: Array) -> Array:
    """Points projected onto the constraints in turn, until they meet all of them.

    Cyclic projections onto convex sets converge to their intersection (Bregman, USSR Computational
    Mathematics and Mathematical Physics 1967, 7, 200). Each set is one constraint together with all
    bounds, so a single constraint takes a single round. Points inside all constraints are not
    moved. A curved constraint is approached by a Newton step along its slope in each round. Points
    that cannot be pulled inside are left out.

    Args:
        space: bounds and constraints.
        points: points in units of the unit cube, also outside of it, shape `n x d`.

    Returns:
        points of the unit cube inside all constraints, in order, shape `at most n x d`.
    """
    points = np.clip(points, 0.0, 1.0)
    slabs = [_in_unit_cube(space, constraint) for constraint in space.constraints]
    # Without this, every round would be spent on each of the many steps that miss a constraint.
    can_meet = all(_reaches(*slab) for slab in slabs)
    for _ in range(MOST_ROUNDS if can_meet else 0):
        outside = ~space.feasible(space.from_unit(points))
        if not outside.any():
            break
        moved = points[outside]
        for normal, low, high in slabs:
            moved = _projected(moved, normal, low, high)
        for curved in space.curved:
            moved = _stepped_towards(space, curved, moved)
        points[outside] = moved
    return points[space.feasible(space.from_unit(points))]


def _reaches(normal: Array, low: float, high: float) -> bool:
    """Whether any point of the unit cube has a product with `normal` within `low` and `high`.

    Bounds that only rounding or the margin puts out of reach count as reached.
    """
    least, most = normal[normal < 0].sum(), normal[normal > 0].sum()
    return bool(least <= high + 2 * MARGIN and most >= low - 2 * MARGIN)


def _projected(points: Array, normal: Array, low: float, high: float) -> Array:
    """The nearest points of the unit cube whose product with `normal` lies within `low` and `high`.

    They have the form `clip(point + shift * normal)` (Karush-Kuhn-Tucker conditions). The product
    with `normal` rises with the shift, so bisection finds it.
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


def curved_slopes(
    space: Space, curved: CurvedConstraint, points: Array, value: Array | None = None
) -> Array:
    """Slopes of a limited value along each coordinate of the unit cube, shape `n x d`.

    They are taken over a small distance inside the cube; along categories they are 0.

    Args:
        space: the space.
        curved: the constraint.
        points: points of the unit cube, shape `n x d`.
        value: the values there, shape `n`, if they are known.
    """
    value = curved.value(space.from_unit(points)) if value is None else value
    slopes = np.zeros_like(points)
    for column, parameter in enumerate(space.parameters):
        if not parameter.choices:
            aside = points.copy()
            aside[:, column] += np.where(points[:, column] > 0.5, -SLOPE, SLOPE)
            rise = curved.value(space.from_unit(aside)) - value
            slopes[:, column] = rise / (aside[:, column] - points[:, column])
    return np.where(np.isfinite(slopes), slopes, 0.0)


def _stepped_towards(space: Space, curved: CurvedConstraint, points: Array) -> Array:
    """Points after one Newton step towards a curved constraint; those inside stay."""
    value = curved.value(space.from_unit(points))
    margin = _margin(curved)
    miss = np.clip(value, curved.low + margin, curved.high - margin) - value
    slopes = curved_slopes(space, curved, points, value)
    # At a bound only the way back into the cube counts.
    stuck = ((points <= 0.0) & (miss[:, None] * slopes < 0.0)) | (
        (points >= 1.0) & (miss[:, None] * slopes > 0.0)
    )
    slopes = np.where(stuck, 0.0, slopes)
    steep = np.square(slopes).sum(axis=1)
    shift = np.nan_to_num(miss / np.where(steep > 0.0, steep, np.inf))
    steps = shift[:, None] * slopes
    length = np.linalg.norm(steps, axis=1, keepdims=True)
    steps *= np.minimum(1.0, LONGEST_STEP / np.where(length > 0.0, length, 1.0))
    return np.asarray(np.clip(points + steps, 0.0, 1.0))


def _margin(curved: CurvedConstraint) -> float:
    """Distance inside a curved constraint to which points are moved, in the unit of its value."""
    finite = [abs(bound) for bound in (curved.low, curved.high) if np.isfinite(bound)]
    return MARGIN * min([curved.high - curved.low, max([1.0, *finite])])


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
