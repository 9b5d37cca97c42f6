"""The table of SCPI commands of an emulated instrument, and the match of a line with a command.

Rules of headers, short forms and numeric suffixes: SCPI-99, volume 1, chapter 6.
"""

import re
from collections.abc import Callable, Sequence

from attrs import frozen

__all__ = ["Command", "CommandTable", "short_form"]

Action = Callable[[int, str], str | None]
"""Takes the numeric suffix of the header (1 if there is none) and the parameter; returns the
answer, or None for no answer. Raises ValueError if the instrument does not accept them."""


def short_form(keyword: str) -> str:
    """The short form of a keyword: its first four letters, or three if the fourth is a vowel."""
    if len(keyword) <= 4:
        return keyword
    return keyword[:3] if keyword[3] in "AEIOU" else keyword[:4]


@frozen
class Command:
    """One command or query.

    Attributes:
        header: the long form in upper case; `#` stands for a numeric suffix, and a query ends
            with `?`.
        action: carries the command out.
    """

    header: str
    action: Action


class CommandTable:
    """Finds and carries out the command in a line; case and a leading colon do not matter.

    Args:
        commands: all commands of the instrument.
    """

    def __init__(self, commands: Sequence[Command]) -> None:
        self._entries = [(_pattern(command.header), command.action) for command in commands]

    def run(self, line: str) -> str | None:
        """Carry out one line.

        Returns:
            the answer, or None for a command without an answer.

        Raises:
            ValueError: the command does not exist, or its parameter is not accepted.
        """
        header, _, parameter = line.strip().partition(" ")
        for pattern, action in self._entries:
            match = pattern.fullmatch(header)
            if match:
                return action(int(match["suffix"] or 1), parameter.strip())
        raise ValueError(f"no command {header!r}")


def _pattern(header: str) -> re.Pattern[str]:
    is_query = header.endswith("?")
    keywords = [_keyword_pattern(keyword) for keyword in header.rstrip("?").split(":")]
    suffix = "" if "#" in header else "(?P<suffix>)"
    return re.compile(":?" + ":".join(keywords) + (r"\?" if is_query else "") + suffix, re.I)


def _keyword_pattern(keyword: str) -> str:
    name = keyword.rstrip("#")
    suffix = "(?P<suffix>[0-9]{0,3})" if keyword.endswith("#") else ""
    return f"(?:{re.escape(name)}|{re.escape(short_form(name))}){suffix}"
