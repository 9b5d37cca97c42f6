"""A cattrs converter without silent conversions.

Texts do not become numbers, nor numbers texts; a field whose name ends in a unit takes a quantity;
unknown keys are refused.
"""

import itertools
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from pathlib import Path as FilePath
from typing import Any, Literal, Union

import attrs
from cattrs import Converter
from cattrs.gen import make_dict_structure_fn, override

from flowrig.profile.mismatch import MISFITS, At, Mismatch, toml_key
from flowrig.profile.problems import Key, nearest, shown
from flowrig.profile.quantity import QuantityError, parse_of_a_rig, split_suffix

__all__ = ["NAME", "Hook", "as_table", "as_text", "quantity_hook", "strict_converter"]

NAME = "<name>"
"""Key under which cattrs gets the name of a table; no TOML key of a profile looks like this."""

LIKE = 0.8
"""Similarity above which one name of a table counts as a misspelling of another."""

Hook = Callable[[Any, Any], Any]


def strict_converter(named: Sequence[type] = ()) -> Converter:
    """Make a converter for attrs classes, pairs, arrays, mappings, choices and plain values.

    Args:
        named: classes whose field `name` is the key of their table.
    """
    converter = Converter(detailed_validation=True)
    hook_for = converter.get_structure_hook
    for fits, factory in (
        (attrs.has, lambda cls: _class_hook(cls, converter, cls in named)),
        (_is_tuple, lambda wanted: _tuple_hook(wanted, hook_for)),
        (_is_mapping, lambda wanted: _mapping_hook(wanted, hook_for, named)),
        (_is_choice, lambda wanted: _choice_hook(typing.get_args(wanted))),
        (_is_enum, _enum_hook),
    ):
        converter.register_structure_hook_factory(fits, factory)
    for kind, hook in (
        (str, as_text),
        (bool, _truth),
        (int, _whole),
        (float, _number),
        (FilePath, _file),
    ):
        converter.register_structure_hook(kind, _plain(hook))
    return converter


def _plain(take: Callable[[Any], Any]) -> Hook:
    """A hook for a plain type; cattrs calls it also for enumerations of that type."""
    return lambda value, wanted: (
        _enum_hook(wanted)(value, wanted) if _is_enum(wanted) else take(value)
    )


def _origin(wanted: Any) -> Any:
    """`tuple` for `tuple[int, ...]`, `Literal` for `Literal["a"]`, None for a plain class."""
    return typing.get_origin(wanted)


def _is_tuple(wanted: Any) -> bool:
    return _origin(wanted) is tuple


def _is_choice(wanted: Any) -> bool:
    return _origin(wanted) is Literal


def _is_enum(wanted: Any) -> bool:
    return isinstance(wanted, type) and issubclass(wanted, Enum)


def _is_mapping(wanted: Any) -> bool:
    origin = _origin(wanted)
    return isinstance(origin, type) and issubclass(origin, Mapping)


def _class_hook(cls: type, converter: Converter, is_named: bool) -> Hook:
    """A hook for an attrs class from a table whose keys have no units."""
    attrs.resolve_types(cls)
    overrides: dict[str, Any] = {}
    for attribute in attrs.fields(cls):
        unit = split_suffix(attribute.name)[1]
        hook = quantity_hook(attribute.type, unit) if unit else None
        overrides[attribute.name] = override(rename=toml_key(attribute), struct_hook=hook)
    if is_named:
        overrides["name"] = override(rename=NAME)
    from_table: Hook = make_dict_structure_fn(
        cls, converter, _cattrs_forbid_extra_keys=True, **overrides
    )
    return lambda value, wanted: from_table(as_table(value), wanted)


def quantity_hook(wanted: Any, unit: str) -> Hook | None:
    """A hook for a number, a window or a mapping of numbers in a unit; None for other types."""
    if _origin(wanted) in (Union, types.UnionType):
        wanted, *others = (one for one in typing.get_args(wanted) if one is not types.NoneType)
        if others:
            return _either_hook(wanted, others, unit)
    if wanted is float:
        return lambda value, _wanted: _quantity(value, unit)
    if wanted is int:
        return lambda value, _wanted: _whole_quantity(value, unit)

    def part_hook(part: Any) -> Hook:
        return quantity_hook(part, unit) or _plain(_number)

    if _is_tuple(wanted):
        hook = _tuple_hook(wanted, part_hook)
        return _window_hook(hook) if typing.get_args(wanted) == (float, float) else hook
    return _mapping_hook(wanted, part_hook) if _is_mapping(wanted) else None


