"""Acquisition functions, computed on posterior samples of the objective.

The surrogate models the measured responses; the objective is computed on each posterior sample (a
composite objective: Astudillo & Frazier, "Bayesian optimization of composite functions", 2019), so
that any objective has an uncertainty without a formula. Letters: `s` samples, `n` conditions.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logsumexp

from flowrig_bayes.settings import Acquisition, BayesSettings

__all__ = ["acquisition", "describe"]

Array = NDArray[np.float64]
Sampled = Callable[[Array, float, BayesSettings], tuple[Array, Array]]

BLUR = 0.02
"""Width of the smoothed maximum in the improvement, in standard deviations of the objective.
Without smoothing, the gradient is zero where all samples lie below the incumbent (Ament et al.,
Unexpected improvements to expected improvement, NeurIPS 2023)."""
FAR = -30.0
"""Below this, in widths from the incumbent, the log of the gain is replaced by its asymptote."""


def _log_expected_improvement(
    values: Array, incumbent: float, settings: BayesSettings
) -> tuple[Array, Array]:
    width, width_slopes = _width(values, incumbent, BLUR)
    x = (values - incumbent) / width
    log_gain = np.where(x < FAR, x, np.log(np.logaddexp(0.0, np.maximum(x, FAR))))
    total = logsumexp(log_gain, axis=0)
    slope = np.exp(log_gain - total)
    slope *= np.where(x < FAR, 1.0, expit(x) * np.exp(-np.maximum(log_gain, FAR - 1.0)))
    along_width = (1.0 - (slope * x).sum(axis=0)) / width
    return total + np.log(width / len(values)), slope / width + along_width * width_slopes


def _log_probability_of_improvement(
    values: Array, incumbent: float, settings: BayesSettings
) -> tuple[Array, Array]:
    width, width_slopes = _width(values, incumbent, 5.0 * BLUR)
    x = (values - incumbent) / width
    log_share = -np.logaddexp(0.0, -x)
    total = logsumexp(log_share, axis=0)
    slope = np.exp(log_share - total) * expit(-x)
    along_width = -(slope * x).sum(axis=0) / width
    return total - np.log(len(values)), slope / width + along_width * width_slopes


def _upper_confidence_bound(
    values: Array, incumbent: float, settings: BayesSettings
) -> tuple[Array, Array]:
    mean, mean_slopes = _mean(values, incumbent, settings)
    sd, sd_slopes = _standard_deviation(values, incumbent, settings)
    return mean + settings.ucb_beta * sd, mean_slopes + settings.ucb_beta * sd_slopes


def _mean(values: Array, incumbent: float, settings: BayesSettings) -> tuple[Array, Array]:
    return values.mean(axis=0), np.full_like(values, 1.0 / len(values))


def _standard_deviation(
    values: Array, incumbent: float, settings: BayesSettings
) -> tuple[Array, Array]:
    sd = values.std(axis=0)
    return sd, (values - values.mean(axis=0)) / (len(values) * np.maximum(sd, 1e-300))


def _width(values: Array, incumbent: float, blur: float) -> tuple[Array, Array]:
    """Width of the smoothed maximum, shape `n`, and its derivatives along the samples."""
    sd = values.std(axis=0)
    slopes = (values - values.mean(axis=0)) / (len(values) * np.maximum(sd, 1e-300))
    return blur * sd + 1e-12 * (1.0 + abs(incumbent)), blur * slopes


_SAMPLED: dict[Acquisition, Sampled] = {
    "ei": _log_expected_improvement,
    "pi": _log_probability_of_improvement,
    "ucb": _upper_confidence_bound,
    "exploit": _mean,
    "max-variance": _standard_deviation,
}


def acquisition(values: Array, incumbent: float, settings: BayesSettings) -> tuple[Array, Array]:
    """Values of the acquisition function, to be maximized.

    Args:
        values: samples of the objective, shape `s x n`.
        incumbent: objective to improve on.
        settings: selects the function.

    Returns:
        the value at each condition, shape `n` (a logarithm for "ei" and "pi"), and its derivatives
        along the samples, shape `s x n`.
    """
    return _SAMPLED[settings.acquisition](values, incumbent, settings)


# A reason stands in the journal and counts in the digest of a run: keep these texts as they are.
_REPORTED: dict[Acquisition, tuple[str, Callable[[Array, float, BayesSettings], float]]] = {
    "ei": (
        "expected improvement",
        lambda values, incumbent, _: float(np.maximum(values - incumbent, 0.0).mean()),
    ),
    "pi": (
        "probability of improvement",
        lambda values, incumbent, _: float((values > incumbent).mean()),
    ),
    "ucb": (
        "upper confidence bound",
        lambda values, _, settings: float(values.mean() + settings.ucb_beta * values.std()),
    ),
    "exploit": ("expected figure of merit", lambda values, *_: float(values.mean())),
    "max-variance": ("standard deviation", lambda values, *_: float(values.std())),
    "thompson": ("sampled figure of merit", lambda values, *_: float(values.mean())),
}


def describe(values: Array, incumbent: float, settings: BayesSettings, unit: str) -> str:
    """The reason for a suggestion as text, for instance "expected improvement 0.8 %".

    Args:
        values: samples of the objective at the chosen condition, shape `s`.
        incumbent: objective to improve on.
        settings: selects the function.
        unit: of the objective; "" for a fraction, which is reported in percent.
    """
    name, function = _REPORTED[settings.acquisition]
    value = function(values, incumbent, settings)
    if unit and settings.acquisition != "pi":
        return f"{name} {value:.3g} {unit}"
    return f"{name} {100.0 * value:.2g} %"
