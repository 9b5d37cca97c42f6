"""The acquisition function over the unit cube, with gradients."""

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from flowrig.interfaces import NormalPosterior
from flowrig_bayes.acquisition import acquisition
from flowrig_bayes.closed_form import CLOSED_FORMS
from flowrig_bayes.merit import Merit
from flowrig_bayes.settings import BayesSettings

__all__ = ["Surface"]

Array = NDArray[np.float64]


@frozen(eq=False)
class Surface:
    """The acquisition function of the conditions.

    In closed form where the objective is normally distributed, else on posterior samples.

    Attributes:
        merit: the objective under the surrogate.
        incumbent: objective to improve on.
        settings: select the acquisition function.
    """

    merit: Merit
    incumbent: float
    settings: BayesSettings

    def heights(self, U: Array) -> Array:
        """Values at points of the unit cube, shape `n`."""
        posterior = self.merit.surrogate.predict(U)
        if isinstance(posterior, NormalPosterior) and self.merit.is_normal(posterior):
            mean, sd = posterior.latent_mean[:, -1], posterior.latent_sd[:, -1]
            return self._closed_form(mean, sd)[0]
        return acquisition(self.merit.of(posterior), self.incumbent, self.settings)[0]

    def climbable(self, u: Array) -> bool:
        """Whether gradients are available."""
        return isinstance(self.merit.surrogate.predict(u[None]), NormalPosterior)

    def height_and_slope(self, u: Array) -> tuple[float, Array]:
        """Value and gradient at one point, shape `d`, for a `NormalPosterior`."""
        heights, slopes = self.heights_and_slopes(u[None])
        return float(heights[0]), slopes[0]

    def heights_and_slopes(self, U: Array) -> tuple[Array, Array]:
        """Values, shape `n`, and gradients, shape `n x d`, for a `NormalPosterior`."""
        posterior = self.merit.surrogate.predict(U)
        assert isinstance(posterior, NormalPosterior)
        if self.merit.is_normal(posterior):
            mean, sd = posterior.latent_gradients()
            heights, along_mean, along_sd = self._closed_form(
                posterior.latent_mean[:, -1], posterior.latent_sd[:, -1]
            )
            return heights, along_mean[:, None] * mean[:, -1] + along_sd[:, None] * sd[:, -1]
        heights, weights = acquisition(self.merit.of(posterior), self.incumbent, self.settings)
        return heights, self.merit.slopes(posterior, weights)

    def _closed_form(self, mean: Array, sd: Array) -> tuple[Array, Array, Array]:
        function = CLOSED_FORMS[self.settings.acquisition]
        return function(mean, sd, self.incumbent, self.settings)
