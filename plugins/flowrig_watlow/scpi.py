"""The instrument's side of SCPI: which command a line means.

Rules of headers, short forms and numeric suffixes: SCPI-99, volume 1, chapter 6.
"""

import re
from collections.abc import Callable, Sequence

from attrs import frozen

__all__ = ["Command", "CommandTable", "short_form"]

Action = Callable[[int, str], str | None]
"""Takes the numeric suffix of the header (1 where there is none) and the parameter; returns the
answer, or None for no answer. Raises ValueError where the instrument does not accept them."""


def short_form(keyword: str) -> str:
    """The short form of a keyword: four letters, or three where the fourth of many is a vowel."""
    if len(keyword) <= 4:
        return keyword
    return keyword[:3] if keyword[3] in "AEIOU" else keyword[:4]


@frozen
class Command:
    """One command, set or question.

    Attributes:
        header: the long form in upper case; `#` stands for a numeric suffix, and a question ends
            with `?`.
        action: what it does.
    """

    header: str
    action: Action


class CommandTable:
    """Finds and carries out the command that a line means; case and leading colon do not matter.

    Args:
        commands: everything that the instrument understands.
    """

    def __init__(self, commands: Sequence[Command]) -> None:
        self._entries = [(_pattern(command.header), command.action) for command in commands]

    def run(self, line: str) -> str | None:
        """Carry out one line.

        Returns:
            the answer, or None where there is none.

        Raises:
            ValueError: no such command, or a parameter that is not accepted.
        """
        header, _, parameter = line.strip().partition(" ")
        for pattern, action in self._entries:
            match = pattern.fullmatch(header)
            if match:
                return action(int(match["suffix"] or 1), parameter.strip())
        raise ValueError(f"no command {header!r}")


def _pattern(header: str) -> re.Pattern[str]:
    question = header.endswith("?")
    keywords = [_keyword_pattern(keyword) for keyword in header.rstrip("?").split(":")]
    suffix = "" if "#" in header else "(?P<suffix>)"
    return re.compile(":?" + ":".join(keywords) + (r"\?" if question else "") + suffix, re.I)


def _keyword_pattern(keyword: str) -> str:
    name = keyword.rstrip("#")
    suffix = "(?P<suffix>[0-9]{0,3})" if keyword.endswith("#") else ""
    return f"(?:{re.escape(name)}|{re.escape(short_form(name))}){suffix}"
