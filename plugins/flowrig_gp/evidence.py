"""Hyperparameters of a Gaussian process: the most probable ones, given measurements and priors."""

import math
from typing import Any

import numpy as np
from attrs import field, frozen
from numpy.typing import NDArray
from scipy.linalg.lapack import dpotrf, dpotri
from scipy.optimize import minimize

from flowrig_gp.covariance import COVARIANCES, Covariance

__all__ = ["Hyperparameters", "Priors", "most_probable"]

Array = NDArray[np.float64]

IMPOSSIBLE = 1e10
"""Stands for the logarithm of a probability of zero, negated."""
FEW = 200
"""Experiments up to which the search looks at all of them; from more, it starts with an evenly
spaced choice of as many and takes few steps with all."""
LAST_STEPS = 8
"""Steps of the search that look at more than `FEW` experiments."""


@frozen
class Hyperparameters:
    """What the process assumes of a standardized response.

    Attributes:
        length_scales: in ranges of the conditions, shape `d`.
        signal: variance of the noise-free response.
        noise: variance of repeated measurements.
    """

    length_scales: Array
    signal: float
    noise: float

    @classmethod
    def from_logs(cls, logs: Array) -> "Hyperparameters":
        """From logarithms of length scales, signal and noise variance, shape `d + 2`."""
        values = np.exp(logs)
        return cls(values[:-2], float(values[-2]), float(values[-1]))


@frozen
class Priors:
    """Normal beliefs about the logarithms of the hyperparameters.

    The length scales grow with the root of the number of conditions, as distances in the unit cube
    do (Hvarfner, Hellsten & Nardi, ICML 2024, with the mode of their log-normal prior and a unit
    variance of the response made uncertain as well). Without a prior on the noise, 60 experiments
    are easily taken for free of it.

    Attributes:
        dimensions: number of conditions `d`.
    """

    dimensions: int
    mean: Array = field(init=False)
    sd: Array = field(init=False)
    low: Array = field(init=False)
    high: Array = field(init=False)

    LENGTH = (math.sqrt(2.0) - 3.0, math.sqrt(3.0), math.log(0.025), math.log(1e3))
    SIGNAL = (0.0, 2.0, math.log(0.01), math.log(100.0))
    NOISE = (-5.0, 1.0, math.log(1e-4), math.log(4.0))

    def __attrs_post_init__(self) -> None:
        rows = np.array([self.LENGTH] * self.dimensions + [self.SIGNAL, self.NOISE])
        rows[: self.dimensions, 0] += 0.5 * math.log(self.dimensions)
        for name, column in zip(("mean", "sd", "low", "high"), rows.T, strict=True):
            object.__setattr__(self, name, column)

    def starts(self, count: int, rng: np.random.Generator) -> list[Array]:
        """Where to start searching: what is expected first, then draws not too far from it."""
        first = self.mean.copy()
        first[-1] += 1.0
        drawn = first + 0.7 * rng.standard_normal((count - 1, len(first)))
        return [first, *np.clip(drawn, self.low, self.high)]


class _Evidence:
    """Negative logarithm of the probability of measurements and hyperparameters.

    Only pairs of experiments `p = n (n - 1) / 2` are kept. The mean of the process is the most
    probable one at each set of hyperparameters.
    """

    def __init__(self, X: Array, z: Array, covariance: Covariance, priors: Priors) -> None:
        self._z = z
        self._covariance = covariance
        self._priors = priors
        self._rows, self._columns = np.tril_indices(len(X), -1)
        self._places = self._rows * len(X) + self._columns
        self._squares = np.ascontiguousarray(np.square(X[self._rows] - X[self._columns]).T)

    def __call__(self, logs: Array) -> tuple[float, Array]:
        """The value at logarithms of the hyperparameters, shape `d + 2`, and its gradient."""
        n, z = len(self._z), self._z
        inverse_squares = np.exp(-2.0 * logs[:-2])
        signal, noise = np.exp(logs[-2:])
        correlation, slope = self._covariance(inverse_squares @ self._squares)
        K = np.zeros((n, n))
        K.ravel()[self._places] = signal * correlation
        K.ravel()[:: n + 1] = signal + noise
        root, failed = dpotrf(K.T, lower=0, clean=0)
        if failed:
            return IMPOSSIBLE, np.zeros_like(logs)
        log_determinant = 2.0 * float(np.log(np.diagonal(root)).sum())
        inverse = np.triu(dpotri(root, lower=0)[0])
        inverse += np.triu(inverse, 1).T
        weight = inverse.sum(axis=1)
        centered = z - float(weight @ z) / float(weight.sum())
        alpha = inverse @ centered
        value = 0.5 * (float(centered @ alpha) + log_determinant + n * math.log(2.0 * math.pi))
        pull = alpha[self._rows] * alpha[self._columns] - inverse.ravel()[self._places]
        diagonal = float((alpha * alpha - np.diagonal(inverse)).sum())
        gradient = np.concatenate(
            [
                -signal * inverse_squares * (self._squares @ (pull * slope)),
                [-signal * (float(pull @ correlation) + 0.5 * diagonal), -0.5 * noise * diagonal],
            ]
        )
        off = (logs - self._priors.mean) / self._priors.sd
        return value + 0.5 * float(off @ off), gradient + off / self._priors.sd

    def climb(self, start: Array, steps: int) -> Any:
        """The search's result from one starting point."""
        priors = self._priors
        return minimize(
            self,
            start,
            jac=True,
            method="L-BFGS-B",
            bounds=list(zip(priors.low, priors.high, strict=True)),
            options={"maxiter": steps},
        )


def most_probable(
    X: Array, z: Array, smoothness: float, *, starts: int, steps: int, seed: int
) -> tuple[Hyperparameters, float]:
    """The hyperparameters of largest posterior probability.

    Args:
        X: conditions in the unit cube, shape `n x d`.
        z: standardized measurements, shape `n`.
        smoothness: `nu` of the Matérn covariance.
        starts: how many starting points are tried.
        steps: most steps from each.
        seed: of the starting points.

    Returns:
        the hyperparameters, and the logarithm of their probability times that of the measurements.
    """
    priors, covariance = Priors(X.shape[1]), COVARIANCES[smoothness]
    chosen = np.unique(np.linspace(0, len(X) - 1, FEW).astype(int))
    evidence = _Evidence(X[chosen], z[chosen], covariance, priors)
    tried = [
        evidence.climb(start, steps)
        for start in priors.starts(starts, np.random.default_rng([seed, len(X)]))
    ]
    best = min(tried, key=lambda result: float(result.fun))
    if len(chosen) < len(X):
        best = _Evidence(X, z, covariance, priors).climb(best.x, LAST_STEPS)
    return Hyperparameters.from_logs(best.x), -float(best.fun)
