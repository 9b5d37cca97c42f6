"""What is wrong with a profile, where it stands, what was expected and what was meant."""

import difflib
from collections.abc import Iterable
from itertools import islice

from attrs import field, frozen

from flowrig.errors import InputError

__all__ = ["Finding", "Key", "Path", "Place", "Problem", "ProfileError", "nearest", "shown"]

LONGEST_SHOWN = 60
"""Characters of a text that messages repeat."""

MOST_SHOWN = 50
"""Problems that one message lists."""

MOST_COMPARED = 100
"""Names among which the nearest is looked for."""

Key = str | int
Path = tuple[Key, ...]


@frozen(order=True)
class Place:
    """A place in a file.

    Attributes:
        file: as people should see it.
        line: from 1; 0 stands for the file as a whole.
        column: from 1, in characters.
    """

    file: str
    line: int = 1
    column: int = 1

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}" if self.line else self.file


@frozen
class Finding:
    """Something wrong at a path of keys and array indices, not yet located in a file.

    Attributes:
        path: the keys and indices that lead to it.
        message: what is wrong.
        expected: what would have been right, as a noun phrase.
        nearest: the valid name that comes nearest to what was written.
        on_key: whether the key is wrong rather than its value.
        offset: where in the value's text it is wrong, in characters from the opening quote.
    """

    path: Path
    message: str
    expected: str = field(default="", kw_only=True)
    nearest: str = field(default="", kw_only=True)
    on_key: bool = field(default=False, kw_only=True)
    offset: int | None = field(default=None, kw_only=True)


@frozen
class Problem:
    """Something wrong at a place of a file.

    Attributes:
        place: file, line and column.
        message: what is wrong.
        expected: what would have been right, as a noun phrase.
        nearest: the valid name that comes nearest to what was written.
    """

    place: Place
    message: str
    expected: str = ""
    nearest: str = ""

    @property
    def file(self) -> str:
        """The file, as people should see it."""
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
        problems: everything that is wrong, in the order of the files.
    """

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        lines = [str(problem) for problem in self.problems[:MOST_SHOWN]]
        if len(self.problems) > MOST_SHOWN:
            lines.append(f"and {len(self.problems) - MOST_SHOWN} more")
        super().__init__("\n".join(lines))


def nearest(name: object, known: Iterable[object], cutoff: float = 0.55) -> str:
    """The known name that comes nearest to a misspelt one, or "" if none comes near.

    Args:
        name: what was written.
        known: what could have been meant.
        cutoff: the least likeness, from 0 to 1 (`difflib`).
    """
    names = {str(one).casefold(): str(one) for one in islice(known, MOST_COMPARED)}
    wanted = str(name).casefold()[:LONGEST_SHOWN]
    close = difflib.get_close_matches(wanted, names, n=1, cutoff=cutoff)
    return names[close[0]] if close else ""


def shown(value: object) -> str:
    """A value of a TOML file as messages show it: short, and as it was written."""
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
