"""Points spread over a space, inside bounds and constraints: Latin hypercubes and uniform."""

import numpy as np
from numpy.typing import NDArray

from flowrig.errors import InputError
from flowrig.problem.feasibility import pulled_inside
from flowrig.problem.space import Space

__all__ = ["latin_hypercube", "maximin_latin_hypercube", "uniform"]

Array = NDArray[np.float64]

MOST_DRAWS = 50
"""Draws after which a thin space is filled with points that are pulled inside."""


def latin_hypercube(count: int, dimensions: int, rng: np.random.Generator) -> Array:
    """One point in each of `n` slices of every axis (McKay, Beckman & Conover, 1979).

    Args:
        count: number of points `n`.
        dimensions: number of axes `d`.
        rng: source of randomness.

    Returns:
        points of the unit cube, shape `n x d`.
    """
    slices = np.argsort(rng.random((dimensions, count)), axis=1).T
    return np.asarray((slices + rng.random((count, dimensions))) / count)


def maximin_latin_hypercube(
    space: Space, count: int, designs: int, rng: np.random.Generator
) -> Array:
    """The Latin hypercube, of several, whose closest points are farthest apart.

    The maximin criterion of Johnson, Moore & Ylvisaker (1990).

    Where constraints cut into the box, points outside are replaced by uniform ones inside.

    Args:
        space: bounds and constraints.
        count: number of points `n`.
        designs: how many hypercubes are compared.
        rng: source of randomness.

    Returns:
        points of the unit cube, shape `n x d`.
    """
    best, best_distance = np.empty((0, 0)), -1.0
    for _ in range(designs):
        design = latin_hypercube(count, len(space.names), rng)
        outside = ~space.feasible(space.from_unit(design))
        if outside.any():
            design[outside] = uniform(space, int(outside.sum()), rng)
        distance = _smallest_distance(design)
        if distance > best_distance:
            best, best_distance = design, distance
    return best


def uniform(space: Space, count: int, rng: np.random.Generator) -> Array:
    """Uniform points inside bounds and constraints, in the unit cube, shape `n x d`.

    Where constraints leave hardly any room, as an equality does, uniform points of the box are
    pulled inside; where some cannot be, mixtures of the others take their place.

    Raises:
        InputError: no point of the box meets the constraints.
    """
    kept: list[Array] = []
    found = 0
    for _ in range(MOST_DRAWS):
        drawn = rng.random((max(2 * count, 64), len(space.names)))
        inside = drawn[space.feasible(space.from_unit(drawn))]
        kept.append(inside)
        found += len(inside)
        if found >= count:
            return np.concatenate(kept)[:count]
    pulled = pulled_inside(space, rng.random((count, len(space.names))))
    if not len(pulled):
        raise InputError(
            "no condition meets every constraint: "
            + ", ".join(constraint.label for constraint in space.constraints)
        )
    shares = rng.dirichlet(np.ones(len(pulled)), count - len(pulled))
    return np.vstack([pulled, shares @ pulled])


def _smallest_distance(design: Array) -> float:
    if len(design) < 2:
        return 0.0
    squared = ((design[:, None] - design[None]) ** 2).sum(axis=-1)
    squared[np.diag_indices(len(design))] = np.inf
    return float(squared.min())
