"""Conditions whose values move in steps: the nearest allowed ones, and all of them.

A *place* is the tuple of the numbers of steps of all stepped parameters, in the order of the space.
"""

import heapq
from collections.abc import Callable, Iterator
from itertools import product

import numpy as np
from attrs import evolve
from numpy.typing import NDArray

from flowrig.problem.feasibility import pulled_inside
from flowrig.problem.space import CurvedConstraint, LinearConstraint, Space

__all__ = [
    "MOST_LISTED",
    "all_allowed",
    "even_choices",
    "has_steps",
    "near_steps",
    "nearest_allowed",
    "other_choices",
]

Array = NDArray[np.float64]
Place = tuple[int, ...]

MOST_LISTED = 200_000
"""Largest number of combinations of steps that are listed in memory."""

MOST_LOOKED = 20_000
"""Most combinations of steps at which a search for allowed conditions looks."""


def has_steps(space: Space) -> bool:
    """Whether a parameter of the space moves in steps."""
    return any(parameter.step is not None for parameter in space.parameters)


def even_choices(space: Space, U: Array) -> Array:
    """Points of the unit cube, shape `n x d`, whose categories have equal shares of their axis.

    To the nearest number, the first and the last choice would get half as much as the others.
    """
    if not space.has_choices:
        return U
    moved = np.array(U, dtype=float)
    for column, parameter in enumerate(space.parameters):
        count = len(parameter.choices)
        if count:
            numbers = np.clip(np.floor(moved[:, column] * count), 0, count - 1)
            moved[:, column] = numbers / (count - 1)
    return moved


def other_choices(space: Space, U: Array, rng: np.random.Generator) -> Array:
    """Points of the unit cube, shape `n x d`, with another choice in about half of the categories.

    The choices of a category have no neighbours: any other one is as near.
    """
    others = even_choices(space, rng.random(U.shape))
    is_category = np.array([bool(one.choices) for one in space.parameters])
    return np.where(is_category & (rng.random(U.shape) < 0.5), others, U)


def near_steps(space: Space, U: Array) -> Array:
    """Points of the unit cube, shape `n x d`, with stepped values on the nearest steps.

    Constraints are not considered, and values of other parameters stay as they are.
    """
    moved = np.array(U, dtype=float)
    for column, parameter in enumerate(space.parameters):
        if parameter.step is not None and parameter.steps is not None:
            per_step = parameter.step / (parameter.high - parameter.low)
            numbers = np.clip(np.floor(moved[:, column] / per_step + 0.5), 0, parameter.steps)
            moved[:, column] = np.minimum(numbers * per_step, 1.0)
    return moved


def all_allowed(space: Space) -> Array | None:
    """All allowed conditions of a space in which every parameter moves in steps.

    Returns:
        conditions in natural units, shape `n x d`, the last parameter changing fastest; None if a
        parameter has no step, or if there are more than `MOST_LISTED` combinations.
    """
    counts = [parameter.steps for parameter in space.parameters]
    if any(count is None for count in counts):
        return None
    listed = [(count or 0) + 1 for count in counts]
    if np.prod(np.array(listed, dtype=float)) > MOST_LISTED:
        return None
    values = [
        [parameter.at_step(number) for number in range(count)]
        for parameter, count in zip(space.parameters, listed, strict=True)
    ]
    X = np.array(list(product(*values)), dtype=float)
    return np.asarray(X[space.feasible(X)])


def nearest_allowed(
    space: Space, wanted: Array, accepts: Callable[[Array], bool] = lambda x: True
) -> Array | None:
    """The nearest conditions on the steps that meet all constraints, in units of the ranges.

    Where steps alone break a constraint, the other parameters move.

    Args:
        space: bounds, steps and constraints.
        wanted: conditions in natural units inside the bounds, shape `d`.
        accepts: whether allowed conditions, shape `d`, are wanted; others are passed over.

    Returns:
        conditions, shape `d`; None if none are found near `MOST_LOOKED` combinations of steps.
    """
    for x in _outwards(space, wanted):
        allowed = _inside(space, x)
        if allowed is not None and accepts(allowed):
            return allowed
    return None


def _outwards(space: Space, wanted: Array) -> Iterator[Array]:
    """Conditions on the steps, the nearest to the wanted ones first.

    The distance is a sum of convex functions of one step number each. From any place a way leads to
    the nearest one along which it never rises, so neighbours of visited places are enough.
    """
    columns = [j for j, one in enumerate(space.parameters) if one.step is not None]
    stepped = [space.parameters[j] for j in columns]
    target = [float(wanted[j]) for j in columns]

    def entry(place: Place) -> tuple[float, Place]:
        far = 0.0
        for parameter, number, value in zip(stepped, place, target, strict=True):
            far += ((parameter.at_step(number) - value) / (parameter.high - parameter.low)) ** 2
        return far, place

    first = tuple(
        min(max(round((value - one.low) / (one.step or 1.0)), 0), one.steps or 0)
        for one, value in zip(stepped, target, strict=True)
    )
    waiting, seen = [entry(first)], {first}
    for _ in range(MOST_LOOKED):
        if not waiting:
            return
        _, place = heapq.heappop(waiting)
        x = np.array(wanted, dtype=float)
        x[columns] = [one.at_step(number) for one, number in zip(stepped, place, strict=True)]
        yield x
        for j, one in enumerate(stepped):
            for number in (place[j] - 1, place[j] + 1):
                beside = (*place[:j], number, *place[j + 1 :])
                if 0 <= number <= (one.steps or 0) and beside not in seen:
                    seen.add(beside)
                    heapq.heappush(waiting, entry(beside))


def _inside(space: Space, x: Array) -> Array | None:
    """Conditions that meet all constraints, with the same steps; None if there are none."""
    if space.feasible(x[None])[0]:
        return x
    free = tuple(one for one in space.parameters if one.step is None)
    if not free:
        return None
    fixed = {one.name: float(v) for one, v in zip(space.parameters, x, strict=True) if one.step}
    columns = [j for j, one in enumerate(space.parameters) if one.step is None]
    rest = Space(
        free,
        tuple(_with_fixed(one, fixed) for one in space.constraints),
        tuple(_over_columns(one, x, columns) for one in space.curved),
    )
    pulled = pulled_inside(rest, rest.to_unit(x[None, columns]))
    if not len(pulled):
        return None
    moved = x.copy()
    moved[columns] = rest.from_unit(pulled)[0]
    return moved if space.feasible(moved[None])[0] else None


def _with_fixed(constraint: LinearConstraint, fixed: dict[str, float]) -> LinearConstraint:
    """A constraint on the other parameters, where some have fixed values."""
    part = sum(constraint.coefficients.get(name, 0.0) * value for name, value in fixed.items())
    others = {n: c for n, c in constraint.coefficients.items() if n not in fixed}
    return evolve(
        constraint, coefficients=others, low=constraint.low - part, high=constraint.high - part
    )


def _over_columns(curved: CurvedConstraint, x: Array, columns: list[int]) -> CurvedConstraint:
    """A constraint on some columns of conditions, where the others are as in `x`."""

    def value(part: Array) -> Array:
        X = np.repeat(x[None], len(part), axis=0)
        X[:, columns] = part
        return curved.value(X)

    return evolve(curved, value=value)
