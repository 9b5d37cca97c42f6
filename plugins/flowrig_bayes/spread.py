"""Space-filling optimizers without a model: `lhs` and `random`."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from flowrig.interfaces import Optimizer, Problem, Suggestion
from flowrig.problem.designs import maximin_latin_hypercube, uniform
from flowrig_bayes.settings import LhsSettings, RandomSettings

__all__ = ["LatinHypercube", "UniformRandom"]


class _Spread(Optimizer):
    """Counts its points, so that each call draws new ones.

    The count is the larger of the numbers of suggested and of ingested points, so that a rebuilt
    optimizer continues the same sequence.
    """

    def __init__(self, problem: Problem, settings: LhsSettings | RandomSettings) -> None:
        super().__init__(problem, settings)
        self._ingested = 0
        self._position = 0

    def _do_ingest(self, results: Sequence[Mapping[str, Any]]) -> None:
        self._ingested += len(results)
        self._position = max(self._position, self._ingested)

    def _do_expect(self, conditions: Sequence[Mapping[str, Any]]) -> None:
        self._position = max(self._position, self._ingested + len(conditions))

    def _next_rng(self, num_points: int) -> np.random.Generator:
        rng = np.random.default_rng([self.problem.seed, self._position])
        self._position += num_points
        return rng


class LatinHypercube(_Spread):
    """One Latin hypercube for each call of `suggest`."""

    settings: LhsSettings

    def _do_suggest(self, num_points: int) -> list[Suggestion]:
        space = self.problem.space
        rng = self._next_rng(num_points)
        points = maximin_latin_hypercube(space, num_points, self.settings.designs, rng)
        reason = f"Latin hypercube of {num_points}"
        return [Suggestion(row, reason=reason) for row in space.rows(space.from_unit(points))]


class UniformRandom(_Spread):
    """Independent uniform points."""

    def _do_suggest(self, num_points: int) -> list[Suggestion]:
        space = self.problem.space
        points = uniform(space, num_points, self._next_rng(num_points))
        return [Suggestion(row, reason="random") for row in space.rows(space.from_unit(points))]
