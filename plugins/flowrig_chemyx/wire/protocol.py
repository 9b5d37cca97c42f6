"""The Fusion protocol without a transport: framing, units, numbers and replies.

A request is one line that ends with CR. A reply consists of an echo of the request, zero or more
lines, and the prompt `>` (Chemyx knowledge base, "Serial Commands", "Serial (RS232) Commands" and
"RS232 Communication"). Pumps differ in the end of the echo (CR, or CR LF) and in the separator
between lines (CR LF, or LF CR), so the parsers find values by key, never by line number.
"""

import re
from collections.abc import Mapping, Sequence
from enum import Enum
from functools import lru_cache
from math import isclose
from typing import Final

from attrs import frozen

from flowrig.interfaces import PumpState

__all__ = [
    "REJECTION",
    "FrameSplitter",
    "RawLimits",
    "RunSettings",
    "Step",
    "Units",
    "agree",
    "agrees",
    "choose_units",
    "decimal",
    "parse_limits",
    "parse_number",
    "parse_parameters",
    "parse_settings",
    "parse_state",
    "parse_steps",
    "parse_units",
    "prove_limits",
    "strip_echo",
    "value_of",
]

REJECTION: Final = "Invalid Command!"
"""Reply of a Fusion to a request that it does not know (AFRL ARES, ChemyxPumpPlugin)."""

PROMPT: Final = b">"

# A `>` after `>` counts as well: a reply without lines follows the last prompt directly if the echo
# is off.
_PROMPT_LINE = re.compile(rb"(?:\A|(?<=[\r\n>]))[ \t]*>")
# Stricter than float(): a damaged byte must not make a number nan, inf or another power of ten.
_NUMBER = re.compile(r"[+-]?[0-9]{1,12}(\.[0-9]{0,12})?")
_LINE_ENDS = re.compile(r"[\r\n]+")
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


Step = tuple[float, ...]
"""Value of one step of a run: one number, or both ends of a ramp."""


class Units(Enum):
    """Unit codes of `set units`; volumes are in the volume part of the flow rate's unit.

    Source: Chemyx knowledge base, "Serial (RS232) Commands".
    """

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
    """The reply to `read limit parameter`, in the unit that is set, in the order of the reply.

    The order is that of Chemyx's MATLAB programs (2016). One public driver reads the volumes
    first, so the driver lets the pump prove the order (`prove_limits`).
    """

    rate_max: float
    rate_min: float
    volume_max: float
    volume_min: float


@frozen
class RunSettings:
    """The settings of a run, in the pump's units.

    Attributes:
        units: the units of flow rates and volumes.
        diameter_mm: inner diameter [mm] of the syringe; None if the pump does not show it.
        volumes: volume of each step, negative to withdraw; empty if the pump does not show them.
        rates: flow rate of each step, or both ends of its ramp; empty likewise.
        delays: delay before each step, in minutes or seconds; empty likewise.
    """

    units: Units
    diameter_mm: float | None
    volumes: tuple[float, ...]
    rates: tuple[Step, ...]
    delays: tuple[float, ...]

    @property
    def volume_ul(self) -> float:
        """Volume [µL] of all steps, withdrawals counted as positive."""
        return sum(map(abs, self.volumes)) * self.units.volume_ul

    def shows(self, wanted: "RunSettings", *, volumes: bool = True) -> bool:
        """Whether these settings, read from a pump, are known to be those of a run without delays.

        Signs of volumes are not compared, because Chemyx's Python window reads them as magnitudes.

        Args:
            wanted: the settings of the run.
            volumes: whether the volumes count.
        """
        return (
            self.units is wanted.units
            and self.diameter_mm is not None
            and agrees(wanted.diameter_mm or 0.0, self.diameter_mm, 1e-3)
            and agree(wanted.rates, self.rates)
            and bool(self.delays)
            and not any(self.delays)
            and (not volumes or agree(_sizes(wanted.volumes), _sizes(self.volumes)))
        )


