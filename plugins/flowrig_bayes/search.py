"""Maximization of an acquisition function inside bounds and constraints."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from flowrig.problem.designs import uniform
from flowrig.problem.door import SNAP
from flowrig.problem.feasibility import curved_slopes, pulled_inside
from flowrig.problem.space import CurvedConstraint, Space
from flowrig.problem.steps import near_steps, other_choices
from flowrig_bayes.settings import BayesSettings
from flowrig_bayes.surface import Surface

__all__ = ["candidates", "clear_of", "maximize_acquisition", "maximize_on_steps", "on_steps"]

Array = NDArray[np.float64]

APART = 0.1
"""Smallest distance between starting points in at least one condition of the unit cube."""
SLSQP_ITERATIONS = 60
"""Most iterations of a separate search."""
SLSQP_TOLERANCE = 1e-6
"""A separate search ends at an iteration with a smaller scaled gain."""
JOINT_ITERATIONS = 200
"""Most iterations of the joint search of all starting points."""
JOINT_TOLERANCE = 1e-9
"""The joint L-BFGS-B search ends at a step whose relative gain is below this. With 1e-6, searches
end below their maxima, and campaigns on narrow maxima take longer."""
NEIGHBOURS = 12
"""Random neighbours of each leader in a round of the search without gradients."""
LEADERS = 20
"""Points with the best values from which a round of that search starts."""
MOST_EVALUATED = 4096
"""Allowed points of a space with steps up to which all are evaluated."""
FIRST_STEP = 0.15
"""Standard deviation of the first round's steps in the unit cube; each round halves it."""


MOST_COMBINATIONS = 48
"""Largest number of combinations of choices in each of which a gradient search starts."""


