"""A Gaussian process with known hyperparameters: predictions and their gradients."""

import numpy as np
from attrs import frozen
from numpy.typing import NDArray
from sklearn.gaussian_process.kernels import Kernel

from flowrig_gp.covariance import COVARIANCES, Covariance
from flowrig_gp.evidence import Hyperparameters

__all__ = ["Prediction", "Process"]

Array = NDArray[np.float64]

LEAST_VARIANCE = 1e-12
"""Smallest posterior variance of the noise-free response, in units of its prior variance."""


@frozen(eq=False)
class Prediction:
    """Posterior of the noise-free standardized response at `n` conditions.

    Attributes:
        mean: posterior mean, shape `n`.
        sd: posterior standard deviation, shape `n`.
    """

    mean: Array
    sd: Array
    _process: "Process"
    _X: Array
    _slope: Array
    _weights: Array

    def gradients(self) -> tuple[Array, Array]:
        """Derivatives of `mean` and `sd` along the conditions, shape `n x d` each."""
        mean = -self._process.weighted_differences(self._X, self._slope * self._process.alpha)
        variance = 2.0 * self._process.weighted_differences(self._X, self._slope * self._weights)
        return mean, variance / (2.0 * self.sd)[:, None]


@frozen(eq=False)
class Process:
    """A Gaussian process conditioned on standardized measurements.

    Predictions use the inverse of the covariance matrix of the measurements, so that a prediction
    costs three matrix products (Rasmussen & Williams, Gaussian Processes for Machine Learning,
    2006, equations 2.25 and 2.26).

    Attributes:
        hyperparameters: of the covariance.
        prior_mean: constant mean of the process, its most probable value.
        alpha: the inverse times the measurements less the prior mean, shape `n`.
        measured: the standardized measurements, shape `n`.
    """

    hyperparameters: Hyperparameters
    prior_mean: float
    alpha: Array
    measured: Array
    _X: Array
    _kernel: Kernel
    _inverse: Array
    _covariance: Covariance
    _inverse_length_scales: Array
    _scaled: Array
    _squared: Array

    @classmethod
    def conditioned(
        cls,
        X: Array,
        z: Array,
        repeat_variance: Array | None,
        hyperparameters: Hyperparameters,
        smoothness: float,
    ) -> "Process":
        """Condition on measurements.

        Args:
            X: conditions in the unit cube, shape `n x d`.
            z: standardized measurements, shape `n`.
            repeat_variance: variance of each measurement that follows from the known
                repeatability, shape `n`; None where it is not known.
            hyperparameters: of the covariance.
            smoothness: `nu` of the Matérn covariance.
        """
        kernel = hyperparameters.kernel(smoothness)
        noise = np.full(len(z), hyperparameters.noise_variance)
        if repeat_variance is not None:
            noise += hyperparameters.repeatability_factor * repeat_variance
        inverse = np.linalg.inv(kernel(X) + np.diag(noise))
        scales = hyperparameters.length_scales
        weight = inverse.sum(axis=1)
        prior_mean = float(weight @ z) / float(weight.sum())
        return cls(
            hyperparameters=hyperparameters,
            prior_mean=prior_mean,
            alpha=inverse @ (z - prior_mean),
            measured=z,
            X=X,
            kernel=kernel,
            inverse=inverse,
            covariance=COVARIANCES[smoothness],
            inverse_length_scales=1.0 / scales,
            scaled=X / scales,
            squared=np.square(X / scales).sum(axis=1),
        )

    def at(self, X: Array) -> Prediction:
        """The posterior at conditions `X` in the unit cube, shape `n x d`."""
        signal = self.hyperparameters.signal_variance
        scaled = X * self._inverse_length_scales
        squared = np.square(scaled).sum(axis=1)[:, None] + self._squared
        squared -= 2.0 * scaled @ self._scaled.T
        correlation, slope = self._covariance(np.maximum(squared, 0.0))
        cross = signal * correlation
        weights = cross @ self._inverse
        variance = signal - np.einsum("ij,ij->i", cross, weights)
        return Prediction(
            self.prior_mean + cross @ self.alpha,
            np.sqrt(np.maximum(variance, LEAST_VARIANCE * signal)),
            self,
            X,
            signal * slope,
            weights,
        )

    def left_out(self) -> tuple[Array, Array]:
        """Leave-one-out predictions of the measurements, with the hyperparameters of all.

        Rasmussen & Williams, Gaussian Processes for Machine Learning, 2006, equations 5.10 to 5.12.

        Returns:
            mean and standard deviation of the measurement, noise included, shape `n` each.
        """
        precision = np.diag(self._inverse)
        return self.measured - self.alpha / precision, 1.0 / np.sqrt(precision)

    def covariance_root(self, X: Array) -> Array:
        """Lower Cholesky factor of the joint posterior covariance of the noise-free response.

        The diagonal is increased in powers of ten until the matrix is positive definite.

        Args:
            X: conditions in the unit cube, shape `n x d`.

        Returns:
            shape `n x n`.
        """
        cross = self._kernel(X, self._X)
        covariance = self._kernel(X) - cross @ self._inverse @ cross.T
        diagonal = np.diag_indices(len(X))
        size = float(covariance[diagonal].max())
        for power in range(-10, 1):
            jittered = covariance.copy()
            jittered[diagonal] += max(size, LEAST_VARIANCE) * 10.0**power
            try:
                return np.linalg.cholesky(jittered)
            except np.linalg.LinAlgError:
                continue
        return np.diag(np.sqrt(np.maximum(covariance[diagonal], 0.0)))

    def weighted_differences(self, X: Array, factors: Array) -> Array:
        """Sum over measurements of `factors * (X - measured) / length scale²`.

        Args:
            X: conditions, shape `n x d`.
            factors: one for each condition and measurement, shape `n x e`.

        Returns:
            shape `n x d`.
        """
        return np.asarray(
            np.square(self._inverse_length_scales)
            * (X * factors.sum(axis=1, keepdims=True) - factors @ self._X)
        )
