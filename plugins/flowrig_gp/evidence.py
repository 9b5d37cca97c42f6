"""Hyperparameters of a Gaussian process and the search for their most probable values."""

import math
from typing import Any

import numpy as np
from attrs import field, frozen
from numpy.typing import NDArray
from scipy.linalg.blas import dsymv
from scipy.linalg.lapack import dpotrf, dpotri
from scipy.optimize import minimize
from sklearn.gaussian_process.kernels import ConstantKernel, Kernel, Matern

from flowrig_gp.covariance import COVARIANCES, Covariance

__all__ = ["Hyperparameters", "NegativeLogPosterior", "Priors", "most_probable"]

Array = NDArray[np.float64]

IMPOSSIBLE = 1e10
"""Value of the negative log posterior where the covariance matrix is not positive definite."""
FEW = 200
"""Largest number of experiments that the whole search uses. With more, the search uses this many,
evenly spaced in time, and ends with a few steps on all experiments."""
LAST_STEPS = 8
"""Largest number of steps on all experiments where there are more than `FEW`."""
TOLERANCE = 1e-7
"""The search ends at a step whose relative gain is below this."""


@frozen
class Hyperparameters:
    """Hyperparameters of the process of one standardized response.

    The noise variance of a measurement is `noise_variance`, the same for all conditions, plus
    `repeatability_factor` times the variance that follows from the known repeatability.

    Attributes:
        length_scales: as fractions of the ranges of the conditions, shape `d`.
        signal_variance: prior variance of the noise-free response.
        noise_variance: variance of the noise that is the same for all conditions.
        repeatability_factor: multiplies the variance that follows from the known relative standard
            deviation of repeated measurements; 0 where none is known.
    """

    length_scales: Array
    signal_variance: float
    noise_variance: float
    repeatability_factor: float = 0.0

    @classmethod
    def from_logs(cls, logs: Array, dimensions: int) -> "Hyperparameters":
        """From logarithms in the order of the attributes.

        Args:
            logs: shape `d + 2`, or `d + 3` with the repeatability factor.
            dimensions: number of conditions `d`.
        """
        values = np.exp(logs)
        return cls(values[:dimensions], *map(float, values[dimensions:]))

    def kernel(self, smoothness: float) -> Kernel:
        """Covariance of the noise-free response as a scikit-learn kernel.

        It has no `WhiteKernel`, because the noise variance can differ between measurements.

        Args:
            smoothness: `nu` of the Matérn covariance.
        """
        return ConstantKernel(self.signal_variance) * Matern(self.length_scales, nu=smoothness)


@frozen
class Priors:
    """Normal prior distributions of the logarithms of the hyperparameters.

    The prior length scale grows with the square root of the number of conditions, as distances in
    the unit cube do. Its mode is that of Hvarfner, Hellsten & Nardi, ICML 2024; unlike theirs, the
    signal variance is not fixed at 1. The prior on the noise variance is needed because the
    evidence of 60 experiments often has its maximum at no noise. A repeatability is typically
    estimated from about twenty measurements at one condition, and differs between conditions and
    days: one standard deviation of its prior is a factor of 1.4 in the standard deviation.

    Attributes:
        dimensions: number of conditions `d`.
        repeatability: whether the repeatability is known, which adds its factor.
        mean: prior means, shape `d + 2` or `d + 3`, in the order of `Hyperparameters`.
        sd: prior standard deviations, same shape.
        low: lower bounds of the search, same shape.
        high: upper bounds of the search, same shape.
    """

    dimensions: int
    repeatability: bool = False
    mean: Array = field(init=False)
    sd: Array = field(init=False)
    low: Array = field(init=False)
    high: Array = field(init=False)

    LENGTH_SCALE = (math.sqrt(2.0) - 3.0, math.sqrt(3.0), math.log(0.025), math.log(1e3))
    SIGNAL = (0.0, 2.0, math.log(0.01), math.log(100.0))
    NOISE = (-5.0, 1.0, math.log(1e-4), math.log(4.0))
    REPEATABILITY_FACTOR = (0.0, 0.7, math.log(1e-2), math.log(1e2))

    def __attrs_post_init__(self) -> None:
        others = [self.SIGNAL, self.NOISE] + [self.REPEATABILITY_FACTOR] * self.repeatability
        rows = np.array([self.LENGTH_SCALE] * self.dimensions + others)
        rows[: self.dimensions, 0] += 0.5 * math.log(self.dimensions)
        for name, column in zip(("mean", "sd", "low", "high"), rows.T, strict=True):
            object.__setattr__(self, name, column)

    def starts(self, count: int, rng: np.random.Generator) -> list[Array]:
        """Starting points of the search: the prior mean with more noise, then draws around it."""
        first = self.mean.copy()
        first[self.dimensions + 1] += 1.0
        drawn = first + 0.7 * rng.standard_normal((count - 1, len(first)))
        return [first, *np.clip(drawn, self.low, self.high)]


