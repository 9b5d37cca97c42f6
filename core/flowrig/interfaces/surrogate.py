"""Surrogate models: predictions of the measured responses at any conditions, with uncertainty.

Letters in shapes: `n` experiments, `d` conditions, `m` responses, `s` samples, `k` members of an
ensemble.

A surrogate must return a `Posterior`. If it returns a `NormalPosterior`, the prediction is in
closed form with gradients, and an optimizer can follow them instead of testing many conditions.
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
    """Prediction of `m` responses at `n` conditions, with uncertainty."""

    @property
    @abstractmethod
    def mean(self) -> Array:
        """Expected responses in natural units, shape `n x m`."""

    @property
    @abstractmethod
    def sd(self) -> Array:
        """Standard deviation of a new measurement, noise included, shape `n x m`."""

    @abstractmethod
    def sample(self, count: int, rng: np.random.Generator) -> Array:
        """Joint samples of the noise-free responses, shape `s x n x m`.

        Each sample is one function from the posterior, evaluated at all `n` conditions, so the
        differences between conditions have the correlations of the model. For the same state of the
        generator, samples vary smoothly with the conditions.

        Args:
            count: number of samples `s`.
            rng: source of randomness.
        """


class NormalPosterior(Posterior):
    """A posterior that is normal at each condition on a latent scale, one for each response.

    Optional. On the latent scale the noise-free response at a condition is
    `latent_mean + latent_sd * e` with `e` standard normal; `natural` converts it to the unit of the
    response.
    """

    @property
    @abstractmethod
    def latent_mean(self) -> Array:
        """Mean of the noise-free responses on the latent scales, shape `n x m`."""

    @property
    @abstractmethod
    def latent_sd(self) -> Array:
        """Standard deviation of the noise-free responses on the latent scales, shape `n x m`."""

    @abstractmethod
    def latent_gradients(self) -> tuple[Array, Array]:
        """Derivatives of `latent_mean` and `latent_sd` by the conditions in the unit cube.

        Returns:
            two arrays of shape `n x m x d`.
        """

    @abstractmethod
    def natural(self, latent: Array) -> Array:
        """Latent values, shape `… x m`, in natural units; increasing in each response."""

    @abstractmethod
    def natural_slope(self, latent: Array) -> Array:
        """Derivative of `natural`, shape `… x m`."""


@frozen(eq=False)
class SurrogateState:
    """The complete state of a fitted surrogate, in a form for a file without pickle.

    Attributes:
        values: JSON values only: `None`, booleans, finite numbers, strings, lists and mappings with
            string keys.
        arrays: arrays of numbers or booleans, by name.
    """

    values: Mapping[str, Any]
    arrays: Mapping[str, NDArray[Any]]


class Surrogate(ABC):
    """A regression model with uncertainty. Conditions are points of the unit cube.

    Args:
        settings: an instance of the surrogate's settings class.
        seed: seed of all randomness; the same seed and data give the same model.
    """

    settings: SurrogateSettings
    rsd: Array
    """Relative standard deviations of repeated measurements from `fit`, as fractions, shape `m`;
    nan where unknown. Whether a surrogate uses them is its own choice."""

    def __init__(self, settings: SurrogateSettings, seed: int = 0) -> None:
        self.settings = settings
        self.seed = seed
        self.rsd = np.empty(0)
        self._responses: int | None = None

    @property
    def least_experiments(self) -> int:
        """Fewest experiments that `fit` takes: 2, or 0 for a model that knows of earlier ones."""
        return 2

    def fit(self, X: Array, Y: Array, rsd: ArrayLike = ()) -> None:
        """Fit the model to experiments; an earlier fit is discarded.

        Args:
            X: conditions in the unit cube, shape `n x d`.
            Y: measured responses in natural units, shape `n x m`.
            rsd: relative standard deviations of repeated measurements, as fractions, of the first
                responses or of all; nan where unknown.

        Raises:
            InputError: shapes do not match, there are fewer than `least_experiments`, a value is
                not finite, or a relative standard deviation is not positive.
        """
        X, Y = np.asarray(X, dtype=float), np.asarray(Y, dtype=float)
        if X.ndim != 2 or Y.ndim != 2 or len(X) != len(Y):
            raise InputError(f"expected X as n x d and Y as n x m, got {X.shape} and {Y.shape}")
        if len(X) < self.least_experiments:
            least = f"a surrogate needs at least {self.least_experiments} experiments"
            raise InputError(f"{least}, got {len(X)}")
        if not (np.isfinite(X).all() and np.isfinite(Y).all()):
            raise InputError("conditions and responses must be finite numbers")
        self.rsd = _of_all_responses(rsd, Y.shape[1])
        self._do_fit(X, Y)
        self._responses = Y.shape[1]

    def predict(self, X: Array) -> Posterior:
        """The posterior at conditions.

        Args:
            X: conditions in the unit cube, shape `n x d`.

        Raises:
            NotReadyError: `fit` was not called.
        """
        self._require_fit()
        return self._do_predict(np.asarray(X, dtype=float))

    def describe(self) -> Mapping[str, Any]:
        """Parameters of the fitted model for the journal: plain numbers, such as length scales."""
        return {}

    def unseen(self) -> tuple[Array, Array] | None:
        """Prediction of each experiment of the fit from all others (leave-one-out).

        Optional. It must be cheap, for instance from the members of an ensemble that were fitted
        without the experiment.

        Returns:
            mean and standard deviation of a measurement in natural units, shape `n x m` each, in
            the order of `fit`; None if the surrogate has no such prediction.

        Raises:
            NotReadyError: `fit` was not called.
        """
        self._require_fit()
        return self._do_unseen()

    def unseen_earlier(self) -> tuple[Array, Array, Array] | None:
        """As `unseen`, of earlier experiments that the model knows of besides those of the fit.

        Returns:
            their responses, and mean and standard deviation of the prediction of each from all
            others, shape `n x m` each; None if it knows of none.
        """
        return None

    def state(self) -> SurrogateState:
        """The complete state of the fit; after `restore` predictions are the same, bit for bit.

        Raises:
            NotReadyError: `fit` was not called.
            UnsupportedError: this surrogate cannot be saved.
        """
        responses = self._require_fit()
        kept = self._do_state()
        return SurrogateState({"responses": responses, **kept.values}, kept.arrays)

    def restore(self, state: SurrogateState) -> None:
        """Take the state of another surrogate with the same settings, instead of `fit`.

        Raises:
            InputError: the state does not fit this surrogate.
            UnsupportedError: this surrogate cannot be saved.
        """
        try:
            self._do_restore(state)
            self._responses = int(state.values["responses"])
        except (KeyError, ValueError, TypeError, IndexError) as error:
            raise InputError(f"the state does not fit this model: {error!r}") from error

    def _require_fit(self) -> int:
        """Number of responses of the fit."""
        if self._responses is None:
            raise NotReadyError("fit() the surrogate first")
        return self._responses

    def _do_unseen(self) -> tuple[Array, Array] | None:
        """See `unseen`; called after a fit only."""
        return None

    def _do_state(self) -> SurrogateState:
        """See `state`; called after a fit only."""
        raise UnsupportedError(f"{type(self).__name__} cannot be saved in a file")

    def _do_restore(self, state: SurrogateState) -> None:
        """See `restore`; raise KeyError or ValueError for a state that does not fit."""
        raise UnsupportedError(f"{type(self).__name__} cannot be saved in a file")

    @abstractmethod
    def _do_fit(self, X: Array, Y: Array) -> None:
        """Fit the model to `X`, shape `n x d`, and `Y`, shape `n x m`."""

    @abstractmethod
    def _do_predict(self, X: Array) -> Posterior:
        """The posterior at `X`, shape `n x d`."""


def _of_all_responses(rsd: ArrayLike, responses: int) -> Array:
    """Relative standard deviations of all responses, shape `m`; nan for the unknown ones."""
    known = np.asarray(rsd, dtype=float)
    if known.ndim != 1 or len(known) > responses:
        raise InputError(
            f"expected relative standard deviations of {responses} responses, got {known.tolist()}"
        )
    if not (np.isnan(known) | ((known > 0) & np.isfinite(known))).all():
        raise InputError(f"relative standard deviations must be more than 0, got {known.tolist()}")
    return np.concatenate([known, np.full(responses - len(known), np.nan)])
