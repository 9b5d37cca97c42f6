"""Optimizers: they choose the next conditions from the results so far.

`suggest` and `ingest` are the methods of the generator standard that Xopt, optimas, libEnsemble and
blop share (`gest-api`); each row of conditions or results is a mapping.
"""

import reprlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from attrs import evolve, field, frozen
from numpy.typing import NDArray

from flowrig.errors import InputError
from flowrig.interfaces.surrogate import Surrogate
from flowrig.problem.door import Door
from flowrig.problem.objective import Objective
from flowrig.problem.space import Space, Value

__all__ = ["Optimizer", "OptimizerSettings", "Problem", "Suggestion"]

Array = NDArray[np.float64]


@frozen(kw_only=True)
class OptimizerSettings:
    """Base of every optimizer's settings class.

    A subclass may have a field `spectra` with names of channels: then each result has the averaged
    spectrum of the experiment under the name of the channel, and the places of its values as
    CHANNEL.axis, both lists of numbers. It may also have fields `maximize` and `minimize` with
    names of features, or that of the objective.

    Attributes:
        seeks_fronts: whether the optimizer knows what to do with an objective of several goals
            (`flowrig.problem.pareto.ParetoObjective`). One that does not would look for the best
            compromise alone, and is refused.
    """

    seeks_fronts: ClassVar[bool] = False

    @property
    def spectra(self) -> tuple[str, ...]:
        """Channels whose spectra the optimizer asks for."""
        return ()

    @property
    def maximize(self) -> tuple[str, ...]:
        """What the optimizer maximizes by name, in place of the objective of the campaign."""
        return ()

    @property
    def minimize(self) -> tuple[str, ...]:
        """What the optimizer minimizes by name."""
        return ()

    @property
    def needs_surrogate(self) -> bool:
        """Whether the optimizer calls `Problem.new_surrogate`.

        `flowrig check` refuses such an optimizer in a campaign without a surrogate.
        """
        return False

    def objection(self, space: Space) -> str:
        """Why these settings do not fit a search space, in one phrase; "" if they do.

        `flowrig check` asks before a run does; an optimizer that would refuse says so here.
        """
        return ""


@frozen
class Problem:
    """The optimization problem of a campaign.

    Attributes:
        space: the space of conditions to choose from.
        objective: the objective to maximize, a function of the responses.
        seed: seed of all randomness. Suggestions follow from the seed and the ingested results
            alone, so an optimizer that is rebuilt from the journal continues as the old one would.
        new_surrogate: makes an unfitted surrogate model as the campaign configures it.
        rsd: relative standard deviations of repeated measurements of the objective's responses, as
            fractions, for `Surrogate.fit`; nan where unknown, empty if all are unknown.
        earlier: whether the campaign starts from earlier experiments. Then `new_surrogate` may make
            a model that predicts before anything is measured: its `least_experiments` is 0, and
            conditions without a model in mind are a waste.
    """

    space: Space
    objective: Objective
    seed: int
    new_surrogate: Callable[[], Surrogate]
    rsd: tuple[float, ...] = ()
    earlier: bool = False

    @property
    def is_informed(self) -> bool:
        """Whether a model predicts before anything is measured."""
        return self.earlier and self.new_surrogate().least_experiments == 0


@frozen
class Suggestion:
    """Suggested conditions, with the prediction and the reason behind them.

    The prediction is optional: an optimizer without a model leaves it out.

    Attributes:
        conditions: values by parameter name, in the units of the space.
        mean: expected responses by name.
        sd: standard deviation of a measurement of each response, by name.
        objective_mean: expected objective.
        objective_sd: standard deviation of the objective.
        reason: one phrase for people, for instance "expected improvement 0.8 %".
    """

    conditions: Mapping[str, Value]
    mean: Mapping[str, float] = field(factory=dict)
    sd: Mapping[str, float] = field(factory=dict)
    objective_mean: float | None = None
    objective_sd: float | None = None
    reason: str = ""


