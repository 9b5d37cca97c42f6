"""The Fusion's serial language without a transport: framing, units, numbers, replies.

A request is a line that ends with CR. A reply is an echo of the request, lines, and the prompt `>`
(Chemyx knowledge base, "Serial Commands", "Serial (RS232) Commands" and "RS232 Communication").
Real pumps differ in how the echo ends (CR, or CR LF) and how lines are separated (CR LF, or LF CR),
so that replies are read by key and never by position.
"""

import re
from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Final

from attrs import frozen

from flowrig.interfaces import PumpState

__all__ = [
    "REJECTION",
    "FrameSplitter",
    "RawLimits",
    "Units",
    "agrees",
    "choose_units",
    "decimal",
    "parse_limits",
    "parse_number",
    "parse_parameters",
    "parse_state",
    "parse_steps",
    "parse_units",
    "strip_echo",
    "value_of",
]

REJECTION: Final = "Invalid Command!"
"""What a Fusion answers to a request that it does not understand."""

PROMPT: Final = b">"

_PROMPT_LINE = re.compile(rb"(?:\A|(?<=[\r\n>]))[ \t]*>")
_NUMBER = re.compile(r"[+-]?[0-9]{1,12}(\.[0-9]{0,12})?")
_HEADING = re.compile(r"pump ([12]):?", re.IGNORECASE)

_STATES: Final = {
    "0": PumpState.STOPPED,
    "1": PumpState.RUNNING,
    "2": PumpState.PAUSED,
    "3": PumpState.DELAYED,
    "4": PumpState.STALLED,
    "5": PumpState.FAULT,
}
"""Status digits as in Chemyx's MATLAB programs for the Fusion series (2016)."""


class Units(Enum):
    """What a number in `set rate` means; volumes take the volume part of the rate's unit."""

    ML_MIN = 0
    ML_HR = 1
    UL_MIN = 2
    UL_HR = 3

    @property
    def volume_ul(self) -> float:
        """One volume unit [µL]."""
        return 1000.0 if self in (Units.ML_MIN, Units.ML_HR) else 1.0

    @property
    def rate_ul_min(self) -> float:
        """One rate unit [µL/min]."""
        return self.volume_ul / (60.0 if self in (Units.ML_HR, Units.UL_HR) else 1.0)


@frozen
class RawLimits:
    """The reply to `read limit parameter`, in the unit that is set, in the pump's order."""

    rate_max: float
    rate_min: float
    volume_max: float
    volume_min: float


class FrameSplitter:
    """Cuts a stream of bytes into replies at the prompt.

    The prompt stands at the beginning of a line; elsewhere a `>` is more likely a damaged byte of
    a number, so that it counts only if nothing follows it.
    """

    def __init__(self) -> None:
        self._rest = b""

    @property
    def rest(self) -> str:
        """What came since the last prompt."""
        return self._rest.decode("ascii", "replace")

    def feed(self, data: bytes) -> list[list[str]]:
        """Take bytes in pieces of any size.

        Returns:
            the replies that are now complete: the stripped lines of each, empty ones left out.
        """
        *frames, self._rest = _PROMPT_LINE.split(self._rest + data)
        return [_lines(frame) for frame in frames]

    def settle(self) -> list[list[str]]:
        """Nothing more has come for a while: a `>` at the very end is a prompt wherever it stands.

        Returns:
            the reply that this completes, if any.
        """
        if not self._rest.endswith(PROMPT):
            return []
        frame, self._rest = self._rest.removesuffix(PROMPT), b""
        return [_lines(frame)]


def _lines(frame: bytes) -> list[str]:
    texts = (text.strip() for text in re.split(r"[\r\n]+", frame.decode("ascii", "replace")))
    return [text for text in texts if text]


def strip_echo(lines: Sequence[str], request: str) -> list[str]:
    """The answer proper: without the echo of the request and any unasked text before it."""
    try:
        return list(lines[lines.index(request) + 1 :])
    except ValueError:
        return list(lines)


def parse_number(text: str) -> float:
    """A plain decimal number; no exponent, underscore, comma, nan or inf.

    Raises:
        ValueError: it is anything else.
    """
    if not _NUMBER.fullmatch(text):
        raise ValueError(f"expected a number, got {text!r}")
    return float(text)


