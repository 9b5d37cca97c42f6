"""Problems of a profile: place, message, expected value and nearest valid name."""

import difflib
from collections.abc import Iterable
from itertools import islice

from attrs import field, frozen

from flowrig.errors import InputError

__all__ = ["Finding", "Key", "Path", "Place", "Problem", "ProfileError", "nearest", "shown"]

LONGEST_SHOWN = 60
"""Largest number of characters of a text in a message."""

MOST_SHOWN = 50
"""Largest number of problems in one message."""

MOST_COMPARED = 100
"""Largest number of names that are compared for the nearest."""

Key = str | int
Path = tuple[Key, ...]


@frozen(order=True)
class Place:
    """A place in a file.

    Attributes:
        file: name of the file in messages.
        line: from 1; 0 for the file as a whole.
        column: from 1, in characters.
    """

    file: str
    line: int = 1
    column: int = 1

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}" if self.line else self.file


@frozen
class Finding:
    """A problem at a path of keys and array indices, without a place in a file yet.

    Attributes:
        path: keys and indices that lead to the problem.
        message: what is wrong.
        expected: the correct value, as a noun phrase.
        nearest: the valid name that is nearest to the given one.
        on_key: whether the key is wrong rather than its value.
        offset: position of the mistake in the text of the value, in characters after the opening
            quote.
    """

    path: Path
    message: str
    expected: str = field(default="", kw_only=True)
    nearest: str = field(default="", kw_only=True)
    on_key: bool = field(default=False, kw_only=True)
    offset: int | None = field(default=None, kw_only=True)


@frozen
class Problem:
    """A problem at a place in a file.

    Attributes:
        place: file, line and column.
        message: what is wrong.
        expected: the correct value, as a noun phrase.
        nearest: the valid name that is nearest to the given one.
    """

    place: Place
    message: str
    expected: str = ""
    nearest: str = ""

    @property
    def file(self) -> str:
        """Name of the file in messages."""
        return self.place.file

    @property
    def line(self) -> int:
        """Line, from 1."""
        return self.place.line

    @property
    def column(self) -> int:
        """Column, from 1, in characters."""
        return self.place.column

    def __str__(self) -> str:
        parts = [f"{self.place}: {self.message}"]
        if self.expected:
            parts.append(f"expected {self.expected}")
        if self.nearest:
            parts.append(f"did you mean {self.nearest!r}?")
        return "; ".join(parts)


class ProfileError(InputError):
    """A profile or campaign cannot be used.

    Attributes:
        problems: all problems, in the order of the files.
    """

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        lines = [str(problem) for problem in self.problems[:MOST_SHOWN]]
        if len(self.problems) > MOST_SHOWN:
            lines.append(f"and {len(self.problems) - MOST_SHOWN} more")
        super().__init__("\n".join(lines))


def nearest(name: object, known: Iterable[object], cutoff: float = 0.55) -> str:
    """The valid name that is nearest to a misspelt one; "" if none is near.

    Args:
        name: the misspelt name.
        known: the valid names.
        cutoff: least similarity, from 0 to 1 (`difflib`).
    """
    names = {str(one).casefold(): str(one) for one in islice(known, MOST_COMPARED)}
    wanted = str(name).casefold()[:LONGEST_SHOWN]
    close = difflib.get_close_matches(wanted, names, n=1, cutoff=cutoff)
    return names[close[0]] if close else ""


def shown(value: object) -> str:
    """A value of a TOML file for messages: short, and as in the file."""
    match value:
        case dict():
            return "a table"
        case list():
            return "an array"
        case bool():
            return str(value).lower()
        case str():
            return f'"{value}"' if len(value) <= LONGEST_SHOWN else f'"{value[:LONGEST_SHOWN]}…"'
    return str(value)
