"""A surrogate that predicts from earlier experiments before there are new ones.

While there are fewer new experiments than a share can be estimated from, it is the model of the
earlier experiments plus the difference from them that the new ones show. Afterwards it is a mixture
of that with the surrogate of the campaign, by how well both predict new experiments that they have
not seen; in doubt the former has the larger share, because it has learnt from all of them.
Letters: `n` experiments, `d` conditions, `m` responses.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from flowrig.interfaces import NormalPosterior, Posterior, Surrogate, SurrogateSettings
from flowrig.learning.informed.discrepancy import Discrepancy
from flowrig.learning.mixture import Mixture, NormalMixture
from flowrig.learning.shifted_posterior import (
    NormalShift,
    Shift,
    ShiftedNormalPosterior,
    ShiftedPosterior,
    in_natural_units,
)
from flowrig.learning.stacking import Stacking
from flowrig.learning.transfer import (
    TRANSFER_MIN_EXPERIMENTS,
    WithEarlier,
    of_responses,
    share_of_second,
    unseen_mean,
)

__all__ = ["InformedSource", "InformedStart"]

Array = NDArray[np.float64]

LEAST_R2 = 0.5
"""Share of the variance of the objective that a model of earlier experiments has to explain, of
those that it has not seen, before another rig's experiments may guide the first new ones."""

USUAL_DIFFERENCE = 1.0
"""Expected size of the difference from earlier experiments, in standard deviations."""


class InformedSource:
    """Earlier experiments from which new ones start; their models are fitted once.

    Args:
        new_surrogate: makes an unfitted surrogate.
        sources: conditions in the unit cube, shape `n x d`, and responses, shape `n x m`, the
            objective last, of each source.
        same_rig: whether they were made on the same rig, so that they count from the start.
        widened: gives a surrogate columns for the choices of categories.
    """

    def __init__(
        self,
        new_surrogate: Callable[[], Surrogate],
        sources: Sequence[tuple[Array, Array]],
        *,
        same_rig: bool,
        widened: Callable[[Surrogate], Surrogate] = lambda surrogate: surrogate,
    ) -> None:
        self._new_surrogate = new_surrogate
        self._sources = sources
        self._widened = widened
        self.same_rig = same_rig

    @cached_property
    def models(self) -> list[Surrogate]:
        """Models of the sources that may guide; of another rig, those that explain themselves."""
        return [model for model, _, _ in self._fitted]

    @cached_property
    def _fitted(self) -> list[tuple[Surrogate, Array, Array]]:
        """These models with the conditions and responses that they were fitted to."""
        found = []
        for X, Y in self._sources:
            model = self._new_surrogate()
            model.fit(X, Y)
            if self.same_rig or _explains_itself(self._new_surrogate, model, X, Y):
                found.append((model, X, Y))
        return found

    @cached_property
    def unseen(self) -> tuple[Array, Array, Array] | None:
        """As `Surrogate.unseen_earlier`."""
        found = []
        for model, _, Y in self._fitted:
            left_out = model.unseen()
            if left_out is not None:
                found.append((Y, *left_out))
        if not found:
            return None
        Y, mean, sd = (np.vstack(parts) for parts in zip(*found, strict=True))
        return Y, mean, sd

    @cached_property
    def _scale(self) -> Array:
        """Standard deviation of each response, mean over the sources, shape `m`."""
        return np.asarray(np.mean([Y.std(axis=0) for _, Y in self._sources], axis=0))

    @cached_property
    def _noise_sd(self) -> Array:
        """Standard deviation of a measurement of each response, shape `m`."""
        found = []
        for model, X, _ in self._fitted:
            posterior = model.predict(X)
            if isinstance(posterior, NormalPosterior):
                variance = np.square(posterior.sd) - np.square(
                    in_natural_units(posterior).latent_sd
                )
                found.append(np.sqrt(np.maximum(variance, 0.0).mean(axis=0)))
        return np.asarray(np.mean(found, axis=0)) if found else 0.1 * self._scale

    def discrepancy(self) -> Surrogate:
        """An unfitted model of the differences from these experiments."""
        noise_sd = np.maximum(self._noise_sd, 1e-3 * self._scale)
        return self._widened(Discrepancy(self._scale, noise_sd, USUAL_DIFFERENCE))


def _explains_itself(
    new_surrogate: Callable[[], Surrogate], model: Surrogate, X: Array, Y: Array
) -> bool:
    """Whether a model predicts the objective, the last response, of experiments without seeing."""
    errors = Y[:, -1] - unseen_mean(model, new_surrogate, X, Y)[:, -1]
    scatter = np.square(Y[:, -1] - Y[:, -1].mean()).sum()
    return bool(np.square(errors).sum() < (1.0 - LEAST_R2) * scatter)


