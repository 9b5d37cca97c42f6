"""The scale on which a response is modelled, and the way back to natural units."""

from abc import ABC, abstractmethod
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

__all__ = ["SCALES", "Identity", "Logarithm", "Scale", "SquareRoot"]

Array = NDArray[np.float64]

MOST_LOG = 300.0
"""Logarithms above it count as this one, so that moments stay finite."""


class Scale(ABC):
    """An invertible change of scale. `z` is what the model sees, `y` the response."""

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
    def relative(self, z: Array) -> Array:
        """What a small relative deviation of the response is on the scale, as a multiple of it."""

    @abstractmethod
    def log_slope(self, y: Array) -> float:
        """Sum of `log |dz/dy|` over responses `y`, which makes evidences comparable."""

    @abstractmethod
    def moments(self, mean: Array, sd: Array) -> tuple[Array, Array]:
        """Mean and standard deviation of `y` where `z` is normal with `mean` and `sd`."""


class Identity(Scale):
    """The response as it is."""

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

    def relative(self, z: Array) -> Array:
        """The response's size."""
        return np.abs(z)

    def log_slope(self, y: Array) -> float:
        """Zero."""
        return 0.0

    def moments(self, mean: Array, sd: Array) -> tuple[Array, Array]:
        """Unchanged."""
        return mean, sd


class SquareRoot(Scale):
    """Square root: for a response that is never negative and scatters more where it is large."""

    name = "sqrt"

    def forward(self, y: Array) -> Array:
        """Square root of non-negative responses."""
        return np.sqrt(y)

    def backward(self, z: Array) -> Array:
        """Square; 0 below the root of 0."""
        return np.square(np.maximum(z, 0.0))

    def slope(self, z: Array) -> Array:
        """From `y = z²`."""
        return 2.0 * np.maximum(z, 0.0)

    def relative(self, z: Array) -> Array:
        """Half the root: from `dz/z = dy/(2 y)`."""
        return 0.5 * np.maximum(z, 0.0)

    def log_slope(self, y: Array) -> float:
        """From `dz/dy = 1 / (2 sqrt(y))`."""
        return float(-np.log(2.0 * np.sqrt(y)).sum())

    def moments(self, mean: Array, sd: Array) -> tuple[Array, Array]:
        """Exact: moments of the square of a normal variable that is cut off at 0.

        By the recursion `M(k) = m M(k-1) + (k-1) s² M(k-2)` of its second to fourth power.
        """
        inside = ndtr(mean / sd)
        edge = sd * np.exp(-0.5 * np.square(mean / sd)) / np.sqrt(2.0 * np.pi)
        powers = [inside, mean * inside + edge]
        for k in (2, 3, 4):
            powers.append(mean * powers[-1] + (k - 1) * np.square(sd) * powers[-2])
        least = 1e-9 * np.square(np.square(mean) + np.square(sd))
        return powers[2], np.sqrt(np.maximum(powers[4] - np.square(powers[2]), least))


class Logarithm(Scale):
    """Natural logarithm: for a positive response that varies over powers of ten."""

    name = "log"

    def forward(self, y: Array) -> Array:
        """Logarithm of positive responses."""
        return np.log(y)

    def backward(self, z: Array) -> Array:
        """Exponential."""
        return np.exp(np.minimum(z, MOST_LOG))

    def slope(self, z: Array) -> Array:
        """The exponential again."""
        return self.backward(z)

    def relative(self, z: Array) -> Array:
        """One: from `dz = dy/y`."""
        return np.ones_like(z)

    def log_slope(self, y: Array) -> float:
        """From `dz/dy = 1 / y`."""
        return float(-np.log(y).sum())

    def moments(self, mean: Array, sd: Array) -> tuple[Array, Array]:
        """Exact: those of the log-normal law."""
        variance = np.square(sd)
        expected = self.backward(mean + 0.5 * variance)
        return expected, expected * np.sqrt(np.expm1(np.minimum(variance, MOST_LOG)))


SCALES: Mapping[str, type[Scale]] = {one.name: one for one in (Identity, SquareRoot, Logarithm)}
"""By name."""
