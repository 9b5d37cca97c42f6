"""Transform between responses in natural units and the standardized ones that networks learn."""

from collections.abc import Sequence

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from flowrig_enn.settings import Transform

__all__ = ["ResponseScale"]

Array = NDArray[np.float64]


@frozen(eq=False)
class ResponseScale:
    """Transform and standardization of each response.

    Attributes:
        root: which responses are modelled by their square root, shape `m`.
        center: means on that scale, shape `m`.
        spread: standard deviations on that scale, shape `m`.
    """

    root: NDArray[np.bool_]
    center: Array
    spread: Array

    @classmethod
    def of(cls, Y: Array, square_root: bool) -> "ResponseScale":
        """The scale of measurements `Y`, shape `n x m`."""
        root = np.asarray((Y > 0).all(axis=0) & square_root)
        Z = np.where(root, np.sqrt(np.abs(Y)), Y)
        center, spread = Z.mean(axis=0), Z.std(axis=0)
        constant = spread <= 1e-12 * np.abs(center)
        return cls(root, center, np.where(constant, 1.0, spread))

    @classmethod
    def choices(cls, Y: Array, transform: Transform) -> "list[ResponseScale]":
        """Scales to compare; the square root only if every measurement is positive."""
        if transform == "identity" or not bool((Y > 0).all()):
            return [cls.of(Y, square_root=False)]
        root = cls.of(Y, square_root=True)
        return [root] if transform == "sqrt" else [cls.of(Y, square_root=False), root]

    @classmethod
    def together(cls, scales: "Sequence[ResponseScale]") -> "ResponseScale":
        """The scale of all responses, from scales of one or more responses each."""
        roots, centers, spreads = zip(
            *((scale.root, scale.center, scale.spread) for scale in scales), strict=True
        )
        return cls(np.concatenate(roots), np.concatenate(centers), np.concatenate(spreads))

    def log_slope(self, Y: Array) -> float:
        """Sum of the logarithms of `standardized`'s derivative, which makes probability densities
        on different scales comparable."""
        Y = Y.reshape(-1, len(self.root))
        root = np.where(self.root, 2.0 * np.sqrt(np.abs(Y)), 1.0)
        return float(-np.log(root * self.spread).sum())

    def standardized(self, Y: Array) -> Array:
        """Standardized responses, shape `… x m`."""
        return np.asarray((np.where(self.root, np.sqrt(np.abs(Y)), Y) - self.center) / self.spread)

    def natural(self, latent: Array) -> Array:
        """Values on the responses' scales, shape `… x m`, in natural units."""
        return np.where(self.root, latent * np.maximum(latent, 0.0), latent)

    def natural_slope(self, latent: Array) -> Array:
        """Derivative of `natural`, shape `… x m`."""
        return np.where(self.root, 2.0 * np.maximum(latent, 0.0), 1.0)

    def moments(self, mean: Array, variance: Array) -> tuple[Array, Array]:
        """Mean and standard deviation in natural units of normal standardized responses.

        Exact on the square-root scale too: the square of a normal variable has the mean `m² + s²`
        and the variance `2 s⁴ + 4 m² s²`.
        """
        m, v = self.center + self.spread * mean, np.square(self.spread) * variance
        spread = np.sqrt(np.where(self.root, 2.0 * np.square(v) + 4.0 * np.square(m) * v, v))
        return np.where(self.root, np.square(m) + v, m), spread
