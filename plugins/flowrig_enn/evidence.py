"""Evidence of an ensemble and its most probable hyperparameters.

Letters: `n` experiments, `d` conditions, `k` members, `h` hidden units.
"""

import math

import numpy as np
import torch
from attrs import field, frozen
from numpy.typing import NDArray
from scipy.optimize import minimize
from torch import Tensor

from flowrig_enn.hidden import HiddenLayers

__all__ = ["Evidence", "Hyperparameters", "Priors", "level"]

Array = NDArray[np.float64]

SETTLED = 1e-5
"""Relative gain of a step below which the search ends."""
IMPOSSIBLE = 1e10
"""Negative log posterior where a covariance matrix is not positive definite."""


@frozen
class Hyperparameters:
    """Hyperparameters that the members of a standardized response share.

    Attributes:
        relevance: factor on each condition before the hidden layer, shape `d`; the inverse of the
            length scale.
        signal: prior variance of the noise-free response; the prior variance of the weights of
            the last layer follows from it.
        noise: variance of repeated measurements.
    """

    relevance: Array
    signal: float
    noise: float

    @classmethod
    def from_logs(cls, logs: Array) -> "Hyperparameters":
        """From logarithms of relevance, signal and noise variance, shape `d + 2`."""
        values = np.exp(logs)
        return cls(values[:-2], float(values[-2]), float(values[-1]))


@frozen
class Priors:
    """Normal prior distributions of the logarithms of the hyperparameters.

    Relevance falls with the root of the number of conditions, as distances in the unit cube grow
    (Hvarfner, Hellsten & Nardi, Vanilla Bayesian optimization performs great in high dimensions,
    ICML 2024). The prior on the noise is needed because the evidence of 60
    experiments often has its maximum at no noise.

    Attributes:
        dimensions: number of conditions `d`.
    """

    dimensions: int
    mean: Array = field(init=False)
    sd: Array = field(init=False)
    low: Array = field(init=False)
    high: Array = field(init=False)

    RELEVANCE = (3.0 - math.sqrt(2.0), math.sqrt(3.0), math.log(1e-3), math.log(40.0))
    SIGNAL = (0.0, 2.0, math.log(0.01), math.log(100.0))
    NOISE = (-4.0, 1.5, math.log(1e-4), math.log(4.0))

    def __attrs_post_init__(self) -> None:
        rows = np.array([self.RELEVANCE] * self.dimensions + [self.SIGNAL, self.NOISE])
        rows[: self.dimensions, 0] -= 0.5 * math.log(self.dimensions)
        for name, column in zip(("mean", "sd", "low", "high"), rows.T, strict=True):
            object.__setattr__(self, name, column)

    @property
    def start(self) -> Array:
        """Starting point of the search: the prior mean with more noise, shape `d + 2`."""
        start = self.mean.copy()
        start[-1] += self.sd[-1]
        return start


class Evidence:
    """Log evidence of one response, averaged over the members.

    The last layers are integrated out: with normal priors on their weights, the measurements are
    normally distributed for each member, with a covariance from its hidden units (Bishop, Pattern
    Recognition and Machine Learning, 2006, section 3.5). The members share the
    hyperparameters; no experiments are held out.

    Args:
        X: conditions about the middle of the unit cube, shape `n x d`.
        z: standardized measurements, shape `n`.
        hidden: the members' hidden layers.
    """

    def __init__(self, X: Tensor, z: Tensor, hidden: HiddenLayers) -> None:
        self._X, self._z, self._hidden = X, z, hidden
        self._priors = Priors(X.shape[1])

    def most_probable(self, start: Array, steps: int) -> tuple[Array, float]:
        """Climb to the most probable hyperparameters.

        Args:
            start: their logarithms, shape `d + 2`.
            steps: most steps of the quasi-Newton search.

        Returns:
            their logarithms, and that of their probability times that of the measurements.
        """
        priors = self._priors
        result = minimize(
            self._negative,
            start,
            jac=True,
            method="L-BFGS-B",
            bounds=list(zip(priors.low, priors.high, strict=True)),
            options={"maxiter": steps, "ftol": SETTLED},
        )
        return result.x, -float(result.fun)

    def __call__(self, logs: Array) -> tuple[float, Array]:
        """Logarithm of the probability of hyperparameters and measurements, and its gradient.

        Args:
            logs: logarithms of the hyperparameters, shape `d + 2`.
        """
        value, gradient = self._likelihood(logs)
        deviation = (logs - self._priors.mean) / self._priors.sd
        return value - 0.5 * float(deviation @ deviation), gradient - deviation / self._priors.sd

    def _negative(self, logs: Array) -> tuple[float, Array]:
        value, gradient = self(logs)
        return -value, -gradient

    def _likelihood(self, logs: Array) -> tuple[float, Array]:
        """Mean over the members of the logarithm of the measurements' probability."""
        found, z, n = Hyperparameters.from_logs(logs), self._z, len(self._z)
        relevance = torch.as_tensor(found.relevance).to(self._X)
        units = self._hidden(self._X * relevance)
        correlation = torch.bmm(units, units.mT)
        covariance = found.signal * correlation
        covariance.diagonal(dim1=1, dim2=2).add_(found.noise)
        root, failed = torch.linalg.cholesky_ex(covariance)
        if failed.any():
            return -IMPOSSIBLE, np.zeros_like(logs)
        precision = torch.cholesky_inverse(root)
        centered = z - level(precision, z)
        alpha = torch.bmm(precision, centered[:, :, None])
        determinants = root.diagonal(dim1=1, dim2=2).log().sum(dim=1)
        value = -0.5 * torch.einsum("kn,kni->k", centered, alpha) - determinants
        kernel_gradient = torch.bmm(alpha, alpha.mT) - precision
        slopes = self._hidden.slopes(units, torch.bmm(kernel_gradient, units))
        scale = 1.0 / len(units)
        along = (slopes * self._X).sum(dim=0) * relevance
        gradient = np.array(
            [
                *(scale * found.signal * along).tolist(),
                0.5 * scale * found.signal * float((kernel_gradient * correlation).sum()),
                0.5 * scale * found.noise * float(kernel_gradient.diagonal(dim1=1, dim2=2).sum()),
            ]
        )
        return float(value.mean()) - 0.5 * n * math.log(2.0 * math.pi), gradient


def level(precision: Tensor, z: Tensor) -> Tensor:
    """The most probable constant mean of each member, shape `k x 1`.

    Args:
        precision: inverse covariance of the measurements to each member, shape `k x n x n`.
        z: the measurements, shape `n`.
    """
    weight = precision.sum(dim=2)
    return (weight @ z / weight.sum(dim=1))[:, None]
