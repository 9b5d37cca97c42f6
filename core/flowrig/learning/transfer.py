"""Transfer learning: a surrogate that uses earlier experiments as far as they agree with new ones.

Two models learn from the new experiments: a *cold* one from them alone, and a *warm* one from their
residuals, which are the new measurements less the scaled predictions of models of the earlier
experiments. The share of the warm model follows from the errors of both on new experiments that
they have not seen, and is computed again after every experiment. Earlier experiments with another
chemistry help where the two behave alike, whatever the scale; where they do not, the share falls to
zero.

Letters: `p` models of earlier experiments, `n` experiments, `d` conditions, `m` responses.
"""

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from flowrig.interfaces import NormalPosterior, Posterior, Surrogate, SurrogateSettings
from flowrig.learning.mixture import Mixture, NormalMixture
from flowrig.learning.shifted_posterior import (
    NormalShift,
    Shift,
    ShiftedNormalPosterior,
    ShiftedPosterior,
    in_natural_units,
)
from flowrig.learning.stacking import Stacking

__all__ = [
    "EarlierModels",
    "TransferSurrogate",
    "WithEarlier",
    "of_responses",
    "share_of_second",
    "unseen_mean",
]

Array = NDArray[np.float64]

TRANSFER_MIN_EXPERIMENTS = 4
"""Fewest new experiments from which a share of the warm model is estimated."""
FOLDS = 5
"""Folds that predict unseen experiments where a surrogate has no leave-one-out prediction."""
PSEUDO_EXPERIMENTS = 2.0
"""Fictitious experiments, added to the new ones, on which the warm model is no better: it differs
from the cold one by as much as the cold one errs, in a random direction."""
ROUNDS = 100
"""Rounds of coordinate descent, enough for a few sources to converge."""
LARGEST_LEVERAGE = 0.9
"""Upper bound of the leverage, so that no error is enlarged more than tenfold."""


class EarlierModels:
    """Models of earlier experiments, which all surrogates of a campaign share.

    Each source is fitted once, when a surrogate is first asked for.

    Args:
        new_surrogate: makes an unfitted surrogate.
        sources: for each source, conditions in the unit cube, shape `n x d`, and responses, shape
            `n x m`. New experiments may have fewer responses, or others after these, for which
            nothing transfers.
    """

    def __init__(
        self, new_surrogate: Callable[[], Surrogate], sources: Sequence[tuple[Array, Array]]
    ) -> None:
        self._new_surrogate = new_surrogate
        self._sources = sources

    @cached_property
    def _models(self) -> list[Surrogate]:
        models = [self._new_surrogate() for _ in self._sources]
        for model, (X, Y) in zip(models, self._sources, strict=True):
            model.fit(X, Y)
        return models

    def surrogate(self) -> "TransferSurrogate":
        """A surrogate that is not fitted to new experiments yet."""
        return TransferSurrogate(self._new_surrogate, self._models)


class WithEarlier(Surrogate):
    """A surrogate in which earlier experiments have a share.

    Attributes:
        unseen_mean: mean prediction of each experiment of the fit without it, shape `n x m`, where
            it was computed on the way.
    """

    unseen_mean: Array | None = None

    @property
    @abstractmethod
    def share(self) -> Array:
        """Share of the earlier experiments in each response, from 0 to 1, shape `m`."""


class TransferSurrogate(WithEarlier):
    """A mixture of a cold and a warm model.

    Args:
        new_surrogate: makes an unfitted surrogate; both models come from it.
        earlier: fitted models of earlier experiments, one of each source.
        seed: not used; `new_surrogate` seeds the models.
    """

    def __init__(
        self, new_surrogate: Callable[[], Surrogate], earlier: Sequence[Surrogate], seed: int = 0
    ) -> None:
        super().__init__(SurrogateSettings(), seed)
        self._new_surrogate = new_surrogate
        self._earlier = earlier
        self._share = np.zeros(0)
        self._slopes = np.zeros((len(earlier), 0))

    @property
    def share(self) -> Array:
        """Share of the warm model in each response, from 0 to 1, shape `m`."""
        return self._share

    def describe(self) -> Mapping[str, Any]:
        """Share of the warm model, and scale of each earlier model, for each response."""
        return {"earlier_share": self._share.tolist(), "earlier_slopes": self._slopes.tolist()}

    def _do_fit(self, X: Array, Y: Array) -> None:
        self._cold, self._warm = self._fitted(X, Y, self.rsd), None
        predicted = of_responses([model.predict(X).mean for model in self._earlier], Y.shape[1])
        self._slopes, leverage = _fitting_slopes(Y, predicted)
        self._share, self.unseen_mean = np.zeros(Y.shape[1]), None
        if len(X) < TRANSFER_MIN_EXPERIMENTS or not self._slopes.any():
            return
        residual = Y - np.einsum("pm,pnm->nm", self._slopes, predicted)
        warm = self._fitted(X, residual)
        without = unseen_mean(self._cold, self._new_surrogate, X, Y)
        cold_error = Y - without
        unseen = unseen_mean(warm, self._new_surrogate, X, residual)
        warm_error = (residual - unseen) / (1.0 - leverage)
        self._share = share_of_second(cold_error, warm_error) * (self._slopes > 0).any(axis=0)
        self.unseen_mean = without + self._share * (cold_error - warm_error)
        self._warm = warm if self._share.any() else None

    def _fitted(self, X: Array, Y: Array, rsd: ArrayLike = ()) -> Surrogate:
        surrogate = self._new_surrogate()
        surrogate.fit(X, Y, rsd)
        return surrogate

    def _do_predict(self, X: Array) -> Posterior:
        cold = self._cold.predict(X)
        if self._warm is None:
            return cold
        stacking = Stacking(np.stack([1.0 - self._share, self._share]), np.ones_like(self._share))
        residual = self._warm.predict(X)
        earlier = [model.predict(X) for model in self._earlier]
        means = of_responses([one.mean for one in earlier], len(self._share))
        amount = np.einsum("pm,pnm->nm", self._slopes, means)
        normal = [one for one in earlier if isinstance(one, NormalPosterior)]
        if (
            isinstance(cold, NormalPosterior)
            and isinstance(residual, NormalPosterior)
            and len(normal) == len(earlier)
        ):
            shift = NormalShift(amount, _gradients(self._slopes, normal))
            return NormalMixture((cold, ShiftedNormalPosterior(residual, shift)), stacking)
        return Mixture((cold, ShiftedPosterior(residual, Shift(amount))), stacking)


