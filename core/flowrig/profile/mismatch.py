"""Findings from the exceptions that cattrs and validators raise for a value that does not fit."""

import re
import traceback
from collections.abc import Iterator, Mapping
from typing import Any

import attrs
from cattrs.errors import (
    ClassValidationError,
    ForbiddenExtraKeysError,
    StructureHandlerNotFoundError,
)

from flowrig.errors import FlowrigError
from flowrig.profile.problems import Finding, Key, Path, nearest
from flowrig.profile.quantity import split_suffix

__all__ = ["MISFITS", "At", "Mismatch", "findings", "toml_key"]

MISFITS = (ValueError, TypeError, FlowrigError, ExceptionGroup, StructureHandlerNotFoundError)
"""Exceptions that structuring a value can raise."""


class Mismatch(ValueError):  # noqa: N818 - a finding on its way up through cattrs
    """A value does not fit; the path in `finding` starts at the value that is structured."""

    def __init__(
        self,
        message: str,
        expected: str = "",
        nearest_name: str = "",
        *,
        at: Path = (),
        on_key: bool = False,
        offset: int | None = None,
    ) -> None:
        super().__init__(message)
        self.finding = Finding(
            at, message, expected=expected, nearest=nearest_name, on_key=on_key, offset=offset
        )


class At(ValueError):  # noqa: N818 - a finding on its way up through cattrs
    """The misfit of one element of an array or table.

    Args:
        key: key or index of the element.
        error: the misfit.
        near: key of a similar element in the same table; "" if there is none.
    """

    def __init__(self, key: Key, error: Exception, near: str = "") -> None:
        super().__init__(str(error))
        self.key, self.error, self.near = key, error, near


def toml_key(attribute: "attrs.Attribute[Any]") -> str:
    """The TOML key of a field."""
    key = attribute.metadata.get("toml")
    return str(key) if key else split_suffix(attribute.name)[0]


def findings(error: BaseException, path: Path) -> Iterator[Finding]:
    """Every finding inside an exception of cattrs or of the hooks above."""
    match error:
        case ClassValidationError():
            yield from _class_findings(error, path)
        case ExceptionGroup():
            for inner in error.exceptions:
                yield from findings(inner, path)
        case At():
            for one in findings(error.error, (*path, error.key)):
                yield _of_element(one, error, path)
        case Mismatch():
            yield attrs.evolve(error.finding, path=path + error.finding.path)
        case _:
            yield Finding(path, str(error))


def _of_element(finding: Finding, element: At, path: Path) -> Finding:
    """A finding that also asks whether the name of its table is misspelt, if a key is missing."""
    if not element.near or not finding.on_key or finding.path != (*path, element.key):
        return finding
    message = f"{finding.message} in {element.key!r}"
    return attrs.evolve(finding, message=message, nearest=element.near)


def _class_findings(error: ClassValidationError, path: Path) -> Iterator[Finding]:
    attributes = {one.name: one for one in attrs.fields(error.cl)}
    keys = [toml_key(one) for one in attributes.values() if one.init]
    noted, others = error.group_exceptions()
    for inner, note in noted:
        key = toml_key(attributes[note.name])
        if isinstance(inner, KeyError):
            yield Finding(path, f"missing key {key!r}", on_key=True)
        else:
            yield from findings(inner, (*path, key))
    for other in others:
        if isinstance(other, ForbiddenExtraKeysError):
            for extra in sorted(other.extra_fields):
                near = nearest(extra, keys)
                yield Finding((*path, extra), f"unknown key {extra!r}", nearest=near, on_key=True)
        elif isinstance(other, ExceptionGroup | Mismatch):
            yield from findings(other, path)
        else:
            yield _refusal(other, attributes, path)


def _refusal(
    error: BaseException, attributes: Mapping[str, "attrs.Attribute[Any]"], path: Path
) -> Finding:
    """A finding from an error of a settings class, at the field that the error concerns."""
    message = str(error.args[0]) if error.args else str(error)
    attribute = _validated(error, attributes)
    for name, one in attributes.items():
        named = re.compile(rf"'?\b{re.escape(name)}\b'?")
        if attribute is None and named.search(message):
            attribute = one
        message = named.sub(f"`{toml_key(one)}`", message) if one is attribute else message
    if attribute is None:
        return Finding(path, message, on_key=True)
    return Finding((*path, toml_key(attribute)), message)


def _validated(
    error: BaseException, attributes: Mapping[str, "attrs.Attribute[Any]"]
) -> "attrs.Attribute[Any] | None":
    """The attribute whose validator raised; attrs passes it to the validator as an argument."""
    for frame, _ in traceback.walk_tb(error.__traceback__):
        for value in frame.f_locals.values():
            if isinstance(value, attrs.Attribute) and value.name in attributes:
                return attributes[value.name]
    return None
