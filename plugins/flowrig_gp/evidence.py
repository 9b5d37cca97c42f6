"""Hyperparameters of a Gaussian process: the most probable ones, given measurements and priors."""

import math
from typing import Any

import numpy as np
from attrs import field, frozen
from numpy.typing import NDArray
from scipy.linalg.blas import dsymv
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
TOLERANCE = 1e-7
"""Relative gain of the last step of a search."""


@frozen
class Hyperparameters:
    """What the process assumes of a standardized response.

    Attributes:
        length_scales: in ranges of the conditions, shape `d`.
        signal: variance of the noise-free response.
        noise: variance of repeated measurements, the same everywhere.
        stated: factor of the variance that repeated measurements have besides by what is said of
            them.
    """

    length_scales: Array
    signal: float
    noise: float
    stated: float = 0.0

    @classmethod
    def from_logs(cls, logs: Array, dimensions: int) -> "Hyperparameters":
        """From logarithms in the order of the attributes, shape `d + 2`, or `d + 3`."""
        values = np.exp(logs)
        return cls(values[:dimensions], *map(float, values[dimensions:]))


@frozen
class Priors:
    """Normal beliefs about the logarithms of the hyperparameters.

    The length scales grow with the root of the number of conditions, as distances in the unit cube
    do (Hvarfner, Hellsten & Nardi, ICML 2024, with the mode of their log-normal prior and a unit
    variance of the response made uncertain as well). Without a prior on the noise, 60 experiments
    are easily taken for free of it. What is stated of repeated measurements comes from some twenty
    of them at one condition, and varies between conditions and days: a factor of 1.4 in the
    standard deviation is one standard deviation of the belief.

    Attributes:
        dimensions: number of conditions `d`.
        stated: whether something is said of repeated measurements.
    """

    dimensions: int
    stated: bool = False
    mean: Array = field(init=False)
    sd: Array = field(init=False)
    low: Array = field(init=False)
    high: Array = field(init=False)

    LENGTH = (math.sqrt(2.0) - 3.0, math.sqrt(3.0), math.log(0.025), math.log(1e3))
    SIGNAL = (0.0, 2.0, math.log(0.01), math.log(100.0))
    NOISE = (-5.0, 1.0, math.log(1e-4), math.log(4.0))
    STATED = (0.0, 0.7, math.log(1e-2), math.log(1e2))

    def __attrs_post_init__(self) -> None:
        others = [self.SIGNAL, self.NOISE] + [self.STATED] * self.stated
        rows = np.array([self.LENGTH] * self.dimensions + others)
        rows[: self.dimensions, 0] += 0.5 * math.log(self.dimensions)
        for name, column in zip(("mean", "sd", "low", "high"), rows.T, strict=True):
            object.__setattr__(self, name, column)

    def starts(self, count: int, rng: np.random.Generator) -> list[Array]:
        """Where to start searching: what is expected first, then draws not too far from it."""
        first = self.mean.copy()
        first[self.dimensions + 1] += 1.0
        drawn = first + 0.7 * rng.standard_normal((count - 1, len(first)))
        return [first, *np.clip(drawn, self.low, self.high)]


class _Evidence:
    """Negative logarithm of the probability of measurements and hyperparameters.

    Only pairs of experiments `p = n (n - 1) / 2` are kept. The mean of the process is the most
    probable one at each set of hyperparameters.
    """

    def __init__(
        self, X: Array, z: Array, stated: Array | None, covariance: Covariance, priors: Priors
    ) -> None:
        self._z = z
        self._stated = np.zeros(len(z)) if stated is None else stated
        self._ones = np.ones(len(z))
        self._covariance = covariance
        self._priors = priors
        self._rows, self._columns = np.tril_indices(len(X), -1)
        self._places = self._rows * len(X) + self._columns
        self._squares = np.ascontiguousarray(np.square(X[self._rows] - X[self._columns]).T)

    def __call__(self, logs: Array) -> tuple[float, Array]:
        """The value at logarithms of the hyperparameters, and its gradient."""
        n, d, z = len(self._z), len(self._squares), self._z
        inverse_squares = np.exp(-2.0 * logs[:d])
        signal, noise, *factors = np.exp(logs[d:])
        correlation, slope = self._covariance(inverse_squares @ self._squares)
        K = np.zeros((n, n))
        K.ravel()[self._places] = signal * correlation
        K.ravel()[:: n + 1] = signal + noise
        for factor in factors:
            K.ravel()[:: n + 1] += factor * self._stated
        root, failed = dpotrf(K.T, lower=0, clean=0, overwrite_a=1)
        if failed:
            return IMPOSSIBLE, np.zeros_like(logs)
        log_determinant = 2.0 * float(np.log(np.diagonal(root)).sum())
        inverse = dpotri(root, lower=0, overwrite_c=1)[0]
        weight = dsymv(1.0, inverse, self._ones)
        centered = z - float(weight @ z) / float(weight.sum())
        alpha = dsymv(1.0, inverse, centered)
        value = 0.5 * (float(centered @ alpha) + log_determinant + n * math.log(2.0 * math.pi))
        pull = alpha[self._rows] * alpha[self._columns] - inverse.T.ravel()[self._places]
        diagonal = alpha * alpha - np.diagonal(inverse)
        total = 0.5 * float(diagonal.sum())
        gradient = np.concatenate(
            [
                -signal * inverse_squares * (self._squares @ (pull * slope)),
                [-signal * (float(pull @ correlation) + total), -noise * total],
                [-0.5 * factor * float(diagonal @ self._stated) for factor in factors],
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
            options={"maxiter": steps, "ftol": TOLERANCE},
        )


def most_probable(
    X: Array,
    z: Array,
    stated: Array | None,
    smoothness: float,
    *,
    starts: int,
    steps: int,
    seed: int,
) -> tuple[Hyperparameters, float]:
    """The hyperparameters of largest posterior probability.

    Args:
        X: conditions in the unit cube, shape `n x d`.
        z: standardized measurements, shape `n`.
        stated: variance of each by what is said of repeated measurements, shape `n`; None where
            nothing is.
        smoothness: `nu` of the Matérn covariance.
        starts: how many starting points are tried.
        steps: most steps from each.
        seed: of the starting points.

    Returns:
        the hyperparameters, and the logarithm of their probability times that of the measurements.
    """
    priors, covariance = Priors(X.shape[1], stated is not None), COVARIANCES[smoothness]
    chosen = np.unique(np.linspace(0, len(X) - 1, FEW).astype(int))
    few = None if stated is None else stated[chosen]
    evidence = _Evidence(X[chosen], z[chosen], few, covariance, priors)
    tried = [
        evidence.climb(start, steps)
        for start in priors.starts(starts, np.random.default_rng([seed, len(X)]))
    ]
    best = min(tried, key=lambda result: float(result.fun))
    if len(chosen) < len(X):
        best = _Evidence(X, z, stated, covariance, priors).climb(best.x, LAST_STEPS)
    return Hyperparameters.from_logs(best.x, X.shape[1]), -float(best.fun)
