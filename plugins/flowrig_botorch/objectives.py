"""The objectives to maximize, from results or from predicted responses."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from flowrig.errors import InputError
from flowrig.problem.objective import Objective
from flowrig_botorch.settings import BoTorchSettings

__all__ = ["Objectives"]

Array = NDArray[np.float64]


@frozen
class Objectives:
    """Several objectives, each with a sign so that more is better.

    Attributes:
        objective: the objective of the campaign.
        signs: 1 or -1 by name, in the order of the columns.
    """

    objective: Objective
    signs: Mapping[str, int]

    @classmethod
    def of(cls, objective: Objective, settings: BoTorchSettings) -> "Objectives":
        """The objectives that settings name; the objective of the campaign if they name none."""
        signs = dict.fromkeys(settings.maximize, 1) | dict.fromkeys(settings.minimize, -1)
        return cls(objective, signs or {objective.name: 1})

    def of_result(self, row: Mapping[str, Any]) -> list[float]:
        """Values for one experiment; nan where one is missing."""
        return [sign * self._value(row, name) for name, sign in self.signs.items()]

    def _value(self, row: Mapping[str, Any], name: str) -> float:
        try:
            if name == self.objective.name:
                responses = [float(row[one]) for one in self.objective.responses]
                return float(self.objective.value(np.array(responses)))
            return float(row[name])
        except (KeyError, TypeError, ValueError):
            return float("nan")

    def of_responses(self, Y: Array) -> Array:
        """Values for responses of shape `… x m`; one column for each objective.

        Raises:
            InputError: a name is neither a response of the objective nor the objective itself.
        """
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
