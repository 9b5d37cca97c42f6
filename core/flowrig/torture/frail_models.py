"""Small optimizer, surrogate and objective of the reference campaign, which break on request.

Every suggestion of the optimizer depends on every earlier experiment. An experiment that is lost,
doubled or changed by a crash therefore changes the next suggestion.
"""

import threading
from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from flowrig.interfaces import (
    Optimizer,
    OptimizerSettings,
    Posterior,
    Problem,
    Suggestion,
    Surrogate,
    SurrogateSettings,
)
from flowrig.plugins.hookspecs import hookimpl
from flowrig.plugins.offers import Offer
from flowrig.problem.objective import PlqyProxy

__all__ = ["PLUGIN", "Climber", "ClimberSettings", "Level", "LevelSettings", "NoNumber"]

Array = NDArray[np.float64]

STEP: Final = 0.15
"""Standard deviation of a step in the unit cube."""

TRIES: Final = 64
"""Random steps for each suggestion: some leave the search space."""

Ailment = Literal["none", "crash", "hang", "not-a-number", "outside", "repeat", "nothing"]


@frozen(kw_only=True)
class ClimberSettings(OptimizerSettings):
    """Settings of the optimizer.

    Attributes:
        ailment: the way in which the optimizer is broken.
    """

    ailment: Ailment = "none"


class Climber(Optimizer):
    """Optimizer that takes a random step from the best experiment, seeded by all experiments."""

    settings: ClimberSettings

    def __init__(self, problem: Problem, settings: ClimberSettings) -> None:
        super().__init__(problem, settings)
        self._known: list[Mapping[str, Any]] = []

    def _do_ingest(self, results: Sequence[Mapping[str, Any]]) -> None:
        self._known.extend(results)

    def _do_suggest(self, num_points: int) -> Sequence[Suggestion | Mapping[str, float]]:
        space = self.problem.space
        match self.settings.ailment:
            case "crash":
                raise ZeroDivisionError("this optimizer is broken on purpose")
            case "hang":
                threading.Event().wait()
            case "nothing":
                return []
            case "not-a-number":
                return [dict.fromkeys(space.names, float("nan"))] * num_points
            case "outside":
                return space.rows(2.0 * np.tile(space.high, (num_points, 1)))
            case "repeat" if self._known:
                return [{name: self._known[0][name] for name in space.names}] * num_points
        return [
            Suggestion(row, reason="a step from the best so far")
            for row in space.rows(self._steps(num_points))
        ]

    def _steps(self, num_points: int) -> Array:
        """Conditions in natural units, shape `num_points x d`."""
        space = self.problem.space
        name = self.problem.objective.name  # a bad measurement has none
        objective = np.array([row.get(name, np.nan) for row in self._known], dtype=float)
        known = np.isfinite(objective)
        base = np.full(len(space.names), 0.5)
        if known.any():
            best = self._known[int(np.argmax(np.where(known, objective, -np.inf)))]
            base = space.to_unit(space.array([best]))[0]
        digits = (1e9 * np.abs(objective[known])).astype(np.uint64)
        rng = np.random.default_rng([self.problem.seed, len(self._known), *map(int, digits)])
        steps = base + STEP * rng.standard_normal((TRIES * num_points, base.size))
        X = space.from_unit(np.clip(steps, 0.0, 1.0))
        return np.asarray(X[space.feasible(X)][:num_points])


@frozen(kw_only=True)
class LevelSettings(SurrogateSettings):
    """Settings of the surrogate.

    Attributes:
        ailment: the way in which the surrogate is broken.
    """

    ailment: Literal["none", "not-a-number"] = "none"


class Level(Surrogate):
    """Surrogate that predicts the mean of all experiments everywhere."""

    settings: LevelSettings

    def _do_fit(self, X: Array, Y: Array) -> None:
        self._mean, self._sd = Y.mean(axis=0), Y.std(axis=0) + 1e-9

    def _do_predict(self, X: Array) -> Posterior:
        broken = np.nan if self.settings.ailment == "not-a-number" else 1.0
        return _Flat(np.tile(broken * self._mean, (len(X), 1)), np.tile(self._sd, (len(X), 1)))


class _Flat(Posterior):
    """Independent normal distributions.

    Args:
        mean: expected responses, shape `n x m`.
        sd: their standard deviations, shape `n x m`.
    """

    def __init__(self, mean: Array, sd: Array) -> None:
        self._mean = mean
        self._sd = sd

    @property
    def mean(self) -> Array:
        """Expected responses, shape `n x m`."""
        return self._mean

    @property
    def sd(self) -> Array:
        """Standard deviations, shape `n x m`."""
        return self._sd

    def sample(self, count: int, rng: np.random.Generator) -> Array:
        """Samples, shape `s x n x m`."""
        return self._mean + self._sd * rng.standard_normal((count, *self._mean.shape))


@frozen(kw_only=True)
class NoNumber(PlqyProxy):
    """The objective of the published rig with values that are not numbers."""

    def value(self, responses: Array) -> Array:
        """Not a number, in the shape of the real objective."""
        return np.asarray(super().value(responses) * np.nan)


class _Plugin:
    """The plugin that offers the models."""

    @hookimpl
    def flowrig_optimizers(self) -> Sequence[Offer]:
        """The optimizer."""
        return [_offer("optimizer", "torture-climber", Climber, ClimberSettings)]

    @hookimpl
    def flowrig_surrogates(self) -> Sequence[Offer]:
        """The surrogate."""
        return [_offer("surrogate", "torture-level", Level, LevelSettings)]

    @hookimpl
    def flowrig_objectives(self) -> Sequence[Offer]:
        """The objective that is never a number."""
        return [_offer("objective", "torture-no-number", NoNumber, NoNumber)]


def _offer(
    kind: Literal["optimizer", "surrogate", "objective"], name: str, cls: type, settings: type
) -> Offer:
    return Offer(kind=kind, name=name, target=f"{__name__}:{cls.__name__}", settings=settings)


PLUGIN: Final = _Plugin()
"""The plugin of the reference campaign."""
