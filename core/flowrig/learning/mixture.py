"""Weighted mixtures of posteriors.

Letters: `p` parts, `n` conditions, `d` dimensions, `m` responses, `s` samples.
"""

from collections.abc import Sequence
from functools import cached_property

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from flowrig.interfaces import NormalPosterior, Posterior
from flowrig.learning.stacking import Stacking

__all__ = ["Mixture", "NormalMixture"]

Array = NDArray[np.float64]

NODES, NODE_WEIGHTS = np.polynomial.hermite_e.hermegauss(5)
NODE_WEIGHTS = NODE_WEIGHTS / NODE_WEIGHTS.sum()
"""Gauss-Hermite quadrature over a standard normal variable, exact for polynomials up to degree 9,
for instance the mean square of a response that is modelled by its square root."""


class Mixture(Posterior):
    """The mixture of several posteriors.

    Args:
        parts: the posteriors, at the same conditions.
        stacking: the share of each for each response, and the factor on the spread.
    """

    def __init__(self, parts: Sequence[Posterior], stacking: Stacking) -> None:
        self._stacking = stacking
        self._posteriors = parts

    @property
    def mean(self) -> Array:
        """Expected measurement, shape `n x m`."""
        return self._measurement[0]

    @property
    def sd(self) -> Array:
        """Standard deviation of a new measurement, noise included, shape `n x m`."""
        return self._measurement[1]

    @cached_property
    def _measurement(self) -> tuple[Array, Array]:
        means = np.stack([part.mean for part in self._posteriors])
        return self._stacking.moments(means, np.stack([part.sd for part in self._posteriors]))

    def sample(self, count: int, rng: np.random.Generator) -> Array:
        """Joint samples of the noise-free responses, shape `s x n x m`.

        The first samples of a response come from the first part, in number its share; the next from
        the second part, and so on.
        """
        drawn = np.stack([part.sample(count, rng) for part in self._posteriors])
        ends = np.rint(count * self._stacking.weights.cumsum(axis=0)).astype(int)
        number = np.arange(count)
        which = (number[:, None, None] >= ends[None, :-1]).sum(axis=1)
        chosen = np.take_along_axis(drawn, which[None, :, None, :], axis=0)[0]
        return np.asarray(self.mean + self._stacking.factor * (chosen - self.mean))


@frozen(eq=False)
class _Moments:
    """First two moments of the noise-free responses of one part, in natural units.

    Attributes:
        mean: shape `n x m`.
        square: mean of the square, shape `n x m`.
        by_latent: derivatives of both along the part's latent mean.
        by_spread: derivatives of both along its latent standard deviation.
    """

    mean: Array
    square: Array
    by_latent: tuple[Array, Array]
    by_spread: tuple[Array, Array]

    @classmethod
    def of(cls, part: NormalPosterior) -> "_Moments":
        nodes = NODES[:, None, None]
        latent = part.latent_mean + nodes * part.latent_sd
        value, slope = part.natural(latent), part.natural_slope(latent)

        def expected(values: Array) -> Array:
            return np.asarray(np.tensordot(NODE_WEIGHTS, values, axes=1))

        return cls(
            expected(value),
            expected(np.square(value)),
            (expected(slope), expected(2.0 * value * slope)),
            (expected(nodes * slope), expected(2.0 * nodes * value * slope)),
        )


class NormalMixture(Mixture, NormalPosterior):
    """The mixture of normal posteriors, presented as the normal one with the same two moments.

    Samples are those of the mixture. The scale is that of natural units.
    """

    def __init__(self, parts: Sequence[NormalPosterior], stacking: Stacking) -> None:
        super().__init__(parts, stacking)
        self._parts = parts

    @cached_property
    def _part_moments(self) -> list[_Moments]:
        return [_Moments.of(part) for part in self._parts]

    @cached_property
    def _latent(self) -> tuple[Array, Array]:
        means = np.stack([part.mean for part in self._part_moments])
        squares = np.stack([part.square for part in self._part_moments])
        sds = np.sqrt(np.maximum(squares - np.square(means), 0.0))
        return self._stacking.moments(means, sds)

    @property
    def latent_mean(self) -> Array:
        """As `NormalPosterior.latent_mean`."""
        return self._latent[0]

    @property
    def latent_sd(self) -> Array:
        """As `NormalPosterior.latent_sd`."""
        return self._latent[1]

    def latent_gradients(self) -> tuple[Array, Array]:
        """As `NormalPosterior.latent_gradients`."""
        mean_slope = square_slope = np.zeros(())
        for weight, part, moments in zip(
            self._stacking.weights, self._parts, self._part_moments, strict=True
        ):
            along = [gradient * weight[:, None] for gradient in part.latent_gradients()]
            slopes = [
                moments.by_latent[order][..., None] * along[0]
                + moments.by_spread[order][..., None] * along[1]
                for order in (0, 1)
            ]
            mean_slope, square_slope = mean_slope + slopes[0], square_slope + slopes[1]
        mean, sd = self._latent
        variance_slope = square_slope - 2.0 * mean[..., None] * mean_slope
        scale = np.square(self._stacking.factor) / (2.0 * np.maximum(sd, 1e-300))
        return mean_slope, scale[..., None] * variance_slope

    def natural(self, latent: Array) -> Array:
        """Unchanged."""
        return latent

    def natural_slope(self, latent: Array) -> Array:
        """One everywhere."""
        return np.ones_like(latent)
