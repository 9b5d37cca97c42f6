"""Surrogates over categories: each choice becomes a condition of its own.

So any surrogate of any plugin takes the choices as equally far from each other.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from flowrig.interfaces import NormalPosterior, Posterior, Surrogate, SurrogateState
from flowrig.problem.one_hot import OneHot
from flowrig.problem.space import Space

__all__ = ["with_categories"]

Array = NDArray[np.float64]


def with_categories(surrogate: Surrogate, space: Space) -> Surrogate:
    """The surrogate itself, or one that gives it a column for each choice.

    Args:
        surrogate: a surrogate; a fitted one was fitted with these columns.
        space: the space whose unit cube the conditions are points of.
    """
    columns = OneHot(space)
    return _Widened(surrogate, columns) if columns.is_needed else surrogate


class _Widened(Surrogate):
    """A surrogate whose conditions get a column for each choice of a category.

    Args:
        inner: the surrogate that is fitted.
        columns: the columns of its conditions.
    """

    def __init__(self, inner: Surrogate, columns: OneHot) -> None:
        super().__init__(inner.settings, inner.seed)
        self._inner = inner
        self._columns = columns
        self._responses = inner._responses

    @property
    def least_experiments(self) -> int:
        """As of the surrogate inside."""
        return self._inner.least_experiments

    def describe(self) -> Mapping[str, Any]:
        """As of the surrogate inside."""
        return self._inner.describe()

    def _do_fit(self, X: Array, Y: Array) -> None:
        self._inner.fit(self._columns.widen(X), Y, self.rsd)

    def _do_predict(self, X: Array) -> Posterior:
        posterior = self._inner.predict(self._columns.widen(X))
        if isinstance(posterior, NormalPosterior):
            return _Narrowed(posterior, self._columns.kept)
        return posterior

    def _do_unseen(self) -> tuple[Array, Array] | None:
        return self._inner.unseen()

    def _do_state(self) -> SurrogateState:
        return self._inner.state()

    def _do_restore(self, state: SurrogateState) -> None:
        self._inner.restore(state)


class _Narrowed(NormalPosterior):
    """A posterior with gradients along the conditions only; along categories they are 0."""

    def __init__(self, inner: NormalPosterior, kept: list[int]) -> None:
        self._inner = inner
        self._kept = kept

    @property
    def mean(self) -> Array:
        """As of the posterior inside."""
        return self._inner.mean

    @property
    def sd(self) -> Array:
        """As of the posterior inside."""
        return self._inner.sd

    def sample(self, count: int, rng: np.random.Generator) -> Array:
        """As of the posterior inside."""
        return self._inner.sample(count, rng)

    @property
    def latent_mean(self) -> Array:
        """As of the posterior inside."""
        return self._inner.latent_mean

    @property
    def latent_sd(self) -> Array:
        """As of the posterior inside."""
        return self._inner.latent_sd

    def latent_gradients(self) -> tuple[Array, Array]:
        """As `NormalPosterior.latent_gradients`."""
        mean, sd = (self._narrow(one) for one in self._inner.latent_gradients())
        return mean, sd

    def natural(self, latent: Array) -> Array:
        """As of the posterior inside."""
        return self._inner.natural(latent)

    def natural_slope(self, latent: Array) -> Array:
        """As of the posterior inside."""
        return self._inner.natural_slope(latent)

    def _narrow(self, gradients: Array) -> Array:
        kept = np.array(self._kept)
        return np.where(kept < 0, 0.0, gradients[..., np.maximum(kept, 0)])
