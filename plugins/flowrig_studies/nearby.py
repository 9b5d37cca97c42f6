"""A few experiments near a condition, the best of which is chosen.

A regular simplex around the condition (Spendley et al., Technometrics 1962, 4, 441) shows which way
is up, and some steps go there (Box & Wilson, J. R. Stat. Soc. B 1951, 13, 1).
"""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from flowrig.interfaces import StudyPoint
from flowrig.interfaces.study import Conditions
from flowrig.problem.space import Space

__all__ = ["best_of", "most_nearby", "next_nearby"]

Array = NDArray[np.float64]

RADIUS = 0.1
"""Mean distance of the simplex from its middle in each variable, as a share of its range."""

STEPS = 2
"""Most steps uphill, each as long as the corners of the simplex are away from its middle."""

HALVINGS = 6
"""How often a way that leaves the search space is halved before it is left out."""


def most_nearby(space: Space) -> int:
    """The largest number of experiments of one search."""
    return len(_varied(space)) + 1 + STEPS


def next_nearby(
    space: Space, middle: Conditions, level: float, done: Sequence[StudyPoint]
) -> Conditions | None:
    """The next condition of a search; None when it is over.

    Args:
        space: the search space; categories stay as they are.
        middle: the condition around which is searched.
        level: the objective there.
        done: the experiments of this search so far, in order.
    """
    corners = [one for way in _simplex(space) if (one := _there(space, middle, way)) is not None]
    if len(done) < len(corners):
        return corners[len(done)]
    steps = len(done) - len(corners)
    if steps >= STEPS or (steps and not done[-1].objective > level):
        return None
    slope = _slope(space, middle, level, done[: len(corners)])
    size = float(np.linalg.norm(slope))
    if not size > 0.0:
        return None
    length = RADIUS * math.sqrt(len(_varied(space)))
    return _there(space, middle, slope / size * length * (steps + 1.0))


def best_of(middle: Conditions, level: float, done: Sequence[StudyPoint]) -> Conditions:
    """The best measured condition of a search; its middle if none is better."""
    good = [one for one in done if one.is_usable and one.objective > level]
    return max(good, key=lambda one: one.objective).point.conditions if good else middle


def _varied(space: Space) -> list[int]:
    """Places of the variables that are numbers and have a range."""
    return [place for place, one in enumerate(space.parameters) if not one.choices]


def _simplex(space: Space) -> Array:
    """Ways to the corners of a regular simplex in the unit cube, shape `n + 1 x variables`."""
    places = _varied(space)
    n = len(places)
    ways = np.zeros((n + 1, len(space.parameters)))
    for row in range(1, n + 1):  # Helmert: an orthonormal basis of what adds up to 0
        scale = RADIUS * math.sqrt((n + 1) / (row * (row + 1)))
        ways[:row, places[row - 1]] = scale
        ways[row, places[row - 1]] = -scale * row
    return ways


def _there(space: Space, middle: Conditions, way: Array) -> Conditions | None:
    """The condition at the end of a way, which is halved until it stays in the search space."""
    start = space.to_unit(space.array([middle]))
    for _ in range(HALVINGS):
        (row,) = space.rows(_on_steps(space, space.from_unit(np.clip(start + way, 0.0, 1.0))))
        if space.holds(row) and row != dict(middle):
            return row
        way = way / 2.0
    return None


def _on_steps(space: Space, X: Array) -> Array:
    """The nearest conditions on the steps of the search space, shape `n x variables`."""
    X = X.copy()
    for place, one in enumerate(space.parameters):
        if one.step is not None:
            X[:, place] = one.low + np.round((X[:, place] - one.low) / one.step) * one.step
    return X


def _slope(space: Space, middle: Conditions, level: float, done: Sequence[StudyPoint]) -> Array:
    """Change of the objective with each variable in the unit cube, by least squares."""
    known = [one for one in done if one.is_usable and math.isfinite(one.objective)]
    slope = np.zeros(len(space.parameters))
    if len(known) > len(_varied(space)):
        ways = space.to_unit(space.array([one.point.conditions for one in known]))
        ways = ways - space.to_unit(space.array([middle]))
        rises = np.array([one.objective - level for one in known])
        found, *_ = np.linalg.lstsq(ways, rises, rcond=None)
        slope[_varied(space)] = found[_varied(space)]
    return slope
