"""The acquisition function over the unit cube, with gradients."""

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from flowrig.interfaces import NormalPosterior
from flowrig_bayes.acquisition import acquisition
from flowrig_bayes.closed_form import CLOSED_FORMS
from flowrig_bayes.sampled_objective import SampledObjective
from flowrig_bayes.settings import BayesSettings

__all__ = ["Surface"]

Array = NDArray[np.float64]


@frozen(eq=False)
class Surface:
    """The acquisition function of the conditions.

    In closed form where the objective is normally distributed, else on posterior samples.

    Attributes:
        objective: the objective under the surrogate.
        incumbent: objective to improve on.
        settings: select the acquisition function.
    """

    objective: SampledObjective
    incumbent: float
    settings: BayesSettings

    def values(self, U: Array) -> Array:
        """Values at points of the unit cube, shape `n`."""
        posterior = self.objective.surrogate.predict(U)
        if isinstance(posterior, NormalPosterior) and self.objective.is_normal(posterior):
            mean, sd = posterior.latent_mean[:, -1], posterior.latent_sd[:, -1]
            return self._closed_form(mean, sd)[0]
        return acquisition(self.objective.of(posterior), self.incumbent, self.settings)[0]

    def has_gradients(self, u: Array) -> bool:
        """Whether gradients are available."""
        return isinstance(self.objective.surrogate.predict(u[None]), NormalPosterior)

    def value_and_gradient(self, u: Array) -> tuple[float, Array]:
        """Value and gradient at one point, shape `d`, for a `NormalPosterior`."""
        values, gradients = self.values_and_gradients(u[None])
        return float(values[0]), gradients[0]

    def values_and_gradients(self, U: Array) -> tuple[Array, Array]:
        """Values, shape `n`, and gradients, shape `n x d`, for a `NormalPosterior`."""
        posterior = self.objective.surrogate.predict(U)
        assert isinstance(posterior, NormalPosterior)
        if self.objective.is_normal(posterior):
            mean, sd = posterior.latent_gradients()
            values, along_mean, along_sd = self._closed_form(
                posterior.latent_mean[:, -1], posterior.latent_sd[:, -1]
            )
            return values, along_mean[:, None] * mean[:, -1] + along_sd[:, None] * sd[:, -1]
        values, weights = acquisition(self.objective.of(posterior), self.incumbent, self.settings)
        return values, self.objective.slopes(posterior, weights)

    def _closed_form(self, mean: Array, sd: Array) -> tuple[Array, Array, Array]:
        function = CLOSED_FORMS[self.settings.acquisition]
        return function(mean, sd, self.incumbent, self.settings)
