"""Parsers of the F4T's SCPI replies; each accepts the exact form of its reply and no other."""

import csv
import math
import re

from flowrig.interfaces.device import Identity
from flowrig_watlow.temperature import NO_NUMBER, TemperatureUnit

__all__ = [
    "ERROR_LINE",
    "firmware_has_unit_query",
    "has_no_value",
    "parse_identity",
    "parse_number",
    "parse_switch",
    "parse_text",
    "parse_unit",
]

FIRST_WITH_UNIT_QUERY = (4, 3, 108)
"""First firmware in which the unit can be queried and chosen (TestEquity, "F4T Touch Screen
Controller User's Guide", rev. 4.0, 2019, chapter 4)."""
ERROR_LINE = "Inbound SCPI ERROR"
"""Beginning of the line with which some firmware comments on a bad command, in front of the answer
to the next query; known from published programs only."""
_NO_NUMBER_WORD = re.compile(r"[+-]?(NAN|N?INF(INITY)?)", re.IGNORECASE)
_FIRMWARE = re.compile(r"([0-9]{1,4})[:.]([0-9]{1,4})[:.]([0-9]{1,6})")
_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]*)?([eE][+-]?[0-9]+)?")


def parse_number(reply: str) -> float:
    """A finite decimal number.

    Raises:
        ValueError: any other reply, for instance `nan`, `1_0` or `25,0`, and the numbers by which
            SCPI says that there is none.
    """
    value = float(reply) if _NUMBER.fullmatch(reply) else math.nan
    if not abs(value) < NO_NUMBER:
        raise ValueError("the reply is not a number")
    return value


def has_no_value(reply: str) -> bool:
    """Whether a reply says that there is no value: 9.91E37, ±9.9E37 or more, or a word for them."""
    if _NUMBER.fullmatch(reply):
        return abs(float(reply)) >= NO_NUMBER
    return _NO_NUMBER_WORD.fullmatch(reply) is not None


def parse_unit(reply: str) -> TemperatureUnit:
    """The temperature unit.

    Raises:
        ValueError: the reply is neither `C` nor `F`.
    """
    try:
        return TemperatureUnit(reply.upper())
    except ValueError as error:
        raise ValueError("the temperature unit is neither C nor F") from error


def parse_switch(reply: str) -> bool:
    """The state of an output: True for `ON`.

    Raises:
        ValueError: the reply is neither `ON` nor `OFF`.
    """
    state = {"ON": True, "OFF": False}.get(reply.upper())
    if state is None:
        raise ValueError("the reply is neither ON nor OFF")
    return state


def parse_text(reply: str) -> str:
    """A text, without its quotation marks.

    Raises:
        ValueError: the text has unprintable characters.
    """
    text = reply.removeprefix('"').removesuffix('"').strip()
    if not text.isprintable():
        raise ValueError("the reply is not a text")
    return text


def parse_identity(reply: str) -> Identity:
    """The identity in a reply to `*IDN?`: vendor, model, serial number, firmware.

    Raises:
        ValueError: the vendor is not Watlow.
    """
    try:
        vendor, *rest = [part.strip() for part in next(csv.reader([reply], skipinitialspace=True))]
    except (csv.Error, StopIteration, ValueError) as error:
        raise ValueError("the reply is not an identity") from error
    if "watlow" not in vendor.lower():
        raise ValueError("another instrument answers at this address")
    model, serial_number, firmware = [*rest, "", "", ""][:3]
    return Identity(vendor, model, serial_number, firmware)


def firmware_has_unit_query(firmware: str) -> bool | None:
    """Whether a firmware, for instance `04:05:0007`, has the unit query; None if unreadable."""
    match = _FIRMWARE.fullmatch(firmware.strip())
    return None if match is None else tuple(map(int, match.groups())) >= FIRST_WITH_UNIT_QUERY
