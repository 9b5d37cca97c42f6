"""Matérn correlations, by squared distance together with their derivatives, and by distance.

The first form is that of the search for hyperparameters and of predictions, the second that of the
covariance matrix of the measurements. They differ in their last bits, on which decisions depend;
tests hold both equal to scikit-learn's kernels.
"""

import math
from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import cdist

__all__ = ["COVARIANCES", "Covariance", "correlations"]

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


def correlations(X: Array, Y: Array, smoothness: float) -> Array:
    """Matérn correlations between conditions, shape `n x m`.

    Args:
        X: conditions in units of the length scales, shape `n x d`.
        Y: others, shape `m x d`.
        smoothness: `nu`, one of `COVARIANCES`.
    """
    distances = cdist(X, Y)
    if smoothness == np.inf:
        return np.asarray(np.exp(-(distances**2) / 2.0))
    scaled = distances * math.sqrt(2.0 * smoothness)
    polynomial = 1.0 + scaled if smoothness == 1.5 else 1.0 + scaled + scaled**2 / 3.0
    return np.asarray(polynomial * np.exp(-scaled))
