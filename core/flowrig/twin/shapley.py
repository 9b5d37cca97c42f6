"""Exact Shapley values: the contribution of each condition to a prediction.

Letters: `n` explained conditions, `b` background conditions, `d` conditions.
"""

from collections.abc import Callable
from math import comb

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from flowrig.errors import InputError

__all__ = ["MOST_CONDITIONS", "Attribution", "shapley_values"]

Array = NDArray[np.float64]

MOST_CONDITIONS = 12
"""Largest number of conditions; the number of subsets doubles with each."""

CHUNK = 65_536
"""Largest number of predictions in one call, which bounds the memory."""


@frozen(eq=False)
class Attribution:
    """Contributions of the conditions to predictions.

    Attributes:
        base: mean prediction over the background.
        values: Shapley values, shape `n x d`; `base + values.sum(axis=1)` are the predictions.
    """

    base: float
    values: Array

    @property
    def importance(self) -> Array:
        """Mean absolute Shapley value of each condition, shape `d`."""
        return np.asarray(np.abs(self.values).mean(axis=0))

    @property
    def ranking(self) -> list[int]:
        """Columns of conditions, the most important first."""
        return [int(column) for column in np.argsort(-self.importance, kind="stable")]


def shapley_values(
    predict: Callable[[Array], Array], explained: Array, background: Array
) -> Attribution:
    """Shapley values over all subsets of conditions.

    The value of a subset is the mean prediction with the conditions in the subset taken from the
    explained row and the others from the background (the interventional game of Lundberg & Lee, A
    unified approach to interpreting model predictions, 2017; Shapley, A value for n-person games,
    1953). All `2^d` subsets are evaluated, so the result is exact for this background.

    Args:
        predict: prediction at conditions of shape `k x d`, shape `k`.
        explained: conditions whose predictions are explained, shape `n x d`.
        background: conditions to compare with, for instance those of the experiments, shape
            `b x d`.

    Raises:
        InputError: more than `MOST_CONDITIONS` conditions, or shapes that do not fit.
    """
    d = explained.shape[1]
    if d > MOST_CONDITIONS:
        raise InputError(f"exact Shapley values take at most {MOST_CONDITIONS} conditions, got {d}")
    if background.shape[1:] != (d,) or not len(background):
        raise InputError(f"expected a background of shape b x {d}, got {background.shape}")
    members = _subsets(d)
    value = _subset_values(predict, explained, background, members)
    sizes = members.sum(axis=1)
    share = np.array([1.0 / (d * comb(d - 1, size)) if size < d else 0.0 for size in sizes])
    values = np.empty_like(explained)
    for j in range(d):
        without = np.flatnonzero(~members[:, j])
        gain = value[:, without + (1 << j)] - value[:, without]
        values[:, j] = gain @ share[without]
    return Attribution(float(value[:, 0].mean()), values)


def _subsets(d: int) -> NDArray[np.bool_]:
    """Members of every subset, shape `2^d x d`; bit `j` of the row's number is condition `j`."""
    return (np.arange(1 << d)[:, None] >> np.arange(d) & 1).astype(bool)


def _subset_values(
    predict: Callable[[Array], Array],
    explained: Array,
    background: Array,
    members: NDArray[np.bool_],
) -> Array:
    """Mean prediction for each explained row and subset, shape `n x 2^d`."""
    b, d = background.shape
    value = np.empty((len(explained), len(members)))
    at_once = max(1, CHUNK // b)
    for i, row in enumerate(explained):
        for first in range(0, len(members), at_once):
            chosen = members[first : first + at_once, None]
            mixed = np.where(chosen, row, background[None]).reshape(-1, d)
            value[i, first : first + at_once] = predict(mixed).reshape(-1, b).mean(axis=1)
    return value
