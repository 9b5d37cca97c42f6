"""Scores without a unit for predictions with a standard deviation."""

from math import erfc, pi, sqrt

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

__all__ = ["Scores", "score"]

Array = NDArray[np.float64]

WITHIN_95 = 1.959964
"""Standard deviations on either side of the mean that hold 95 % of a normal distribution."""


@frozen(kw_only=True)
class Scores:
    """Accuracy of predictions of one quantity, and of their standard deviations.

    Attributes:
        r2: coefficient of determination; 1 is exact, 0 no better than the mean of the
            measurements.
        nll: mean negative log density of a measurement, of a normal distribution, where the
            measurements are scaled to a standard deviation of 1; lower is better.
        crps: mean continuous ranked probability score, in standard deviations of the measurements;
            lower is better.
        coverage68: share of measurements within one standard deviation; .683 would be right.
        coverage95: share within 1.96 standard deviations; .95 would be right.
    """

    r2: float
    nll: float
    crps: float
    coverage68: float
    coverage95: float


def score(measured: Array, mean: Array, sd: Array) -> Scores:
    """Score normal predictions of measurements.

    The continuous ranked probability score has a closed form for the normal distribution
    (Gneiting & Raftery, Strictly proper scoring rules, prediction, and estimation, 2007, eq. 21).

    Args:
        measured: shape `n`, not all the same.
        mean: expected measurements, shape `n`.
        sd: their standard deviations, noise included, shape `n`.
    """
    spread = float(measured.std())
    off, wide = (measured - mean) / spread, sd / spread
    z = off / wide
    density = np.exp(-0.5 * np.square(z)) / np.sqrt(2.0 * pi)
    crps = wide * (z * (2.0 * _normal_probability(z) - 1.0) + 2.0 * density - 1.0 / np.sqrt(pi))
    return Scores(
        r2=float(1.0 - np.square(off).mean()),
        nll=float((0.5 * np.log(2.0 * pi) + np.log(wide) + 0.5 * np.square(z)).mean()),
        crps=float(crps.mean()),
        coverage68=float((np.abs(z) <= 1.0).mean()),
        coverage95=float((np.abs(z) <= WITHIN_95).mean()),
    )


def _normal_probability(z: Array) -> Array:
    """Probability that a standard normal variable is below `z`, any shape."""
    return np.array([0.5 * erfc(-value / sqrt(2.0)) for value in z.flat]).reshape(z.shape)