class NegativeLogPosterior:
    """Negative log posterior density of the hyperparameters, without the constant.

    The sum of the negative log evidence (Rasmussen & Williams, Gaussian Processes for Machine
    Learning, 2006, equations 5.8 and 5.9) and the negative log prior. The constant mean of the
    process takes its most probable value for each set of hyperparameters. Distances are kept for
    the `n (n - 1) / 2` pairs of experiments only.

    Args:
        X: conditions in the unit cube, shape `n x d`.
        z: standardized measurements, shape `n`.
        repeat_variance: variance of each measurement that follows from the known repeatability,
            shape `n`; None where it is not known.
        covariance: correlation and its derivative.
        priors: of the hyperparameters.
    """

    def __init__(
        self,
        X: Array,
        z: Array,
        repeat_variance: Array | None,
        covariance: Covariance,
        priors: Priors,
    ) -> None:
        self._z = z
        self._repeat_variance = np.zeros(len(z)) if repeat_variance is None else repeat_variance
        self._ones = np.ones(len(z))
        self._covariance = covariance
        self._priors = priors
        self._rows, self._columns = np.tril_indices(len(X), -1)
        self._flat_indices = self._rows * len(X) + self._columns
        self._squares = np.ascontiguousarray(np.square(X[self._rows] - X[self._columns]).T)

    def __call__(self, logs: Array) -> tuple[float, Array]:
        """Value and gradient at logarithms of the hyperparameters, shape `d + 2` or `d + 3`."""
        n, d, z = len(self._z), len(self._squares), self._z
        inverse_squares = np.exp(-2.0 * logs[:d])
        signal, noise, *factors = np.exp(logs[d:])
        correlation, slope = self._covariance(inverse_squares @ self._squares)
        K = np.zeros((n, n))
        K.ravel()[self._flat_indices] = signal * correlation
        K.ravel()[:: n + 1] = signal + noise
        for factor in factors:
            K.ravel()[:: n + 1] += factor * self._repeat_variance
        root, failed = dpotrf(K.T, lower=0, clean=0, overwrite_a=1)
        if failed:
            return IMPOSSIBLE, np.zeros_like(logs)
        log_determinant = 2.0 * float(np.log(np.diagonal(root)).sum())
        inverse = dpotri(root, lower=0, overwrite_c=1)[0]
        weight = dsymv(1.0, inverse, self._ones)
        centered = z - float(weight @ z) / float(weight.sum())
        alpha = dsymv(1.0, inverse, centered)
        value = 0.5 * (float(centered @ alpha) + log_determinant + n * math.log(2.0 * math.pi))
        pair_weights = (
            alpha[self._rows] * alpha[self._columns] - inverse.T.ravel()[self._flat_indices]
        )
        diagonal = alpha * alpha - np.diagonal(inverse)
        total = 0.5 * float(diagonal.sum())
        gradient = np.concatenate(
            [
                -signal * inverse_squares * (self._squares @ (pair_weights * slope)),
                [-signal * (float(pair_weights @ correlation) + total), -noise * total],
                [-0.5 * factor * float(diagonal @ self._repeat_variance) for factor in factors],
            ]
        )
        deviation = (logs - self._priors.mean) / self._priors.sd
        value += 0.5 * float(deviation @ deviation)
        return value, gradient + deviation / self._priors.sd

    def minimize(self, start: Array, steps: int) -> Any:
        """The result of L-BFGS-B from one starting point."""
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
    repeat_variance: Array | None,
    smoothness: float,
    *,
    starts: int,
    steps: int,
    seed: int,
) -> tuple[Hyperparameters, float]:
    """The hyperparameters of the largest posterior density.

    Args:
        X: conditions in the unit cube, shape `n x d`.
        z: standardized measurements, shape `n`.
        repeat_variance: variance of each measurement that follows from the known repeatability,
            shape `n`; None where it is not known.
        smoothness: `nu` of the Matérn covariance.
        starts: number of starting points.
        steps: largest number of steps from each.
        seed: of the random starting points.

    Returns:
        the hyperparameters, and the log evidence plus the log prior density there.
    """
    priors, covariance = Priors(X.shape[1], repeat_variance is not None), COVARIANCES[smoothness]
    chosen = np.unique(np.linspace(0, len(X) - 1, FEW).astype(int))
    chosen_variance = None if repeat_variance is None else repeat_variance[chosen]
    target = NegativeLogPosterior(X[chosen], z[chosen], chosen_variance, covariance, priors)
    results = [
        target.minimize(start, steps)
        for start in priors.starts(starts, np.random.default_rng([seed, len(X)]))
    ]
    best = min(results, key=lambda result: float(result.fun))
    if len(chosen) < len(X):
        full = NegativeLogPosterior(X, z, repeat_variance, covariance, priors)
        best = full.minimize(best.x, LAST_STEPS)
    return Hyperparameters.from_logs(best.x, X.shape[1]), -float(best.fun)
