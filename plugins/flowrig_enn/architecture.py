"""Interface of the architectures to the surrogate.

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

__all__ = ["FittedEnsemble", "StandardizedPosterior", "one_torch_thread"]

Array = NDArray[np.float64]


@contextmanager
def one_torch_thread() -> Iterator[None]:
    """Let PyTorch compute on one thread inside the context.

    The networks are too small to gain from more threads, and the order of sums stays fixed.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


class StandardizedPosterior(ABC):
    """Posterior of standardized noise-free responses at `n` conditions."""

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


class FittedEnsemble(ABC):
    """A fitted ensemble for `m` standardized responses."""

    @property
    @abstractmethod
    def scale(self) -> ResponseScale:
        """Transform between standardized responses and natural units."""

    @property
    @abstractmethod
    def noise_variance(self) -> Array:
        """Variance of standardized repeated measurements, shape `m`."""

    @abstractmethod
    def at(self, X: Array) -> StandardizedPosterior:
        """The posterior at conditions in the unit cube, shape `n x d`."""

    @abstractmethod
    def unseen(self) -> tuple[Array, Array]:
        """Mean and variance of each measurement, predicted without it, shape `e x m` each."""

    @abstractmethod
    def description(self) -> Mapping[str, Any]:
        """Fitted values besides scale and noise, as plain numbers."""

    @abstractmethod
    def arrays(self) -> dict[str, NDArray[Any]]:
        """The arrays that `at` and `unseen` need, without scale and settings."""
