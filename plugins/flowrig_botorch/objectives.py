"""The objectives to maximize, from results or from predicted responses."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from flowrig.errors import InputError
from flowrig.problem.objective import Objective
from flowrig.problem.pareto import ParetoObjective
from flowrig_botorch.settings import BoTorchSettings

__all__ = ["Objectives"]

Array = NDArray[np.float64]


@frozen
class Objectives:
    """Several objectives, each with a sign so that more is better.

    Attributes:
        objective: the objective of the campaign.
        signs: 1 or -1 by name, in the order of the columns.
        goals: the objective of the campaign if its goals are the objectives; else None.
    """

    objective: Objective
    signs: Mapping[str, int]
    goals: ParetoObjective | None = None

    @classmethod
    def of(cls, objective: Objective, settings: BoTorchSettings) -> "Objectives":
        """The objectives that settings name; if they name none, the objective of the campaign, or
        its goals.
        """
        if isinstance(objective, ParetoObjective) and not (settings.maximize or settings.minimize):
            return cls(objective, {goal.name: 1 for goal in objective.goals}, objective)
        signs = dict.fromkeys(settings.maximize, 1) | dict.fromkeys(settings.minimize, -1)
        return cls(objective, signs or {objective.name: 1})

    def of_result(self, row: Mapping[str, Any]) -> list[float]:
        """Values for one experiment; nan where one is missing."""
        if self.goals is not None:
            responses = [_number(row, name) for name in self.goals.responses]
            return [float(one) for one in self.goals.merits(np.array(responses))]
        return [sign * self._value(row, name) for name, sign in self.signs.items()]

    def _value(self, row: Mapping[str, Any], name: str) -> float:
        if name != self.objective.name:
            return _number(row, name)
        responses = np.array([_number(row, one) for one in self.objective.responses])
        return float(self.objective.value(responses)) if np.isfinite(responses).all() else np.nan

    def of_responses(self, Y: Array) -> Array:
        """Values for responses of shape `… x m`; one column for each objective.

        Raises:
            InputError: a name is neither a response of the objective nor the objective itself.
        """
        if self.goals is not None:
            return self.goals.merits(Y)
        responses = self.objective.responses
        columns = []
        for name, sign in self.signs.items():
            if name == self.objective.name:
                columns.append(sign * self.objective.value(Y))
            elif name in responses:
                columns.append(sign * Y[..., responses.index(name)])
            else:
                raise InputError(
                    f"the surrogate knows {', '.join(responses)}, and no {name!r}; use the model "
                    "'single-task' for it"
                )
        return np.stack(columns, axis=-1)


def _number(row: Mapping[str, Any], name: str) -> float:
    try:
        return float(row[name])
    except (KeyError, TypeError, ValueError):
        return float("nan")
