"""Matérn correlations: together with their derivatives, and as matrices of distances.

The search for hyperparameters and the gradients of predictions use the first form, the covariance
matrix of the measurements the second one. A test holds the second one equal to scikit-learn's
kernels, to the last bit, and the two forms equal; to remove one changes the last bits of decisions.
"""

import math
from collections.abc import Callable, Mapping

import numpy as np
from attrs import frozen
from numpy.typing import NDArray
from scipy.spatial.distance import cdist, pdist, squareform

__all__ = ["COVARIANCES", "Covariance", "Kernel"]

Array = NDArray[np.float64]

Covariance = Callable[[Array], tuple[Array, Array]]
"""Maps squared distances `r²`, in units of the length scales, to the correlation `k` and to
`-2 dk/d(r²)`, a factor of the derivatives along conditions and along length scales."""


def _matern_3_2(squared: Array) -> tuple[Array, Array]:
    root = np.sqrt(3.0 * squared)
    decay = np.exp(-root)
    return (1.0 + root) * decay, 3.0 * decay


def _matern_5_2(squared: Array) -> tuple[Array, Array]:
    root = np.sqrt(5.0 * squared)
    decay = np.exp(-root)
    return (1.0 + root + root * root / 3.0) * decay, 5.0 / 3.0 * (1.0 + root) * decay


def _squared_exponential(squared: Array) -> tuple[Array, Array]:
    decay = np.exp(-0.5 * squared)
    return decay, decay


COVARIANCES: Mapping[float, Covariance] = {
    1.5: _matern_3_2,
    2.5: _matern_5_2,
    np.inf: _squared_exponential,
}
"""Matérn correlations by smoothness `nu`; infinity stands for the squared exponential
(Rasmussen & Williams, Gaussian Processes for Machine Learning, 2006, equations 4.17 and 4.9)."""


@frozen(eq=False)
class Kernel:
    """Covariance of the noise-free response, as matrices.

    Attributes:
        length_scales: as fractions of the ranges of the conditions, shape `d`.
        signal_variance: prior variance.
        smoothness: `nu` of the Matérn covariance: 1.5, 2.5 or infinity.
    """

    length_scales: Array
    signal_variance: float
    smoothness: float

    def __call__(self, X: Array, Y: Array | None = None) -> Array:
        """Covariances between conditions.

        Args:
            X: conditions, shape `n x d`.
            Y: conditions, shape `m x d`; None for `X`.

        Returns:
            shape `n x m`.
        """
        if Y is not None:
            distances = cdist(X / self.length_scales, Y / self.length_scales)
            return np.asarray(self.signal_variance * self._correlation(distances))
        correlation = squareform(self._correlation(pdist(X / self.length_scales)))
        np.fill_diagonal(correlation, 1.0)
        return np.asarray(self.signal_variance * correlation)

    def _correlation(self, distances: Array) -> Array:
        if self.smoothness == np.inf:
            return np.asarray(np.exp(-(distances**2) / 2.0))
        root = distances * math.sqrt(2.0 * self.smoothness)
        if self.smoothness == 1.5:
            return np.asarray((1.0 + root) * np.exp(-root))
        return np.asarray((1.0 + root + root**2 / 3.0) * np.exp(-root))