class FrameSplitter:
    """Splits a stream of bytes into replies at the prompt.

    A prompt is expected at the beginning of a line. A `>` elsewhere is more likely a damaged byte
    of a number, so it counts as a prompt only if no byte follows it (see `settle`).
    """

    def __init__(self) -> None:
        self._rest = b""

    @property
    def rest(self) -> str:
        """The text received since the last prompt."""
        return self._rest.decode("ascii", "replace")

    def feed(self, data: bytes) -> list[list[str]]:
        """Take the next bytes of the stream, in pieces of any size.

        Returns:
            the replies that are now complete, each as its stripped, non-empty lines.
        """
        *frames, self._rest = _PROMPT_LINE.split(self._rest + data)
        return [_lines(frame) for frame in frames]

    def settle(self) -> list[list[str]]:
        """Accept a `>` at the end of the received bytes as a prompt, wherever in a line it is.

        Call this after a pause in the stream.

        Returns:
            the reply that is now complete, or an empty list.
        """
        if not self._rest.endswith(PROMPT):
            return []
        frame, self._rest = self._rest.removesuffix(PROMPT), b""
        return [_lines(frame)]


@lru_cache(maxsize=256)
def _texts(frame: bytes) -> tuple[str, ...]:
    """The lines of a reply; kept, because a pump that is looked at repeats most of its replies."""
    texts = (text.strip() for text in _LINE_ENDS.split(frame.decode("ascii", "replace")))
    return tuple(text for text in texts if text)


def _lines(frame: bytes) -> list[str]:
    return list(_texts(frame))


def strip_echo(lines: Sequence[str], request: str) -> list[str]:
    """The lines of a reply after the echo of the request; all lines if there is no echo.

    Lines before the echo are dropped: they are text that the pump sends without a request.
    """
    try:
        return list(lines[lines.index(request) + 1 :])
    except ValueError:
        return list(lines)


def parse_number(text: str) -> float:
    """Parse a plain decimal number.

    Raises:
        ValueError: the text is anything else, such as "1e3", "1_0", "1,5", "nan" or "inf".
    """
    if not _NUMBER.fullmatch(text):
        raise ValueError(f"expected a number, got {text!r}")
    return float(text)


def parse_steps(text: str) -> list[tuple[float, ...]]:
    """Parse the values of a run in several steps: "1.5,2/3" is 1.5, then a ramp from 2 to 3.

    Raises:
        ValueError: a part is not a number, or a ramp has more than two ends.
    """
    parts = [part.strip() for part in text.removesuffix(",").split(",")]
    steps = [tuple(parse_number(end.strip()) for end in part.split("/")) for part in parts]
    if any(len(step) > 2 for step in steps):
        raise ValueError(f"expected ramps of two flow rates, got {text!r}")
    return steps


def value_of(lines: Sequence[str], key: str) -> str:
    """The text after `key =` in a reply.

    Raises:
        ValueError: no line has this key, or more than one line has it.
    """
    found = [value.strip() for name, _, value in _pairs(lines) if name.strip() == key]
    if len(found) != 1:
        raise ValueError(f"expected one line {key!r} in the reply, got {len(found)}")
    return found[0]


def _pairs(lines: Sequence[str]) -> list[tuple[str, str, str]]:
    return [line.partition("=") for line in lines if "=" in line]


def parse_state(lines: Sequence[str]) -> PumpState:
    """Parse the reply to `status`: one digit.

    Raises:
        ValueError: the reply is anything else.
    """
    if len(lines) != 1 or lines[0] not in _STATES:
        raise ValueError("expected one status digit from 0 to 5")
    return _STATES[lines[0]]


def parse_limits(lines: Sequence[str]) -> RawLimits:
    """Parse the reply to `read limit parameter`: four numbers.

    Raises:
        ValueError: there are not four numbers, or a maximum is not above its minimum.
    """
    numbers = [parse_number(text) for line in lines for text in line.split()]
    if len(numbers) != 4:
        raise ValueError(f"expected four limits, got {len(numbers)}")
    limits = RawLimits(*numbers)
    if not (limits.rate_max > limits.rate_min >= 0 and limits.volume_max > limits.volume_min >= 0):
        raise ValueError("expected limits as rate max, rate min, volume max, volume min")
    return limits


