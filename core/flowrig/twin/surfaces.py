"""Slices through a twin: the objective over two conditions, with the others constant."""

from collections.abc import Callable, Mapping

import numpy as np
from attrs import field, frozen
from numpy.typing import NDArray

from flowrig.errors import InputError

__all__ = ["LEVELS", "POINTS", "Surface", "surface"]

Array = NDArray[np.float64]

LEVELS = {"low": 0.0, "medium": 0.5, "high": 1.0}
"""Values of the other conditions, in the unit cube."""

POINTS = 25
"""Grid points along a condition with numbers."""


@frozen(eq=False, kw_only=True)
class Surface:
    """A prediction over a grid of two conditions.

    Attributes:
        first: column of the condition along the rows of `mean`.
        second: column of the condition along its columns.
        level: value of the other conditions, a key of `LEVELS`.
        mean: expected value, shape `g x h`; nan where a limit forbids the conditions.
        sd: its standard deviation, shape `g x h`.
        grid: coordinates along the first condition in the unit cube, shape `g`.
        second_grid: coordinates along the second one, shape `h`.
        held: by column of another condition, its coordinate if it is not at the level.
    """

    first: int
    second: int
    level: str
    mean: Array
    sd: Array
    grid: Array
    second_grid: Array
    held: Mapping[int, float] = field(factory=dict)


def surface(
    predict: Callable[[Array], tuple[Array, Array]],
    dimensions: int,
    first: int,
    second: int,
    *,
    level: str,
    points: tuple[int, int] = (POINTS, POINTS),
    held: Mapping[int, float] | None = None,
) -> Surface:
    """Predict over a grid of two conditions.

    Args:
        predict: mean and standard deviation, shape `k` each, at points of the unit cube, `k x d`.
        dimensions: number of conditions `d`.
        first: column of one condition.
        second: column of the other.
        level: value of the other conditions: "low", "medium" or "high".
        points: grid points along the first and the second condition.
        held: by column of another condition, its coordinate if it is not at the level.

    Raises:
        InputError: the two conditions are the same, or there is no such condition or level.
    """
    if first == second or not (0 <= first < dimensions and 0 <= second < dimensions):
        raise InputError(f"take two different conditions of 0 to {dimensions - 1}")
    if level not in LEVELS:
        raise InputError(f"the level is one of {', '.join(LEVELS)}, got {level!r}")
    grid, across = (np.linspace(0.0, 1.0, count) for count in points)
    U = np.full((len(grid) * len(across), dimensions), LEVELS[level])
    for column, value in (held or {}).items():
        U[:, column] = value
    U[:, first] = np.repeat(grid, len(across))
    U[:, second] = np.tile(across, len(grid))
    mean, sd = (values.reshape(len(grid), len(across)) for values in predict(U))
    return Surface(
        first=first,
        second=second,
        level=level,
        mean=mean,
        sd=sd,
        grid=grid,
        second_grid=across,
        held=held or {},
    )
