"""Stationary covariances as functions of the squared scaled distance, with their slopes."""

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

__all__ = ["COVARIANCES", "Covariance"]

Array = NDArray[np.float64]

Covariance = Callable[[Array], tuple[Array, Array]]
"""From squared distances `r²` in length scales to the correlation `k` and to `-2 dk/d(r²)`, which
the derivatives along conditions and length scales share."""


def _rough(squared: Array) -> tuple[Array, Array]:
    root = np.sqrt(3.0 * squared)
    decay = np.exp(-root)
    return (1.0 + root) * decay, 3.0 * decay


def _smooth(squared: Array) -> tuple[Array, Array]:
    root = np.sqrt(5.0 * squared)
    decay = np.exp(-root)
    return (1.0 + root + root * root / 3.0) * decay, 5.0 / 3.0 * (1.0 + root) * decay


def _analytic(squared: Array) -> tuple[Array, Array]:
    decay = np.exp(-0.5 * squared)
    return decay, decay


COVARIANCES: Mapping[float, Covariance] = {1.5: _rough, 2.5: _smooth, np.inf: _analytic}
"""Matérn covariances by their smoothness `nu`; that of infinity is the squared exponential
(Rasmussen & Williams, Gaussian Processes for Machine Learning, 2006, equations 4.17 and 4.9)."""
