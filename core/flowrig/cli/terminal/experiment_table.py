"""One line for each experiment, below the names and units of the columns."""

import re
from collections.abc import Mapping, Sequence

from flowrig.journal.events import Objective
from flowrig.problem.space import Value, plain_number

__all__ = ["ExperimentTable", "conditions_text", "is_fraction", "objective_text", "value_text"]

NARROWEST = 6
"""Smallest width of a column, in characters: four digits, a point and a sign."""


FEATURE = re.compile(r"a\d+|pli|pla|peak_nm|peak_ev|fwhm_nm")
"""Names of features of journals that do not say whether the objective is one."""


class ExperimentTable:
    """The experiments of a stage in aligned columns: number, conditions, objective.

    Args:
        stage: its name, the head of the column of numbers.
        planned: experiments of the whole campaign, for the width of the first column.
        units: of the conditions, by name, in the order of the columns.
        objective: name and unit of the objective.
    """

    def __init__(
        self, stage: str, planned: int, units: Mapping[str, str], objective: Objective
    ) -> None:
        self._conditions = tuple(units)
        self._unit = objective.unit
        self._objective = objective
        self._names = (stage, *units, objective.name)
        self._units = ("", *units.values(), self._unit)
        self._widths = [max(len(stage), 2 * len(str(planned)) + 1)] + [
            max(len(name), len(unit), NARROWEST)
            for name, unit in zip(self._names[1:], self._units[1:], strict=True)
        ]

    def head(self) -> str:
        """Names of the columns, and below them their units."""
        return f"{self._line(self._names)}\n{self._line(self._units).rstrip()}"

    def row(
        self,
        number: int,
        conditions: Mapping[str, Value],
        objective: float | None,
        notes: Sequence[str] = (),
        *,
        planned: int,
    ) -> str:
        """One experiment.

        Args:
            number: of the experiment, from 1.
            conditions: by name.
            objective: its value; None if there is none.
            notes: remarks, printed after the columns.
            planned: experiments of the whole campaign, which reference conditions make more.
        """
        text = "-" if objective is None else objective_text(objective, self._objective)
        cells = [f"{number}/{planned}"]
        cells += [value_text(conditions[name]) for name in self._conditions]
        cells.append(text.removesuffix(self._unit).rstrip())
        return "  ".join([self._line(cells), *notes])

    def _line(self, cells: Sequence[str]) -> str:
        return "  ".join(
            f"{cell:>{width}}" for cell, width in zip(cells, self._widths, strict=True)
        )


def objective_text(value: float, objective: Objective) -> str:
    """A value of the objective with its unit; a fraction is shown in percent."""
    if is_fraction(objective):
        return f"{value:.1%}"
    return f"{value:.4g} {objective.unit}".rstrip()


def is_fraction(objective: Objective) -> bool:
    """Whether an objective is a fraction: it has no unit, and is no feature itself, such as counts
    or an absorbance."""
    is_feature = objective.is_feature or FEATURE.fullmatch(objective.name)
    return not (objective.unit or is_feature)


def conditions_text(conditions: Mapping[str, Value], units: Mapping[str, str]) -> str:
    """Conditions with their units in one line."""
    return ", ".join(
        f"{n} {value_text(v)} {units.get(n, '')}".rstrip() for n, v in conditions.items()
    )


def value_text(value: Value) -> str:
    """A value of a condition: four digits of a number, or the name of a choice."""
    return value if isinstance(value, str) else plain_number(value)