def prove_limits(per_minute: RawLimits, per_hour: RawLimits) -> RawLimits:
    """Limits whose order the pump itself has proved.

    Both replies are for the same diameter, in µL/min and in µL/hr. Of these, 60 times as large in
    µL/hr are the flow rates, and equal are the volumes, so that flow rates and volumes are told
    apart without any knowledge of the model.

    Args:
        per_minute: the reply in µL/min.
        per_hour: the reply in µL/hr.

    Returns:
        the limits in µL/min and µL.

    Raises:
        ValueError: neither order fits.
    """
    first = per_hour.rate_max / per_minute.rate_max
    second = per_hour.volume_max / per_minute.volume_max
    if isclose(first, 60.0, rel_tol=0.05) and isclose(second, 1.0, rel_tol=0.05):
        return per_minute
    if isclose(first, 1.0, rel_tol=0.05) and isclose(second, 60.0, rel_tol=0.05):
        return RawLimits(
            per_minute.volume_max, per_minute.volume_min, per_minute.rate_max, per_minute.rate_min
        )
    raise ValueError("expected limits of which the flow rates alone depend on the unit of time")


def parse_parameters(lines: Sequence[str]) -> Mapping[int, Mapping[str, str]]:
    """Parse the reply to `view parameter`.

    Returns:
        the values as texts, by channel and key; the channels are 1 and 2 on a dual pump, and 0 on
        a single-channel pump.
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
    """Parse units, printed as a digit by most pumps and as a name ("mL/min") by some.

    Raises:
        ValueError: the text is neither.
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
            # Any other prefix is micro: it is printed as "u", as "µ" in one of two code points, or
            # as a byte that is not ASCII.
            return milli if prefix == "m" else micro
    raise ValueError(f"expected a unit from 0 to 3, got {text!r}")


def parse_settings(parameters: Mapping[str, str]) -> RunSettings:
    """The settings of a run in the parameters of one channel.

    Raises:
        ValueError: the units are missing, or a value is no number.
    """

    def steps(key: str) -> tuple[Step, ...]:
        return tuple(parse_steps(parameters[key])) if key in parameters else ()

    diameter = parameters.get("dia", parameters.get("diameter"))
    return RunSettings(
        units=parse_units(parameters.get("unit", parameters.get("units", ""))),
        diameter_mm=None if diameter is None else parse_number(diameter),
        volumes=tuple(step[0] for step in steps("volume")),
        rates=steps("rate"),
        delays=tuple(step[0] for step in steps("delay")),
    )


def choose_units(rate_ul_min: float) -> Units:
    """The units in which a flow rate [µL/min] keeps three significant digits in five decimals.

    Both choices count volumes in µL, so a change between them does not change any volume.
    """
    return Units.UL_MIN if rate_ul_min >= 0.001 else Units.UL_HR


def decimal(value: float, places: int = 5) -> str:
    """Format a number for a request; the pump reads at most five decimals of rates and volumes."""
    return f"{value:.{places}f}"


def agrees(sent: float, kept: float, tolerance: float = 1e-5) -> bool:
    """Whether the value that the pump kept is the value that was sent.

    Args:
        sent: the value in the request.
        kept: the value in the reply.
        tolerance: one unit in the last decimal that was sent; one part in a million of the value
            is allowed in any case, because a pump may calculate in single precision.
    """
    # 1.01: a difference of exactly one unit in the last decimal must not fail on binary rounding.
    return abs(kept - sent) <= max(1.01 * tolerance, 1e-6 * abs(sent))


def agree(sent: Sequence[Step], kept: Sequence[Step], tolerance: float = 1e-5) -> bool:
    """Whether the pump kept the steps that were sent; see `agrees`."""
    return [len(step) for step in sent] == [len(step) for step in kept] and all(
        agrees(asked, held, tolerance)
        for step, other in zip(sent, kept, strict=True)
        for asked, held in zip(step, other, strict=True)
    )


def _sizes(volumes: Sequence[float]) -> list[Step]:
    return [(abs(volume),) for volume in volumes]
