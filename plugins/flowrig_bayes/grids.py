"""Optimizers that follow a fixed sequence of points: `grid`, `partial-grid` and `sobol`."""

import warnings
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from flowrig.errors import InputError, NothingLeftError
from flowrig.interfaces import Optimizer, OptimizerSettings, Problem, Suggestion
from flowrig.problem.feasibility import pulled_inside
from flowrig.problem.space import Space
from flowrig.problem.steps import even_choices, near_steps
from flowrig_bayes.settings import GridSettings, PartialGridSettings

__all__ = ["Grid", "PartialGrid", "Sobol"]

Array = NDArray[np.float64]

SAME = 1e-6
"""Points closer than this in every condition of the unit cube are the same."""

MOST_DRAWS = 20
"""Draws after which a Sobol sequence in a space with little room has fewer points."""


class _Listed(Optimizer):
    """Suggests, in order, the points of a list that were neither suggested nor measured.

    In a space with steps, the points of the list are on the steps, each once.
    """

    def __init__(self, problem: Problem, settings: OptimizerSettings) -> None:
        super().__init__(problem, settings)
        space = problem.space
        points = near_steps(space, self._listed(len(space.names)))
        inside = points[space.feasible(space.from_unit(points))]
        if not len(inside):
            raise InputError(f"no point of the {self._label} meets the constraints")
        self._places: dict[bytes, int] = {}
        for place in map(bytes, _places(inside)):
            self._places.setdefault(place, len(self._places))
        _, first = np.unique(_places(inside), axis=0, return_index=True)
        self._points = inside[np.sort(first)]
        self._is_done = np.zeros(len(self._points), dtype=bool)

    @abstractmethod
    def _listed(self, dimensions: int) -> Array:
        """Points of the unit cube, shape `n x d`, in the order in which they are suggested."""

    @property
    @abstractmethod
    def _label(self) -> str:
        """Name of the list in messages."""

    def _do_ingest(self, results: Sequence[Mapping[str, Any]]) -> None:
        space = self.problem.space
        for place in map(bytes, _places(space.to_unit(space.array(results)))):
            if place in self._places:
                self._is_done[self._places[place]] = True

    def _do_expect(self, conditions: Sequence[Mapping[str, Any]]) -> None:
        self._do_ingest(conditions)

    def _do_suggest(self, num_points: int) -> list[Suggestion]:
        fresh = np.flatnonzero(~self._is_done)[:num_points]
        if not len(fresh):
            raise NothingLeftError(
                f"all {len(self._points)} points of the {self._label} are done; plan fewer "
                "experiments, or a finer list"
            )
        self._is_done[fresh] = True
        space = self.problem.space
        rows = space.rows(space.from_unit(self._points[fresh]))
        return [Suggestion(row, reason=f"next point of the {self._label}") for row in rows]


def _places(U: Array) -> NDArray[np.int64]:
    """Points of the unit cube as whole numbers, the same for points that are the same."""
    # 0.37: values of a list are simple fractions, which must not lie on the border of a number.
    return np.floor(np.clip(U, -1e6, 1e6) / SAME + 0.37).astype(np.int64)


def _levels(space: Space, levels: int) -> list[Array]:
    """Evenly spaced values of each condition in the unit cube; of a category all choices."""
    return [np.linspace(0.0, 1.0, len(one.choices) or levels) for one in space.parameters]


class Grid(_Listed):
    """Every combination of evenly spaced values and of choices; the last condition in the order
    changes fastest."""

    settings: GridSettings
    _label = "grid"

    def _listed(self, dimensions: int) -> Array:
        space, settings = self.problem.space, self.settings
        if objection := settings.objection(space):
            raise InputError(objection)
        first = [space.names.index(name) for name in settings.slowest_first]
        order = [*first, *(j for j in range(dimensions) if j not in first)]
        levels = _levels(space, settings.levels)
        walked = _back_and_forth if settings.back_and_forth else product
        points = np.array(list(walked(*(levels[j] for j in order))))
        return np.asarray(points[:, np.argsort(order)])


def _back_and_forth(*levels: Array) -> list[tuple[float, ...]]:
    """Every combination, in an order in which one value changes at a time, by one level."""
    rows: list[tuple[float, ...]] = [()]
    for values in levels:
        ways = (values.tolist(), values[::-1].tolist())
        rows = [(*row, value) for number, row in enumerate(rows) for value in ways[number % 2]]
    return rows


class PartialGrid(_Listed):
    """The center of the space, then the levels of one condition after the other.

    After the partial grid search of Sadeghi, Bateni et al., Nanoscale 2024, 16, 580.
    """

    settings: PartialGridSettings
    _label = "partial grid"

    def _listed(self, dimensions: int) -> Array:
        levels = _levels(self.problem.space, self.settings.levels)
        middle = (
            near_steps(self.problem.space, np.full((1, dimensions), self.settings.middle))[0]
            if self.problem.space.has_choices
            else np.full(dimensions, self.settings.middle)
        )
        points = [middle]
        for j in range(dimensions):
            for value in levels[j]:
                if abs(value - middle[j]) > SAME:
                    points.append(np.where(np.arange(dimensions) == j, value, middle))
        return np.array(points)


class Sobol(Optimizer):
    """A scrambled Sobol sequence, which fills the space evenly for any number of points.

    It continues after the larger of the numbers of ingested and of suggested points (Sobol, USSR
    Computational Mathematics and Mathematical Physics 1967, 7, 86; scrambled after Owen, 1998, by
    scipy).
    """

    def __init__(self, problem: Problem, settings: OptimizerSettings) -> None:
        super().__init__(problem, settings)
        self._ingested = 0
        self._position = 0

    def _do_ingest(self, results: Sequence[Mapping[str, Any]]) -> None:
        self._ingested += len(results)
        self._position = max(self._position, self._ingested)

    def _do_expect(self, conditions: Sequence[Mapping[str, Any]]) -> None:
        self._position = max(self._position, self._ingested + len(conditions))

    def _do_suggest(self, num_points: int) -> list[Suggestion]:
        space = self.problem.space
        drawn = self._first(self._position + num_points)[self._position :]
        if not len(drawn):
            raise InputError("no condition meets every constraint")
        self._position += len(drawn)
        rows = space.rows(space.from_unit(drawn))
        return [Suggestion(row, reason="Sobol sequence") for row in rows]

    def _first(self, count: int) -> Array:
        """The first points of the sequence that can be moved inside the space.

        Always from the start, so that a rebuilt optimizer counts the same points.
        """
        from scipy.stats.qmc import Sobol as Sequence_

        space = self.problem.space
        sequence = Sequence_(len(space.names), seed=self.problem.seed)
        found = np.empty((0, len(space.names)))
        for _ in range(MOST_DRAWS):
            with warnings.catch_warnings():  # it wants powers of 2, for a balance of all halves
                warnings.simplefilter("ignore")
                drawn = even_choices(space, sequence.random(count - len(found)))
            found = np.vstack([found, pulled_inside(space, drawn)])
            if len(found) >= count:
                break
        return found
