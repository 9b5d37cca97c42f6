"""The protocol of Alicat controllers without a transport.

A request is the controller's letter, a command, and CR. The letter alone asks for the data frame:
`A +014.70 +025.00 +01.003 +01.000 01.000     N2` - pressure, temperature, volumetric flow, mass
flow, set point, on some the total, and the gas; then codes such as `MOV`. `AS1.5` sets the set
point, and is answered by a data frame, too. `AVE` asks for the firmware.

Source: Alicat, "Serial Primer", and the public driver github.com/numat/alicat.
"""

import re
from typing import Final

from attrs import frozen

from flowrig_serial.lines import Query

__all__ = ["Frame", "data", "set_point", "version"]

_NUMBER: Final = re.compile(r"[+-]?[0-9]{1,7}(\.[0-9]{0,6})?")
_VERSION: Final = re.compile(r".*\b([0-9]{1,2}v[0-9]{1,2}[!-~]*).*|GP.*", re.IGNORECASE)

COLUMNS: Final = ("pressure", "temperature", "volumetric", "flow", "set point")
INVALID: Final = {"POV": "pressure", "TOV": "temperature", "VOV": "volumetric", "MOV": "flow"}
"""Codes for values beyond the range of their sensor."""


@frozen
class Frame:
    """A data frame.

    Attributes:
        values: by the name of the column, in the units of the controller.
        set_point: the set point.
        gas: name of the gas.
        codes: what the controller reports beside the values.
    """

    values: dict[str, float]
    set_point: float
    gas: str
    codes: tuple[str, ...]


def data(controller: str) -> Query[Frame]:
    """The query of the data frame."""

    def parse(line: str) -> Frame | None:
        letter, *words = line.split()
        if letter != controller or len(words) < len(COLUMNS) + 1:
            return None
        columns, rest = words[: len(COLUMNS)], words[len(COLUMNS) :]
        if not all(_NUMBER.fullmatch(word) for word in columns):
            return None
        if _NUMBER.fullmatch(rest[0]) and len(rest) > 1:
            rest = rest[1:]  # the total
        values = dict(zip(COLUMNS, map(float, columns), strict=True))
        codes = tuple(rest[1:])
        for code in codes:
            if code in INVALID:
                values[INVALID[code]] = float("nan")
        return Frame(values, values.pop("set point"), rest[0], codes)

    return Query(controller, lambda line: parse(line) if line.strip() else None)


def version(controller: str) -> Query[str]:
    """The query of the firmware."""

    def parse(line: str) -> str | None:
        letter, _, text = line.strip().partition(" ")
        if letter != controller or not _VERSION.fullmatch(text):
            return None
        return " ".join(text.split())

    return Query(f"{controller}VE", parse)


def set_point(controller: str, value: float, full_scale: float) -> str:
    """The command for a set point, to a ten-thousandth of the full scale or better."""
    places = 4
    while full_scale < 10.0 ** (4 - places) and places < 8:
        places += 1
    return f"{controller}S{value:.{places}f}"