class InformedStart(WithEarlier):
    """A surrogate of new experiments that starts from earlier ones.

    Args:
        new_cold: makes the surrogate that learns without them, or with a share of them that it
            estimates itself.
        source: the earlier experiments.
        seed: not used; `new_cold` seeds the models.
    """

    def __init__(
        self, new_cold: Callable[[], Surrogate], source: InformedSource, seed: int = 0
    ) -> None:
        super().__init__(SurrogateSettings(), seed)
        self._new_cold = new_cold
        self._source = source
        self._cold: Surrogate | None = None
        self._difference: Surrogate | None = None
        self._mine = np.zeros(0)
        self._left_out: tuple[Array, Array] | None = None

    @property
    def least_experiments(self) -> int:
        """None, if the earlier experiments can guide."""
        return 0 if self._source.models else 2

    @property
    def share(self) -> Array:
        """Share of the earlier experiments in each response, from 0 to 1, shape `m`."""
        inner = self._cold.share if isinstance(self._cold, WithEarlier) else 0.0
        return np.asarray(self._mine + (1.0 - self._mine) * inner)

    def unseen_earlier(self) -> tuple[Array, Array, Array] | None:
        """As `Surrogate.unseen_earlier`."""
        return self._source.unseen

    def describe(self) -> Mapping[str, Any]:
        """Share of the earlier experiments, for each response."""
        inner = {} if self._cold is None else self._cold.describe()
        return {**inner, "earlier_share": self.share.tolist()}

    def _do_fit(self, X: Array, Y: Array) -> None:
        few = len(X) < TRANSFER_MIN_EXPERIMENTS
        self._cold = self._difference = self._left_out = None
        if self._source.models:
            self._difference = self._source.discrepancy()
            self._difference.fit(X, Y - self._expected(X, Y.shape[1]))
        if self._difference is None or not few:
            self._cold = self._new_cold()
            self._cold.fit(X, Y, self.rsd)
        if self._difference is None or self._cold is None:
            self._mine = np.full(Y.shape[1], 0.0 if self._difference is None else 1.0)
            if self._difference is not None:
                self._left_out = self._unseen_informed(X, Y)
            elif self._cold is not None:
                self._left_out = self._cold.unseen()
            return
        informed = self._unseen_informed(X, Y)
        mine, others = Y - informed[0], Y - unseen_mean(self._cold, self._new_cold, X, Y)
        self._mine = 1.0 - share_of_second(mine, others)
        own = self._cold.unseen()
        if own is not None:
            means, sds = np.stack([own[0], informed[0]]), np.stack([own[1], informed[1]])
            self._left_out = self._stacking.moments(means, sds)

    def _unseen_informed(self, X: Array, Y: Array) -> tuple[Array, Array]:
        assert self._difference is not None
        if not len(X):
            return Y, Y
        unseen = self._difference.unseen()
        assert unseen is not None
        return unseen[0] + self._expected(X, Y.shape[1]), unseen[1]

    def _expected(self, X: Array, responses: int) -> Array:
        """Mean prediction of the models of the earlier experiments, shape `n x m`."""
        if not len(X):
            return np.zeros((0, responses))
        means = [model.predict(X).mean for model in self._source.models]
        return np.asarray(of_responses(means, responses).mean(axis=0))

    @property
    def _stacking(self) -> Stacking:
        return Stacking(np.stack([1.0 - self._mine, self._mine]), np.ones_like(self._mine))

    def _do_unseen(self) -> tuple[Array, Array] | None:
        return self._left_out

    def _do_predict(self, X: Array) -> Posterior:
        if self._difference is None:
            assert self._cold is not None
            return self._cold.predict(X)
        informed = self._informed(self._difference, X)
        if self._cold is None:
            return informed
        cold = self._cold.predict(X)
        if isinstance(cold, NormalPosterior) and isinstance(informed, NormalPosterior):
            return NormalMixture((cold, informed), self._stacking)
        return Mixture((cold, informed), self._stacking)

    def _informed(self, difference: Surrogate, X: Array) -> Posterior:
        """The earlier experiments' prediction plus the difference from it."""
        residual, count = difference.predict(X), len(self._mine)
        earlier = [model.predict(X) for model in self._source.models]
        amount = of_responses([one.mean for one in earlier], count).mean(axis=0)
        normal = [one for one in earlier if isinstance(one, NormalPosterior)]
        if isinstance(residual, NormalPosterior) and len(normal) == len(earlier):
            slopes = [in_natural_units(one).latent_gradients()[0] for one in normal]
            gradients = of_responses(slopes, count).mean(axis=0)
            return ShiftedNormalPosterior(residual, NormalShift(amount, gradients))
        return ShiftedPosterior(residual, Shift(amount))
