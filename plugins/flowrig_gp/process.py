"""A Gaussian process with known hyperparameters: predictions and their gradients."""

import numpy as np
from attrs import frozen
from numpy.typing import NDArray
from sklearn.gaussian_process.kernels import ConstantKernel, Kernel, Matern

from flowrig_gp.covariance import COVARIANCES, Covariance
from flowrig_gp.evidence import Hyperparameters

__all__ = ["Belief", "Process"]

Array = NDArray[np.float64]

LEAST_VARIANCE = 1e-12
"""Of the noise-free response, in units of its prior variance."""


@frozen(eq=False)
class Belief:
    """What a process believes of the noise-free response at conditions.

    Attributes:
        mean: shape `n`.
        sd: shape `n`.
    """

    mean: Array
    sd: Array
    _process: "Process"
    _X: Array
    _slope: Array
    _solved: Array

    def gradients(self) -> tuple[Array, Array]:
        """Derivatives of `mean` and `sd` along the conditions, shape `n x d` each."""
        mean = -self._process.pull(self._X, self._slope * self._process.alpha)
        variance = 2.0 * self._process.pull(self._X, self._slope * self._solved)
        return mean, variance / (2.0 * self.sd)[:, None]


@frozen(eq=False)
class Process:
    """A process that was conditioned on standardized measurements.

    Predictions use the inverse of the covariance of the measurements, so that a single condition
    costs three products (Rasmussen & Williams, Gaussian Processes for Machine Learning, 2006,
    equations 2.25 and 2.26).

    Attributes:
        hyperparameters: of the covariance.
        level: mean of the process where nothing was measured: the most probable one.
        alpha: the inverse times the measurements, shape `n`.
        measured: the measurements, shape `n`.
    """

    hyperparameters: Hyperparameters
    level: float
    alpha: Array
    measured: Array
    _X: Array
    _kernel: Kernel
    _inverse: Array
    _covariance: Covariance
    _root: Array
    _scaled: Array
    _squared: Array

    @classmethod
    def conditioned(
        cls,
        X: Array,
        z: Array,
        stated: Array | None,
        hyperparameters: Hyperparameters,
        smoothness: float,
    ) -> "Process":
        """Condition on measurements.

        Args:
            X: conditions in the unit cube, shape `n x d`.
            z: standardized measurements, shape `n`.
            stated: variance of each by what is said of repeated measurements, shape `n`.
            hyperparameters: of the covariance.
            smoothness: `nu` of the Matérn covariance.
        """
        noise = np.full(len(z), hyperparameters.noise)
        if stated is not None:
            noise += hyperparameters.stated * stated
        scales = hyperparameters.length_scales
        kernel = ConstantKernel(hyperparameters.signal) * Matern(scales, nu=smoothness)
        inverse = np.linalg.inv(kernel(X) + np.diag(noise))
        weight = inverse.sum(axis=1)
        level = float(weight @ z) / float(weight.sum())
        return cls(
            hyperparameters=hyperparameters,
            level=level,
            alpha=inverse @ (z - level),
            measured=z,
            X=X,
            kernel=kernel,
            inverse=inverse,
            covariance=COVARIANCES[smoothness],
            root=1.0 / scales,
            scaled=X / scales,
            squared=np.square(X / scales).sum(axis=1),
        )

    def at(self, X: Array) -> Belief:
        """The belief at conditions `X`, shape `n x d`."""
        signal = self.hyperparameters.signal
        asked = X * self._root
        squared = np.square(asked).sum(axis=1)[:, None] + self._squared
        squared -= 2.0 * asked @ self._scaled.T
        correlation, slope = self._covariance(np.maximum(squared, 0.0))
        across = signal * correlation
        solved = across @ self._inverse
        variance = signal - np.einsum("ij,ij->i", across, solved)
        return Belief(
            self.level + across @ self.alpha,
            np.sqrt(np.maximum(variance, LEAST_VARIANCE * signal)),
            self,
            X,
            signal * slope,
            solved,
        )

    def left_out(self) -> tuple[Array, Array]:
        """Each measurement as the others predict it, with these hyperparameters.

        Rasmussen & Williams, Gaussian Processes for Machine Learning, 2006, equations 5.10 to 5.12.

        Returns:
            mean and standard deviation of the measurement, noise included, shape `n` each.
        """
        precision = np.diag(self._inverse)
        return self.measured - self.alpha / precision, 1.0 / np.sqrt(precision)

    def joint_root(self, X: Array) -> Array:
        """A triangular root of the covariance of the noise-free response, shape `n x n`."""
        across = self._kernel(X, self._X)
        covariance = self._kernel(X) - across @ self._inverse @ across.T
        places = np.diag_indices(len(X))
        size = float(covariance[places].max())
        for power in range(-10, 1):
            jittered = covariance.copy()
            jittered[places] += max(size, LEAST_VARIANCE) * 10.0**power
            try:
                return np.linalg.cholesky(jittered)
            except np.linalg.LinAlgError:
                continue
        return np.diag(np.sqrt(np.maximum(covariance[places], 0.0)))

    def pull(self, X: Array, factors: Array) -> Array:
        """Sum over measurements of `factors * (X - measured) / length scale²`.

        Args:
            X: conditions, shape `n x d`.
            factors: a number for each condition and measurement.

        Returns:
            shape `n x d`.
        """
        return np.asarray(
            np.square(self._root) * (X * factors.sum(axis=1, keepdims=True) - factors @ self._X)
        )