def candidates(space: Space, count: int, best_measured: Array, rng: np.random.Generator) -> Array:
    """Starting candidates: uniform in the space, around the best measured points, and these.

    Args:
        space: bounds and constraints.
        count: number of uniform points.
        best_measured: points inside the space, shape `b x d`.
        rng: source of randomness.

    Returns:
        points of the unit cube inside the space, shape `n x d`.
    """
    around = np.repeat(best_measured, max(1, count // (8 * max(len(best_measured), 1))), axis=0)
    return np.vstack(
        [uniform(space, count, rng), _neighbours(space, around, 0.1, rng), best_measured]
    )


def maximize_acquisition(
    space: Space, surface: Surface, points: Array, settings: BayesSettings, rng: np.random.Generator
) -> Array:
    """Points of the unit cube inside the space, the best first, shape `n x d`.

    The best of the given points that keep a distance from each other are starting points of a
    gradient search: one joint search in a box (L-BFGS-B: Byrd, Lu, Nocedal & Zhu, 1995), separate
    searches with constraints (sequential quadratic programming: Kraft, 1988). Without gradients,
    the search evaluates random neighbours with decreasing steps.
    """
    values = surface.values(points)
    order = np.argsort(-values, kind="stable")
    if surface.has_gradients(points[0]):
        # Tolerances are relative to the spread of the best tenth, as log EI has no natural scale.
        scale = float(values[order[0]] - values[order[len(order) // 10]]) or 1.0
        starts = _apart(points[order], settings.starts)
        if space.constraints or space.curved:
            ends = np.array([_maximize(space, surface, start, scale) for start in starts])
        else:
            ends = _maximize_jointly(surface, np.array(starts), scale)
        found = pulled_inside(space, ends)
    else:
        found = _search_neighbours(space, surface, points[order], settings.refinements, rng)
    points = np.vstack([found, points])
    values = np.concatenate([surface.values(found), values])
    return points[np.argsort(-values, kind="stable")]


def maximize_on_steps(
    space: Space,
    surface: Surface,
    listed: Array | None,
    points: Array,
    *,
    settings: BayesSettings,
    rng: np.random.Generator,
) -> Array:
    """Points of the unit cube on the steps and inside the space, the best first, shape `n x d`.

    Where all allowed points are listed and few, all are evaluated. Else the candidates are moved to
    their nearest steps, and then, in rounds, by single steps; gradients improve the values without
    steps.

    Args:
        space: a space with steps.
        surface: the acquisition function.
        listed: the allowed points to choose from, shape `n x d`; None if they cannot be listed.
        points: candidates, shape `k x d`.
        settings: number of starts and of rounds.
        rng: source of randomness.
    """
    if listed is not None and len(listed) <= MOST_EVALUATED:
        return listed[np.argsort(-surface.values(listed), kind="stable")]
    points = on_steps(space, points)
    values = surface.values(points)
    for number in range(max(settings.refinements, 1)):
        lead = np.argsort(-values, kind="stable")[:LEADERS]
        around = np.repeat(points[lead], NEIGHBOURS, axis=0)
        moved = on_steps(space, _stepped_aside(space, around, FIRST_STEP / 2**number, rng))
        points = np.vstack([points, moved])
        values = np.concatenate([values, surface.values(moved)])
    order = np.argsort(-values, kind="stable")
    is_free = np.array([one.step is None for one in space.parameters])
    if is_free.any() and surface.has_gradients(points[0]):
        scale = float(values[order[0]] - values[order[len(order) // 10]]) or 1.0
        starts = _best_of_each_choice(space, points[order], settings.starts)
        ends = np.array([_maximize(space, surface, one, scale, ~is_free) for one in starts])
        ends = ends[space.feasible(space.from_unit(ends), SNAP)]
        points = np.vstack([points, ends])
        values = np.concatenate([values, surface.values(ends)])
    return points[np.argsort(-values, kind="stable")]


def _best_of_each_choice(space: Space, ranked: Array, count: int) -> Array:
    """The best points, and the best one of each combination of choices; no more than
    `MOST_COMBINATIONS` of those."""
    columns = [j for j, one in enumerate(space.parameters) if one.choices]
    if not columns:
        return ranked[:count]
    _, first = np.unique(np.round(ranked[:, columns], 6), axis=0, return_index=True)
    chosen = np.union1d(np.arange(min(count, len(ranked))), np.sort(first)[:MOST_COMBINATIONS])
    return ranked[chosen]


def on_steps(space: Space, points: Array) -> Array:
    """The points with stepped values on the nearest steps, each once; those inside the space."""
    moved = near_steps(space, points)
    inside = moved[space.feasible(space.from_unit(moved))]
    _, first = np.unique(inside, axis=0, return_index=True)
    return inside[np.sort(first)]


def _stepped_aside(space: Space, points: Array, step: float, rng: np.random.Generator) -> Array:
    """Points after random moves: of about half of the stepped values by one step, of others by a
    normally distributed distance with the standard deviation `step`."""
    widths = np.array([(one.step or 0.0) / (one.high - one.low) for one in space.parameters])
    moves = rng.standard_normal(points.shape)
    moves = np.where(widths > 0.0, np.sign(moves) * widths, step * moves)
    moved = np.clip(points + moves * (rng.random(points.shape) < 0.5), 0.0, 1.0)
    if not space.has_choices:
        return moved
    is_category = np.array([bool(one.choices) for one in space.parameters])
    return np.where(is_category, other_choices(space, points, rng), moved)


def _apart(points: Array, count: int) -> list[Array]:
    """The first points that keep the distance `APART` from all earlier ones."""
    chosen: list[Array] = []
    for point in points:
        if all(np.abs(point - other).max() > APART for other in chosen):
            chosen.append(point)
        if len(chosen) == count:
            break
    return chosen


def _maximize_jointly(surface: Surface, starts: Array, scale: float) -> Array:
    """End points inside the unit cube, shape `n x d`, of one search for the largest sum."""

    def negative(u: Array) -> tuple[float, Array]:
        values, gradients = surface.values_and_gradients(u.reshape(starts.shape))
        return -float(values.sum()) / scale, -gradients.ravel() / scale

    result = minimize(
        negative,
        starts.ravel(),
        jac=True,
        method="L-BFGS-B",
        bounds=[(0.0, 1.0)] * starts.size,
        options={"maxiter": JOINT_ITERATIONS, "ftol": JOINT_TOLERANCE},
    )
    ends = np.asarray(result.x).reshape(starts.shape)
    return np.where(np.isfinite(ends).all(axis=1, keepdims=True), ends, starts)


def _maximize(
    space: Space,
    surface: Surface,
    start: Array,
    scale: float,
    fixed: NDArray[np.bool_] | None = None,
) -> Array:
    """End point of a search from one point; it can violate the constraints slightly.

    Args:
        space: the constraints.
        surface: the acquisition function.
        start: the point, shape `d`.
        scale: a difference of values that counts as large.
        fixed: coordinates that stay as they are; by default none.
    """

    def negative(u: Array) -> tuple[float, Array]:
        value, gradient = surface.value_and_gradient(u)
        return -value / scale, -gradient / scale

    result = minimize(
        negative,
        start,
        jac=True,
        method="SLSQP",
        bounds=_bounds(start, fixed),
        constraints=list(_constraints(space)),
        options={"maxiter": SLSQP_ITERATIONS, "ftol": SLSQP_TOLERANCE},
    )
    return np.asarray(result.x) if np.isfinite(result.x).all() else start


def _bounds(start: Array, fixed: NDArray[np.bool_] | None) -> list[tuple[float, float]]:
    """Bounds of a search in the unit cube; fixed coordinates have one value."""
    if fixed is None:
        return [(0.0, 1.0)] * len(start)
    return [(u, u) if stays else (0.0, 1.0) for u, stays in zip(start, fixed, strict=True)]


def _constraints(space: Space) -> Iterator[dict[str, Any]]:
    """The constraints on points of the unit cube, in the form of `scipy.optimize`."""
    width = space.high - space.low
    for constraint in space.constraints:
        coefficients = np.array([constraint.coefficients.get(name, 0.0) for name in space.names])
        normal = coefficients * width
        length = float(np.linalg.norm(normal)) or 1.0
        offset = float(coefficients @ space.low)
        for sign, bound in ((1.0, constraint.low), (-1.0, constraint.high)):
            if np.isfinite(bound):
                yield _half_space(sign * normal / length, sign * (bound - offset) / length)
    for curved in space.curved:
        finite = [abs(bound) for bound in (curved.low, curved.high) if np.isfinite(bound)]
        for sign, bound in ((1.0, curved.low), (-1.0, curved.high)):
            if np.isfinite(bound):
                yield _one_side(space, curved, sign / max(1.0, *finite), bound)


def _one_side(space: Space, curved: CurvedConstraint, sign: float, bound: float) -> dict[str, Any]:
    def excess(u: Array) -> float:
        found = sign * (float(curved.value(space.from_unit(u[None]))[0]) - bound)
        return found if np.isfinite(found) else -1.0

    return {
        "type": "ineq",
        "fun": excess,
        "jac": lambda u: sign * curved_slopes(space, curved, u[None])[0],
    }


def _half_space(normal: Array, bound: float) -> dict[str, Any]:
    return {
        "type": "ineq",
        "fun": lambda u: float(normal @ u) - bound,
        "jac": lambda _: normal,
    }


def _search_neighbours(
    space: Space, surface: Surface, points: Array, rounds: int, rng: np.random.Generator
) -> Array:
    """The best points after rounds of random neighbours."""
    values = surface.values(points)
    for number in range(rounds):
        lead = np.argsort(-values, kind="stable")[:LEADERS]
        around = np.repeat(points[lead], NEIGHBOURS, axis=0)
        moved = _neighbours(space, around, FIRST_STEP / 2**number, rng)
        points = np.vstack([points[lead], moved])
        values = np.concatenate([values[lead], surface.values(moved)])
    return points


def _neighbours(space: Space, points: Array, step: float, rng: np.random.Generator) -> Array:
    """Points after random steps along about half of the conditions, moved into the space."""
    moves = step * rng.standard_normal(points.shape) * (rng.random(points.shape) < 0.5)
    return pulled_inside(space, points + moves)


def clear_of(points: Array, avoided: Sequence[tuple[Array, float]]) -> Array:
    """The points that keep a distance from others in at least one condition.

    Args:
        points: in the unit cube, shape `n x d`.
        avoided: pairs of points to avoid, shape `a x d`, and the distance from them.
    """
    for others, distance in avoided:
        if len(others):
            gaps = np.zeros((len(points), len(others)))
            for one, other in zip(points.T, others.T, strict=True):
                np.maximum(gaps, np.abs(one[:, None] - other), out=gaps)
            points = points[gaps.min(axis=1) > distance]
    return points
