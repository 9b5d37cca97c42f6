"""How far the members' disagreement can be believed, and how large the noise is."""

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

__all__ = ["Calibration", "Unseen"]

Array = NDArray[np.float64]

TAIL = 10.0
"""Degrees of freedom of the t distribution that errors are taken to have. A few errors are always
larger than a normal distribution would have them, and must not widen all others."""
T_TO_NORMAL = 1.053
"""Half the width of the central 68.3 % of that distribution; that of the normal one is 1."""

FACTORS = np.exp(np.linspace(-1.5, 1.5, 31))
NOISES = np.exp(np.linspace(np.log(1e-3), np.log(2.0), 39))
"""Factors on the standard deviation, and noise variances in variances of the response, to try."""

FACTOR_PRIOR = (0.0, 0.5)
NOISE_PRIOR = (np.log(0.05), 0.8)
"""Normal priors on their logarithms, as mean and standard deviation, for where experiments are too
few to tell the one from the other."""


@frozen(eq=False)
class Unseen:
    """What members say of experiments that they did not see, standardized.

    Attributes:
        mean: over the members that did not see the experiment, shape `m x n`.
        variance: between all members, shape `m x n`.
        count: how many did not see it, shape `m x n`; where it is 0, the mean is over all.
    """

    mean: Array
    variance: Array
    count: Array


@frozen(eq=False)
class Calibration:
    """What turns the members' disagreement into the right spread, response by response.

    Attributes:
        factor: on the disagreement's standard deviation, shape `m`.
        noise_variance: of a measurement, in variances of the response, shape `m`.
    """

    factor: Array
    noise_variance: Array

    @classmethod
    def of(cls, unseen: Unseen, y: Array) -> "Calibration":
        """The calibration that makes the errors on unseen experiments most probable.

        Args:
            unseen: what was said of experiments that were not seen.
            y: what was measured, standardized, shape `m x n`.
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

        The mean of few members is off by their disagreement over the root of their number.
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
    doubt = _penalty(FACTORS, FACTOR_PRIOR)[:, None] + _penalty(NOISES, NOISE_PRIOR)[None]
    row, column = np.unravel_index((cost.sum(axis=-1) + doubt).argmin(), doubt.shape)
    return float(FACTORS[row]), float(NOISES[column])


def _penalty(values: Array, prior: tuple[float, float]) -> Array:
    mean, sd = prior
    return np.asarray(0.5 * np.square((np.log(values) - mean) / sd))
