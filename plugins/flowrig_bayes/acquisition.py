"""Acquisition functions, computed on posterior samples of the figure of merit.

The surrogate models what is measured; the figure of merit is computed on each sample of it (a
composite objective: Astudillo & Frazier, "Bayesian optimization of composite functions", 2019), so
its uncertainty needs no formula of its own. Letters: `s` samples, `n` conditions.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from flowrig_bayes.settings import Acquisition, BayesSettings

__all__ = ["acquisition", "describe"]

Array = NDArray[np.float64]


def _expected_improvement(values: Array, incumbent: float, settings: BayesSettings) -> Array:
    return np.asarray(np.maximum(values - incumbent, 0.0).mean(axis=0))


def _probability_of_improvement(values: Array, incumbent: float, settings: BayesSettings) -> Array:
    return np.asarray((values > incumbent).mean(axis=0))


def _upper_confidence_bound(values: Array, incumbent: float, settings: BayesSettings) -> Array:
    return np.asarray(values.mean(axis=0) + settings.ucb_beta * values.std(axis=0))


def _mean(values: Array, incumbent: float, settings: BayesSettings) -> Array:
    return np.asarray(values.mean(axis=0))


def _standard_deviation(values: Array, incumbent: float, settings: BayesSettings) -> Array:
    return np.asarray(values.std(axis=0))


_FUNCTIONS: dict[Acquisition, tuple[str, Callable[[Array, float, BayesSettings], Array]]] = {
    "ei": ("expected improvement", _expected_improvement),
    "pi": ("probability of improvement", _probability_of_improvement),
    "ucb": ("upper confidence bound", _upper_confidence_bound),
    "exploit": ("expected figure of merit", _mean),
    "max-variance": ("standard deviation", _standard_deviation),
}


def acquisition(values: Array, incumbent: float, settings: BayesSettings) -> Array:
    """How much each condition has of what is wanted.

    Args:
        values: samples of the figure of merit, shape `s x n`.
        incumbent: the figure of merit to improve on.
        settings: names the function.

    Returns:
        the acquisition value of every condition, shape `n`, to be maximized.
    """
    return _FUNCTIONS[settings.acquisition][1](values, incumbent, settings)


def describe(settings: BayesSettings, value: float, unit: str) -> str:
    """One phrase for people, for instance "expected improvement 0.8 %".

    Args:
        settings: names the function.
        value: its value.
        unit: of the figure of merit; "" for a fraction, which is told in percent.
    """
    name = _FUNCTIONS[settings.acquisition][0]
    if unit and settings.acquisition != "pi":
        return f"{name} {value:.3g} {unit}"
    return f"{name} {100.0 * value:.2g} %"
