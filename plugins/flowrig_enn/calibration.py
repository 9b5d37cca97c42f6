"""Calibration of the members' spread, and the noise variance."""

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

__all__ = ["Calibration", "Unseen"]

Array = NDArray[np.float64]

TAIL = 10.0
"""Degrees of freedom of the t distribution of the errors. Its tails are heavier than those of a
normal distribution, so that a few large errors do not widen all predictions."""
T_TO_NORMAL = 1.053
"""Half the width of the central 68.3 % of that distribution; that of the normal one is 1."""

FACTORS = np.exp(np.linspace(-1.5, 1.5, 31))
NOISES = np.exp(np.linspace(np.log(1e-3), np.log(2.0), 39))
"""Grid of factors on the standard deviation, and of noise variances of standardized responses."""

FACTOR_PRIOR = (0.0, 0.5)
NOISE_PRIOR = (np.log(0.05), 0.8)
"""Normal priors on their logarithms, as mean and standard deviation. They decide where experiments
are too few to separate factor and noise."""


@frozen(eq=False)
class Unseen:
    """Predictions of experiments by members that were not trained on them, standardized.

    Attributes:
        mean: over the members that were not trained on the experiment, shape `m x n`.
        variance: between all members, shape `m x n`.
        count: number of these members, shape `m x n`; where it is 0, the mean is over all.
    """

    mean: Array
    variance: Array
    count: Array


@frozen(eq=False)
class Calibration:
    """Calibrated spread and noise for each response.

    Attributes:
        factor: multiplies the standard deviation between members, shape `m`.
        noise_variance: of a standardized measurement, shape `m`.
    """

    factor: Array
    noise_variance: Array

    @classmethod
    def of(cls, unseen: Unseen, y: Array) -> "Calibration":
        """The calibration that makes the errors on unseen experiments most probable.

        Args:
            unseen: predictions of held-out experiments.
            y: standardized measurements, shape `m x n`.
        """
        fitted = [
            _most_probable(np.square(measured - mean)[known], variance[known], count[known])
            for measured, mean, variance, count, known in zip(
                y, unseen.mean, unseen.variance, unseen.count, unseen.count > 0, strict=True
            )
        ]
        factor, noise_variance = np.array(fitted).T
        return cls(factor, noise_variance)

    def variance_of(self, unseen: Unseen) -> Array:
        """Variance of a measurement of unseen experiments, shape `m x n`.

        The mean of `c` members has an additional variance of `1 / c` of that between members.
        """
        few = unseen.variance / np.maximum(unseen.count, 1.0)
        spread = np.square(self.factor)[:, None] * unseen.variance
        return np.asarray(spread + few + self.noise_variance[:, None])


def _most_probable(squared: Array, variance: Array, count: Array) -> tuple[float, float]:
    """Factor and noise variance for squared errors, each of shape `n`."""
    factor, noise = FACTORS[:, None, None], NOISES[None, :, None]
    scale = np.square(factor) * variance + noise + variance / np.maximum(count, 1.0)
    scale /= T_TO_NORMAL**2
    cost = 0.5 * np.log(scale) + 0.5 * (TAIL + 1.0) * np.log1p(squared / (TAIL * scale))
    penalty = _penalty(FACTORS, FACTOR_PRIOR)[:, None] + _penalty(NOISES, NOISE_PRIOR)[None]
    row, column = np.unravel_index((cost.sum(axis=-1) + penalty).argmin(), penalty.shape)
    return float(FACTORS[row]), float(NOISES[column])


def _penalty(values: Array, prior: tuple[float, float]) -> Array:
    mean, sd = prior
    return np.asarray(0.5 * np.square((np.log(values) - mean) / sd))
