"""Conditions, features and the objective as pages show them: name, unit, factor."""

from collections.abc import Collection, Mapping

from flowrig.problem.objective import Objective
from flowrig.problem.space import Parameter
from flowrig.report.svg.numbers import Quantity

__all__ = ["shown_condition", "shown_feature", "shown_objective"]

FEATURE_NAMES = {
    "pli": "PL peak",
    "pla": "PL area",
    "peak_nm": "peak wavelength",
    "peak_ev": "peak energy",
    "fwhm_nm": "FWHM",
}

NO_LABELS: Mapping[str, str] = {}


def shown_objective(
    objective: Objective,
    labels: Mapping[str, str] = NO_LABELS,
    in_percent: Collection[str] = (),
) -> Quantity:
    """Name, unit and factor of an objective; a fraction is shown in percent.

    An objective without a unit is a fraction, unless it is a measured response, such as an
    absorbance; a measured response that is entered in percent is a fraction too.

    Args:
        objective: the objective.
        labels: `labels` of the profile.
        in_percent: features that are fractions; see `Profile.percent_features`.
    """
    name = labels.get("objective", labels.get(objective.name, objective.name))
    is_measured = objective.name in objective.responses and objective.name not in in_percent
    if objective.unit == "" and not is_measured:
        return Quantity(name, "%", 100.0)
    return Quantity(name, objective.unit)


def shown_feature(
    name: str,
    unit: str,
    labels: Mapping[str, str] = NO_LABELS,
    in_percent: Collection[str] = (),
) -> Quantity:
    """A feature with its label, else with the name that people know it by.

    Args:
        name: of the feature.
        unit: its unit; "" where it has none.
        labels: `labels` of the profile.
        in_percent: features that are fractions; see `Profile.percent_features`.
    """
    at_wavelength = name.startswith("a") and name[1:].isdigit()
    usual = FEATURE_NAMES.get(name, name.upper() if at_wavelength else name)
    if name in in_percent and not unit:
        return Quantity(labels.get(name, usual), "%", 100.0)
    return Quantity(labels.get(name, usual), unit)


def shown_condition(parameter: Parameter, labels: Mapping[str, str] = NO_LABELS) -> Quantity:
    """A condition with its label, else with its name.

    Args:
        parameter: the condition.
        labels: `labels` of the profile.
    """
    return Quantity(labels.get(parameter.name, parameter.name), parameter.unit, significant=4)
