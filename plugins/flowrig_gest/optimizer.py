"""An optimizer that gets its suggestions from a gest-api generator."""

import random
import sys
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from copy import deepcopy
from typing import Any

import numpy as np
from gest_api import Generator
from gest_api.vocs import VOCS
from numpy.typing import NDArray

from flowrig.errors import InputError
from flowrig.interfaces import Optimizer, Problem, Suggestion
from flowrig.problem.designs import maximin_latin_hypercube
from flowrig.problem.feasibility import pulled_inside
from flowrig.problem.objective import Objective
from flowrig.problem.one_hot import OneHot
from flowrig.problem.pareto import ParetoObjective
from flowrig_gest.lookup import find_generator
from flowrig_gest.settings import GeneratorSettings

__all__ = ["GeneratorOptimizer", "vocabulary"]

DESIGNS = 16
"""Random designs, of which the most evenly spread is taken."""


def vocabulary(problem: Problem) -> VOCS:
    """The problem as a `VOCS` of the standard.

    `VOCS` has no constraints on conditions; suggestions are moved inside them afterwards. Few
    generators take a variable whose values have no order, so that each choice of a category is a
    variable from 0 to 1, of which the largest counts. Of an objective with several goals, the
    merit of each is an objective, 0 at the reference point.
    """
    columns, objective = OneHot(problem.space, natural=True), problem.objective
    sought = _sought(objective)
    return VOCS(
        variables={p.name: [p.low, p.high] for p in columns.parameters},
        objectives=dict.fromkeys(sought, "MAXIMIZE"),
        observables=[name for name in objective.responses if name not in sought],
    )


def _sought(objective: Objective) -> list[str]:
    """Names of what a generator maximizes."""
    if isinstance(objective, ParetoObjective):
        return [f"merit of {goal.name}" for goal in objective.goals]
    return [objective.name]


