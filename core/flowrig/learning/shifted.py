"""Posteriors that are moved by what is known from elsewhere.

Letters: `n` conditions, `d` dimensions, `m` responses, `s` samples.
"""

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from flowrig.interfaces import NormalPosterior, Posterior
from flowrig.learning.mixture import NormalMixture
from flowrig.learning.stacking import Stacking

__all__ = ["NormalShift", "NormalShifted", "Shift", "Shifted"]

Array = NDArray[np.float64]


@frozen(eq=False)
class Shift:
    """What is added to a posterior at each condition.

    Attributes:
        amount: in natural units, shape `n x m`.
    """

    amount: Array


@frozen(eq=False)
class NormalShift(Shift):
    """A shift that is smooth.

    Attributes:
        gradients: derivatives of the amount along the conditions, shape `n x m x d`.
    """

    gradients: Array


class Shifted(Posterior):
    """A posterior of what is left, and what was taken away.

    Args:
        left: the posterior of what is left.
        shift: what was taken away; it is taken as sure.
    """

    def __init__(self, left: Posterior, shift: Shift) -> None:
        self._left = left
        self._shift = shift

    @property
    def mean(self) -> Array:
        """Expected responses, shape `n x m`, in natural units."""
        return self._left.mean + self._shift.amount

    @property
    def sd(self) -> Array:
        """Standard deviation of a new measurement, noise included, shape `n x m`."""
        return self._left.sd

    def sample(self, count: int, rng: np.random.Generator) -> Array:
        """Joint samples of the noise-free responses, shape `s x n x m`."""
        return self._left.sample(count, rng) + self._shift.amount


class NormalShifted(Shifted, NormalPosterior):
    """A normal posterior that is moved, told on the scale of natural units.

    Args:
        left: the posterior of what is left.
        shift: what was taken away, with its gradients.
    """

    def __init__(self, left: NormalPosterior, shift: NormalShift) -> None:
        super().__init__(left, shift)
        self._natural = in_natural_units(left)
        self._slope = shift.gradients

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
        return mean + self._slope, sd

    def natural(self, latent: Array) -> Array:
        """Unchanged."""
        return latent

    def natural_slope(self, latent: Array) -> Array:
        """One everywhere."""
        return np.ones_like(latent)


def in_natural_units(posterior: NormalPosterior) -> NormalMixture:
    """A normal posterior on the scale of natural units, with the same mean and variance."""
    return NormalMixture((posterior,), Stacking.equal(1, posterior.latent_mean.shape[1]))
