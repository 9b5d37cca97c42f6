"""A surrogate that starts from what earlier experiments taught, as far as that transfers.

Two models learn from the new experiments: a *cold* one from them alone, and a *warm* one from what
is left of them when the scaled predictions of earlier experiments are taken away. How much each is
worth follows from their errors on new experiments that they have not seen, after every experiment
anew. Earlier experiments of another chemistry help where it behaves alike, whatever its scale;
where it does not, their share goes to zero.

Letters: `p` priors, `n` experiments, `d` conditions, `m` responses.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from flowrig.interfaces import NormalPosterior, Posterior, Surrogate, SurrogateSettings
from flowrig.learning.mixture import Mixture, NormalMixture
from flowrig.learning.shifted import NormalShift, NormalShifted, Shift, Shifted, in_natural_units
from flowrig.learning.stacking import Stacking

__all__ = ["PriorKnowledge", "WithPrior"]

Array = NDArray[np.float64]

SHIFT_MIN_EXPERIMENTS = 4
"""New experiments below which nothing can be said about what transfers."""
FOLDS = 5
PSEUDO_EXPERIMENTS = 2.0
"""Experiments on which the warm model is as wrong again as the cold one, added to the real ones."""
ROUNDS = 100
LARGEST_LEVERAGE = 0.9


class PriorKnowledge:
    """Earlier experiments, for all surrogates of a campaign; they are learnt from once.

    Args:
        new_surrogate: makes a surrogate that has learnt nothing.
        sources: conditions in the unit cube, shape `n x d`, and responses, of every source. What
            is learnt later may have fewer responses, or others after these, of which nothing is
            known from earlier.
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

    def surrogate(self) -> "WithPrior":
        """A fresh surrogate that has learnt nothing new yet."""
        return WithPrior(self._new_surrogate, self._models)


class WithPrior(Surrogate):
    """A mixture of a cold and a warm model.

    Args:
        new_surrogate: makes the surrogate that both are.
        priors: what earlier experiments taught, one of each source.
        seed: has no effect beyond that of `new_surrogate`.
    """

    def __init__(
        self, new_surrogate: Callable[[], Surrogate], priors: Sequence[Surrogate], seed: int = 0
    ) -> None:
        super().__init__(SurrogateSettings(), seed)
        self._new_surrogate = new_surrogate
        self._priors = priors
        self._share = np.zeros(0)
        self._slopes = np.zeros((len(priors), 0))

    @property
    def share(self) -> Array:
        """How much earlier experiments count for each response, from 0 to 1, shape `m`."""
        return self._share

    def describe(self) -> Mapping[str, Any]:
        """Share of the warm model, and scale of each prior, for each response."""
        return {"prior_share": self._share.tolist(), "prior_slopes": self._slopes.tolist()}

    def _do_fit(self, X: Array, Y: Array) -> None:
        self._cold, self._warm = self._fitted(X, Y, self.rsd), None
        beliefs = _of_responses([prior.predict(X).mean for prior in self._priors], Y.shape[1])
        self._slopes, leverage = _fitting_slopes(Y, beliefs)
        self._share = np.zeros(Y.shape[1])
        if len(X) < SHIFT_MIN_EXPERIMENTS or not self._slopes.any():
            return
        left = Y - np.einsum("pm,pnm->nm", self._slopes, beliefs)
        warm = self._fitted(X, left)
        cold_error = Y - self._unseen_mean(self._cold, X, Y)
        warm_error = (left - self._unseen_mean(warm, X, left)) / (1.0 - leverage)
        self._share = _share_of_warm(cold_error, warm_error) * (self._slopes > 0).any(axis=0)
        self._warm = warm if self._share.any() else None

    def _fitted(self, X: Array, Y: Array, rsd: ArrayLike = ()) -> Surrogate:
        surrogate = self._new_surrogate()
        surrogate.fit(X, Y, rsd)
        return surrogate

    def _unseen_mean(self, fitted: Surrogate, X: Array, Y: Array) -> Array:
        """What is expected of every experiment without it, from the model itself or in folds."""
        told = fitted.unseen()
        if told is not None:
            return told[0]
        folds = min(FOLDS, len(X))
        fold = np.arange(len(X)) % folds
        mean = np.empty_like(Y)
        for number in range(folds):
            out = fold == number
            mean[out] = self._fitted(X[~out], Y[~out]).predict(X[out]).mean
        return mean

    def _do_predict(self, X: Array) -> Posterior:
        cold = self._cold.predict(X)
        if self._warm is None:
            return cold
        stacking = Stacking(np.stack([1.0 - self._share, self._share]), np.ones_like(self._share))
        left = self._warm.predict(X)
        beliefs = [prior.predict(X) for prior in self._priors]
        means = _of_responses([one.mean for one in beliefs], len(self._share))
        amount = np.einsum("pm,pnm->nm", self._slopes, means)
        normal = [one for one in beliefs if isinstance(one, NormalPosterior)]
        if (
            isinstance(cold, NormalPosterior)
            and isinstance(left, NormalPosterior)
            and len(normal) == len(beliefs)
        ):
            shift = NormalShift(amount, _gradients(self._slopes, normal))
            return NormalMixture((cold, NormalShifted(left, shift)), stacking)
        return Mixture((cold, Shifted(left, Shift(amount))), stacking)


def _gradients(slopes: Array, beliefs: Sequence[NormalPosterior]) -> Array:
    """Derivatives of the scaled priors along the conditions, shape `n x m x d`."""
    each = [in_natural_units(belief).latent_gradients()[0] for belief in beliefs]
    return np.asarray(np.einsum("pm,pnmd->nmd", slopes, _of_responses(each, slopes.shape[1])))


def _of_responses(each: Sequence[Array], count: int) -> Array:
    """What every prior tells, shape `p x n x m …`, of so many responses; 0 where it knows none."""
    told = np.stack(each)[:, :, :count]
    unknown = np.zeros((*told.shape[:2], count - told.shape[2], *told.shape[3:]))
    return np.concatenate([told, unknown], axis=2)


def _fitting_slopes(Y: Array, beliefs: Array) -> tuple[Array, Array]:
    """Scales of the priors that fit new measurements best, none of them negative.

    Least squares around the means by coordinate descent; a prior that says the opposite of what is
    measured gets the scale 0.

    Args:
        Y: new measurements, shape `n x m`.
        beliefs: what the priors expect of them, shape `p x n x m`.

    Returns:
        slopes, shape `p x m`, and the leverage of every experiment on them, shape `n x m`: by
        `1 / (1 - leverage)` the error at an experiment would be larger without it.
    """
    G = beliefs - beliefs.mean(axis=1, keepdims=True)
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


def _share_of_warm(cold: Array, warm: Array) -> Array:
    """The share of the warm model with which squared errors are least, shape `m`.

    Args:
        cold: errors of the cold model on unseen experiments, shape `n x m`.
        warm: those of the warm one.
    """
    gain = cold - warm
    doubt = PSEUDO_EXPERIMENTS * np.square(cold).mean(axis=0)
    best = (cold * gain).sum(axis=0) / np.maximum(np.square(gain).sum(axis=0) + doubt, 1e-300)
    return np.asarray(np.clip(best, 0.0, 1.0))
