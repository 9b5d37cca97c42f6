"""A neighbourhood search: random steps from the best condition so far."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from acme_drip.settings import NeighbourhoodSettings
from flowrig.errors import InputError
from flowrig.interfaces import Optimizer, Problem


class NeighbourhoodSearch(Optimizer):
    """A (1+1) evolution strategy with a constant step (Rechenberg, Evolutionsstrategie, 1973)."""

    settings: NeighbourhoodSettings

    def __init__(self, problem: Problem, settings: NeighbourhoodSettings) -> None:
        super().__init__(problem, settings)
        self._ingested = 0
        self._best: tuple[float, Mapping[str, float]] | None = None

    def _do_ingest(self, results: Sequence[Mapping[str, Any]]) -> None:
        space, objective = self.problem.space, self.problem.objective
        for row in results:
            self._ingested += 1
            responses = np.array([row.get(name, np.nan) for name in objective.responses], float)
            value = float(objective.value(responses))
            better = np.isfinite(value) and (self._best is None or value > self._best[0])
            if better and space.feasible(space.array([row]))[0]:
                self._best = value, {name: row[name] for name in space.names}

    def _do_suggest(self, num_points: int) -> list[dict[str, float]]:
        if self._best is None:
            raise InputError("acme-neighbourhood starts from a measured value; put lhs before it")
        space = self.problem.space
        here = space.to_unit(space.array([self._best[1]]))
        rng = np.random.default_rng([self.problem.seed, self._ingested])
        points: list[dict[str, float]] = []
        step = self.settings.step
        while len(points) < num_points:
            point = space.from_unit(np.clip(here + step * rng.standard_normal(here.shape), 0, 1))
            points += space.rows(point[space.feasible(point)])
            step *= 0.99  # in a narrow corner of the space only small steps stay inside
        return points
