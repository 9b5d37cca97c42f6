"""Reads TOML text into plain values with their places, and resolves `extends`."""

import copy
import hashlib
import json
import math
import re
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path as FilePath
from typing import Any

import attrs
from attrs import field, frozen

from flowrig.profile.problems import Finding, Path, Place, Problem, ProfileError, nearest, shown
from flowrig.profile.toml_positions import Lines, Span, TomlShapeError, scan

__all__ = [
    "BY_NAME",
    "LARGEST_TABLE",
    "LONGEST_CHAIN",
    "LONGEST_TEXT",
    "Document",
    "Spot",
    "extended",
    "parse_text",
    "read_document",
    "value_at",
]

BY_NAME: Mapping[Path, bool] = {
    ("space",): True,
    ("gates",): True,
    ("interlocks",): False,
    ("campaign", "stages"): True,
    ("stages",): True,
}
"""Arrays whose entries may be written as `[KEY.NAME]`, and whether an entry has a key `name` too;
`stages` is for the file of a campaign."""

UNSET = "unset"
"""Key with the inherited keys that a profile leaves out."""

LONGEST_TEXT = 200_000
"""Size [bytes] of the longest file that is read; a profile has about 10 kB."""

LARGEST_TABLE = 1000
"""Largest number of keys in a table, or of elements in an array."""

LONGEST_CHAIN = 16
"""Largest number of files that extend each other."""

Finder = Callable[[str, FilePath], FilePath]
"""Finds a file from a name or relative path, and the folder of the file that names it."""

_CHOICES = ("driver", "world", "name")
"""Keys that select a driver, world, objective or surrogate, and so the other keys of a table."""

_TOMLLIB_PLACE = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)$")
"""Place at the end of a message of tomllib, which has no attributes for it before Python 3.14."""


@frozen
class Spot:
    """Places where a key and its value were last set, and where a text starts inside its quotes."""

    key: Place
    value: Place
    text: Place | None = None


