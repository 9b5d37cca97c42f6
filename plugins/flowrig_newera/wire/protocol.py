"""The protocol of New Era pumps without a transport: packets, replies, numbers and units.

In Basic mode a request is a line that ends with CR, and a reply stands between STX and ETX. In Safe
mode both are packets: STX, a length, the text, a checksum, ETX. The text of a reply is the same in
both modes: the pump's address, a prompt or an alarm, and data.

Source: New Era Pump Systems, "NE-1000 Multi-Phaser User Manual", publication 1200-01, chapter
"RS-232 Communications"; the manuals of NE-500 and NE-4000 have the same chapter.
"""

import binascii
import re
from collections.abc import Sequence
from enum import Enum
from typing import Final

from attrs import frozen

__all__ = [
    "ADDRESS_MAX",
    "ETX",
    "OUT_OF_RANGE",
    "SAFE_MAX_S",
    "STX",
    "TEXT_MAX",
    "Alarm",
    "Frame",
    "FrameSplitter",
    "GarbledError",
    "RateUnit",
    "Reply",
    "VolumeUnit",
    "basic_request",
    "choose_rate",
    "decimal",
    "packet",
    "parse_dispensed",
    "parse_number",
    "parse_rate",
    "parse_reply",
    "parse_version",
    "parse_volume",
    "volume_unit_for",
]

STX: Final = 0x02
ETX: Final = 0x03

ADDRESS_MAX: Final = 99
SAFE_MAX_S: Final = 255
"""Longest time-out [s] of the Safe mode."""

OUT_OF_RANGE: Final = "OOR"

FRAME: Final = 4
"""Bytes that the length of a packet counts beside its text: itself, the checksum, and ETX."""

TEXT_MAX: Final = 0x2F - FRAME
"""Longest text of a packet: a longer one would have a length that is also a digit."""

PRECISION: Final = 5e-4
"""Relative rounding of a flow rate up to which its first unit is taken."""

_REPLY = re.compile(r"([0-9]{2})(?:A\?([RSTEO])|([IWSPTUX]))([ -~]*)")
# At most four digits; stricter than float(), so that a damaged byte makes no nan, inf or exponent.
_NUMBER = re.compile(r"(?=[0-9.]{1,5}$)(?=.*[0-9])[0-9]{0,4}(\.[0-9]{0,3})?")
_DISPENSED = re.compile(r"I([0-9.]+)W([0-9.]+)(UL|ML)")
_VERSION = re.compile(r"NE([0-9A-Z]+?)V([0-9]{1,2}\.[0-9]{1,4}[!-~]*)")


class GarbledError(ValueError):
    """Bytes that no pump sends: damaged ones, or those of another instrument or line speed."""


class Alarm(Enum):
    """What stopped a pump, by the letter that it sends."""

    RESET = "R"
    STALL = "S"
    TIME_OUT = "T"
    PROGRAM = "E"
    PHASE = "O"


class VolumeUnit(Enum):
    """Unit of volumes, by the letters on the wire."""

    UL = "UL"
    ML = "ML"

    @property
    def volume_ul(self) -> float:
        """The unit [µL]."""
        return 1.0 if self is VolumeUnit.UL else 1000.0


class RateUnit(Enum):
    """Unit of flow rates, by the letters on the wire."""

    UL_MIN = "UM"
    ML_MIN = "MM"
    UL_HR = "UH"
    ML_HR = "MH"

    @property
    def rate_ul_min(self) -> float:
        """The unit [µL/min]."""
        volume_ul = 1.0 if self.value[0] == "U" else 1000.0
        return volume_ul if self.value[1] == "M" else volume_ul / 60.0


@frozen
class Reply:
    """A reply of a pump.

    Attributes:
        address: address of the pump.
        prompt: letter of its state; empty if it reports an alarm.
        alarm: the alarm, if it reports one.
        data: what follows; "?" and a reason if the request was refused.
    """

    address: int
    prompt: str
    alarm: Alarm | None
    data: str

    @property
    def refusal(self) -> str | None:
        """The reason of a refusal, empty for an unknown request; None if the pump obeyed."""
        return self.data[1:] if self.data.startswith("?") else None


@frozen
class Frame:
    """The text of a reply, and whether it came in a packet with a checksum."""

    text: str
    is_safe: bool


class FrameSplitter:
    """Cuts the bytes of a line into replies, in pieces of any size.

    Attributes:
        rest: bytes of a reply that is not complete.
    """

    def __init__(self) -> None:
        self.rest = b""

    def feed(self, data: bytes) -> list[Frame]:
        """Take the next bytes; return the complete replies.

        Raises:
            GarbledError: the bytes are not those of a pump; they are dropped.
        """
        self.rest += data
        frames = []
        try:
            while (frame := self._next()) is not None:
                frames.append(frame)
        except GarbledError:
            self.rest = b""
            raise
        return frames

    def _next(self) -> Frame | None:
        if not self.rest:
            return None
        if self.rest[0] != STX:
            raise GarbledError(f"{self.rest!r} does not begin like a reply")
        if len(self.rest) == 1:
            return None
        is_safe = self.rest[1] < ord("0")
        return self._next_packet() if is_safe else self._next_line()

    def _next_line(self) -> Frame | None:
        body, end, rest = self.rest[1:].partition(bytes([ETX]))
        text = _text_of(body)
        if not end:
            return None
        self.rest = rest
        return Frame(text, is_safe=False)

    def _next_packet(self) -> Frame | None:
        length = self.rest[1]
        if len(self.rest) < 1 + length:
            return None
        whole, self.rest = self.rest[: 1 + length], self.rest[1 + length :]
        text = whole[2:-3]
        if length < FRAME or whole != packet(_text_of(text)):
            raise GarbledError(f"{whole!r} has another length or checksum")
        return Frame(_text_of(text), is_safe=True)