def _either_hook(wanted: Any, others: Sequence[Any], unit: str) -> Hook | None:
    """A hook for one quantity or a window of two; None for other unions."""
    if wanted is not float or len(others) != 1 or typing.get_args(others[0]) != (float, float):
        return None
    single, window = quantity_hook(wanted, unit), quantity_hook(others[0], unit)
    if single is None or window is None:
        return None
    return lambda value, _wanted: (
        window(value, others[0]) if isinstance(value, list) else single(value, float)
    )


def _window_hook(pair: Hook) -> Hook:
    def window(value: Any, wanted: Any) -> tuple[float, float]:
        low, high = pair(value, wanted)
        if not low < high:
            lower, upper = map(shown, value)
            raise Mismatch(f"the lower bound {lower} is not below the upper, {upper}")
        return low, high

    return window


def _quantity(value: Any, unit: str) -> float:
    try:
        return parse_of_a_rig(value, unit)
    except QuantityError as error:
        raise Mismatch(error.message, error.expected) from error


def _whole_quantity(value: Any, unit: str) -> int:
    number = _quantity(value, unit)
    if abs(number - round(number)) > 1e-6:
        raise Mismatch(
            f"got {shown(value)}, which is {number:g} {unit}", f"a whole number of {unit}"
        )
    return round(number)


def _tuple_hook(wanted: Any, hook_for: Callable[[Any], Hook]) -> Hook:
    *args, last = typing.get_args(wanted)
    endless = last is Ellipsis
    parts = args if endless else [*args, last]
    hooks = [hook_for(part) for part in parts]

    def array(value: Any, _wanted: Any) -> tuple[Any, ...]:
        items = _array(value)
        if not endless and len(items) != len(hooks):
            raise Mismatch(f"got {len(items)} values", f"an array of {len(hooks)}")
        fitted = zip(itertools.cycle(hooks), items, itertools.cycle(parts), strict=False)
        return tuple(_each(dict(enumerate(fitted))).values())

    return array


def _mapping_hook(wanted: Any, hook_for: Callable[[Any], Hook], named: Sequence[type] = ()) -> Hook:
    _, inner = typing.get_args(wanted)
    hook = hook_for(inner)

    def mapping(value: Any, _wanted: Any) -> dict[str, Any]:
        table = as_table(value)
        if inner in named:
            table = {key: as_table(one, key) | {NAME: key} for key, one in table.items()}
        return _each({key: (hook, one, inner) for key, one in table.items()})

    return mapping


def _each(parts: Mapping[Any, tuple[Hook, Any, Any]]) -> dict[Any, Any]:
    """Structure every part, and report all misfits together."""
    result, errors = {}, []
    for key, (hook, value, wanted) in parts.items():
        try:
            result[key] = hook(value, wanted)
        except MISFITS as error:
            others = [one for one in parts if one != key]
            near = nearest(key, others, LIKE) if isinstance(key, str) else ""
            errors.append(At(key, error, near))
    if errors:
        raise ExceptionGroup("parts", errors)
    return result


def as_table(value: Any, *at: Key) -> dict[str, Any]:
    """The value, if it is a table; `at` leads to it in messages."""
    if not isinstance(value, dict):
        raise Mismatch(f"got {shown(value)}", "a table", at=at)
    return value


def as_text(value: Any, *at: Key) -> str:
    """The value, if it is a text; `at` leads to it in messages."""
    if not isinstance(value, str):
        raise Mismatch(f"got {shown(value)}", "a text in quotes", at=at)
    return value


def _array(value: Any) -> list[Any]:
    if isinstance(value, dict):
        raise Mismatch("got a table", "an array; of tables, if each is headed [[NAME]]")
    if not isinstance(value, list):
        raise Mismatch(f"got {shown(value)}", "an array")
    return value


def _truth(value: Any) -> bool:
    if not isinstance(value, bool):
        raise Mismatch(f"got {shown(value)}", "true or false")
    return value


def _whole(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise Mismatch(f"got {shown(value)}", "a whole number")
    return value


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Mismatch(f"got {shown(value)}", "a number")
    return float(value)


def _file(value: Any) -> FilePath:
    return FilePath(as_text(value))


def _choice_hook(choices: tuple[Any, ...]) -> Hook:
    def choice(value: Any, _wanted: Any) -> Any:
        if isinstance(value, bool) or value not in choices:
            names = ", ".join(map(shown, choices))
            raise Mismatch(f"got {shown(value)}", f"one of {names}", nearest(value, choices))
        return value

    return choice


def _enum_hook(wanted: type[Enum]) -> Hook:
    choice = _choice_hook(tuple(one.value for one in wanted))
    return lambda value, _wanted: wanted(choice(value, _wanted))
