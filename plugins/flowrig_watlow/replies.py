"""What an F4T's replies mean. Anything that is not exactly a reply is refused."""

import csv
import math
import re

from flowrig.interfaces.device import Identity
from flowrig_watlow.temperature import TemperatureUnit

__all__ = [
    "firmware_tells_unit",
    "parse_identity",
    "parse_number",
    "parse_switch",
    "parse_text",
    "parse_unit",
]

FIRST_TO_TELL_UNIT = (4, 3, 108)
"""Firmware from which on the unit can be asked and chosen (TestEquity, "F4T Touch Screen Controller
User's Guide", rev. 4.0, 2019, chapter 4)."""
_FIRMWARE = re.compile(r"([0-9]{1,4})[:.]([0-9]{1,4})[:.]([0-9]{1,6})")
_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]*)?([eE][+-]?[0-9]+)?")


def parse_number(reply: str) -> float:
    """A finite decimal number.

    Raises:
        ValueError: the reply is none: `nan`, `1_0`, a comma, a part of something.
    """
    value = float(reply) if _NUMBER.fullmatch(reply) else math.nan
    if not math.isfinite(value):
        raise ValueError("the reply is not a number")
    return value


def parse_unit(reply: str) -> TemperatureUnit:
    """The unit of temperatures.

    Raises:
        ValueError: it is neither °C nor °F.
    """
    try:
        return TemperatureUnit(reply.upper())
    except ValueError as error:
        raise ValueError("the temperature unit is neither C nor F") from error


def parse_switch(reply: str) -> bool:
    """Whether something is on.

    Raises:
        ValueError: the reply is neither `ON` nor `OFF`.
    """
    state = {"ON": True, "OFF": False}.get(reply.upper())
    if state is None:
        raise ValueError("the reply is neither ON nor OFF")
    return state


def parse_text(reply: str) -> str:
    """A text, without its quotes.

    Raises:
        ValueError: it has characters that no name has.
    """
    text = reply.removeprefix('"').removesuffix('"').strip()
    if not text.isprintable():
        raise ValueError("the reply is not a text")
    return text


def parse_identity(reply: str) -> Identity:
    """Who answers.

    Raises:
        ValueError: not an instrument of Watlow's.
    """
    try:
        vendor, *rest = [part.strip() for part in next(csv.reader([reply], skipinitialspace=True))]
    except (csv.Error, StopIteration, ValueError) as error:
        raise ValueError("the reply is not an identity") from error
    if "watlow" not in vendor.lower():
        raise ValueError("another instrument answers at this address")
    model, serial_number, firmware = [*rest, "", "", ""][:3]
    return Identity(vendor, model, serial_number, firmware)


def firmware_tells_unit(firmware: str) -> bool | None:
    """Whether firmware, `04:05:0007` for instance, tells its temperature unit; None if unknown."""
    match = _FIRMWARE.fullmatch(firmware.strip())
    return None if match is None else tuple(map(int, match.groups())) >= FIRST_TO_TELL_UNIT
