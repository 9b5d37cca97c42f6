"""What every architecture offers to the surrogate.

Letters: `n` conditions, `d` dimensions, `m` responses, `s` samples, `e` experiments.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from flowrig_enn.scale import ResponseScale

__all__ = ["Belief", "Learnt", "single_thread"]

Array = NDArray[np.float64]


@contextmanager
def single_thread() -> Iterator[None]:
    """Compute on one thread and give the others back afterwards.

    The networks are too small to share out, and the order of sums stays the same.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


class Belief(ABC):
    """What an ensemble believes of standardized noise-free responses at `n` conditions."""

    @property
    @abstractmethod
    def mean(self) -> Array:
        """Expected responses, shape `n x m`."""

    @property
    @abstractmethod
    def variance(self) -> Array:
        """Their variance, shape `n x m`."""

    @abstractmethod
    def slopes(self) -> tuple[Array, Array]:
        """Derivatives of mean and variance along the conditions, shape `n x m x d` each."""

    @abstractmethod
    def draw(self, count: int, rng: np.random.Generator) -> Array:
        """Joint samples, smooth in the conditions, shape `s x n x m`."""


class Learnt(ABC):
    """A fitted ensemble for `m` standardized responses."""

    @property
    @abstractmethod
    def scale(self) -> ResponseScale:
        """Between its responses and natural units."""

    @property
    @abstractmethod
    def noise_variance(self) -> Array:
        """Of repeated measurements, standardized, shape `m`."""

    @abstractmethod
    def at(self, X: Array) -> Belief:
        """What it believes at conditions in the unit cube, shape `n x d`."""

    @abstractmethod
    def unseen(self) -> tuple[Array, Array]:
        """Mean and variance of each measurement, had it not been learnt from, shape `e x m`."""

    @abstractmethod
    def description(self) -> Mapping[str, Any]:
        """What was learnt besides scale and noise, as plain numbers."""

    @abstractmethod
    def arrays(self) -> dict[str, NDArray[Any]]:
        """All that `at` and `unseen` need, scale and settings aside."""
