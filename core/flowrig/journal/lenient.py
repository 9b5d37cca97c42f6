"""Reads events of which a field cannot be read: the field is replaced, or the event is set aside.

A journal is the only record of a run, so one wrong field must not cost the others. A text takes the
raw value in words; a field that may be empty is empty. Where neither is possible, and wherever the
account of liquid depends on the event, the whole event is set aside as `Unreadable`.
"""

import copy
import json
from collections.abc import Mapping, Sequence
from types import NoneType
from typing import Annotated, Any, get_args, get_origin

from attrs import fields, frozen, resolve_types

from flowrig.journal.events import KINDS, EventData, Liquid, Unreadable, data_from_json
from flowrig.journal.fields import FieldError, Fields, Key

__all__ = ["Read", "read_event"]

MOST_REPAIRS = 50
"""Fields of one event that are replaced; an event with more of them is set aside."""

LONGEST_RAW = 200
"""Largest number of characters of a raw value in the place of a text."""


@frozen
class Read:
    """What an event holds, as far as it can be read.

    Attributes:
        data: what it holds; `Unreadable` if it is set aside.
        problems: the fields that were replaced, or why it is set aside; empty if all is as written.
    """

    data: EventData
    problems: tuple[str, ...] = ()


def read_event(kind: str, content: Mapping[str, Any]) -> Read:
    """What an event of a kind holds; never raises an error, whatever the content is.

    Args:
        kind: as the journal names it.
        content: its data, without digests of arrays.
    """
    problems: list[str] = []
    repaired: Any = content
    for _ in range(MOST_REPAIRS):
        try:
            return Read(data_from_json(kind, repaired), tuple(problems))
        except RecursionError:
            problems.append("is nested too deeply")
            break
        except FieldError as error:
            problems.append(str(error))
            if repaired is content:
                repaired = copy.deepcopy(dict(content))
            if not _repair(KINDS[kind], repaired, error.path):
                break
    aside = Unreadable(kind=kind, extra=dict(content), problem="; ".join(problems))
    return Read(aside, tuple(problems))


def _repair(kind: type[EventData], content: dict[str, Any], path: Sequence[str]) -> bool:
    """Replace the value at a path, or a part that holds it; whether that is possible."""
    if kind.LIQUID is Liquid.COUNTED:
        return False
    steps = _steps(kind, content, path)
    if not steps:
        return False
    holder, key, hint = steps[-1]
    if hint is str and len(steps) == len(path):
        holder[key] = _in_words(holder[key]) if _has(holder, key) else ""
        return True
    for holder, key, hint in reversed(steps):
        if NoneType in get_args(hint):
            holder[key] = None
            return True
    return False


def _has(holder: Any, key: Any) -> bool:
    return isinstance(holder, list) or key in holder


def _in_words(value: Any) -> str:
    if value is None:
        return ""
    return json.dumps(value, ensure_ascii=True)[:LONGEST_RAW]


Step = tuple[Any, Any, Any]
"""A table or list, a key or index in it, and the type of the value there."""


def _steps(kind: type[Fields], content: Any, path: Sequence[str]) -> list[Step]:
    """The way to a value, as far as tables and lists lead there."""
    steps: list[Step] = []
    holder, hint = content, Any
    inside: Any = kind
    for name in path:
        entry = _entry(inside, holder, name)
        if entry is None:
            break
        key, hint = entry
        steps.append((holder, key, hint))
        if not _has(holder, key):
            break
        holder, inside = holder[key], _plain(hint)
    return steps


def _entry(inside: Any, holder: Any, name: str) -> tuple[Any, Any] | None:
    """Key or index, and type, of a named entry of a table or list; None if there is none."""
    if isinstance(inside, type) and issubclass(inside, Fields) and isinstance(holder, dict):
        resolve_types(inside, include_extras=True)
        for one in fields(inside):
            if Key.of(one.type, one.name) == name:
                return name, one.type
        return None
    arguments = get_args(inside)
    if isinstance(holder, dict) and len(arguments) == 2 and get_origin(inside) is not tuple:
        return (name, arguments[1]) if name in holder else None
    if isinstance(holder, list) and get_origin(inside) is tuple and name.isdecimal():
        index = int(name) - 1
        if 0 <= index < len(holder):
            return index, arguments[0] if arguments[-1] is Ellipsis else arguments[index]
    return None


def _plain(hint: Any) -> Any:
    """A type without the marks of a key, of bounds, and of a value that may be empty."""
    if get_origin(hint) is Annotated:
        return _plain(get_args(hint)[0])
    if NoneType in get_args(hint):
        return next(_plain(one) for one in get_args(hint) if one is not NoneType)
    return hint