def _text_of(body: bytes) -> str:
    if not all(ord(" ") <= byte <= ord("~") for byte in body):
        raise GarbledError(f"{body!r} is no text")
    return body.decode("ascii")


def basic_request(text: str) -> bytes:
    """A request in Basic mode."""
    return text.encode("ascii") + b"\r"


def packet(text: str) -> bytes:
    """A request or a reply in Safe mode: the checksum is CRC-16-CCITT with initial value 0.

    The manual's example, `SAF0` with the checksum 0x5543, fits only this initial value.
    """
    data = text.encode("ascii")
    if len(data) > TEXT_MAX:
        raise ValueError(f"{text!r} is too long for a packet")
    checksum = binascii.crc_hqx(data, 0).to_bytes(2, "big")
    return bytes([STX, len(data) + FRAME]) + data + checksum + bytes([ETX])


def parse_reply(text: str) -> Reply:
    """Parse the text of a reply.

    Raises:
        ValueError: it is not that of a pump.
    """
    found = _REPLY.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is no reply of a pump")
    address, alarm, prompt, data = found.groups()
    return Reply(int(address), prompt or "", Alarm(alarm) if alarm else None, data.strip())


def decimal(value: float) -> str:
    """A number as a pump takes it: four digits, at most three of them after the point.

    Raises:
        ValueError: the number is negative, or larger than 9999.
    """
    for places in (3, 2, 1, 0):
        text = f"{value:.{places}f}"
        if len(text.replace(".", "")) <= 4 and value >= 0:
            return text
    raise ValueError(f"{value:g} does not fit into four digits")


def parse_number(text: str) -> float:
    """Parse a number of at most four digits.

    Raises:
        ValueError: the text is no such number.
    """
    if not _NUMBER.fullmatch(text):
        raise ValueError(f"{text!r} is no number of a pump")
    return float(text)


def parse_rate(data: str) -> tuple[float, RateUnit]:
    """Parse the reply to `RAT`: the number, and its unit.

    Raises:
        ValueError: it is no flow rate.
    """
    return parse_number(data[:-2]), RateUnit(data[-2:])


def parse_volume(data: str) -> tuple[float, VolumeUnit]:
    """Parse the reply to `VOL`: the number, and its unit.

    Raises:
        ValueError: it is no volume.
    """
    return parse_number(data[:-2]), VolumeUnit(data[-2:])


def parse_dispensed(data: str) -> tuple[float, float]:
    """Parse the reply to `DIS`: infused and withdrawn volume [µL].

    Raises:
        ValueError: it has no such volumes.
    """
    found = _DISPENSED.fullmatch(data)
    if found is None:
        raise ValueError(f"{data!r} has no infused and withdrawn volume")
    unit = VolumeUnit(found[3])
    return parse_number(found[1]) * unit.volume_ul, parse_number(found[2]) * unit.volume_ul


def parse_version(data: str) -> tuple[str, str]:
    """Parse the reply to `VER`: model, as "1000" or "1010X", and firmware.

    Raises:
        ValueError: it is not that of a New Era pump.
    """
    found = _VERSION.fullmatch(data)
    if found is None:
        raise ValueError(f"{data!r} is no model of New Era")
    return found[1], found[2]


def choose_rate(rate_ul_min: float, units: Sequence[RateUnit] = tuple(RateUnit)) -> str | None:
    """A flow rate as the argument of `RAT`, with its unit.

    It is in the first unit in which four digits round it by less than 0.05 %, or else in the one in
    which they round it least.

    Args:
        rate_ul_min: the flow rate [µL/min].
        units: the units to choose from, in this order.

    Returns:
        the text; None if no unit keeps the rate within 0.5 %.
    """
    best, least = None, 10 * PRECISION
    for unit in units:
        try:
            text = decimal(rate_ul_min / unit.rate_ul_min)
        except ValueError:
            continue
        error = abs(float(text) * unit.rate_ul_min / rate_ul_min - 1.0)
        if error <= PRECISION:
            return text + unit.value
        if error <= least:
            best, least = text + unit.value, error
    return best


def volume_unit_for(volume_ul: float) -> VolumeUnit:
    """The smallest unit in which four digits hold a volume [µL]; those of 10 mL hold 9999 µL."""
    return VolumeUnit.UL if volume_ul <= 10_000.0 else VolumeUnit.ML
