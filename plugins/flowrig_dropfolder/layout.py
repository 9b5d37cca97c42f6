"""The files of a drop folder, and what stands in their rows.

Of flowrig, each replaced in one step:
- `FR.csv`, one row: the state that the rig shall have, the number of the row, and that of the
  newest question whose answer flowrig had read when it wrote the row;
- `Ask.csv`, one row: the number of the question, and the time without news [s] after which the
  program stops everything, 0 for never;
- `Take_Abs.csv`, one row: number, frames, interval [s], integration time [µs], light.

Of the program:
- `Status.csv`, two rows: names, and values;
- `Abs_17.csv`: a first row about take 17, then pixels x frames;
- `Wavelength_Abs.csv`: the wavelength [nm] of every pixel.

Numbers only rise, and the program carries out what has a higher number than all before. Nothing
depends on the time that a file has: clocks of two computers differ.

The columns of `FR.csv` before its two numbers are a layout. That of Sadeghi et al., Digital
Discovery 2025, 4, 1722 (doi 10.1039/d5dd00062a), is the published one.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Final

from attrs import field, frozen

__all__ = [
    "ASK",
    "COMMANDS",
    "LAYOUTS",
    "STATUS",
    "TEMPERATURE",
    "BadRow",
    "Layout",
    "Status",
    "Taken",
    "numbers_of",
    "plain",
    "row_of",
    "status_of",
    "taken_of",
]

COMMANDS: Final = "FR.csv"
ASK: Final = "Ask.csv"
STATUS: Final = "Status.csv"

TEMPERATURE: Final = "temperature"
"""Column of the set point [°C] in `FR.csv`, and of the reading in `Status.csv`."""

SET_POINT: Final = "set_point"
STATE: Final = "_state"

LAYOUTS: Final[Mapping[str, tuple[str, ...]]] = {
    "sadeghi-2025": (
        TEMPERATURE, "CuI", "ZnI2", "CsOA", "ODE", "PFO", "residence_times", "wash",
    ),
}  # fmt: skip
"""Columns of `FR.csv` before its two numbers, by the name of the layout."""

OF_NUMBERS: Final = b"0123456789.,+-eEnNaA"
"""Characters of a row of numbers; "nan" is the value of a broken sensor."""


class BadRow(ValueError):  # noqa: N818 - a row, not a failure of the program
    """A row is complete, and is not what it should be; the message says why."""


@frozen
class Layout:
    """The columns of `FR.csv`.

    Attributes:
        columns: their names, in order, without the two numbers at the end.
        constants: values of columns that no device drives; 0 for those that are not in it.
    """

    columns: tuple[str, ...]
    constants: Mapping[str, float] = field(factory=dict)

    def row(self, values: Mapping[str, float], number: int, answered: int) -> bytes:
        """A row of `FR.csv`.

        Args:
            values: by column; a constant, or 0, where there is none.
            number: of the row.
            answered: number of the question on whose answer the row stands. After the program has
                stopped everything by itself, it carries out no row that stands on an older one.
        """
        known = {**self.constants, **values}
        return row_of([*(known.get(one, 0.0) for one in self.columns), number, answered])


@frozen
class Status:
    """What the program says.

    Attributes:
        asked: number of the newest question that it has read.
        row: number of the newest row of `FR.csv` that it has read.
        watchdog_s: time [s] without news after which it stops everything; 0 for never.
        temperature_c: temperature [°C]; not a number where it has none.
        set_point_c: set point [°C]; likewise.
        rates_ul_min: flow rate [µL/min] at which each pump is set to run now, by column; 0 where it
            is stopped.
        states: 0 stopped, 1 running, 2 blocked or faulty, by column, where the program knows it.
    """

    asked: int
    row: int
    watchdog_s: float
    temperature_c: float
    set_point_c: float
    rates_ul_min: Mapping[str, float]
    states: Mapping[str, int]


@frozen
class Taken:
    """The first row of a file with frames.

    Attributes:
        number: of the take.
        frames: number of its frames.
        integration_time_us: integration time [µs].
        light: 1 open, 0 shut, -1 where the program does not know it.
    """

    number: int
    frames: int
    integration_time_us: int
    light: int


def plain(data: bytes) -> bytes:
    """A file with commas between its words, points in its numbers, and no CR.

    LabVIEW writes tabs unless it is told otherwise, and the decimal sign of the computer: where a
    file has tabs or semicolons, these stand between its words, and a comma is a decimal comma.
    """
    text = data.replace(b"\r\n", b"\n")
    if b"\t" in text or b";" in text:
        return text.replace(b",", b".").replace(b"\t", b",").replace(b";", b",")
    return text


def row_of(values: Sequence[float]) -> bytes:
    """Numbers as one row, with ten digits."""
    return (",".join(format(value, ".10g") for value in values) + "\n").encode("ascii")


def status_of(data: bytes) -> Status | None:
    """The contents of `Status.csv`; None while it is not written to its end.

    Raises:
        BadRow: it is written to its end, and is wrong.
    """
    lines = plain(data).split(b"\n")
    if len(lines) < 3:
        return None
    if len(lines) > 3 or lines[2]:
        raise BadRow(f"{len(lines) - 1} rows where two are expected: names and values")
    names = _names(lines[0])
    values = dict(zip(names, numbers_of(lines[1], len(names)), strict=True))
    for name in ("asked", "row"):
        if name not in values:
            raise BadRow(f"it has no column {name!r}")
    columns = [name for name in names if name + STATE in values or name not in _OWN]
    columns = [name for name in columns if not name.endswith(STATE)]
    return Status(
        asked=_whole(values["asked"], "asked"),
        row=_whole(values["row"], "row"),
        watchdog_s=values.get("watchdog", 0.0),
        temperature_c=values.get(TEMPERATURE, math.nan),
        set_point_c=values.get(SET_POINT, math.nan),
        rates_ul_min={name: values[name] for name in columns},
        states={n: _whole(values[n + STATE], n + STATE) for n in columns if n + STATE in values},
    )


_OWN: Final = ("asked", "row", "watchdog", TEMPERATURE, SET_POINT)


def taken_of(line: bytes) -> Taken:
    """The first row of a file with frames.

    Raises:
        BadRow: it is none.
    """
    number, frames, time_us, light = numbers_of(line, 4)
    return Taken(
        _whole(number, "number"),
        _whole(frames, "frames"),
        _whole(time_us, "integration time"),
        round(light),
    )


def numbers_of(line: bytes, count: int) -> list[float]:
    """The numbers of a row.

    Raises:
        BadRow: there are more or fewer, or one is none.
    """
    plain = line.replace(b" ", b"")
    if plain.translate(None, OF_NUMBERS):
        raise BadRow(f"{_shown(line)} is no row of numbers")
    words = plain.split(b",")
    if len(words) != count:
        raise BadRow(f"{len(words)} numbers where {count} are expected: {_shown(line)}")
    try:
        return [float(word) for word in words]
    except ValueError:
        raise BadRow(f"{_shown(line)} is no row of numbers") from None


def _names(line: bytes) -> list[str]:
    try:
        names = [name.strip() for name in line.decode("ascii").split(",")]
    except UnicodeDecodeError:
        raise BadRow(f"{_shown(line)} is no row of names") from None
    if len({*names}) < len(names):
        raise BadRow(f"a name stands twice in {_shown(line)}")
    return names


def _whole(value: float, name: str) -> int:
    if not (math.isfinite(value) and value == round(value)):
        raise BadRow(f"{name} is {value:g}, and no whole number")
    return round(value)


def _shown(line: bytes) -> str:
    return ascii(line[:60].decode("latin-1"))
