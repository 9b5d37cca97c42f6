"""The ASCII protocol of Zaber devices without a transport.

A request is a line `/DEVICE AXIS ID COMMAND`, with a number from 0 to 99 as ID that the reply
repeats. A reply is `@01 1 07 OK IDLE -- 1234`: device, axis, ID, whether the command was accepted
(OK or RJ), whether the axis moves (BUSY or IDLE), the warning of highest priority or `--`, and the
data; then a checksum `:XX`, where the device is set so. Positions are counted in microsteps. Lines
that begin with `#` or `!` are information and alerts, which nobody asked for.

Source: Zaber, "ASCII Protocol Manual", and Zaber's public client zaber.serial 0.9.1.
"""

import re
from collections.abc import Mapping
from typing import Final

from attrs import frozen

from flowrig_serial.lines import Query

__all__ = [
    "FAULTS",
    "NO_REFERENCE",
    "Reply",
    "checksum",
    "limit",
    "move",
    "parse",
    "position",
    "version",
]

NO_REFERENCE: Final = "WR"
"""The warning of an axis that does not know where it is, as after power-up."""

FAULTS: Final[Mapping[str, str]] = {
    "FB": "a stored motion failed",
    "FD": "its motor driver is switched off",
    "FE": "it does not reach a limit sensor",
    "FP": "it has left its path",
    "FQ": "its encoder cannot be read",
    "FS": "it has stalled",
    "FT": "its axes are twisted",
    "NC": "somebody turns its knob",
    "NI": "another command has interrupted it",
    "WL": "it has run into a limit sensor",
    "WM": "it was pushed away",
}
"""What a warning of an axis means that does not stand where it was told to go."""

_IDS: Final = {"get version": 1, "get limit.min": 2, "get limit.max": 3, "get pos": 4}
"""An ID for each query, so that no reply is taken for that to another one."""

_MOVE_ID: Final = 5

_REPLY: Final = re.compile(
    r"@([0-9]{2}) ([0-9]) ([0-9]{2}) (OK|RJ) (IDLE|BUSY) ([A-Z]{2}|--) ([!-9;-~]{1,40})"
    r"(?::([0-9A-F]{2}))?"
)
_NUMBER: Final = re.compile(r"-?[0-9]{1,10}(\.[0-9]{1,6})?")


@frozen
class Reply:
    """A reply.

    Attributes:
        device: address of the device.
        axis: number of the axis; 0 for the whole device.
        id: number that the request had.
        accepted: whether the command was accepted.
        is_moving: whether the axis moves.
        warning: the warning of highest priority; empty for none.
        data: what was asked for, or why the command was rejected.
    """

    device: int
    axis: int
    id: int
    accepted: bool
    is_moving: bool
    warning: str
    data: str

    @property
    def number(self) -> float:
        """The data as a number."""
        return float(self.data)


def checksum(text: str) -> str:
    """The checksum of a message without its first character: two hexadecimal digits."""
    return f"{-sum(text.encode('ascii')) & 0xFF:02X}"


def parse(line: str) -> Reply | None:
    """Read a line; None if it is no reply, or if its checksum is wrong."""
    text = line.strip()
    found = _REPLY.fullmatch(text)
    if found is None:
        return None
    device, axis, number, flag, status, warning, data, check = found.groups()
    if check is not None and checksum(text[1:-3]) != check:
        return None
    return Reply(
        device=int(device),
        axis=int(axis),
        id=int(number),
        accepted=flag == "OK",
        is_moving=status == "BUSY",
        warning=warning.strip("-"),
        data=data,
    )


def version(device: int) -> Query[Reply]:
    """The query of the version of the firmware, which is one of the whole device."""
    return _query(device, 0, "get version")


def limit(device: int, axis: int, end: str) -> Query[Reply]:
    """The query of the lowest, "min", or highest position [microsteps], "max"."""
    return _query(device, axis, f"get limit.{end}")


def position(device: int, axis: int) -> Query[Reply]:
    """The query of the position [microsteps]."""
    return _query(device, axis, "get pos")


def move(device: int, axis: int, microsteps: int) -> str:
    """The command to go to a position [microsteps]."""
    return f"/{device} {axis} {_MOVE_ID:02d} move abs {microsteps}"


def _query(device: int, axis: int, question: str) -> Query[Reply]:
    number = _IDS[question]

    def read(line: str) -> Reply | None:
        reply = parse(line)
        if reply is None or (reply.device, reply.axis, reply.id) != (device, axis, number):
            return None
        return reply if not reply.accepted or _NUMBER.fullmatch(reply.data) else None

    return Query(f"/{device} {axis} {number:02d} {question}", read)
