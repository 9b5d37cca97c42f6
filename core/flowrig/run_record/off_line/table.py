"""Results of many experiments from a CSV file."""

import csv
import re
from pathlib import Path

from attrs import frozen

from flowrig.errors import InputError

__all__ = ["ResultRow", "head_of", "rows_of", "words_of"]

_HEAD = re.compile(r"\s*([A-Za-z][A-Za-z0-9_.]*)\s*(?:[\[(]\s*([^\])]*?)\s*[\])])?\s*")

NUMBER_COLUMNS = ("experiment", "index", "number")

SAID = ("by", "series", "at")
"""Columns that are no results."""


@frozen
class ResultRow:
    """A result as a person gives it.

    Attributes:
        place: where it stands, for messages.
        index: number of the experiment.
        words: NAME=VALUE each.
        by: who or what measured it.
        series: of a stored sample: how it was stored.
        at: its age, such as "5 h".
    """

    place: str
    index: int
    words: tuple[str, ...]
    by: str = ""
    series: str = ""
    at: str = ""


def rows_of(path: Path, by: str = "") -> list[ResultRow]:
    """The rows of a table of results.

    Args:
        path: a CSV file in UTF-8 with a head: `experiment`, results as "plqy [%]", `by`, and, of
            stored samples, `series` and `at`, their age, as "at [h]".
        by: who measured where the table does not say it.

    Returns:
        one row for each line with a result.

    Raises:
        InputError: it is no such table; the message names the line.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            lines = list(csv.reader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path} cannot be read as CSV in UTF-8: {error}") from error
    names, units = head_of(lines[0] if lines else [])
    places = [place for place, name in enumerate(names) if name in NUMBER_COLUMNS]
    if len(places) != 1 or not all(names):
        raise InputError(
            f"{path}: line 1: expected a head such as `experiment,plqy [%],by`, got "
            f"{','.join(lines[0]) if lines else 'nothing'!r}"
        )
    found = []
    for number, cells in enumerate(lines[1:], 2):
        if not any(cell.strip() for cell in cells):
            continue
        place = f"{path}: line {number}"
        if len(cells) != len(names):
            raise InputError(f"{place}: {len(cells)} cells, and the head has {len(names)}")
        index = cells[places[0]].strip()
        if not index.isdecimal():
            raise InputError(f"{place}: expected the number of an experiment, got {index!r}")
        words, said = words_of(names, units, cells)
        if words:
            who, how, age = (said.get(name, "") for name in SAID)
            found.append(ResultRow(place, int(index), tuple(words), who or by, how, age))
    if not found:
        raise InputError(f"{path} has no result")
    return found


def head_of(cells: list[str]) -> tuple[list[str], list[str]]:
    """Names and units of the columns of a head such as "plqy [%]"; "" where there is none."""
    head = [_HEAD.fullmatch(cell) for cell in cells]
    names = [one[1] if one else "" for one in head]
    return names, [(one[2] or "") if one else "" for one in head]


def words_of(
    names: list[str], units: list[str], cells: list[str]
) -> tuple[list[str], dict[str, str]]:
    """The results of a row as words, and what it says of them, by the names in `SAID`."""
    words, said = list[str](), dict[str, str]()
    for name, unit, cell in zip(names, units, cells, strict=True):
        if name in NUMBER_COLUMNS or not cell.strip():
            continue
        if name in SAID:
            said[name] = f"{cell.strip()} {unit}".rstrip()
        else:
            words.append(f"{name}={cell.strip()}{unit}")
    return words, said
