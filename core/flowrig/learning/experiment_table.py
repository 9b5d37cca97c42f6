"""Experiments from a CSV file, by the names of a profile's parameters and responses.

One row for each experiment. The column of a condition is named by parameter and unit,
`temperature_c` or `CuI_ul_min`; the column of a response has the name of the response, `a300`, or
the name given for it. Upper and lower case are the same, and other columns are ignored.
`flowrig report --csv` writes such files.
"""

import csv
import difflib
import math
import re
import textwrap
from collections.abc import Collection, Mapping, Sequence
from itertools import islice, zip_longest
from pathlib import Path

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from flowrig.errors import InputError, OutOfRangeError
from flowrig.learning.training_set import TrainingSet
from flowrig.problem.objective import Objective
from flowrig.problem.space import Parameter, Space

__all__ = [
    "EVERYTHING",
    "Experiments",
    "Selection",
    "column_of",
    "named_with_unit",
    "read_experiments",
]

Array = NDArray[np.float64]

LONGEST_HEAD = 1000
"""Largest number of characters of a table's head in a message."""

MOST_ROWS = 5000
"""Largest number of experiments: the time of a Gaussian process grows with its third power."""

SUFFIXES = {"°C": "c", "degC": "c", "µL/min": "ul_min", "uL/min": "ul_min", "%": "percent"}
"""How a unit is written at the end of a column's name."""
_LONG_NAMES = ((r"a(\d+)", r"absorbance_\1nm"), (r"pla", "pl_area"), (r"pli", "pl_peak"))
"""Names of features in `docs/analysis.md`, and names of their columns in published tables."""


@frozen(eq=False, kw_only=True)
class Experiments:
    """Conditions and measured responses.

    Attributes:
        X: conditions in the unit cube, shape `n x d`.
        Y: responses, shape `n x m`.
        left_out: number of rows without a finite response or marked as bad.
    """

    X: Array
    Y: Array
    left_out: int = 0

    def training_set(self, objective: Objective, rsd: Sequence[float] = ()) -> TrainingSet:
        """The experiments with the objective of their responses, as models learn from them.

        Args:
            objective: takes the responses in the order of `Y`.
            rsd: relative standard deviations of repeated measurements, as of `TrainingSet`.
        """
        return TrainingSet(self.X, self.Y, objective, rsd)


def column_of(parameter: Parameter) -> str:
    """The name of a parameter's column: with its unit, "CuI_ul_min"."""
    return named_with_unit(parameter.name, parameter.unit)


def named_with_unit(name: str, unit: str) -> str:
    """The name of a column with the unit of its numbers at the end, "temperature_c"."""
    return f"{name}_{SUFFIXES.get(unit, unit)}" if unit else name


@frozen(kw_only=True)
class Selection:
    """Which experiments of a run, or of a table that it exported, are meant.

    Attributes:
        stages: names of stages; empty for all.
        arms: names of arms; an experiment without an arm belongs to each. Empty for all.
    """

    stages: tuple[str, ...] = ()
    arms: tuple[str, ...] = ()

    def takes(self, stage: str, arm: str | None) -> bool:
        """Whether an experiment of a stage and an arm is meant."""
        return (not self.stages or stage in self.stages) and (
            not self.arms or arm is None or arm in self.arms
        )

    def require_known(self, stages: Collection[str], arms: Collection[str], source: Path) -> None:
        """Refuse a stage or an arm that a source does not have.

        Raises:
            InputError: the message names it, and those that there are.
        """
        for what, wanted, known in (("stage", self.stages, stages), ("arm", self.arms, arms)):
            unknown = [name for name in wanted if name not in known]
            if unknown:
                there = ", ".join(sorted(known)) or "none"
                raise InputError(f"{source} has no {what} {unknown[0]!r}; it has {there}")


EVERYTHING = Selection()


def read_experiments(
    path: Path,
    space: Space,
    responses: Sequence[str],
    columns: Mapping[str, str] | None = None,
    selection: Selection = EVERYTHING,
) -> Experiments:
    """Read experiments from a CSV file with a head.

    Args:
        path: the file, UTF-8.
        space: gives the parameters, and the box that becomes the unit cube.
        responses: names of the responses, in the order of the columns of `Y`.
        columns: by response or condition, the name of its column if that is another one.
        selection: which rows, by the columns `stage` and `arm`; others are as if they were not
            there.

    Raises:
        InputError: the file cannot be read, lacks a column, or has a cell that is not a number.
    """
    named = dict(columns or {})
    unknown = sorted(set(named) - {*responses, *(one.name for one in space.parameters)})
    if unknown:
        raise InputError(
            f"no response is called {unknown[0]!r}; the objective needs {' and '.join(responses)}, "
            f"and conditions are {', '.join(one.name for one in space.parameters)}"
        )
    head, rows = _read(path)
    rows = _selected(path, head, rows, selection)
    conditions = [(named.get(one.name, column_of(one)),) for one in space.parameters]
    wanted = conditions + [
        (named[name],) if name in named else _names_of_response(name) for name in responses
    ]
    places = _places(path, head, wanted)
    usable, left_out = [], 0
    for line, row in rows:
        values = [
            _choice(path, line, one, row[place])
            if one is not None and one.choices
            else _number(path, line, head[place], row[place])
            for one, place in zip_longest(space.parameters, places)
        ]
        if all(map(math.isfinite, values)) and not _is_bad(head, row):
            usable.append(values)
        else:
            left_out += 1
    table = np.array(usable, dtype=float).reshape(len(usable), len(places))
    X, Y = table[:, : len(conditions)], table[:, len(conditions) :]
    return Experiments(X=space.to_unit(X), Y=Y, left_out=left_out)


