"""Exact acquisition functions and derivatives for a normally distributed objective.

Each function takes the mean and standard deviation of the objective, shape `n`, and the incumbent.
It returns the value to maximize and its derivatives along mean and standard deviation, shape `n`.
"""

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray
from scipy.special import erfcx, log_ndtr

from flowrig_bayes.settings import Acquisition, BayesSettings

__all__ = ["CLOSED_FORMS", "log_expected_improvement"]

Array = NDArray[np.float64]
ClosedForm = Callable[[Array, Array, float, BayesSettings], tuple[Array, Array, Array]]

LOG_ROOT_TWO_PI = 0.5 * np.log(2.0 * np.pi)
NEAR, FAR = -1.0, -1e3
"""Values of `z`, in standard deviations from the incumbent, at which the formula changes."""


def _log_h(z: Array) -> Array:
    """`log(phi(z) + z Phi(z))` without cancellation, also for very negative `z`.

    Ament et al., Unexpected improvements to expected improvement, NeurIPS 2023, equation 9.
    """
    near, far = np.maximum(z, NEAR), np.minimum(z, NEAR)
    upper = np.log(np.exp(-0.5 * near**2 - LOG_ROOT_TWO_PI) + near * np.exp(log_ndtr(near)))
    tail = np.clip(far, FAR, NEAR)
    ratio = erfcx(-tail / np.sqrt(2.0)) * -tail * np.sqrt(0.5 * np.pi)
    lower = np.where(far > FAR, np.log1p(-np.minimum(ratio, 1.0 - 1e-9)), -2.0 * np.log(-far))
    return np.asarray(np.where(z > NEAR, upper, lower - 0.5 * far**2 - LOG_ROOT_TWO_PI))


def log_expected_improvement(
    mean: Array, sd: Array, incumbent: float, settings: BayesSettings
) -> tuple[Array, Array, Array]:
    """Logarithm of the expected improvement over the incumbent."""
    z = (mean - incumbent) / sd
    log_h = _log_h(z)
    slope = np.exp(log_ndtr(z) - log_h) / sd
    return log_h + np.log(sd), slope, 1.0 / sd - slope * z


def _log_probability_of_improvement(
    mean: Array, sd: Array, incumbent: float, settings: BayesSettings
) -> tuple[Array, Array, Array]:
    z = (mean - incumbent) / sd
    log_p = log_ndtr(z)
    slope = np.exp(-0.5 * z**2 - LOG_ROOT_TWO_PI - log_p) / sd
    return log_p, slope, -slope * z


def _upper_confidence_bound(
    mean: Array, sd: Array, incumbent: float, settings: BayesSettings
) -> tuple[Array, Array, Array]:
    beta = settings.ucb_beta
    return mean + beta * sd, np.ones_like(mean), np.full_like(sd, beta)


def _mean(
    mean: Array, sd: Array, incumbent: float, settings: BayesSettings
) -> tuple[Array, Array, Array]:
    return mean, np.ones_like(mean), np.zeros_like(sd)


def _standard_deviation(
    mean: Array, sd: Array, incumbent: float, settings: BayesSettings
) -> tuple[Array, Array, Array]:
    return sd, np.zeros_like(mean), np.ones_like(sd)


CLOSED_FORMS: Mapping[Acquisition, ClosedForm] = {
    "ei": log_expected_improvement,
    "pi": _log_probability_of_improvement,
    "ucb": _upper_confidence_bound,
    "exploit": _mean,
    "max-variance": _standard_deviation,
}
