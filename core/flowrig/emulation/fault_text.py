"""Faults as text on the command line and in scripts: a name, then options as key=value."""

import difflib
import types
import typing
from collections.abc import Collection, Mapping
from typing import Any

import attrs
from attrs import frozen

from flowrig.emulation.device_fault import DeviceFault
from flowrig.emulation.disturbed_wire import When
from flowrig.emulation.wire import WIRE_FAULTS, Wire
from flowrig.errors import InputError

__all__ = ["PlannedFault", "find_switch", "options_of", "parse_fault"]


@frozen
class PlannedFault:
    """A fault that was read from a text.

    Attributes:
        fault: the wire fault or the device fault.
        when: when it is on.
        link: name of the link whose exchanges `when` counts.
    """

    fault: Wire | DeviceFault
    when: When
    link: str


def parse_fault(
    text: str, switches: Mapping[str, DeviceFault], links: Collection[str]
) -> PlannedFault:
    """Read "mute after=10", "stall at_s=60 for_s=30", "drop byte=3 chance=0.1 link=modbus".

    Args:
        text: a name, and any number of key=value after it, separated by blanks.
        switches: the device faults of the instrument, by name.
        links: names of the instrument's links; the first is the default.

    Raises:
        InputError: the fault or a key is unknown, or a value has the wrong type or range.
    """
    name, *words = text.split() or [""]
    if name not in WIRE_FAULTS and name not in switches:
        raise InputError(_unknown("fault", name, [*WIRE_FAULTS, *switches]))
    own = options_of(WIRE_FAULTS[name]) if name in WIRE_FAULTS else {}
    known = options_of(When) | own | {"link": str}
    values = dict(_option(name, word, known) for word in words)
    link = values.pop("link", next(iter(links)))
    if link not in links:
        raise InputError(f"fault {name!r}: {_unknown('link', link, links)}")
    of_fault = {key: values.pop(key) for key in own if key in values}
    try:
        fault = WIRE_FAULTS[name](**of_fault) if name in WIRE_FAULTS else switches[name]
        return PlannedFault(fault, When(**values), link)
    except ValueError as error:
        raise InputError(f"fault {text!r}: {error.args[0]}") from error


def find_switch(name: str, switches: Mapping[str, DeviceFault]) -> DeviceFault:
    """The device fault with a name.

    Raises:
        InputError: there is none; the message suggests the nearest name.
    """
    if name not in switches:
        raise InputError(_unknown("fault", name, switches))
    return switches[name]


def options_of(cls: type) -> dict[str, type]:
    """The options of a fault class: type of each attribute by name."""
    attrs.resolve_types(cls)
    return {one.name: _plain(one.type) for one in attrs.fields(cls) if one.init}


def _plain(wanted: Any) -> type:
    """`int` for `int | None`."""
    if typing.get_origin(wanted) in (typing.Union, types.UnionType):
        wanted = next(one for one in typing.get_args(wanted) if one is not types.NoneType)
    return typing.cast("type", wanted)


def _option(fault: str, word: str, known: Mapping[str, type]) -> tuple[str, Any]:
    key, equals, value = word.partition("=")
    if not equals:
        raise InputError(f"fault {fault!r}: got {word!r}; expected key=value, without blanks")
    if key not in known:
        raise InputError(f"fault {fault!r}: {_unknown('key', key, known)}")
    try:
        return key, known[key](value)
    except ValueError as error:
        noun = {int: "a whole number", float: "a number"}[known[key]]
        raise InputError(f"fault {fault!r}: {key} is {value!r}; expected {noun}") from error


def _unknown(what: str, name: str, known: Collection[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else f"; there are: {', '.join(known)}"
    return f"unknown {what} {name!r}{hint}"