def _selected(
    path: Path, head: Sequence[str], rows: list[tuple[int, list[str]]], selection: Selection
) -> list[tuple[int, list[str]]]:
    """The rows of the wanted stages and arms."""
    if selection == EVERYTHING:
        return rows
    places = {name.casefold(): place for place, name in enumerate(head)}

    def cells(name: str) -> list[str]:
        place = places.get(name)
        return ["" for _ in rows] if place is None else [row[place] for _, row in rows]

    stages, arms = cells("stage"), cells("arm")
    selection.require_known({*stages} - {""}, {*arms} - {""}, path)
    each = zip(rows, stages, arms, strict=True)
    return [row for row, stage, arm in each if selection.takes(stage, arm or None)]


def _names_of_response(name: str) -> tuple[str, ...]:
    """The name of a response, and the long name that published tables use."""
    long = [re.sub(pattern, text, name) for pattern, text in _LONG_NAMES]
    return (name, *(one for one in long if one != name))


def _read(path: Path) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """Names of the columns, and every row with its line in the file."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file)
            lines = [
                (reader.line_num, [cell.strip() for cell in row])
                for row in islice(reader, MOST_ROWS + 2)
                if row
            ]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path} cannot be read as CSV in UTF-8: {error}") from error
    if not lines:
        raise InputError(f"{path} is empty; expected a line with the names of the columns")
    (_, head), *rows = lines
    if len(rows) > MOST_ROWS:
        raise InputError(f"{path} has more than {MOST_ROWS} experiments; models read no more")
    for line, row in rows:
        if len(row) != len(head):
            raise InputError(f"{path}:{line}: {len(row)} values in {len(head)} columns")
    return head, rows


def _places(path: Path, head: Sequence[str], wanted: Sequence[tuple[str, ...]]) -> list[int]:
    """Positions of the wanted columns, each of which has one of several names."""
    known = {name.casefold(): place for place, name in enumerate(head)}
    found = [
        next((known[n.casefold()] for n in names if n.casefold() in known), None)
        for names in wanted
    ]
    missing = [names for names, place in zip(wanted, found, strict=True) if place is None]
    if missing:
        hints = "; ".join(_missing(names, head) for names in missing)
        raise InputError(
            f"{path}: {hints}\n"
            f"  found:    {textwrap.shorten(', '.join(head), LONGEST_HEAD, placeholder=' …')}\n"
            f"  expected: {', '.join(' or '.join(names) for names in wanted)}\n"
            "a response in a column of another name: --response NAME=COLUMN"
        )
    return [place for place in found if place is not None]


def _missing(names: tuple[str, ...], head: Sequence[str]) -> str:
    beside = [n.casefold() for n in head[:100] if len(n) < 100]
    near = difflib.get_close_matches(names[0].casefold(), beside, n=1)
    hint = f" (did you mean {near[0]!r}?)" if near else ""
    return f"no column {names[0]!r}{hint}"


def _number(path: Path, line: int, column: str, text: str) -> float:
    """The number in a cell; nan for an empty one."""
    try:
        return float(text) if text else math.nan
    except ValueError:
        raise InputError(
            f"{path}:{line}: {column} is {text[:60]!r}, which is not a number"
        ) from None


def _choice(path: Path, line: int, parameter: Parameter, text: str) -> float:
    """The number of a choice in a cell; nan for an empty one."""
    if text not in parameter.choices:
        text = text.removeprefix("'")  # before what a spreadsheet takes for a formula
    try:
        return parameter.number_of(text) if text else math.nan
    except OutOfRangeError as error:
        raise InputError(f"{path}:{line}: {error}") from None


def _is_bad(head: Sequence[str], row: Sequence[str]) -> bool:
    """Whether a row is of bad quality, or of a study that looked before its steady state."""
    return any(
        (name.casefold(), cell.casefold()) in {("quality", "bad"), ("settled", "no")}
        for name, cell in zip(head, row, strict=True)
    )
