"""What an ensemble believes about conditions."""

from collections.abc import Callable

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from flowrig.interfaces.surrogate import NormalPosterior
from flowrig_enn.scale import ResponseScale

__all__ = ["EnsemblePosterior"]

Array = NDArray[np.float64]


@frozen(eq=False)
class EnsemblePosterior(NormalPosterior):
    """The mean of the members, their calibrated disagreement, and the noise.

    Attributes:
        scale: the way back to natural units.
        center: mean of the members, standardized, shape `n x m`.
        deviations: members minus that mean, scaled so that the sum of their squares is the variance
            of the noise-free responses; shape `k x n x m`.
        noise_variance: standardized, shape `m`.
        slopes: computes the derivatives of `center`, shape `n x m x d`, and of `deviations`, shape
            `k x n x m x d`, along the conditions.
    """

    scale: ResponseScale
    center: Array
    deviations: Array
    noise_variance: Array
    slopes: Callable[[], tuple[Array, Array]]

    @property
    def mean(self) -> Array:
        """Expected measurement, shape `n x m`."""
        return self._moments()[0]

    @property
    def sd(self) -> Array:
        """Standard deviation of a new measurement, noise included, shape `n x m`."""
        return self._moments()[1]

    @property
    def latent_mean(self) -> Array:
        """As `NormalPosterior.latent_mean`."""
        return self.scale.center + self.scale.spread * self.center

    @property
    def latent_sd(self) -> Array:
        """As `NormalPosterior.latent_sd`."""
        return np.asarray(self.scale.spread * np.sqrt(np.square(self.deviations).sum(axis=0)))

    def latent_gradients(self) -> tuple[Array, Array]:
        """As `NormalPosterior.latent_gradients`."""
        center, deviations = self.slopes()
        sd = np.sqrt(np.square(self.deviations).sum(axis=0))
        sd_slope = np.einsum("knm,knmd->nmd", self.deviations, deviations)
        spread = self.scale.spread[:, None]
        return spread * center, spread * sd_slope / np.maximum(sd, 1e-12)[:, :, None]

    def natural(self, latent: Array) -> Array:
        """As `NormalPosterior.natural`."""
        return self.scale.natural(latent)

    def natural_slope(self, latent: Array) -> Array:
        """As `NormalPosterior.natural_slope`."""
        return self.scale.natural_slope(latent)

    def sample(self, count: int, rng: np.random.Generator) -> Array:
        """Joint samples of the noise-free responses, shape `s x n x m`.

        Each sample is the mean plus the members' deviations in random normal proportions: a smooth
        function of the conditions with the members' covariance, that can go beyond any one member.
        """
        members, _, responses = self.deviations.shape
        weights = rng.standard_normal((responses, count, members))
        deviation = (weights @ self.deviations.transpose(2, 0, 1)).transpose(1, 2, 0)
        return self.natural(self.latent_mean + self.scale.spread * deviation)

    def _moments(self) -> tuple[Array, Array]:
        variance = np.square(self.deviations).sum(axis=0) + self.noise_variance
        return self.scale.moments(self.center, variance)
