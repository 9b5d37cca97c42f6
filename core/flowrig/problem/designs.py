"""Designs of experiments inside bounds and constraints: Latin hypercubes and uniform points."""

import numpy as np
from numpy.typing import NDArray

from flowrig.errors import InputError
from flowrig.problem.feasibility import pulled_inside
from flowrig.problem.space import Space
from flowrig.problem.steps import even_choices, has_steps, near_steps

__all__ = ["latin_hypercube", "maximin_latin_hypercube", "uniform"]

Array = NDArray[np.float64]

MOST_DRAWS = 50
"""Draws after which a space with little room is filled with projected points."""


def latin_hypercube(count: int, dimensions: int, rng: np.random.Generator) -> Array:
    """One point in each of `n` slices of every axis.

    McKay, Beckman & Conover, Technometrics 1979, 21, 239.

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
    """The best of several Latin hypercubes: the one with the largest distance of closest points.

    This is the maximin criterion (Johnson, Moore & Ylvisaker, J. Statist. Plann. Inference 1990,
    26, 131). Points outside the constraints are replaced by uniform ones inside. In a space with
    steps, distances are those of the nearest steps.

    Args:
        space: bounds and constraints.
        count: number of points `n`.
        designs: number of hypercubes to compare.
        rng: source of randomness.

    Returns:
        points of the unit cube, shape `n x d`.
    """
    best, best_distance = np.empty((0, 0)), -1.0
    for _ in range(designs):
        design = even_choices(space, latin_hypercube(count, len(space.names), rng))
        outside = ~space.feasible(space.from_unit(design))
        if outside.any():
            design[outside] = uniform(space, int(outside.sum()), rng)
        seen = near_steps(space, design) if has_steps(space) else design
        distance = _smallest_distance(seen, best_distance)
        if distance > best_distance:
            best, best_distance = design, distance
    return best


def uniform(space: Space, count: int, rng: np.random.Generator) -> Array:
    """Uniform points inside bounds and constraints.

    If the constraints leave hardly any room, as an equality does, uniform points of the box are
    projected onto the constraints. Points for which this fails are replaced by random mixtures of
    the others, which are inside because the constraints are convex.

    Args:
        space: bounds and constraints.
        count: number of points `n`.
        rng: source of randomness.

    Returns:
        points of the unit cube, shape `n x d`.

    Raises:
        InputError: no point of the box meets the constraints.
    """
    kept: list[Array] = []
    found = 0
    for _ in range(MOST_DRAWS):
        drawn = even_choices(space, rng.random((max(2 * count, 64), len(space.names))))
        inside = drawn[space.feasible(space.from_unit(drawn))]
        kept.append(inside)
        found += len(inside)
        if found >= count:
            return np.concatenate(kept)[:count]
    pulled = pulled_inside(space, even_choices(space, rng.random((count, len(space.names)))))
    if not len(pulled):
        raise InputError("no conditions meet all constraints: " + ", ".join(space.labels))
    shares = rng.dirichlet(np.ones(len(pulled)), count - len(pulled))
    mixed = shares @ pulled
    if space.curved or space.has_choices:  # between two points inside may be one outside
        mixed = pulled_inside(space, even_choices(space, mixed))
        again = rng.integers(0, len(pulled), count - len(pulled) - len(mixed))
        mixed = np.vstack([mixed, pulled[again]])
    return np.vstack([pulled, mixed])


def _smallest_distance(design: Array, enough: float = -1.0) -> float:
    """Square of the distance of the two closest points.

    Neighbours along the widest axis are compared first, so that few pairs are left.

    Args:
        design: points, shape `n x d`.
        enough: a distance, squared, up to which the exact value is of no interest.

    Returns:
        the value, or another one that is not above `enough`; 0 if there are fewer than two points.
    """
    if len(design) < 2:
        return 0.0
    axis = int(np.ptp(design, axis=0).argmax())
    points = design[np.argsort(design[:, axis], kind="stable")]
    smallest = np.inf
    for lag in range(1, len(points)):
        apart = points[lag:] - points[:-lag]
        if np.square(apart[:, axis]).min() >= smallest:
            break
        smallest = min(smallest, float(np.square(apart).sum(axis=-1).min()))
        if smallest <= enough:
            break
    return smallest
