"""Posterior of the Gaussian processes of all responses, in natural units."""

from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from flowrig.interfaces.surrogate import NormalPosterior
from flowrig.learning.blas_threads import one_blas_thread
from flowrig_gp.response import ResponseModel

__all__ = ["GaussianProcessPosterior"]

Array = NDArray[np.float64]


class GaussianProcessPosterior(NormalPosterior):
    """A normal distribution on each response's own scale, independent of the other responses.

    Args:
        models: one fitted process for each response.
        X: conditions in the unit cube, shape `n x d`.
    """

    def __init__(self, models: tuple[ResponseModel, ...], X: Array) -> None:
        self._models = models
        self._X = X
        self._predictions = [model.process.at(X) for model in models]
        self._spread = np.array([model.spread for model in models])

    @cached_property
    def latent_mean(self) -> Array:
        """Mean of the noise-free responses on their scales, shape `n x m`."""
        centers = np.array([model.center for model in self._models])
        return np.asarray(
            centers + self._spread * np.stack([one.mean for one in self._predictions], -1)
        )

    @cached_property
    def latent_sd(self) -> Array:
        """Standard deviation of the noise-free responses on their scales, shape `n x m`."""
        return np.asarray(self._spread * np.stack([one.sd for one in self._predictions], axis=-1))

    def latent_gradients(self) -> tuple[Array, Array]:
        """Derivatives of `latent_mean` and `latent_sd`, shape `n x m x d` each."""
        means, sds = zip(*(one.gradients() for one in self._predictions), strict=True)
        spread = self._spread[:, None]
        return spread * np.stack(means, axis=1), spread * np.stack(sds, axis=1)

    def natural(self, latent: Array) -> Array:
        """Values on the scales, shape `… x m`, in natural units."""
        columns = [model.scale.backward(latent[..., j]) for j, model in enumerate(self._models)]
        return np.stack(columns, axis=-1)

    def natural_slope(self, latent: Array) -> Array:
        """Derivative of `natural`, shape `… x m`."""
        columns = [model.scale.slope(latent[..., j]) for j, model in enumerate(self._models)]
        return np.stack(columns, axis=-1)

    @property
    def mean(self) -> Array:
        """Expected measurement in natural units, exact on every scale, shape `n x m`."""
        return self._moments[0]

    @property
    def sd(self) -> Array:
        """Standard deviation of a new measurement in natural units, with noise, shape `n x m`."""
        return self._moments[1]

    def sample(self, count: int, rng: np.random.Generator) -> Array:
        """Joint samples of the noise-free responses, shape `s x n x m`."""
        draws = []
        with one_blas_thread():
            for model in self._models:
                root = model.process.covariance_root(self._X)
                draws.append(model.spread * rng.standard_normal((count, len(root))) @ root.T)
        return self.natural(self.latent_mean + np.stack(draws, axis=-1))

    @cached_property
    def _moments(self) -> tuple[Array, Array]:
        columns = []
        for model, mean, sd in zip(self._models, self.latent_mean.T, self.latent_sd.T, strict=True):
            measured_sd = model.noise_factor * np.hypot(sd, model.noise_sd(mean))
            columns.append(model.scale.moments(mean, measured_sd))
        means, sds = zip(*columns, strict=True)
        return np.stack(means, axis=-1), np.stack(sds, axis=-1)