@frozen
class Document:
    """The content of a profile or campaign as plain values, with the place of each value.

    Attributes:
        file: the file, as people should see it.
        content: tables as dicts, arrays as lists.
        spots: by the path of keys and indices that leads to a value.
        replaced_rules: what the interlocks were about that an array of interlocks replaces, in
            files that this one extends.
    """

    file: str
    content: dict[str, Any]
    spots: Mapping[Path, Spot] = field(factory=dict)
    replaced_rules: tuple[str, ...] = ()

    @property
    def digest(self) -> str:
        """SHA-256 of the content, whatever the order of its keys and wherever they were set."""
        text = json.dumps(
            self.content, sort_keys=True, ensure_ascii=False, separators=(",", ":"), default=str
        )
        return hashlib.sha256(text.encode()).hexdigest()

    def problem(self, finding: Finding) -> Problem:
        """The problem of a finding, at the place of its path, or else of its table."""
        return Problem(self._place(finding), finding.message, finding.expected, finding.nearest)

    def _place(self, finding: Finding) -> Place:
        for length in range(len(finding.path), 0, -1):
            spot = self.spots.get(finding.path[:length])
            if spot is None:
                continue
            if length < len(finding.path) or finding.on_key:
                return spot.key
            if finding.offset is None or spot.text is None:
                return spot.value
            return attrs.evolve(spot.text, column=spot.text.column + finding.offset)
        return Place(self.file)

    def over(self, base: "Document") -> "Document":
        """This document on top of another: tables merge, arrays and values replace.

        A table that names another driver, world, objective or surrogate replaces the old table,
        whose settings belong to the old choice; so does a campaign with an array of stages. Over
        an array whose entries have names, a table changes or adds the entries that it names.
        """
        arrays = [path for path in BY_NAME if isinstance(value_at(self.content, path), dict)]
        base = base.by_name(arrays)
        replaced: set[Path] = set()
        content = _merged(base.content, self.content, (), replaced)
        spots = {path: spot for path, spot in base.spots.items() if not _within(path, replaced)}
        spots |= {path: spot for path, spot in self.spots.items() if _within(path, replaced)}
        rules = base.replaced_rules + self.replaced_rules
        if isinstance(self.content.get("interlocks"), list):
            rules += _rules(base.content.get("interlocks"))
        return Document(self.file, content, spots, rules)

    def by_name(self, arrays: Iterable[Path]) -> "Document":
        """This document with some arrays as tables by the names of their entries.

        Args:
            arrays: paths of `BY_NAME`; what is no array there stays as it is. An entry without a
                name of its own is called by its number, `#1` and so on.
        """
        content, spots = self.content, dict(self.spots)
        for path in arrays:
            entries = value_at(content, path)
            if not isinstance(entries, list):
                continue
            table = _by_name(entries, own=BY_NAME[path])
            content = _with_value(content, path, table)
            names, depth = list(table), len(path)
            for at in [one for one in spots if _is_below(one, path)]:
                index = at[depth]
                assert isinstance(index, int)
                spots[*path, names[index], *at[depth + 1 :]] = spots.pop(at)
        return attrs.evolve(self, content=content, spots=spots)

    def without(self, key: str) -> "Document":
        """This document without a top-level key."""
        content = {name: value for name, value in self.content.items() if name != key}
        spots = {path: spot for path, spot in self.spots.items() if path[0] != key}
        return attrs.evolve(self, content=content, spots=spots)

    def without_each(self, paths: Mapping[Path, Place], user: "Document") -> "Document":
        """This document without some keys.

        Args:
            paths: of the keys, each with the place that names it.
            user: the document that inherits.

        Raises:
            ProfileError: there is no such key.
        """
        named = self.by_name(one for one in BY_NAME if any(_is_below(path, one) for path in paths))
        content = copy.deepcopy(named.content)
        for path, place in paths.items():
            holder: Any = content
            for length, key in enumerate(path, 1):
                if not isinstance(holder, dict) or key not in holder:
                    message = f"{'.'.join(map(str, path[:length]))!r} is not inherited"
                    known = holder if isinstance(holder, dict) else ()
                    expected = f"a key that {user.content['extends']!r} has"
                    raise _refused(place, message, expected, nearest(key, known))
                if length < len(path):
                    holder = holder[key]
            del holder[path[-1]]
        spots = {path: spot for path, spot in named.spots.items() if not _within(path, set(paths))}
        return attrs.evolve(self, content=content, spots=spots)

    def below(self, key: str) -> "Document":
        """This document as the content of one table of another."""
        top = Place(self.file)
        spots = {(key, *path): spot for path, spot in self.spots.items()}
        return Document(self.file, {key: self.content}, {(key,): Spot(top, top)} | spots)


def _merged(
    base: Mapping[str, Any], upper: Mapping[str, Any], path: Path, replaced: set[Path]
) -> dict[str, Any]:
    """Two tables as one; the paths that `upper` replaced or added are put into `replaced`."""
    merged = dict(base)
    for key, value in upper.items():
        old = base.get(key)
        if isinstance(value, dict) and isinstance(old, dict) and not _means_another(old, value):
            merged[key] = _merged(old, value, (*path, key), replaced)
        else:
            merged[key] = value
            replaced.add((*path, key))
    return merged


