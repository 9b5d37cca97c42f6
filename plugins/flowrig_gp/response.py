"""A Gaussian process for one response."""

import warnings
from collections.abc import Callable

import numpy as np
from attrs import frozen
from numpy.typing import NDArray
from scipy.optimize import minimize
from sklearn.exceptions import ConvergenceWarning
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import ConstantKernel, Matern, WhiteKernel

from flowrig_gp.scales import Scale
from flowrig_gp.settings import GaussianProcessSettings

__all__ = ["ResponseModel"]

Array = NDArray[np.float64]

LENGTH_BOUNDS = (0.05, 50.0)
"""Length scales in units of the range of a condition; 50 ranges mean "does not matter"."""
SIGNAL_BOUNDS = (1e-3, 1e2)
NOISE_BOUNDS = (1e-4, 2.0)
"""Variances on the standardized scale."""
LENGTH_PRIOR = (np.log(1.0), 1.0)
NOISE_PRIOR = (np.log(0.05), 0.8)
"""Weak normal priors on the logarithms of each length scale and of the noise variance, as mean and
standard deviation. Without the second, 60 experiments are easily taken for free of noise: on the
120 published ones of Sadeghi et al., Digital Discovery 2025, 4, 1722, the priors lower the
cross-validated negative log density of every response."""


@frozen
class ResponseModel:
    """A fitted Gaussian process on the standardized, rescaled values of one response.

    Attributes:
        scale: the scale on which the response is modelled.
        center: mean of the measurements on that scale.
        spread: their standard deviation on that scale.
        process: the fitted process of the standardized values.
        evidence: logarithm of the probability density of the measurements in natural units.
    """

    scale: Scale
    center: float
    spread: float
    process: GaussianProcessRegressor
    evidence: float

    @classmethod
    def fit(
        cls, X: Array, y: Array, scale: Scale, settings: GaussianProcessSettings, seed: int
    ) -> "ResponseModel":
        """Fit by maximum evidence with weak priors on length scales and noise.

        Args:
            X: conditions in the unit cube, shape `n x d`.
            y: measurements of one response, shape `n`.
            scale: the scale to model it on.
            settings: how to search.
            seed: of the random starting points.
        """
        z = scale.forward(y)
        center, spread = float(z.mean()), float(z.std())
        if spread <= 1e-12 * max(abs(center), 1e-300):
            spread = 1.0
        process = GaussianProcessRegressor(
            _kernel(X.shape[1], settings.smoothness),
            alpha=1e-10,
            optimizer=_maximum_a_posteriori(X.shape[1], settings.iterations),
            n_restarts_optimizer=settings.restarts,
            random_state=seed,
        )
        with warnings.catch_warnings():
            # A length scale at its bound says that a condition does not matter: no news to warn of.
            warnings.simplefilter("ignore", ConvergenceWarning)
            process.fit(X, (z - center) / spread)
        evidence = process.log_marginal_likelihood_value_ - len(y) * np.log(spread)
        return cls(scale, center, spread, process, float(evidence) + scale.log_slope(y))

    @property
    def length_scales(self) -> Array:
        """How far one must go along each condition for the response to change, shape `d`."""
        return np.atleast_1d(np.asarray(self.process.kernel_.k1.k2.length_scale, dtype=float))

    @property
    def noise_sd(self) -> float:
        """Standard deviation of a repeated measurement, on the model's scale."""
        return self.spread * float(np.sqrt(self.process.kernel_.k2.noise_level))

    def latent(self, X: Array) -> tuple[Array, Array]:
        """Mean and standard deviation, noise-free, on the model's scale; shape `n` each."""
        mean, sd = self.process.predict(X, return_std=True)
        variance = np.square(sd) - self.process.kernel_.k2.noise_level
        return (
            self.center + self.spread * mean,
            self.spread * np.sqrt(np.maximum(variance, 0.0)),
        )


def _kernel(dimensions: int, smoothness: float) -> ConstantKernel:
    signal = ConstantKernel(1.0, SIGNAL_BOUNDS)
    shape = Matern(np.ones(dimensions), LENGTH_BOUNDS, nu=smoothness)
    return signal * shape + WhiteKernel(0.05, NOISE_BOUNDS)


def _maximum_a_posteriori(dimensions: int, iterations: int) -> Callable[..., tuple[Array, float]]:
    """An optimizer for scikit-learn that adds the priors to the evidence.

    The hyperparameters are, as logarithms, the signal variance, the length scales and the noise
    variance.
    """
    prior_mean, prior_sd = np.array([LENGTH_PRIOR] * dimensions + [NOISE_PRIOR]).T

    def search(
        objective: Callable[[Array], tuple[float, Array]], start: Array, bounds: Array
    ) -> tuple[Array, float]:
        def penalized(theta: Array) -> tuple[float, Array]:
            value, gradient = objective(theta)
            z = (theta[1:] - prior_mean) / prior_sd
            return value + 0.5 * float(z @ z), gradient + np.append(0.0, z / prior_sd)

        result = minimize(
            penalized,
            start,
            method="L-BFGS-B",
            jac=True,
            bounds=bounds,
            options={"maxiter": iterations},
        )
        return result.x, float(result.fun)

    return search
