"""The Gaussian-process surrogate: an independent process for each response."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from flowrig.interfaces.surrogate import Posterior, Surrogate
from flowrig_gp.response import ResponseModel
from flowrig_gp.scales import Identity, Scale, SquareRoot
from flowrig_gp.settings import GaussianProcessSettings

__all__ = ["GaussianProcess", "GaussianProcessPosterior"]

Array = NDArray[np.float64]


@frozen
class GaussianProcessPosterior(Posterior):
    """Normal beliefs on each response's own scale, told in natural units.

    Attributes:
        models: one fitted process a response.
        latent_mean: noise-free mean on the models' scales, shape `n x m`.
        latent_sd: noise-free standard deviation on the models' scales, shape `n x m`.
    """

    models: tuple[ResponseModel, ...]
    latent_mean: Array
    latent_sd: Array

    @property
    def mean(self) -> Array:
        """Expected measurement, shape `n x m`, exact also on the square-root scale."""
        return self._moments()[0]

    @property
    def sd(self) -> Array:
        """Standard deviation of a new measurement, noise included, shape `n x m`."""
        return self._moments()[1]

    def sample(self, count: int, rng: np.random.Generator) -> Array:
        """Samples of the noise-free responses, shape `s x n x m`.

        Every sample uses one standard normal number a response for all conditions: at each single
        condition the samples follow the posterior exactly, and they vary smoothly between
        conditions (common random numbers), but they do not show how conditions covary.
        """
        normal = rng.standard_normal((count, 1, len(self.models)))
        latent = self.latent_mean + self.latent_sd * normal
        return np.stack(
            [model.scale.backward(latent[..., j]) for j, model in enumerate(self.models)], axis=-1
        )

    def _moments(self) -> tuple[Array, Array]:
        columns = [
            model.scale.moments(
                self.latent_mean[:, j], np.hypot(self.latent_sd[:, j], model.noise_sd)
            )
            for j, model in enumerate(self.models)
        ]
        means, sds = zip(*columns, strict=True)
        return np.stack(means, axis=-1), np.stack(sds, axis=-1)


class GaussianProcess(Surrogate):
    """Gaussian processes with an automatic-relevance Matérn covariance and white noise.

    A length scale for every condition lets conditions that do not matter drop out; measurements
    are standardized first (Rasmussen & Williams, Gaussian Processes for Machine Learning, 2006,
    chapters 2 and 5).
    """

    settings: GaussianProcessSettings

    def __init__(self, settings: GaussianProcessSettings, seed: int = 0) -> None:
        super().__init__(settings, seed)
        self._models: tuple[ResponseModel, ...] = ()

    def describe(self) -> Mapping[str, Any]:
        """Scale, length scales [range of the condition], noise and evidence of each response."""
        return {
            "transform": [model.scale.name for model in self._models],
            "length_scales": [model.length_scales.tolist() for model in self._models],
            "noise_sd": [model.noise_sd for model in self._models],
            "log_evidence": [model.evidence for model in self._models],
        }

    def _do_fit(self, X: Array, Y: Array) -> None:
        self._models = tuple(self._fit_response(X, y) for y in Y.T)

    def _fit_response(self, X: Array, y: Array) -> ResponseModel:
        fitted = [
            ResponseModel.fit(X, y, scale, self.settings, self.seed) for scale in self._scales(y)
        ]
        return max(fitted, key=lambda model: model.evidence)

    def _scales(self, y: Array) -> list[Scale]:
        """Scales to compare; the square root only where every measurement is positive."""
        positive = bool((y > 0).all())
        if self.settings.transform == "identity" or not positive:
            return [Identity()]
        if self.settings.transform == "sqrt":
            return [SquareRoot()]
        return [Identity(), SquareRoot()]

    def _do_predict(self, X: Array) -> Posterior:
        latent = [model.latent(X) for model in self._models]
        means, sds = zip(*latent, strict=True)
        return GaussianProcessPosterior(
            self._models, np.stack(means, axis=-1), np.stack(sds, axis=-1)
        )
