"""Optimizers: given what was measured, which conditions next?

`suggest` and `ingest` are the vocabulary of the generator standard that Xopt, optimas, libEnsemble
and blop share (`gest-api`), with conditions and results as one mapping a row.
"""

import reprlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from attrs import evolve, field, frozen
from numpy.typing import NDArray

from flowrig.errors import InputError
from flowrig.interfaces.surrogate import Surrogate
from flowrig.problem.feasibility import on_steps
from flowrig.problem.objective import Objective
from flowrig.problem.space import Space

__all__ = ["Optimizer", "OptimizerSettings", "Problem", "Suggestion"]

Array = NDArray[np.float64]


@frozen(kw_only=True)
class OptimizerSettings:
    """Base of every optimizer's settings class."""


@frozen
class Problem:
    """What an optimizer is asked to solve.

    Attributes:
        space: the conditions to choose from.
        objective: the figure of merit, to be maximized, as a function of the responses.
        seed: everything random follows from it and from what was ingested, so that an optimizer
            that is rebuilt from the journal suggests what the old one would have.
        new_surrogate: makes a fresh surrogate model, as the campaign configures it.
        rsd: relative standard deviations of repeated measurements of the objective's responses, as
            fractions, for `Surrogate.fit`; nan where one is not known, empty if none is.
    """

    space: Space
    objective: Objective
    seed: int
    new_surrogate: Callable[[], Surrogate]
    rsd: tuple[float, ...] = ()


@frozen
class Suggestion:
    """Conditions to try next, and why.

    Attributes:
        conditions: by parameter name, in the unit of the space.
        mean: expected responses by name, where a model was asked.
        sd: standard deviation of a measurement of each response, where a model was asked.
        objective_mean: expected figure of merit, where a model was asked.
        objective_sd: its standard deviation, where a model was asked.
        reason: one phrase for people, for instance "expected improvement 0.8 %".
    """

    conditions: Mapping[str, float]
    mean: Mapping[str, float] = field(factory=dict)
    sd: Mapping[str, float] = field(factory=dict)
    objective_mean: float | None = None
    objective_sd: float | None = None
    reason: str = ""


class Optimizer(ABC):
    """Chooses conditions. Its whole state follows from the problem and what was ingested.

    Args:
        problem: space, objective, seed and surrogate.
        settings: an instance of the optimizer's settings class.
    """

    settings: OptimizerSettings

    def __init__(self, problem: Problem, settings: OptimizerSettings) -> None:
        self.problem = problem
        self.settings = settings

    def suggest(self, num_points: int = 1) -> list[dict[str, float]]:
        """Conditions to try next, one mapping by parameter name each.

        Returns:
            as many as were asked for, or fewer, but at least one.

        Raises:
            InputError: fewer than 1 asked for, too little ingested for this optimizer, or it
                suggested no conditions or more than asked for.
            OutOfRangeError: the optimizer left its space; nothing of the suggestion is used.
        """
        return [dict(suggestion.conditions) for suggestion in self.suggest_explained(num_points)]

    def suggest_explained(self, num_points: int = 1) -> list[Suggestion]:
        """As `suggest`, with the prediction and the reason behind each point.

        Values are brought onto the steps of parameters that have any.
        """
        if num_points < 1:
            raise InputError(f"at least 1 point must be asked for, got {num_points}")
        suggestions = self._suggestions(self._do_suggest(num_points))
        if not 1 <= len(suggestions) <= num_points:
            raise InputError(
                f"{type(self).__name__} suggested {len(suggestions)} points; "
                f"at least 1 and at most {num_points} were asked for"
            )
        space = self.problem.space
        suggestions = [evolve(s, conditions=on_steps(space, s.conditions)) for s in suggestions]
        for suggestion in suggestions:
            space.require_feasible(suggestion.conditions)
        return suggestions

    def _suggestions(self, points: object) -> list[Suggestion]:
        """What an optimizer suggested, if it is a list of conditions."""
        listed: list[Any] = list(points) if isinstance(points, Iterable) else [points]
        for wrong in (point for point in listed if not isinstance(point, Suggestion | Mapping)):
            got = wrong if isinstance(points, list | tuple) else points
            raise InputError(
                f"{type(self).__name__} suggested {reprlib.repr(got)}; expected a list of mappings "
                "from the names of the parameters to their values"
            )
        return [p if isinstance(p, Suggestion) else Suggestion(p) for p in listed]

    def ingest(self, results: Sequence[Mapping[str, Any]]) -> None:
        """Learn from experiments: one mapping each, with every parameter and response by name.

        Experiments whose responses are missing or not finite are passed on; an optimizer must not
        take them as zero.

        Raises:
            InputError: a parameter is missing.
        """
        for row in results:
            missing = [name for name in self.problem.space.names if name not in row]
            if missing:
                raise InputError(f"a result lacks {', '.join(missing)}")
        self._do_ingest(results)

    @abstractmethod
    def _do_suggest(self, num_points: int) -> Sequence[Suggestion | Mapping[str, float]]:
        """Conditions to try next: plain mappings, or `Suggestion`s that explain themselves."""

    @abstractmethod
    def _do_ingest(self, results: Sequence[Mapping[str, Any]]) -> None:
        """Remember results."""
