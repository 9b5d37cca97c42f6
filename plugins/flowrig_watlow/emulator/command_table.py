"""The table of SCPI commands of an emulated instrument, and the match of a line with a command.

Rules of headers, short forms and numeric suffixes: SCPI-99, volume 1, chapter 6.
"""

import re
from collections.abc import Callable, Sequence

from attrs import frozen

__all__ = ["Command", "CommandTable", "short_form", "words"]

_COLON_BLANK = re.compile(r":\s+")
_KEYWORD = re.compile(r"(\[?):?([A-Za-z*]+)(#?)\]?")

Action = Callable[[int, str], str | None]
"""Takes the numeric suffix of the header (1 if there is none) and the parameter; returns the
answer, or None for no answer. Raises ValueError if the instrument does not accept them."""


def short_form(keyword: str) -> str:
    """The short form of a keyword: its first four letters, or three if the fourth is a vowel."""
    if len(keyword) <= 4:
        return keyword
    return keyword[:3] if keyword[3] in "AEIOU" else keyword[:4]


def words(*printed: str) -> dict[str, str]:
    """The long form of each word of a list, by its long and its short forms in upper case.

    Args:
        printed: words as a vendor prints them, with the short form in capitals, as `MINutes`.
    """
    return {form: word.upper() for word in printed for form in _forms(word)}


def _forms(printed: str) -> set[str]:
    """Long form, short form as printed, and short form by the rule."""
    long = printed.upper()
    capitals = re.match("[^a-z]*", printed)
    assert capitals is not None
    return {long, capitals[0].rstrip("#") or long, short_form(long)}


@frozen
class Command:
    """One command or query.

    Attributes:
        header: the header as a vendor prints it: each keyword with its short form in capitals,
            `#` for a numeric suffix, brackets around a keyword that may be left out, and `?` at
            the end of a query.
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
        self._found: dict[str, tuple[Action, int]] = {}

    def run(self, line: str) -> str | None:
        """Carry out one line.

        Returns:
            the answer, or None for a command without an answer.

        Raises:
            ValueError: the command does not exist, or its parameter is not accepted.
        """
        # A vendor's table has a blank behind a colon: ":PROGRAM: SELECTED:STATE PAUSE".
        header, _, parameter = _COLON_BLANK.sub(":", line.strip()).partition(" ")
        action, suffix = self._found.get(header) or self._find(header)
        return action(suffix, parameter.strip())

    def _find(self, header: str) -> tuple[Action, int]:
        """The action of a header, and its suffix; both are kept for the next time."""
        for pattern, action in self._entries:
            match = pattern.fullmatch(header)
            if match:
                found = self._found[header] = action, int(match["suffix"] or 1)
                return found
        raise ValueError(f"no command {header!r}")


def _pattern(header: str) -> re.Pattern[str]:
    pattern = ":?"
    for number, (bracket, keyword, suffix) in enumerate(_KEYWORD.findall(header)):
        one = "|".join(sorted(map(re.escape, _forms(keyword)), reverse=True))
        node = f"(?:{one})" + ("(?P<suffix>[0-9]{0,3})" if suffix else "")
        node = f":{node}" if number else node
        pattern += f"(?:{node})?" if bracket else node
    pattern += r"\?" if header.endswith("?") else ""
    return re.compile(pattern if "#" in header else f"{pattern}(?P<suffix>)", re.IGNORECASE)
