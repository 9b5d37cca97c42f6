"""Scales on which a response is modelled, and their inverse to natural units."""

from abc import ABC, abstractmethod
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

__all__ = ["SCALES", "Identity", "Logarithm", "Scale", "SquareRoot"]

Array = NDArray[np.float64]

MOST_LOG = 300.0
"""Larger logarithms are replaced by this one, so that moments stay finite."""


class Scale(ABC):
    """An invertible transform of a response `y` to the value `z` that is modelled."""

    name: str

    @abstractmethod
    def forward(self, y: Array) -> Array:
        """Responses on the model's scale."""

    @abstractmethod
    def backward(self, z: Array) -> Array:
        """Values on the model's scale as responses."""

    @abstractmethod
    def slope(self, z: Array) -> Array:
        """`dy/dz` at values on the model's scale."""

    @abstractmethod
    def relative_slope(self, z: Array) -> Array:
        """`y dz/dy` at values of `z`: deviation of `z` per relative deviation of `y`."""

    @abstractmethod
    def log_jacobian(self, y: Array) -> float:
        """Sum of `log |dz/dy|` over `y`; makes evidences on different scales comparable."""

    @abstractmethod
    def moments(self, mean: Array, sd: Array) -> tuple[Array, Array]:
        """Mean and standard deviation of `y` where `z` is normal with `mean` and `sd`."""


class Identity(Scale):
    """The response without a transform."""

    name = "identity"

    def forward(self, y: Array) -> Array:
        """Unchanged."""
        return y

    def backward(self, z: Array) -> Array:
        """Unchanged."""
        return z

    def slope(self, z: Array) -> Array:
        """One."""
        return np.ones_like(z)

    def relative_slope(self, z: Array) -> Array:
        """Absolute value of the response."""
        return np.abs(z)

    def log_jacobian(self, y: Array) -> float:
        """Zero."""
        return 0.0

    def moments(self, mean: Array, sd: Array) -> tuple[Array, Array]:
        """Unchanged."""
        return mean, sd


class SquareRoot(Scale):
    """Square root, for a non-negative response whose scatter grows with it."""

    name = "sqrt"

    def forward(self, y: Array) -> Array:
        """Square root of non-negative responses."""
        return np.sqrt(y)

    def backward(self, z: Array) -> Array:
        """Square of positive values; 0 for negative ones."""
        return np.square(np.maximum(z, 0.0))

    def slope(self, z: Array) -> Array:
        """From `y = z²`."""
        return 2.0 * np.maximum(z, 0.0)

    def relative_slope(self, z: Array) -> Array:
        """Half the root: from `dz/z = dy/(2 y)`."""
        return 0.5 * np.maximum(z, 0.0)

    def log_jacobian(self, y: Array) -> float:
        """From `dz/dy = 1 / (2 sqrt(y))`."""
        return float(-np.log(2.0 * np.sqrt(y)).sum())

    def moments(self, mean: Array, sd: Array) -> tuple[Array, Array]:
        """Exact moments of the square of a normal variable whose negative values count as 0.

        By the recursion `M(k) = m M(k-1) + (k-1) s² M(k-2)` for the second to fourth power.
        """
        inside = ndtr(mean / sd)
        edge = sd * np.exp(-0.5 * np.square(mean / sd)) / np.sqrt(2.0 * np.pi)
        powers = [inside, mean * inside + edge]
        for k in (2, 3, 4):
            powers.append(mean * powers[-1] + (k - 1) * np.square(sd) * powers[-2])
        least = 1e-9 * np.square(np.square(mean) + np.square(sd))
        return powers[2], np.sqrt(np.maximum(powers[4] - np.square(powers[2]), least))


class Logarithm(Scale):
    """Natural logarithm, for a positive response that varies over powers of ten."""

    name = "log"

    def forward(self, y: Array) -> Array:
        """Logarithm of positive responses."""
        return np.log(y)

    def backward(self, z: Array) -> Array:
        """Exponential."""
        return np.exp(np.minimum(z, MOST_LOG))

    def slope(self, z: Array) -> Array:
        """Exponential, as `backward`."""
        return self.backward(z)

    def relative_slope(self, z: Array) -> Array:
        """One: from `dz = dy/y`."""
        return np.ones_like(z)

    def log_jacobian(self, y: Array) -> float:
        """From `dz/dy = 1 / y`."""
        return float(-np.log(y).sum())

    def moments(self, mean: Array, sd: Array) -> tuple[Array, Array]:
        """Exact moments of the log-normal distribution."""
        variance = np.square(sd)
        expected = self.backward(mean + 0.5 * variance)
        return expected, expected * np.sqrt(np.expm1(np.minimum(variance, MOST_LOG)))


SCALES: Mapping[str, type[Scale]] = {one.name: one for one in (Identity, SquareRoot, Logarithm)}
"""Scales by name."""
