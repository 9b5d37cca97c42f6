"""Surrogate models: what the measured responses would be elsewhere, and how sure we are.

Letters: `n` experiments, `d` conditions, `m` responses, `s` samples, `k` ensemble members.

A `Posterior` is all that a surrogate must return. One that returns a `NormalPosterior` tells in
closed form what it believes at each condition, with gradients, so that an optimizer can climb
instead of trying many conditions.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

import numpy as np
from attrs import frozen
from numpy.typing import ArrayLike, NDArray

from flowrig.errors import InputError, NotReadyError, UnsupportedError

__all__ = ["NormalPosterior", "Posterior", "Surrogate", "SurrogateSettings", "SurrogateState"]

Array = NDArray[np.float64]


@frozen(kw_only=True)
class SurrogateSettings:
    """Base of every surrogate's settings class."""


class Posterior(ABC):
    """What a surrogate believes about `m` responses at `n` conditions."""

    @property
    @abstractmethod
    def mean(self) -> Array:
        """Expected responses, shape `n x m`, in natural units."""

    @property
    @abstractmethod
    def sd(self) -> Array:
        """Standard deviation of a new measurement, noise included, shape `n x m`."""

    @abstractmethod
    def sample(self, count: int, rng: np.random.Generator) -> Array:
        """Joint samples of the noise-free responses, shape `s x n x m`.

        Each sample is one function that the data allow, at all `n` conditions: differences between
        conditions are as sure as the model is of them. With the same generator state samples vary
        smoothly with the conditions.
        """


class NormalPosterior(Posterior):
    """A posterior that is normal at each condition, on an increasing scale for each response.

    Optional. On its scale the noise-free response at a condition is `latent_mean + latent_sd * e`,
    `e` standard normal; `natural` leads from there to the unit of the response.
    """

    @property
    @abstractmethod
    def latent_mean(self) -> Array:
        """Mean of the noise-free responses on their scales, shape `n x m`."""

    @property
    @abstractmethod
    def latent_sd(self) -> Array:
        """Standard deviation of the noise-free responses on their scales, shape `n x m`."""

    @abstractmethod
    def latent_gradients(self) -> tuple[Array, Array]:
        """Derivatives of `latent_mean` and `latent_sd` along the conditions in the unit cube.

        Returns:
            two arrays of shape `n x m x d`.
        """

    @abstractmethod
    def natural(self, latent: Array) -> Array:
        """Values on the scales, shape `… x m`, in natural units; increasing in each response."""

    @abstractmethod
    def natural_slope(self, latent: Array) -> Array:
        """Derivative of `natural`, shape `… x m`."""


@frozen(eq=False)
class SurrogateState:
    """Everything that a surrogate has learnt, in a form that can be kept in a file.

    Attributes:
        values: what JSON can say, and nothing else: `None`, truth values, numbers that are finite,
            texts, lists and mappings from texts.
        arrays: by name; of numbers or truth values.
    """

    values: Mapping[str, Any]
    arrays: Mapping[str, NDArray[Any]]


