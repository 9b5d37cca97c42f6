"""Matérn correlations together with their derivatives, which scikit-learn does not offer.

scikit-learn's kernels have no derivatives along the conditions, and their derivatives along the
hyperparameters need an array of shape `n x n x d`. The search for hyperparameters and the
gradients of predictions therefore use these functions; the model itself is scikit-learn's kernel,
see `Hyperparameters.kernel`. Tests hold the two equal.
"""

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

__all__ = ["COVARIANCES", "Covariance"]

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
