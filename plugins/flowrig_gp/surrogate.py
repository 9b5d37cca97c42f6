"""The Gaussian-process surrogate: an independent process for each response."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from flowrig.interfaces.surrogate import Surrogate, SurrogateState
from flowrig.learning.blas_threads import one_blas_thread
from flowrig_gp.posterior import GaussianProcessPosterior
from flowrig_gp.response import ResponseModel
from flowrig_gp.scales import Identity, Logarithm, Scale, SquareRoot
from flowrig_gp.settings import GaussianProcessSettings

__all__ = ["GaussianProcess"]

Array = NDArray[np.float64]


class GaussianProcess(Surrogate):
    """Gaussian processes with an anisotropic Matérn covariance and white noise.

    Each condition has a length scale (automatic relevance determination); a condition that does not
    matter gets a long one. Measurements are standardized first (Rasmussen & Williams, Gaussian
    Processes for Machine Learning, 2006, chapters 2 and 5). Where the relative standard deviation
    of repeated measurements is known, the noise variance is the sum of a constant and of the
    variance that follows from it, times a factor that is fitted with a prior around 1.
    """

    settings: GaussianProcessSettings

    def __init__(self, settings: GaussianProcessSettings, seed: int = 0) -> None:
        super().__init__(settings, seed)
        self._models: tuple[ResponseModel, ...] = ()

    def describe(self) -> Mapping[str, Any]:
        """Scale, length scales [fraction of the range], noise and log evidence of each response."""
        return {
            "transform": [model.scale.name for model in self._models],
            "length_scales": [model.length_scales.tolist() for model in self._models],
            "noise_sd": [
                float(model.noise_sd(np.array([model.center]))[0]) for model in self._models
            ],
            "log_evidence": [model.evidence for model in self._models],
        }

    def _do_fit(self, X: Array, Y: Array) -> None:
        self._X = X
        with one_blas_thread():
            self._models = tuple(
                self._fit_response(X, y, rsd) for y, rsd in zip(Y.T, self.rsd.tolist(), strict=True)
            )

    def _fit_response(self, X: Array, y: Array, rsd: float) -> ResponseModel:
        fitted = [
            ResponseModel.fit(X, y, scale, self.settings, rsd=rsd, seed=self.seed)
            for scale in self._scales(y)
        ]
        return max(fitted, key=lambda model: model.evidence)

    def _scales(self, y: Array) -> list[Scale]:
        """Scales to compare; only the identity if a measurement is not positive."""
        if self.settings.transform == "identity" or not bool((y > 0).all()):
            return [Identity()]
        if self.settings.transform == "evidence":
            return [Identity(), SquareRoot()]
        return [SquareRoot() if self.settings.transform == "sqrt" else Logarithm()]

    def _do_predict(self, X: Array) -> GaussianProcessPosterior:
        with one_blas_thread():
            return GaussianProcessPosterior(self._models, X)

    def _do_unseen(self) -> tuple[Array, Array]:
        means, sds = zip(*(model.left_out() for model in self._models), strict=True)
        return np.stack(means, axis=-1), np.stack(sds, axis=-1)

    def _do_state(self) -> SurrogateState:
        return SurrogateState(
            {"models": [model.state() for model in self._models]},
            {"X": self._X, "z": np.stack([model.process.measured for model in self._models])},
        )

    def _do_restore(self, state: SurrogateState) -> None:
        self._X = state.arrays["X"]
        self._models = tuple(
            ResponseModel.restored(self._X, z, model, self.settings.smoothness)
            for z, model in zip(state.arrays["z"], state.values["models"], strict=True)
        )
