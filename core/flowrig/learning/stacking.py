"""Weights of several predictions, from their errors on unseen experiments.

Letters: `p` predictions, `n` experiments, `m` responses.
"""

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

__all__ = ["Stacking"]

Array = NDArray[np.float64]

ROUNDS = 100
"""Rounds of expectation maximization."""

PSEUDO_EXPERIMENTS = 10.0
"""Fictitious experiments, added to the real ones, on which all predictions are equally good and the
spread is right, so that a few experiments do not determine the weights."""

TAIL = 10.0
"""Degrees of freedom of the t distribution of the errors, so that a few large errors do not widen
all predictions."""
T_TO_NORMAL = 1.053
"""Half the width of the central 68.3 % of that distribution; that of the normal one is 1."""


@frozen(eq=False)
class Stacking:
    """Weights of predictions, and a factor on the spread of their mixture.

    Attributes:
        weights: of each prediction for each response, shape `p x m`; they sum to 1 over `p`.
        factor: on the standard deviation, shape `m`.
    """

    weights: Array
    factor: Array

    @classmethod
    def equal(cls, predictions: int, responses: int) -> "Stacking":
        """Equal weights, and a factor of 1 on the spread."""
        return cls(np.full((predictions, responses), 1.0 / predictions), np.ones(responses))

    @classmethod
    def of(cls, Y: Array, mean: Array, sd: Array) -> "Stacking":
        """The most probable weights for some measurements, and the factor of the mixture's spread.

        The weights are those of Yao, Vehtari, Simpson & Gelman, Using stacking to average Bayesian
        predictive distributions, 2018, with pseudo-experiments that favour no prediction.

        Args:
            Y: measurements, shape `n x m`.
            mean: predictions of them, shape `p x n x m`.
            sd: predicted standard deviations of a measurement, shape `p x n x m`.
        """
        weights = _most_probable_weights(-np.log(sd) - 0.5 * np.square((Y - mean) / sd))
        unscaled = cls(weights, np.ones(Y.shape[1]))
        together, spread = unscaled.moments(mean, sd)
        return cls(weights, _right_factor(np.square((Y - together) / spread)))

    def moments(self, mean: Array, sd: Array) -> tuple[Array, Array]:
        """Mean and standard deviation of the mixture, shape `n x m` each.

        Args:
            mean: of each prediction, shape `p x n x m`.
            sd: of each, shape `p x n x m`.
        """
        weights = self.weights[:, None]
        center = (weights * mean).sum(axis=0)
        variance = (weights * (np.square(sd) + np.square(mean - center))).sum(axis=0)
        return center, self.factor * np.sqrt(variance)


def _most_probable_weights(log_density: Array) -> Array:
    """Weights, shape `p x m`, by expectation maximization from densities of shape `p x n x m`."""
    predictions, experiments, responses = log_density.shape
    density = np.exp(log_density - log_density.max(axis=0))
    weights = np.full((predictions, responses), 1.0 / predictions)
    for _ in range(ROUNDS):
        share = weights[:, None] * density
        share /= share.sum(axis=0)
        counted = share.sum(axis=1) + PSEUDO_EXPERIMENTS / predictions
        weights = counted / (experiments + PSEUDO_EXPERIMENTS)
    return weights


def _right_factor(squared: Array) -> Array:
    """The factor that fits squared errors, in variances, of shape `n x m`.

    The scale of a t distribution by expectation maximization (Lange, Little & Taylor, Robust
    statistical modeling using the t distribution, 1989).
    """
    scale = np.ones(squared.shape[1])
    right = 1.0 / T_TO_NORMAL**2
    for _ in range(ROUNDS):
        trust = (TAIL + 1.0) / (TAIL + squared / scale)
        fitted = (trust * squared).sum(axis=0) + PSEUDO_EXPERIMENTS * right
        scale = fitted / (len(squared) + PSEUDO_EXPERIMENTS)
    return np.asarray(T_TO_NORMAL * np.sqrt(scale))
