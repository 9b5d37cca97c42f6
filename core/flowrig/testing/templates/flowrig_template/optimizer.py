"""A search around the best condition so far; replace it by your own method."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from flowrig.errors import InputError
from flowrig.interfaces import Optimizer, Problem

from .optimizer_settings import TemplateOptimizerSettings

MOST_DRAWS = 5000


class TemplateOptimizer(Optimizer):
    """Random steps from the best condition; random conditions before there is one.

    Random numbers depend on the seed and the number of results only, so that an optimizer that is
    rebuilt from the journal continues like the old one.
    """

    settings: TemplateOptimizerSettings

    def __init__(self, problem: Problem, settings: TemplateOptimizerSettings) -> None:
        super().__init__(problem, settings)
        self._results = 0
        self._best: tuple[float, NDArray[np.float64]] | None = None

    def _do_ingest(self, results: Sequence[Mapping[str, Any]]) -> None:
        space = self.problem.space
        for row in results:
            self._results += 1
            value = self._value(row)
            here = space.array([row])
            if not (np.isfinite(value) and space.feasible(here)[0]):
                continue
            if self._best is None or value > self._best[0]:
                self._best = value, space.to_unit(here)

    def _do_suggest(self, num_points: int) -> list[dict[str, float]]:
        space = self.problem.space
        rng = np.random.default_rng([self.problem.seed, self._results])
        points: list[dict[str, float]] = []
        for draw in range(MOST_DRAWS):
            point = space.from_unit(self._draw(rng, draw))
            points += space.rows(point[space.feasible(point)])
            if len(points) == num_points:
                return points
        raise InputError("too few draws satisfy the constraints; put a stage with lhs first")

    def _draw(self, rng: np.random.Generator, draw: int) -> NDArray[np.float64]:
        """A point of the unit cube, shape `1 x d`; later draws are closer to the best point."""
        if self._best is None:
            return rng.random((1, len(self.problem.space.names)))
        step = self.settings.step * 0.99**draw
        here = self._best[1]
        return np.asarray(np.clip(here + step * rng.standard_normal(here.shape), 0.0, 1.0))

    def _value(self, row: Mapping[str, Any]) -> float:
        objective = self.problem.objective
        try:
            responses = np.array([float(row[name]) for name in objective.responses])
        except (KeyError, TypeError, ValueError):
            return float("nan")
        return float(objective.value(responses))
