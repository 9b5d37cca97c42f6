"""The scale on which a response is modelled, and the way back to natural units."""

from abc import ABC, abstractmethod

import numpy as np
from numpy.typing import NDArray

__all__ = ["Identity", "Scale", "SquareRoot"]

Array = NDArray[np.float64]


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
        """Square."""
        return np.square(z)

    def log_slope(self, y: Array) -> float:
        """From `dz/dy = 1 / (2 sqrt(y))`."""
        return float(-np.log(2.0 * np.sqrt(y)).sum())

    def moments(self, mean: Array, sd: Array) -> tuple[Array, Array]:
        """Exact: the square of a normal variable follows a scaled non-central χ² law.

        Its mean is `m² + s²` and its variance `2 s⁴ + 4 m² s²`.
        """
        variance = np.square(sd)
        spread = np.sqrt(2.0 * np.square(variance) + 4.0 * np.square(mean) * variance)
        return np.square(mean) + variance, spread
