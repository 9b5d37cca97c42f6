"""Positions of all keys and values in a TOML text.

The scanner follows the structure of TOML (headers, keys, strings, arrays, inline tables); tomllib
reads the values. Offsets are counted in the text itself, so they are exact for any order of the
tables. The scanner also finds mistakes that tomllib reports without a useful position: brackets and
quotes that are not closed, and keys that are written twice.
"""

import re
import tomllib
from bisect import bisect_right
from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType

from attrs import define, field, frozen

from flowrig.profile.problems import Path

__all__ = ["DEEPEST", "Lines", "Span", "TomlShapeError", "scan"]

DEEPEST = 24
"""Largest number of keys and indices that lead to a value."""

_BLANK = re.compile(r"[ \t]*")
_BLANK_LINES = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_QUOTED_KEY = re.compile(r'"(?:[^"\\\n]|\\[^\n])*"|\'[^\'\n]*\'')
_STRING = re.compile(
    r'"""(?:[^\\]|\\[\s\S])*?"{3,5}|\'\'\'[\s\S]*?\'{3,5}'
    r'|"(?!"")(?:[^"\\\n]|\\[^\n])*"|\'(?!\'\')[^\'\n]*\''
)
_SCALAR = re.compile(r"[^\s,\]}#]+(?: \d\d:[^\s,\]}#]+)?")
_END_OF_LINE = re.compile(r"(?:#[^\n]*)?\r?(?:\n|\Z)")


class TomlShapeError(ValueError):
    """The text is not TOML.

    Attributes:
        message: what is wrong.
        offset: position of the mistake, in characters from the start.
        expected: the correct text, as a noun phrase.
    """

    def __init__(self, offset: int, message: str, expected: str = "") -> None:
        super().__init__(message)
        self.offset = offset
        self.message = message
        self.expected = expected


@frozen
class Span:
    """Start of a key and its value, in characters from the start of the text.

    The two are equal for elements of an array, which have no key, and for tables with a header,
    whose only text is the header.

    Attributes:
        key: start of the key.
        value: start of the value with its opening quote or bracket.
        text: start of the characters inside the quotes; None for a text with escapes or several
            lines, in which offsets differ from those of the value.
    """

    key: int
    value: int
    text: int | None = None


class Lines:
    """Line and column of an offset."""

    def __init__(self, text: str) -> None:
        self._starts = [0, *(match.end() for match in re.finditer("\n", text))]

    def locate(self, offset: int) -> tuple[int, int]:
        """Line and column, both from 1, of an offset in characters."""
        line = bisect_right(self._starts, offset)
        return line, offset - self._starts[line - 1] + 1


@lru_cache(maxsize=16)
def scan(text: str) -> Mapping[Path, Span]:
    """Start of every key and value of a TOML text, by the path that leads to it.

    Raises:
        TomlShapeError: a bracket or quote is not closed, a key or value is missing, a key is
            written twice, or values are nested deeper than `DEEPEST`.
    """
    scanner = _Scanner(text)
    scanner.document()
    return MappingProxyType(scanner.spans)  # kept for the next profile that extends this text


