"""Variables, settings and limits from the plain values of a profile."""

import re
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from flowrig.profile.converter import as_table, as_text
from flowrig.profile.expressions import Expression, ExpressionError, Unit, parse
from flowrig.profile.expressions.units import read_unit
from flowrig.profile.mismatch import MISFITS, At, Mismatch
from flowrig.profile.model.analysis import Window
from flowrig.profile.model.variables import Choice, ExpressionLimit, Setting, Variable
from flowrig.profile.problems import nearest, shown

__all__ = ["amount", "expression_limits", "settings", "variable"]

_AMOUNT = re.compile(r"\s*([+-]?(?:\d{1,30}(?:\.\d{0,30})?|\.\d{1,30})(?:[eE][+-]?\d{1,3})?)\s*")

_KEYS = ("name", "is", "range", "step", "choices")

_EXPECTED = 'a number, or a quantity such as "25 s"'


def amount(value: Any) -> tuple[float, Unit]:
    """A number, or a quantity of any unit in the usual unit of its kind.

    Raises:
        Mismatch: it is neither.
    """
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value), Unit()
    if not isinstance(value, str):
        raise Mismatch(f"got {shown(value)}", _EXPECTED)
    text = value.strip()
    number = _AMOUNT.match(text)
    found = None if number is None else read_unit(text, number.end())
    if number is None or not text or (found is None and number.end() < len(text)):
        raise Mismatch(f"got {shown(value)}", _EXPECTED)
    unit, end = (Unit(), len(text)) if found is None else found
    if end < len(text):
        raise Mismatch(f"got {shown(value)}", _EXPECTED)
    # By fractions, so that "1 min" is 60 s and "6 mL/h" 100 µL/min to the last bit.
    exact = Fraction(number[1]) * unit.scale / unit.usual.scale
    if abs(exact) > Fraction(10) ** 30:
        raise Mismatch(f"got {shown(value)}, which is too large", _EXPECTED)
    return float(exact), unit.usual


def window(value: Any) -> tuple[Window, Unit]:
    """Two numbers or quantities of one kind, the lower first.

    Raises:
        Mismatch: they are not.
    """
    if not isinstance(value, list) or len(value) != 2:
        raise Mismatch(f"got {shown(value)}", "an array of 2, lower and upper bound")
    (low, unit), (high, other) = amount(value[0]), amount(value[1])
    if unit.powers != other.powers:
        message = f"{shown(value[0])} and {shown(value[1])} are not of one kind"
        raise Mismatch(message, "two quantities of one kind")
    if not low < high:
        lower, upper = map(shown, value)
        raise Mismatch(f"the lower bound {lower} is not below the upper, {upper}")
    return (low, high), unit


def expression(text: Any) -> Expression:
    """An expression from its text.

    Raises:
        Mismatch: it is none.
    """
    try:
        return parse(as_text(text))
    except ExpressionError as error:
        raise Mismatch(error.message, error.expected, error.nearest, offset=error.offset) from error


def settings(value: Any, _type: Any = None) -> tuple[Setting, ...]:
    """Equations from a table of expressions."""
    found, errors = [], []
    for key, right in as_table(value).items():
        try:
            found.append(Setting(_key(key), _side(right)))
        except MISFITS as error:
            errors.append(At(key, error))
    if errors:
        raise ExceptionGroup("settings", errors)
    return tuple(found)


def _key(text: str) -> Expression:
    try:
        return parse(text)
    except ExpressionError as error:
        message = f"{text!r}: {error.message}"
        raise Mismatch(message, error.expected, error.nearest, on_key=True) from error


def _side(value: Any) -> Expression:
    if isinstance(value, int | float) and not isinstance(value, bool):
        value = repr(float(value))
    if isinstance(value, dict):
        expected = "the name in quotes if it has a dot"
        raise Mismatch("got a table", expected, on_key=True)
    return expression(value)


def expression_limits(table: Mapping[str, Any]) -> tuple[ExpressionLimit, ...]:
    """Windows on expressions, from the keys of `[limits]` that are none of its own."""
    found, errors = [], []
    for key, value in table.items():
        try:
            found.append(ExpressionLimit(_key(key), *window(value)))
        except MISFITS as error:
            errors.append(At(key, error))
    if errors:
        raise ExceptionGroup("limits", errors)
    return tuple(found)


def variable(table: Mapping[str, Any]) -> Variable:
    """A variable without the keys `heater` and `stream`.

    Raises:
        Mismatch: a key or value does not fit.
        ExceptionGroup: several do not.
    """
    errors: list[Exception] = [
        Mismatch(f"unknown key {key!r}", "", nearest(key, _KEYS), at=(key,), on_key=True)
        for key in table
        if key not in _KEYS
    ]
    if "name" not in table:
        raise Mismatch("missing key 'name'", on_key=True)
    name = as_text(table["name"], "name")
    if ("range" in table) == ("choices" in table):
        raise Mismatch("a variable needs exactly one of `range` and `choices`", on_key=True)
    parts: dict[str, Any] = {}
    for key, take in (
        ("is", expression),
        ("range", window),
        ("step", amount),
        ("choices", _choices),
    ):
        try:
            parts[key] = take(table[key]) if key in table else None
        except MISFITS as error:
            errors.append(At(key, error))
    if not errors and parts["choices"] is not None:
        return _category(name, parts)
    if not errors and parts["is"] is None:
        try:
            parts["is"] = parse(name)
        except ExpressionError:
            errors.append(Mismatch(f"{name!r} is no expression", "a key `is`", at=("name",)))
    if errors:
        raise ExceptionGroup("variable", errors)
    return _number(name, parts)


def _number(name: str, parts: Mapping[str, Any]) -> Variable:
    bounds, unit = parts["range"]
    step = None
    if parts["step"] is not None:
        step, other = parts["step"]
        if other.powers != unit.powers:
            raise Mismatch(f"a step in {other} for a range in {unit}", "one kind", at=("step",))
    return Variable(name=name, range=bounds, step=step, expression=parts["is"], quantity=unit)


def _category(name: str, parts: Mapping[str, Any]) -> Variable:
    choices: tuple[Choice, ...] = parts["choices"]
    has_settings = any(one.settings for one in choices)
    for key in ("is", "step") if has_settings else ("step",):
        if parts[key] is not None:
            raise Mismatch(f"`{key}` does not go with `choices`", at=(key,), on_key=True)
    # With `choices`, `is` names the device that is turned to one of them.
    device = None if parts["is"] is None else parts["is"].text.strip()
    bounds = (0.0, len(choices) - 1.0)
    return Variable(name=name, range=bounds, choices=choices, device=device)


def _choices(value: Any) -> tuple[Choice, ...]:
    """Names of streams, or a table with the settings of each choice."""
    if isinstance(value, dict):
        found = [Choice(name, _settings_of(name, table)) for name, table in value.items()]
    elif isinstance(value, list):
        found = [Choice(as_text(one, number)) for number, one in enumerate(value)]
    else:
        raise Mismatch(f"got {shown(value)}", "an array of streams, or a table of settings")
    names = [one.name for one in found]
    if len(set(names)) < max(len(names), 2):
        raise Mismatch(f"got {', '.join(map(repr, names))}", "two or more different names")
    return tuple(found)


def _settings_of(name: str, table: Any) -> tuple[Setting, ...]:
    try:
        found = settings(as_table(table))
    except MISFITS as error:
        raise At(name, error) from error
    if not found:
        raise At(name, Mismatch("got an empty table", "its settings"))
    return found