def _means_another(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    """Whether a table is about another thing than the one that it extends."""
    return isinstance(new.get("stages"), list) or any(
        isinstance(new.get(key), str) and old.get(key) != new[key] for key in _CHOICES
    )


def value_at(content: Mapping[str, Any], path: Path) -> Any:
    """The value at a path; None if there is none."""
    value: Any = content
    for key in path:
        if not isinstance(value, dict):
            return None
        value = value.get(key)
    return value


def _with_value(content: Mapping[str, Any], path: Path, value: Any) -> dict[str, Any]:
    """A copy of tables with another value at a path."""
    key, *rest = path
    inner = _with_value(content[str(key)], tuple(rest), value) if rest else value
    return {**content, str(key): inner}


def _by_name(entries: list[Any], *, own: bool) -> dict[str, Any]:
    """The entries of an array by their names, where they have one that no other has."""
    given = [one.get("name") if own and isinstance(one, dict) else None for one in entries]
    table: dict[str, Any] = {}
    for number, (name, entry) in enumerate(zip(given, entries, strict=True), 1):
        if isinstance(name, str) and given.count(name) == 1:
            table[name] = {key: value for key, value in entry.items() if key != "name"}
        else:
            table[f"#{number}"] = entry
    return table


def _is_below(path: Path, top: Path) -> bool:
    return len(path) > len(top) and path[: len(top)] == top


def _within(path: Path, roots: set[Path]) -> bool:
    return any(path[:length] in roots for length in range(1, len(path) + 1))


def parse_text(text: str, file: str) -> Document:
    """Read a TOML text on its own, without following `extends`.

    Raises:
        ProfileError: the text is not TOML, too long, or nested too deeply.
    """
    if len(text) > LONGEST_TEXT:
        raise _refused(Place(file), "the file is too large", f"at most {LONGEST_TEXT} characters")
    text = text.removeprefix("\ufeff")
    lines = Lines(text)
    try:
        spans = scan(text)
        content = tomllib.loads(text)
    except TomlShapeError as error:
        place = Place(file, *lines.locate(error.offset))
        raise _refused(place, f"not TOML: {error.message}", error.expected) from error
    except ValueError as error:
        raise _not_toml(error, file) from error
    except RecursionError as error:
        raise _refused(Place(file), "not TOML: nested too deeply") from error
    spots = {path: _spot(span, lines, file) for path, span in spans.items()}
    document = Document(file, content, spots)
    unusable = [document.problem(finding) for finding in _unusable(content, ())]
    if unusable:
        raise ProfileError(unusable)
    return document


def _not_toml(error: ValueError, file: str) -> ProfileError:
    """A problem at the place that tomllib reports."""
    found = _TOMLLIB_PLACE.search(str(error))
    message = _TOMLLIB_PLACE.sub("", str(error))
    line, column = (int(found[1]), int(found[2])) if found and found[1] else (1, 1)
    return _refused(Place(file, line, column), f"not TOML: {message}")


def _spot(span: Span, lines: Lines, file: str) -> Spot:
    def place(offset: int) -> Place:
        return Place(file, *lines.locate(offset))

    text = None if span.text is None else place(span.text)
    return Spot(place(span.key), place(span.value), text)


def _unusable(value: Any, path: Path) -> Iterator[Finding]:
    if isinstance(value, (dict, list)) and len(value) > LARGEST_TABLE:
        yield Finding(path, f"{len(value)} entries", expected=f"at most {LARGEST_TABLE}")
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from _unusable(inner, (*path, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _unusable(inner, (*path, index))
    elif isinstance(value, float) and not math.isfinite(value):
        yield Finding(path, f"{value} is not finite", expected="a finite number")
    elif isinstance(value, int) and not -(2**63) <= value < 2**63:
        yield Finding(path, "the number is too large", expected="at most 64 bits")


def _rules(interlocks: Any) -> tuple[str, ...]:
    """What interlocks are about: the reading, or the kind."""
    entries = interlocks.values() if isinstance(interlocks, dict) else interlocks or ()
    tables = (one for one in entries if isinstance(one, dict))
    return tuple(str(one.get("reading") or one.get("kind")) for one in tables)


def read_document(file: FilePath, find: Finder) -> Document:
    """Read a file and everything that it extends.

    Args:
        file: the file.
        find: finds the file that `extends` names.

    Raises:
        ProfileError: one of the files cannot be read or is not TOML, or they extend each other in
            a circle.
    """
    return extended(parse_text(_read(file, Place(str(file))), str(file)), find)


def extended(document: Document, find: Finder) -> Document:
    """A document on top of everything that it extends; names are not inherited.

    Raises:
        ProfileError: as `read_document`.
    """
    chain, seen = [_with_commissioning(document)], [_resolved(document.file)]
    while "extends" in chain[-1].content:
        last = chain[-1]
        place = last.spots["extends",].value
        file = _base_file(last, place, find)
        if _resolved(str(file)) in seen:
            names = " extends ".join(FilePath(one.file).name for one in (*chain, chain[0]))
            raise _refused(place, f"these profiles extend each other in a circle: {names}")
        if len(chain) >= LONGEST_CHAIN:
            raise _refused(place, f"more than {LONGEST_CHAIN} profiles extend each other")
        seen.append(_resolved(str(file)))
        chain.append(_with_commissioning(parse_text(_read(file, place), str(file))))
    merged = chain[-1]
    if UNSET in merged.content:
        raise _refused(
            merged.spots[UNSET,].key, f"`{UNSET}` without `extends`: nothing is inherited"
        )
    for upper in reversed(chain[:-1]):
        kept = merged.without("name").without_each(_unset_paths(upper), upper)
        merged = upper.without("extends").without(UNSET).over(kept)
    return merged


def _unset_paths(document: Document) -> dict[Path, Place]:
    """Paths of the inherited keys that a document leaves out, each with its place."""
    listed = document.content.get(UNSET, [])
    expected = 'an array of inherited keys, such as ["calibration.flow_rates.PFO"]'
    if not isinstance(listed, list):
        raise _refused(document.spots[UNSET,].value, f"got {shown(listed)}", expected)
    found: dict[Path, Place] = {}
    for number, text in enumerate(listed):
        place = document.spots[UNSET, number].value
        path = _dotted(text)
        if not path:
            raise _refused(place, f"got {shown(text)}", expected)
        found[path] = place
    return found


def _dotted(text: Any) -> Path:
    """The path of a dotted key, as TOML writes it; empty if it is none."""
    try:
        table: Any = tomllib.loads(f"{text} = 0") if isinstance(text, str) else {}
    except (ValueError, RecursionError):
        return ()
    path: list[str] = []
    while isinstance(table, dict):
        if len(table) != 1:
            return ()
        ((key, table),) = table.items()
        path.append(key)
    return tuple(path)


def _with_commissioning(document: Document) -> Document:
    """A document with the content of its commissioning file in place of the file's path."""
    supervision = document.content.get("supervision")
    if not isinstance(supervision, dict) or not isinstance(supervision.get("commissioning"), str):
        return document
    here = ("supervision", "commissioning")
    spot = document.spots[here]
    file = FilePath(document.file).parent / supervision["commissioning"]
    measured = parse_text(_read(file, spot.value), str(file))
    content = document.content | {"supervision": supervision | {here[1]: measured.content}}
    below = {(*here, *path): where for path, where in measured.spots.items()}
    return Document(document.file, content, {**document.spots, **below})


def _base_file(document: Document, place: Place, find: Finder) -> FilePath:
    name = document.content["extends"]
    if not isinstance(name, str):
        raise _refused(place, f"got {shown(name)}", "the name of a profile")
    try:
        return find(name, FilePath(document.file).parent)
    except ProfileError as error:
        first = error.problems[0]
        raise _refused(place, first.message, first.expected, first.nearest) from error


def _resolved(file: str) -> FilePath:
    return FilePath(file).resolve()


def _read(file: FilePath, place: Place) -> str:
    """The text of a file; a problem is reported at `place` if there is none."""
    try:
        with file.open("rb") as stream:
            data = stream.read(LONGEST_TEXT + 1)
    except (OSError, ValueError) as error:  # ValueError: a name with a NUL
        reason = getattr(error, "strerror", None) or str(error)
        raise _refused(place, f"{file} cannot be read: {reason}") from error
    if len(data) > LONGEST_TEXT:
        raise _refused(Place(str(file)), "the file is too large", f"at most {LONGEST_TEXT} bytes")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        good = data[: error.start].decode("utf-8")
        spot = Place(str(file), *Lines(good).locate(len(good)))
        raise _refused(spot, "the file is not UTF-8 text") from error


def _refused(place: Place, message: str, expected: str = "", nearest: str = "") -> ProfileError:
    return ProfileError([Problem(place, message, expected, nearest)])
