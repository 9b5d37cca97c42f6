"""Posteriors that are shifted by a known function of the conditions.

Letters: `n` conditions, `d` dimensions, `m` responses, `s` samples.
"""

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from flowrig.interfaces import NormalPosterior, Posterior
from flowrig.learning.mixture import NormalMixture
from flowrig.learning.stacking import Stacking

__all__ = ["NormalShift", "Shift", "ShiftedNormalPosterior", "ShiftedPosterior", "in_natural_units"]

Array = NDArray[np.float64]


@frozen(eq=False)
class Shift:
    """A function that is added to a posterior, at `n` conditions.

    Attributes:
        amount: its values in natural units, shape `n x m`.
    """

    amount: Array


@frozen(eq=False)
class NormalShift(Shift):
    """A differentiable shift.

    Attributes:
        gradients: derivatives of `amount` along the conditions, shape `n x m x d`.
    """

    gradients: Array


class ShiftedPosterior(Posterior):
    """The posterior of a residual plus the function that was subtracted from the responses.

    Args:
        residual: posterior of the responses less the shift.
        shift: the subtracted function; it adds no uncertainty.
    """

    def __init__(self, residual: Posterior, shift: Shift) -> None:
        self._residual = residual
        self._shift = shift

    @property
    def mean(self) -> Array:
        """Expected responses, shape `n x m`, in natural units."""
        return self._residual.mean + self._shift.amount

    @property
    def sd(self) -> Array:
        """Standard deviation of a new measurement, noise included, shape `n x m`."""
        return self._residual.sd

    def sample(self, count: int, rng: np.random.Generator) -> Array:
        """Joint samples of the noise-free responses, shape `s x n x m`."""
        return self._residual.sample(count, rng) + self._shift.amount


class ShiftedNormalPosterior(ShiftedPosterior, NormalPosterior):
    """A shifted normal posterior; its latent scale is that of natural units.

    Args:
        residual: posterior of the responses less the shift.
        shift: the subtracted function with its gradients.
    """

    def __init__(self, residual: NormalPosterior, shift: NormalShift) -> None:
        super().__init__(residual, shift)
        # A shift is a sum in natural units, so a posterior on another scale is converted first.
        self._natural = in_natural_units(residual)
        self._gradients = shift.gradients

    @property
    def latent_mean(self) -> Array:
        """As `NormalPosterior.latent_mean`."""
        return self._natural.latent_mean + self._shift.amount

    @property
    def latent_sd(self) -> Array:
        """As `NormalPosterior.latent_sd`."""
        return self._natural.latent_sd

    def latent_gradients(self) -> tuple[Array, Array]:
        """As `NormalPosterior.latent_gradients`."""
        mean, sd = self._natural.latent_gradients()
        return mean + self._gradients, sd

    def natural(self, latent: Array) -> Array:
        """Unchanged."""
        return latent

    def natural_slope(self, latent: Array) -> Array:
        """One everywhere."""
        return np.ones_like(latent)


def in_natural_units(posterior: NormalPosterior) -> NormalMixture:
    """The normal posterior in natural units that has the same mean and variance."""
    return NormalMixture((posterior,), Stacking.equal(1, posterior.latent_mean.shape[1]))
