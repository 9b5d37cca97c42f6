"""Slices through a twin: the objective over two conditions, with the others constant."""

from collections.abc import Callable

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from flowrig.errors import InputError

__all__ = ["LEVELS", "Surface", "surface"]

Array = NDArray[np.float64]

LEVELS = {"low": 0.0, "medium": 0.5, "high": 1.0}
"""Values of the other conditions, in the unit cube."""


@frozen(eq=False, kw_only=True)
class Surface:
    """A prediction over a grid of two conditions.

    Attributes:
        first: column of the condition along the rows of `mean`.
        second: column of the condition along its columns.
        level: value of the other conditions, a key of `LEVELS`.
        grid: coordinates along either condition in the unit cube, shape `g`.
        mean: expected value, shape `g x g`.
        sd: its standard deviation, shape `g x g`.
    """

    first: int
    second: int
    level: str
    grid: Array
    mean: Array
    sd: Array


def surface(
    predict: Callable[[Array], tuple[Array, Array]],
    dimensions: int,
    first: int,
    second: int,
    *,
    level: str,
    points: int = 25,
) -> Surface:
    """Predict over a grid of two conditions.

    Args:
        predict: mean and standard deviation, shape `k` each, at points of the unit cube, `k x d`.
        dimensions: number of conditions `d`.
        first: column of one condition.
        second: column of the other.
        level: value of the other conditions: "low", "medium" or "high".
        points: grid points along either condition.

    Raises:
        InputError: the two conditions are the same, or there is no such condition or level.
    """
    if first == second or not (0 <= first < dimensions and 0 <= second < dimensions):
        raise InputError(f"take two different conditions of 0 to {dimensions - 1}")
    if level not in LEVELS:
        raise InputError(f"the level is one of {', '.join(LEVELS)}, got {level!r}")
    grid = np.linspace(0.0, 1.0, points)
    U = np.full((points * points, dimensions), LEVELS[level])
    U[:, first] = np.repeat(grid, points)
    U[:, second] = np.tile(grid, points)
    mean, sd = (values.reshape(points, points) for values in predict(U))
    return Surface(first=first, second=second, level=level, grid=grid, mean=mean, sd=sd)