def parse_steps(text: str) -> list[tuple[float, ...]]:
    """The numbers of a run in several steps: "1.5,2/3" is 1.5, then from 2 to 3.

    Raises:
        ValueError: a part is no number, or a ramp has not two ends.
    """
    parts = [part.strip() for part in text.removesuffix(",").split(",")]
    steps = [tuple(parse_number(end.strip()) for end in part.split("/")) for part in parts]
    if any(len(step) > 2 for step in steps):
        raise ValueError(f"expected ramps of two flow rates, got {text!r}")
    return steps


def value_of(lines: Sequence[str], key: str) -> str:
    """The text behind `key =`.

    Raises:
        ValueError: no line, or more than one, has this key.
    """
    found = [value.strip() for name, _, value in _pairs(lines) if name.strip() == key]
    if len(found) != 1:
        raise ValueError(f"expected one line {key!r} in the reply, got {len(found)}")
    return found[0]


def _pairs(lines: Sequence[str]) -> list[tuple[str, str, str]]:
    return [line.partition("=") for line in lines if "=" in line]


def parse_state(lines: Sequence[str]) -> PumpState:
    """The reply to `status`: one digit.

    Raises:
        ValueError: it is anything else.
    """
    if len(lines) != 1 or lines[0] not in _STATES:
        raise ValueError("expected one status digit from 0 to 5")
    return _STATES[lines[0]]


def parse_limits(lines: Sequence[str]) -> RawLimits:
    """The reply to `read limit parameter`: four numbers.

    Raises:
        ValueError: they are not four, or do not make sense as limits.
    """
    numbers = [parse_number(text) for line in lines for text in line.split()]
    if len(numbers) != 4:
        raise ValueError(f"expected four limits, got {len(numbers)}")
    limits = RawLimits(*numbers)
    if not (limits.rate_max > limits.rate_min >= 0 and limits.volume_max > limits.volume_min >= 0):
        raise ValueError("expected limits as rate max, rate min, volume max, volume min")
    return limits


def parse_parameters(lines: Sequence[str]) -> Mapping[int, Mapping[str, str]]:
    """The reply to `view parameter`.

    Returns:
        texts by key, by channel: 1 and 2 on a dual pump, 0 on a single one.
    """
    channels: dict[int, dict[str, str]] = {}
    channel = 0
    for line in lines:
        heading = _HEADING.fullmatch(line)
        if heading:
            channel = int(heading[1])
            continue
        key, equals, value = line.partition("=")
        if equals:
            channels.setdefault(channel, {})[key.strip()] = value.strip()
    return channels


def parse_units(text: str) -> Units:
    """Units as the digit that most pumps print, or as the name that some do ("mL/min").

    Raises:
        ValueError: it is neither.
    """
    if re.fullmatch("[0-3]", text):
        return Units(int(text))
    name = text.lower()
    for ending, milli, micro in (
        ("l/min", Units.ML_MIN, Units.UL_MIN),
        ("l/hr", Units.ML_HR, Units.UL_HR),
    ):
        prefix = name.removesuffix(ending)
        if prefix != name:
            return milli if prefix == "m" else micro
    raise ValueError(f"expected a unit from 0 to 3, got {text!r}")


def choose_units(rate_ul_min: float) -> Units:
    """The units in which a flow rate [µL/min] keeps three significant digits in five decimals.

    Both choices count volumes in µL, so that a change between them leaves volumes alone.
    """
    return Units.UL_MIN if rate_ul_min >= 0.001 else Units.UL_HR


def decimal(value: float, places: int = 5) -> str:
    """A number as the pump takes it; five decimals are the most for rates and volumes."""
    return f"{value:.{places}f}"


def agrees(sent: float, kept: float, tolerance: float = 1e-5) -> bool:
    """Whether the value that a pump reports is the one that it was sent.

    The tolerance is absolute and one part in a million, since a pump may calculate in single
    precision.
    """
    return abs(kept - sent) <= max(1.01 * tolerance, 1e-6 * abs(sent))