class GeneratorOptimizer(Optimizer):
    """Passes conditions and results between flowrig and a generator.

    The generator gets no failed experiments. The global random numbers of Python, numpy and torch
    are seeded before each call of the generator, so that a resumed run gets the same answer, and
    restored afterwards.

    A plugin with a generator of its own derives from this class and sets `generator_class`.

    Raises:
        InputError: the generator does not load, or refuses the problem or its options.
    """

    settings: GeneratorSettings
    generator_class: type[Generator] | None = None
    """The generator's class, instead of the one that the settings name."""

    def __init__(self, problem: Problem, settings: GeneratorSettings) -> None:
        super().__init__(problem, settings)
        self._class = self.generator_class or find_generator(settings.generator)
        self._columns = OneHot(problem.space, natural=True)
        self._names = [one.name for one in self._columns.parameters]
        self._results: list[dict[str, float]] = []
        self._seen = 0
        self._generator = self._new_generator()

    def _new_generator(self) -> Generator:
        with self._reproducible():
            try:
                options = deepcopy(dict(self.settings.options))  # a validator may change them
                return self._class(vocs=vocabulary(self.problem), **options)
            except Exception as error:  # code of a third party, with errors of its own
                raise InputError(f"{self._class.__name__} refuses the problem: {error}") from error

    def _do_ingest(self, results: Sequence[Mapping[str, Any]]) -> None:
        self._seen += len(results)
        fresh = [row for result in results if (row := self._sound(result)) is not None]
        if fresh:
            self._results += fresh
            with self._reproducible():
                self._generator.ingest(fresh)

    def _sound(self, result: Mapping[str, Any]) -> dict[str, float] | None:
        """Variables, responses and objective; None if a value is missing or not finite."""
        objective = self.problem.objective
        try:
            conditions = self._columns.widen(self.problem.space.array([result]))[0].tolist()
            row = dict(zip(self._names, conditions, strict=True))
            row |= {name: float(result[name]) for name in objective.responses}
        except (KeyError, TypeError, ValueError):
            return None
        responses = np.array([row[name] for name in objective.responses])
        values = (
            objective.merits(responses)
            if isinstance(objective, ParetoObjective)
            else [objective.value(responses)]
        )
        row |= zip(_sought(objective), map(float, values), strict=True)
        return row if np.isfinite(list(row.values())).all() else None

    def _do_suggest(self, num_points: int) -> list[Suggestion]:
        if len(self._results) < self.settings.initial:
            return self._spread(
                num_points, f"fewer than {self.settings.initial} sound experiments so far"
            )
        try:
            generated = self._generate(num_points)
            wide = np.array([[float(row[name]) for name in self._names] for row in generated])
            suggested = self.problem.space.to_unit(self._columns.narrow(wide))
        except Exception as error:  # code of a third party: no error of it may end the run
            return self._spread(num_points, f"{self._class.__name__} failed: {error}")
        sound = suggested[np.isfinite(suggested).all(axis=1)]
        points = pulled_inside(self.problem.space, sound)
        if len(points) < num_points:
            return self._spread(num_points, f"{self._class.__name__} left the space")
        return self._explained(points, f"chosen by {self._class.__name__}")

    def _spread(self, num_points: int, why: str) -> list[Suggestion]:
        rng = np.random.default_rng([self.problem.seed, self._seen + len(self.expected)])
        points = maximin_latin_hypercube(self.problem.space, num_points, DESIGNS, rng)
        return self._explained(points, f"space filling: {why}")

    def _explained(self, points: NDArray[np.float64], reason: str) -> list[Suggestion]:
        space = self.problem.space
        return [Suggestion(row, reason=reason) for row in space.rows(space.from_unit(points))]

    def _generate(self, num_points: int) -> list[dict[str, Any]]:
        """Points from the generator; one at a time if it gives no batches."""
        if num_points > 1 and not self.expected:
            with self._reproducible(), suppress(Exception):
                points: list[dict[str, Any]] = self._generator.suggest(num_points)
                if len(points) == num_points and _differ(points):
                    return points
        waiting = self._rows(self.expected)
        points, generator = [], self._with_pending(waiting) if waiting else self._generator
        while True:
            with self._reproducible():
                points += generator.suggest(1)[:1]
            if len(points) == num_points:
                return points
            generator = self._with_pending([*waiting, *points])

    def _rows(self, conditions: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """Conditions as the generator has them, a category as several numbers."""
        wide = [self._columns.widen(self.problem.space.array([one]))[0] for one in conditions]
        return [dict(zip(self._names, row.tolist(), strict=True)) for row in wide]

    def _with_pending(self, pending: list[dict[str, Any]]) -> Generator:
        """A fresh generator that got the mean result for each pending point (constant liar).

        Ginsbourger, Le Riche & Carraro, Kriging Is Well-Suited to Parallelize Optimization, 2010.
        """
        objective = self.problem.objective
        names = (*objective.responses, *_sought(objective))
        lies = {name: float(np.mean([row[name] for row in self._results])) for name in names}
        generator = self._new_generator()
        with self._reproducible():
            generator.ingest([*self._results, *({**point, **lies} for point in pending)])
        return generator

    @contextmanager
    def _reproducible(self) -> Iterator[None]:
        """Seed the global random numbers and silence warnings; both are restored afterwards."""
        seed = int(
            np.random.SeedSequence(
                [self.problem.seed, self._seen + len(self.expected)]
            ).generate_state(1)[0]
        )
        torch = sys.modules.get("torch")
        plain, legacy = random.getstate(), np.random.get_state()  # noqa: NPY002 - others use it
        tensors = torch.get_rng_state() if torch is not None else None
        random.seed(seed)
        np.random.seed(seed)  # noqa: NPY002
        if torch is not None:
            torch.manual_seed(seed)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                yield
        finally:
            random.setstate(plain)
            np.random.set_state(legacy)  # noqa: NPY002
            if torch is not None and tensors is not None:
                torch.set_rng_state(tensors)


def _differ(points: list[dict[str, Any]]) -> bool:
    return len({tuple(sorted(point.items())) for point in points}) == len(points)
