"""Posterior of an ensemble in natural units."""

from functools import cached_property

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from flowrig.interfaces.surrogate import NormalPosterior
from flowrig_enn.architecture import StandardizedPosterior, one_torch_thread
from flowrig_enn.scale import ResponseScale

__all__ = ["EnsemblePosterior"]

Array = NDArray[np.float64]


@frozen(eq=False, slots=False)
class EnsemblePosterior(NormalPosterior):
    """The mean of the members, their own and their mutual variance, and the noise.

    Attributes:
        scale: transform to natural units.
        standardized: of the standardized noise-free responses.
        noise_variance: of standardized measurements, shape `m`.
    """

    scale: ResponseScale
    standardized: StandardizedPosterior
    noise_variance: Array

    @property
    def mean(self) -> Array:
        """Expected measurement, shape `n x m`."""
        return self._moments[0]

    @property
    def sd(self) -> Array:
        """Standard deviation of a new measurement, noise included, shape `n x m`."""
        return self._moments[1]

    @cached_property
    def latent_mean(self) -> Array:
        """As `NormalPosterior.latent_mean`."""
        return np.asarray(self.scale.center + self.scale.spread * self.standardized.mean)

    @cached_property
    def latent_sd(self) -> Array:
        """As `NormalPosterior.latent_sd`."""
        return np.asarray(self.scale.spread * np.sqrt(self.standardized.variance))

    def latent_gradients(self) -> tuple[Array, Array]:
        """As `NormalPosterior.latent_gradients`."""
        with one_torch_thread():
            mean, variance = self.standardized.slopes()
        spread = self.scale.spread[:, None]
        sd = np.maximum(self.latent_sd, 1e-12)[:, :, None]
        return spread * mean, np.square(spread) * variance / (2.0 * sd)

    def natural(self, latent: Array) -> Array:
        """As `NormalPosterior.natural`."""
        return self.scale.natural(latent)

    def natural_slope(self, latent: Array) -> Array:
        """As `NormalPosterior.natural_slope`."""
        return self.scale.natural_slope(latent)

    def sample(self, count: int, rng: np.random.Generator) -> Array:
        """Joint samples of the noise-free responses, shape `s x n x m`."""
        with one_torch_thread():
            drawn = self.standardized.draw(count, rng)
        return self.natural(self.scale.center + self.scale.spread * drawn)

    @cached_property
    def _moments(self) -> tuple[Array, Array]:
        return self.scale.moments(
            self.standardized.mean, self.standardized.variance + self.noise_variance
        )
