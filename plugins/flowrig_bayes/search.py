"""The search for the highest point of an acquisition function inside bounds and constraints."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from flowrig.problem.designs import uniform
from flowrig.problem.feasibility import pulled_inside
from flowrig.problem.space import Space
from flowrig_bayes.settings import BayesSettings
from flowrig_bayes.surface import Surface

__all__ = ["candidates", "clear_of", "searched"]

Array = NDArray[np.float64]

APART = 0.1
"""Starting points differ by at least this much in one condition."""
CLIMB_STEPS = 60
CLIMB_TOLERANCE = 1e-6
STEPS_TOGETHER = 200
TOLERANCE_TOGETHER = 1e-9
"""Relative gain of the last step: with a thousand times as much, climbs end below their tops, and
searches on narrow hills find them later."""
NEIGHBOURS = 12
"""Random neighbours of each leader in a round of the search without gradients."""
LEADERS = 20
FIRST_STEP = 0.15
"""Width of the first neighbourhood in the unit cube; each round halves it."""


def candidates(space: Space, count: int, best_measured: Array, rng: np.random.Generator) -> Array:
    """Points to look at first: all over the space, around the best measured ones, and these.

    Args:
        space: bounds and constraints.
        count: how many are spread over the space.
        best_measured: points inside the space, shape `b x d`.
        rng: source of randomness.

    Returns:
        points of the unit cube inside the space, shape `n x d`.
    """
    around = np.repeat(best_measured, max(1, count // (8 * max(len(best_measured), 1))), axis=0)
    return np.vstack(
        [uniform(space, count, rng), _neighbours(space, around, 0.1, rng), best_measured]
    )


def searched(
    space: Space, surface: Surface, points: Array, settings: BayesSettings, rng: np.random.Generator
) -> Array:
    """Points of the unit cube inside the space, the best first, shape `n x d`.

    From the best of some points, apart from each other, the search climbs along gradients: from all
    of them at once in a box (L-BFGS-B: Byrd, Lu, Nocedal & Zhu, 1995), one after the other where
    there are constraints (sequential quadratic programming: Kraft, 1988). Where a surrogate has no
    gradients, it looks at random neighbours, nearer and nearer.
    """
    heights = surface.heights(points)
    order = np.argsort(-heights, kind="stable")
    if surface.climbable(points[0]):
        scale = float(heights[order[0]] - heights[order[len(order) // 10]]) or 1.0
        starts = _apart(points[order], settings.starts)
        if space.constraints:
            climbed = np.array([_climbed(space, surface, start, scale) for start in starts])
        else:
            climbed = _climbed_together(surface, np.array(starts), scale)
        found = pulled_inside(space, climbed)
    else:
        found = _wandered(space, surface, points[order], settings.refinements, rng)
    points = np.vstack([found, points])
    heights = np.concatenate([surface.heights(found), heights])
    return points[np.argsort(-heights, kind="stable")]


def _apart(points: Array, count: int) -> list[Array]:
    """The first points that are not next to an earlier one."""
    chosen: list[Array] = []
    for point in points:
        if all(np.abs(point - other).max() > APART for other in chosen):
            chosen.append(point)
        if len(chosen) == count:
            break
    return chosen


def _climbed_together(surface: Surface, starts: Array, scale: float) -> Array:
    """Where climbs inside the unit cube end, shape `n x d`: one search for the largest sum."""

    def down(u: Array) -> tuple[float, Array]:
        heights, slopes = surface.heights_and_slopes(u.reshape(starts.shape))
        return -float(heights.sum()) / scale, -slopes.ravel() / scale

    result = minimize(
        down,
        starts.ravel(),
        jac=True,
        method="L-BFGS-B",
        bounds=[(0.0, 1.0)] * starts.size,
        options={"maxiter": STEPS_TOGETHER, "ftol": TOLERANCE_TOGETHER},
    )
    ends = np.asarray(result.x).reshape(starts.shape)
    return np.where(np.isfinite(ends).all(axis=1, keepdims=True), ends, starts)


def _climbed(space: Space, surface: Surface, start: Array, scale: float) -> Array:
    """Where a climb from one point ends; near the constraints, if not on the right side."""

    def down(u: Array) -> tuple[float, Array]:
        height, slope = surface.height_and_slope(u)
        return -height / scale, -slope / scale

    result = minimize(
        down,
        start,
        jac=True,
        method="SLSQP",
        bounds=[(0.0, 1.0)] * len(start),
        constraints=list(_constraints(space)),
        options={"maxiter": CLIMB_STEPS, "ftol": CLIMB_TOLERANCE},
    )
    return np.asarray(result.x) if np.isfinite(result.x).all() else start


def _constraints(space: Space) -> Iterator[dict[str, Any]]:
    """The linear constraints on points of the unit cube, as the climb wants them."""
    width = space.high - space.low
    for constraint in space.constraints:
        coefficients = np.array([constraint.coefficients.get(name, 0.0) for name in space.names])
        normal = coefficients * width
        length = float(np.linalg.norm(normal)) or 1.0
        offset = float(coefficients @ space.low)
        for sign, bound in ((1.0, constraint.low), (-1.0, constraint.high)):
            if np.isfinite(bound):
                yield _half_space(sign * normal / length, sign * (bound - offset) / length)


def _half_space(normal: Array, bound: float) -> dict[str, Any]:
    return {
        "type": "ineq",
        "fun": lambda u: float(normal @ u) - bound,
        "jac": lambda _: normal,
    }


def _wandered(
    space: Space, surface: Surface, points: Array, rounds: int, rng: np.random.Generator
) -> Array:
    """The best points after some rounds among random neighbours of the best."""
    heights = surface.heights(points)
    for number in range(rounds):
        lead = np.argsort(-heights, kind="stable")[:LEADERS]
        around = np.repeat(points[lead], NEIGHBOURS, axis=0)
        moved = _neighbours(space, around, FIRST_STEP / 2**number, rng)
        points = np.vstack([points[lead], moved])
        heights = np.concatenate([heights[lead], surface.heights(moved)])
    return points


def _neighbours(space: Space, points: Array, step: float, rng: np.random.Generator) -> Array:
    """Points moved by random steps along some of the conditions, inside the space."""
    moves = step * rng.standard_normal(points.shape) * (rng.random(points.shape) < 0.5)
    return pulled_inside(space, points + moves)


def clear_of(points: Array, avoided: Sequence[tuple[Array, float]]) -> Array:
    """Those of some points that keep a distance, in at least one condition, from others.

    Args:
        points: shape `n x d`.
        avoided: points to keep away from, shape `a x d`, and how far.
    """
    for others, distance in avoided:
        if len(others):
            gaps = np.zeros((len(points), len(others)))
            for one, other in zip(points.T, others.T, strict=True):
                np.maximum(gaps, np.abs(one[:, None] - other), out=gaps)
            points = points[gaps.min(axis=1) > distance]
    return points