class Surrogate(ABC):
    """A regression model with uncertainty. Conditions come as points of the unit cube.

    Args:
        settings: an instance of the surrogate's settings class.
        seed: everything random follows from it; the same seed and data give the same model.
    """

    settings: SurrogateSettings
    rsd: Array
    """What `fit` is told of the noise: relative standard deviations of repeated measurements, as
    fractions, shape `m`; nan where nothing is known. A surrogate is free to use it or not."""

    def __init__(self, settings: SurrogateSettings, seed: int = 0) -> None:
        self.settings = settings
        self.seed = seed
        self.rsd = np.empty(0)
        self._responses: int | None = None

    def fit(self, X: Array, Y: Array, rsd: ArrayLike = ()) -> None:
        """Learn from experiments; what was learnt before is forgotten.

        Args:
            X: conditions in the unit cube, shape `n x d`.
            Y: measured responses in natural units, shape `n x m`.
            rsd: relative standard deviations of repeated measurements, as fractions, of the first
                responses or all; nan where it is not known.

        Raises:
            InputError: shapes do not fit, fewer than 2 experiments, a value is not finite, or a
                relative standard deviation is not more than 0.
        """
        X, Y = np.asarray(X, dtype=float), np.asarray(Y, dtype=float)
        if X.ndim != 2 or Y.ndim != 2 or len(X) != len(Y):
            raise InputError(f"expected X as n x d and Y as n x m, got {X.shape} and {Y.shape}")
        if len(X) < 2:
            raise InputError(f"a surrogate needs at least 2 experiments, got {len(X)}")
        if not (np.isfinite(X).all() and np.isfinite(Y).all()):
            raise InputError("conditions and responses must be finite numbers")
        self.rsd = _of_all_responses(rsd, Y.shape[1])
        self._do_fit(X, Y)
        self._responses = Y.shape[1]

    def predict(self, X: Array) -> Posterior:
        """The posterior at conditions `X` in the unit cube, shape `n x d`.

        Raises:
            NotReadyError: `fit` was not called.
        """
        self._require_fit()
        return self._do_predict(np.asarray(X, dtype=float))

    def describe(self) -> Mapping[str, Any]:
        """What the model learnt, as plain numbers for the journal (length scales, noise, …)."""
        return {}

    def unseen(self) -> tuple[Array, Array] | None:
        """What it would have expected of each experiment, had it not learnt from that one.

        Optional, and cheap: from the members of an ensemble that did not see an experiment, say.

        Returns:
            mean and standard deviation of a measurement, in natural units, shape `n x m` each, in
            the order of `fit`; None if the surrogate cannot tell.

        Raises:
            NotReadyError: `fit` was not called.
        """
        self._require_fit()
        return self._do_unseen()

    def state(self) -> SurrogateState:
        """Everything that was learnt; `restore` of it predicts the same, bit for bit.

        Raises:
            NotReadyError: `fit` was not called.
            UnsupportedError: this surrogate cannot be kept.
        """
        responses = self._require_fit()
        kept = self._do_state()
        return SurrogateState({"responses": responses, **kept.values}, kept.arrays)

    def restore(self, state: SurrogateState) -> None:
        """Know what another surrogate with the same settings had learnt, instead of `fit`.

        Raises:
            InputError: the state is not one of such a surrogate.
            UnsupportedError: this surrogate cannot be kept.
        """
        try:
            self._do_restore(state)
            self._responses = int(state.values["responses"])
        except (KeyError, ValueError, TypeError, IndexError) as error:
            raise InputError(f"this is not the state of such a model: {error!r}") from error

    def _require_fit(self) -> int:
        """The number of responses that were learnt."""
        if self._responses is None:
            raise NotReadyError("fit() the surrogate first")
        return self._responses

    def _do_unseen(self) -> tuple[Array, Array] | None:
        """As `unseen`, after a fit."""
        return None

    def _do_state(self) -> SurrogateState:
        """As `state`, after a fit."""
        raise UnsupportedError(f"{type(self).__name__} cannot be kept in a file")

    def _do_restore(self, state: SurrogateState) -> None:
        """As `restore`; raise KeyError or ValueError for a state that does not fit."""
        raise UnsupportedError(f"{type(self).__name__} cannot be kept in a file")

    @abstractmethod
    def _do_fit(self, X: Array, Y: Array) -> None:
        """Learn from `X`, shape `n x d`, and `Y`, shape `n x m`."""

    @abstractmethod
    def _do_predict(self, X: Array) -> Posterior:
        """The posterior at `X`, shape `n x d`."""


def _of_all_responses(rsd: ArrayLike, responses: int) -> Array:
    """Relative standard deviations, shape `m`, with nan for those of which nothing is said."""
    known = np.asarray(rsd, dtype=float)
    if known.ndim != 1 or len(known) > responses:
        raise InputError(
            f"expected relative standard deviations of {responses} responses, got {known.tolist()}"
        )
    if not (np.isnan(known) | ((known > 0) & np.isfinite(known))).all():
        raise InputError(f"relative standard deviations must be more than 0, got {known.tolist()}")
    return np.concatenate([known, np.full(responses - len(known), np.nan)])