@define
class _Scanner:
    text: str
    at: int = 0
    spans: dict[Path, Span] = field(factory=dict)
    elements: dict[Path, int] = field(factory=dict)
    headers: set[Path] = field(factory=set)
    values: set[Path] = field(factory=set)

    def document(self) -> None:
        table: Path = ()
        self._skip(_BLANK_LINES)
        while self.at < len(self.text):
            if self.text[self.at] == "[":
                table = self._header()
            else:
                self._key_value(table)
            self._skip(_BLANK)
            end = _END_OF_LINE.match(self.text, self.at)
            if end is None:
                raise TomlShapeError(self.at, "unexpected text", "a new line")
            self.at = end.end()
            self._skip(_BLANK_LINES)

    def _skip(self, pattern: re.Pattern[str]) -> None:
        match = pattern.match(self.text, self.at)
        if match is not None:
            self.at = match.end()

    def _take(self, token: str, expected: str) -> None:
        if not self.text.startswith(token, self.at):
            what = "unexpected text" if self.at < len(self.text) else "the file ends here"
            raise TomlShapeError(self.at, what, expected)
        self.at += len(token)

    def _header(self) -> Path:
        opening = "[[" if self.text.startswith("[[", self.at) else "["
        self.at += len(opening)
        parts = self._key()
        closing = "]" * len(opening)
        self._take(closing, f'"{closing}" to close the header')
        *_, (name, offset) = parts
        parent = self._descend((), parts[:-1])
        path = (*parent, name)
        self._require_shallow(path, offset)
        if opening == "[[":
            return self._new_element(path, offset)
        path = self._inside(path)
        if path in self.headers or path in self.values or path[:-1] in self.elements:
            raise self._twice(path, offset)
        self.headers.add(path)
        self.spans[path] = Span(offset, offset)
        return path

    def _new_element(self, path: Path, offset: int) -> Path:
        if path in self.spans and path not in self.elements:
            raise self._twice(path, offset)
        index = self.elements.get(path, 0)
        self.elements[path] = index + 1
        self.spans.setdefault(path, Span(offset, offset))
        self.spans[(*path, index)] = Span(offset, offset)
        return (*path, index)

    def _inside(self, path: Path) -> Path:
        """The path itself or, for an array of tables, that of its last element so far."""
        count = self.elements.get(path)
        return path if count is None else (*path, count - 1)

    def _descend(self, base: Path, parts: list[tuple[str, int]]) -> Path:
        path = base
        for name, offset in parts:
            path = (*path, name)
            self._require_shallow(path, offset)
            if path in self.values:
                raise self._twice(path, offset)
            self.spans.setdefault(path, Span(offset, offset))
            path = self._inside(path)
        return path

    def _key_value(self, table: Path) -> None:
        parts = self._key()
        self._take("=", '"=" and a value after the key')
        self._skip(_BLANK)
        *_, (name, offset) = parts
        path = (*self._descend(table, parts[:-1]), name)
        self._require_shallow(path, offset)
        if path in self.spans:
            raise self._twice(path, offset)
        self.values.add(path)
        self._value(path, offset)

    def _key(self) -> list[tuple[str, int]]:
        parts = []
        while True:
            self._skip(_BLANK)
            start = self.at
            parts.append((self._key_part(), start))
            self._skip(_BLANK)
            if not self.text.startswith(".", self.at):
                return parts
            self.at += 1

    def _key_part(self) -> str:
        bare = _BARE_KEY.match(self.text, self.at)
        if bare is not None:
            self.at = bare.end()
            return bare[0]
        quoted = _QUOTED_KEY.match(self.text, self.at)
        if quoted is None:
            raise TomlShapeError(self.at, "unexpected text", "a key")
        try:
            name = str(tomllib.loads(f"key = {quoted[0]}")["key"])
        except tomllib.TOMLDecodeError as error:
            raise TomlShapeError(self.at, f"{quoted[0]} is not a key: {error}") from error
        self.at = quoted.end()
        return name

    def _value(self, path: Path, key: int) -> None:
        self.spans[path] = Span(key, self.at)
        match self.text[self.at : self.at + 1]:
            case "[":
                self._array(path)
            case "{":
                self._inline_table(path)
            case '"' | "'":
                self.spans[path] = Span(key, self.at, self._string())
            case _:
                self._scalar()

    def _string(self) -> int | None:
        """Skip a string; returns the start of its text, or None for one with escapes or lines."""
        start, string = self.at, _STRING.match(self.text, self.at)
        if string is None:
            raise TomlShapeError(self.at, "this text is not closed", "a closing quote")
        self.at = string.end()
        quotes = 3 if string[0].startswith(('"""', "'''")) else 1
        return None if "\\" in string[0] or "\n" in string[0] else start + quotes

    def _scalar(self) -> None:
        scalar = _SCALAR.match(self.text, self.at)
        if scalar is None:
            raise TomlShapeError(self.at, "the value is missing", "a value")
        self.at = scalar.end()

    def _array(self, path: Path) -> None:
        opening, index = self.at, 0
        self.at += 1
        while not self._closed("]", opening, "array"):
            self._require_shallow((*path, index), self.at)
            self._value((*path, index), self.at)
            index += 1
            self._separator("]", opening, "array")

    def _inline_table(self, path: Path) -> None:
        opening = self.at
        self.at += 1
        while not self._closed("}", opening, "table"):
            self._key_value(path)
            self._separator("}", opening, "table")

    def _closed(self, bracket: str, opening: int, what: str) -> bool:
        self._skip(_BLANK_LINES)
        if self.at >= len(self.text):
            raise TomlShapeError(opening, f"this {what} is not closed", f'a closing "{bracket}"')
        if self.text[self.at] != bracket:
            return False
        self.at += 1
        return True

    def _separator(self, bracket: str, opening: int, what: str) -> None:
        self._skip(_BLANK_LINES)
        if self.at >= len(self.text):
            raise TomlShapeError(opening, f"this {what} is not closed", f'a closing "{bracket}"')
        if self.text[self.at] == ",":
            self.at += 1
        elif self.text[self.at] != bracket:
            message = f"unexpected text in the {what} that opens on line"
            line, _ = Lines(self.text).locate(opening)
            raise TomlShapeError(self.at, f"{message} {line}", f'"," or "{bracket}"')

    def _require_shallow(self, path: Path, offset: int) -> None:
        if len(path) > DEEPEST:
            raise TomlShapeError(offset, "nested too deeply", f"at most {DEEPEST} levels")

    def _twice(self, path: Path, offset: int) -> TomlShapeError:
        first = self.spans.get(path)
        where = "" if first is None else f", first on line {Lines(self.text).locate(first.key)[0]}"
        return TomlShapeError(offset, f"{path[-1]!r} is written twice{where}")
