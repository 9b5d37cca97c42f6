"""Tables of named fields in a journal: attrs classes that read and write themselves.

How a field is read follows from its type. A journal may come from anywhere, so every value is
checked before it is used.
"""

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from types import NoneType, UnionType
from typing import Annotated, Any, Final, Literal, Self, Union, get_args, get_origin

from attrs import NOTHING, field, fields, frozen, resolve_types

__all__ = ["FieldError", "Fields", "Key", "Within", "form_of"]

Form = Callable[[Any], Any]
"""Turns a plain JSON value into that of a field, or raises `FieldError`."""


class FieldError(ValueError):
    """A table of a journal has not the form that flowrig writes.

    Args:
        what: about the field, in words.
        path: the keys that lead to it.
    """

    def __init__(self, what: str, *path: str) -> None:
        self.what = what
        self.path = path
        super().__init__(f"{'.'.join(path)} {what}" if path else what)

    def inside(self, key: str) -> "FieldError":
        """The same error, with the path from the table that holds the field under a key."""
        return FieldError(self.what, key, *self.path)


@frozen
class Within:
    """The bounds of a number, both included."""

    low: float
    high: float


@frozen
class Key:
    """The key of a field in the journal, where it is not the field's name."""

    name: str

    @classmethod
    def of(cls, hint: Any, name: str) -> str:
        """The key of a field with a type and a name."""
        return next((one.name for one in get_args(hint) if isinstance(one, cls)), name)


@frozen(kw_only=True)
class Fields:
    """A table of named fields, as a journal keeps it.

    A field without a default is in every journal. One whose default is None is left out where it
    does not apply. One with another default is missing in older journals, and has it there.

    Attributes:
        extra: what a newer flowrig has written besides, by name.
    """

    extra: Mapping[str, Any] = field(factory=dict)

    @classmethod
    def from_json(cls, content: Any) -> Self:
        """Read a table.

        Raises:
            FieldError: a field is missing, or its value is none that flowrig writes.
        """
        if type(content) is not dict and not isinstance(content, Mapping):
            raise FieldError("is not a table")
        left, found = dict(content), dict[str, Any]()
        for one in _layout(cls):
            if one.key not in left:
                if one.is_required:
                    raise FieldError("is missing", one.key)
                continue
            try:
                found[one.name] = one.form(left.pop(one.key))
            except FieldError as error:
                raise error.inside(one.key) from None
        return cls(**found, extra=left)

    def as_json(self) -> Any:
        """The same as a journal keeps it, in the order of the fields."""
        content = {}
        for one in _layout(type(self)):
            value = getattr(self, one.name)
            if value is not None or not one.is_left_out:
                content[one.key] = _as_json(value)
        return content | dict(self.extra) if self.extra else content


@frozen
class _Place:
    """A field of a class: how it is named and read."""

    name: str
    key: str
    is_required: bool
    is_left_out: bool
    form: Form


_LAYOUTS: Final[dict[type[Fields], tuple[_Place, ...]]] = {}


def _layout(cls: type[Fields]) -> tuple[_Place, ...]:
    if cls not in _LAYOUTS:
        resolve_types(cls, include_extras=True)
        _LAYOUTS[cls] = tuple(_places(cls))
    return _LAYOUTS[cls]


def _places(cls: type[Fields]) -> Iterator[_Place]:
    return (
        _Place(
            one.name,
            Key.of(one.type, one.name),
            one.default is NOTHING,
            one.default is None,
            form_of(one.type),
        )
        for one in fields(cls)
        if one.name != "extra"
    )


def _as_json(value: Any) -> Any:
    if type(value) in _AS_THEY_ARE:
        return value
    if type(value) is dict:
        return {key: _as_json(item) for key, item in value.items()}
    if hasattr(value, "as_json"):
        return value.as_json()
    if isinstance(value, Mapping):
        return {key: _as_json(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_as_json(item) for item in value]
    return value


_AS_THEY_ARE: Final = frozenset({float, str, int, bool, NoneType})

_FLOATS = Within(-sys.float_info.max, sys.float_info.max)


def form_of(hint: Any) -> Form:
    """How values of a type are read.

    Args:
        hint: the type, as a field is annotated.

    Raises:
        TypeError: fields of journals cannot have this type.
    """
    origin, arguments = get_origin(hint), get_args(hint)
    if hint in _PLAIN:
        return _PLAIN[hint]
    if origin is Literal:
        return _checked(lambda value: isinstance(value, str) and value in arguments)
    if origin in _NESTED:
        return _NESTED[origin](arguments)
    if hasattr(hint, "from_json"):
        read: Form = hint.from_json
        return read
    raise TypeError(f"a field of a journal cannot be {hint}")


def _checked(fits: Callable[[Any], bool]) -> Form:
    def load(value: Any) -> Any:
        if not fits(value):
            raise FieldError("has a value that flowrig does not write")
        return value

    return load


def _number(kinds: tuple[type, ...], within: Within) -> Form:
    low, high = within.low, within.high

    def load(value: Any) -> Any:
        if type(value) is float and low <= value <= high and float in kinds:
            return value
        is_number = isinstance(value, kinds) and not isinstance(value, bool)
        if not (is_number and low <= value <= high):
            raise FieldError("has a value that flowrig does not write")
        return value

    return load


_PLAIN: Mapping[Any, Form] = {
    str: _checked(lambda value: isinstance(value, str)),
    bool: _checked(lambda value: isinstance(value, bool)),
    int: _number((int,), _FLOATS),
    float: _number((int, float), _FLOATS),
}


def _annotated(arguments: tuple[Any, ...]) -> Form:
    hint, about, *_ = arguments
    if isinstance(about, Within):
        return _number((int,) if hint is int else (int, float), about)
    return form_of(hint)


def _optional(arguments: tuple[Any, ...]) -> Form:
    *others, hint = (one for one in arguments if one is not NoneType)
    form = form_of(hint)
    if others:
        return _either([*map(form_of, others), form])
    return lambda value: None if value is None else form(value)


def _either(forms: Sequence[Form]) -> Form:
    """A value of the first type that it fits."""

    def load(value: Any) -> Any:
        for form in forms[:-1]:
            with suppress(FieldError):
                return form(value)
        return forms[-1](value)

    return load


def _mapping(arguments: tuple[Any, ...]) -> Form:
    form = form_of(arguments[1])

    def load(value: Any) -> Any:
        if type(value) is not dict and not isinstance(value, Mapping):
            raise FieldError("is not a table")
        try:
            return {key: form(item) for key, item in value.items()}
        except FieldError:  # once more, with the path to the item in the error
            return {key: _inside(str(key), form, item) for key, item in value.items()}

    return load


def _tuple(arguments: tuple[Any, ...]) -> Form:
    is_long = arguments[-1] is Ellipsis
    forms = [form_of(one) for one in arguments if one is not Ellipsis]

    def load(value: Any) -> Any:
        if not isinstance(value, list) or not (is_long or len(value) == len(forms)):
            raise FieldError("is not a list")
        each = forms * len(value) if is_long else forms
        numbered = enumerate(zip(each, value, strict=True), 1)
        return tuple(_inside(str(n), form, item) for n, (form, item) in numbered)

    return load


def _inside(key: str, form: Form, value: Any) -> Any:
    try:
        return form(value)
    except FieldError as error:
        raise error.inside(key) from None


_NESTED: Mapping[Any, Callable[[tuple[Any, ...]], Form]] = {
    Annotated: _annotated,
    Union: _optional,
    UnionType: _optional,
    Mapping: _mapping,
    tuple: _tuple,
}
