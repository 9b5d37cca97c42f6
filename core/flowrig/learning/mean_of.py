"""A surrogate that mixes others: where their errors are independent, the mixture errs less.

Letters: `p` parts, `n` experiments, `d` conditions, `m` responses, `s` samples.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from flowrig.interfaces import (
    NormalPosterior,
    Posterior,
    Surrogate,
    SurrogateState,
)
from flowrig.learning.mean_of_settings import MeanOfSettings
from flowrig.learning.mixture import Mixture, NormalMixture
from flowrig.learning.stacking import Stacking
from flowrig.plugins.registry import Plugins
from flowrig.profile import SurrogateChoice

__all__ = ["MeanOf"]

Array = NDArray[np.float64]

USUAL_PARTS = ("gp", "enn")
"""The parts if the settings name none."""


class MeanOf(Surrogate):
    """The mixture of the posteriors of several surrogates.

    Args:
        settings: the surrogates.
        seed: of each surrogate.

    Raises:
        InputError: a part is not installed, or refuses its settings.
    """

    settings: MeanOfSettings

    def __init__(self, settings: MeanOfSettings, seed: int = 0) -> None:
        super().__init__(settings, seed)
        choices = settings.of or _usual_parts()
        self._names = _distinct([choice.offer.name for choice in choices])
        self._parts = [choice.build(seed) for choice in choices]

    def describe(self) -> Mapping[str, Any]:
        """Weights and spread factor of each response, and the description of each part."""
        if self._responses is None:
            return {}
        return {
            "weights": dict(zip(self._names, self._stacking.weights.tolist(), strict=True)),
            "spread_factor": self._stacking.factor.tolist(),
            "parts": {
                name: dict(part.describe())
                for name, part in zip(self._names, self._parts, strict=True)
            },
        }

    def _do_fit(self, X: Array, Y: Array) -> None:
        for part in self._parts:
            part.fit(X, Y, self.rsd)
        self._stacking = Stacking.equal(len(self._parts), Y.shape[1])
        unseen = self._parts_unseen()
        if self.settings.weighted and unseen is not None:
            self._stacking = Stacking.of(Y, *unseen)

    def _parts_unseen(self) -> tuple[Array, Array] | None:
        """Mean and standard deviation of unseen experiments, shape `p x n x m` each.

        None if one of the parts has no such predictions.
        """
        unseen = [part.unseen() for part in self._parts]
        known = [one for one in unseen if one is not None]
        if len(known) < len(unseen):
            return None
        means, sds = zip(*known, strict=True)
        return np.stack(means), np.stack(sds)

    def _do_unseen(self) -> tuple[Array, Array] | None:
        unseen = self._parts_unseen()
        return None if unseen is None else self._stacking.moments(*unseen)

    def _do_predict(self, X: Array) -> Posterior:
        posteriors = [part.predict(X) for part in self._parts]
        normal = [one for one in posteriors if isinstance(one, NormalPosterior)]
        if len(normal) == len(posteriors):
            return NormalMixture(tuple(normal), self._stacking)
        return Mixture(tuple(posteriors), self._stacking)

    def _do_state(self) -> SurrogateState:
        states = [part.state() for part in self._parts]
        arrays = {
            f"{number}.{name}": array
            for number, state in enumerate(states)
            for name, array in state.arrays.items()
        }
        return SurrogateState(
            {"parts": [dict(state.values) for state in states]},
            {**arrays, "weights": self._stacking.weights, "factor": self._stacking.factor},
        )

    def _do_restore(self, state: SurrogateState) -> None:
        stacking = Stacking(state.arrays["weights"], state.arrays["factor"])
        parts = zip(self._parts, state.values["parts"], strict=True)
        for number, (part, values) in enumerate(parts):
            prefix = f"{number}."
            arrays = {
                name.removeprefix(prefix): array
                for name, array in state.arrays.items()
                if name.startswith(prefix)
            }
            part.restore(SurrogateState(values, arrays))
        self._stacking = stacking


def _usual_parts() -> tuple[SurrogateChoice, ...]:
    offers = [Plugins.discover().offer("surrogate", name) for name in USUAL_PARTS]
    return tuple(SurrogateChoice(offer, offer.settings()) for offer in offers)


def _distinct(names: Sequence[str]) -> list[str]:
    """Names in which a repeated one gets a number: "gp", "gp 2"."""
    seen = [names[: place + 1].count(name) for place, name in enumerate(names)]
    return [
        name if number == 1 else f"{name} {number}"
        for name, number in zip(names, seen, strict=True)
    ]