def unseen_mean(
    fitted: Surrogate, new_surrogate: Callable[[], Surrogate], X: Array, Y: Array
) -> Array:
    """Mean prediction of each experiment without it, from the model itself or in folds.

    Args:
        fitted: fitted to the experiments.
        new_surrogate: makes an unfitted one of its kind.
        X: conditions in the unit cube, shape `n x d`.
        Y: responses, shape `n x m`.
    """
    if isinstance(fitted, WithEarlier) and fitted.unseen_mean is not None:
        return fitted.unseen_mean
    left_out = fitted.unseen()
    if left_out is not None:
        return left_out[0]
    folds = min(FOLDS, len(X))
    fold = np.arange(len(X)) % folds
    mean = np.empty_like(Y)
    for number in range(folds):
        out = fold == number
        other = new_surrogate()
        other.fit(X[~out], Y[~out])
        mean[out] = other.predict(X[out]).mean
    return mean


def _gradients(slopes: Array, earlier: Sequence[NormalPosterior]) -> Array:
    """Derivatives of the sum of scaled earlier predictions, shape `n x m x d`."""
    each = [in_natural_units(posterior).latent_gradients()[0] for posterior in earlier]
    return np.asarray(np.einsum("pm,pnmd->nmd", slopes, of_responses(each, slopes.shape[1])))


def of_responses(each: Sequence[Array], count: int) -> Array:
    """Arrays of the earlier models for the first `count` responses, shape `p x n x m …`.

    A response that the earlier experiments do not have is 0.
    """
    known = np.stack(each)[:, :, :count]
    unknown = np.zeros((*known.shape[:2], count - known.shape[2], *known.shape[3:]))
    return np.concatenate([known, unknown], axis=2)


def _fitting_slopes(Y: Array, predicted: Array) -> tuple[Array, Array]:
    """Non-negative scales of the earlier predictions that fit new measurements best.

    Least squares about the means by coordinate descent. An earlier model that predicts the opposite
    of the measurements gets the scale 0.

    Args:
        Y: new measurements, shape `n x m`.
        predicted: predictions of the earlier models, shape `p x n x m`.

    Returns:
        slopes, shape `p x m`, and the leverage of every experiment on them, shape `n x m`: by
        `1 / (1 - leverage)` the error at an experiment would be larger without it.
    """
    G = predicted - predicted.mean(axis=1, keepdims=True)
    y = Y - Y.mean(axis=0)
    square = np.maximum(np.square(G).sum(axis=1), 1e-300)
    slopes = np.zeros((len(G), Y.shape[1]))
    for _ in range(ROUNDS):
        for p, one in enumerate(G):
            rest = y - np.einsum("pm,pnm->nm", slopes, G) + slopes[p] * one
            slopes[p] = np.maximum((one * rest).sum(axis=0) / square[p], 0.0)
    leverage = np.zeros_like(Y)
    for j in range(Y.shape[1]):
        used = G[slopes[:, j] > 0, :, j].T
        leverage[:, j] = np.einsum("np,pn->n", used, np.linalg.pinv(used))
    return slopes, np.minimum(leverage, LARGEST_LEVERAGE)


def share_of_second(first: Array, second: Array) -> Array:
    """The share of the second model that minimizes the squared errors of a mixture, shape `m`.

    `PSEUDO_EXPERIMENTS` are in favour of the first model.

    Args:
        first: errors of one model on unseen experiments, shape `n x m`.
        second: errors of the other, shape `n x m`.
    """
    gain = first - second
    doubt = PSEUDO_EXPERIMENTS * np.square(first).mean(axis=0)
    best = (first * gain).sum(axis=0) / np.maximum(np.square(gain).sum(axis=0) + doubt, 1e-300)
    return np.asarray(np.clip(best, 0.0, 1.0))