class Optimizer(ABC):
    """Chooses conditions. Its state follows from the problem and the ingested results alone.

    Args:
        problem: space, objective, seed and surrogate.
        settings: an instance of the optimizer's settings class.

    Attributes:
        door: admits what this optimizer suggests, and knows what was tried; an optimizer that
            knows steps asks it for the conditions that are left.
        expected: conditions of experiments whose results are to come, see `expect`.
    """

    settings: OptimizerSettings

    def __init__(self, problem: Problem, settings: OptimizerSettings) -> None:
        self.problem = problem
        self.settings = settings
        self.door = Door(problem.space)
        self.expected: tuple[Mapping[str, Any], ...] = ()

    def suggest(self, num_points: int = 1) -> list[dict[str, Any]]:
        """The next conditions, each as a mapping by parameter name.

        Args:
            num_points: largest number of conditions, at least 1.

        Returns:
            at least one mapping, and at most `num_points`.

        Raises:
            InputError: `num_points` is less than 1, this optimizer needs more results, or it
                returned no conditions, too many, or something else.
            NothingLeftError: everything that this optimizer could suggest was tried.
            OutOfRangeError: the optimizer left its space; the whole suggestion is discarded.
        """
        return [dict(suggestion.conditions) for suggestion in self.suggest_explained(num_points)]

    def suggest_explained(self, num_points: int = 1) -> list[Suggestion]:
        """Like `suggest`, with the prediction and the reason behind each point.

        All points go through `flowrig.problem.door.Door`: values come onto bounds and steps. Where
        that would repeat conditions that the optimizer did not ask for, the nearest new ones are
        taken; if there are none, fewer points are returned.
        """
        if num_points < 1:
            raise InputError(f"num_points must be at least 1, got {num_points}")
        suggestions = self._suggestions(self._do_suggest(num_points))
        if not 1 <= len(suggestions) <= num_points:
            raise InputError(
                f"{type(self).__name__} suggested {len(suggestions)} points; "
                f"expected at least 1 and at most {num_points}"
            )
        rows = self.door.admit_all([suggestion.conditions for suggestion in suggestions])
        return [evolve(one, conditions=row) for one, row in zip(suggestions, rows, strict=False)]

    def _suggestions(self, points: object) -> list[Suggestion]:
        """The value that an optimizer returned, checked and converted to suggestions."""
        listed: list[Any] = list(points) if isinstance(points, Iterable) else [points]
        for wrong in (point for point in listed if not isinstance(point, Suggestion | Mapping)):
            got = wrong if isinstance(points, list | tuple) else points
            raise InputError(
                f"{type(self).__name__} suggested {reprlib.repr(got)}; expected a list of mappings "
                "from the names of the parameters to their values"
            )
        return [p if isinstance(p, Suggestion) else Suggestion(p) for p in listed]

    def ingest(self, results: Sequence[Mapping[str, Any]]) -> None:
        """Take the results of experiments.

        Experiments that failed, are of bad quality or were skipped are passed on with missing or
        non-finite responses; an optimizer must not count them as zero.

        Args:
            results: one mapping per experiment, with all parameters and responses by name.

        Raises:
            InputError: a parameter is missing.
        """
        for row in results:
            missing = [name for name in self.problem.space.names if name not in row]
            if missing:
                raise InputError(f"a result lacks {', '.join(missing)}")
            self.door.note(row)
        self._do_ingest(results)

    def expect(self, conditions: Sequence[Mapping[str, Any]]) -> None:
        """Take the conditions of all experiments whose results are to come, in order.

        They are decided, and perhaps measured, and a result that is found off the line is not known
        yet. An optimizer that ignores them may suggest the same conditions again.

        Args:
            conditions: all of them; those that are missing now and were given before have results.
        """
        for row in conditions:
            self.door.note(row)
        self.expected = tuple(conditions)
        self._do_expect(conditions)

    def _do_expect(self, conditions: Sequence[Mapping[str, Any]]) -> None:  # noqa: B027 - optional
        """Count experiments whose results are to come; an optimizer may read `expected` instead."""

    @abstractmethod
    def _do_suggest(self, num_points: int) -> Sequence[Suggestion | Mapping[str, float]]:
        """The next conditions: plain mappings, or `Suggestion`s with prediction and reason."""

    @abstractmethod
    def _do_ingest(self, results: Sequence[Mapping[str, Any]]) -> None:
        """Keep results, or learn from them."""
