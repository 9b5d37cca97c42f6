"""The objective as pages show it."""

from flowrig.problem.objective import Objective
from flowrig.report.svg.numbers import Quantity

__all__ = ["shown_objective"]


def shown_objective(objective: Objective) -> Quantity:
    """Name, unit and factor of an objective; a fraction is shown in percent.

    An objective without a unit is a fraction, unless it is a measured response, such as an
    absorbance.
    """
    if objective.unit == "" and objective.name not in objective.responses:
        return Quantity(objective.name, "%", 100.0)
    return Quantity(objective.name, objective.unit)
