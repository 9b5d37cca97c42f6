"""What can be asked of one channel of a Fusion, and what its answers mean.

Every request is one method: it sends, checks the answer, and raises an error that names the device.
In which order requests are safe is the driver's business.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Final, Protocol, TypeVar

from flowrig.errors import (
    ConnectionLostError,
    DeviceError,
    ProtocolError,
    RefusedError,
    UnknownOutcomeError,
    UnsupportedError,
)
from flowrig.interfaces import PumpState, WireChannel
from flowrig_chemyx.wire.protocol import (
    REJECTION,
    RawLimits,
    Units,
    agrees,
    decimal,
    parse_limits,
    parse_number,
    parse_parameters,
    parse_state,
    parse_steps,
    parse_units,
    strip_echo,
    value_of,
)
from flowrig_chemyx.wire.serial_line import LineFault

__all__ = ["Exchange", "PumpChannel", "Step"]

E = TypeVar("E", bound=DeviceError)
T = TypeVar("T")

STATUS_SPELLINGS: Final = ("status", "pump status")
VIEW: Final = "view parameter"  # names both channels of a dual pump, and takes no number

Step = tuple[float, ...]
"""The value of one step of a run; two values are the ends of a ramp."""


class Exchange(Protocol):
    """A line to a pump; see `flowrig_chemyx.wire.serial_line.SerialLine`."""

    @property
    def speeds(self) -> str:
        """The line speeds that may have been tried, for a message."""
        ...

    def exchange(
        self, request: str, deadline_s: float, log: WireChannel, *, urgent: bool = False
    ) -> list[str]:
        """Send a request and wait for the lines of the reply, or raise LineFault."""
        ...

    def distrust(self) -> None:
        """Get back in step before the next request."""
        ...


class PumpChannel:
    """The requests to one channel.

    Every method raises ConnectionLostError if a question is not answered, UnknownOutcomeError if a
    command is not, and ProtocolError if the answer makes no sense.

    Args:
        line: the line to the pump.
        device: the device's name in the rig profile.
        channel: 1 or 2 on a dual pump, else None.
        deadline_s: longest wait [s] for one answer.
        log: is told the bytes.

    Attributes:
        units: what the pump is known to be set to, or None.
    """

    def __init__(
        self,
        line: Exchange,
        device: str,
        channel: int | None,
        deadline_s: float,
        log: WireChannel,
    ) -> None:
        self.units: Units | None = None
        self._line = line
        self._channel = channel
        self._deadline_s = deadline_s
        self._log = log
        self._device = device
        self._status_request = STATUS_SPELLINGS[0]

    def learn_status_spelling(self) -> PumpState:
        """The state, in the spelling of the question that this pump knows."""
        for self._status_request in STATUS_SPELLINGS:
            with suppress(ProtocolError):
                return self.state()
        self._status_request = STATUS_SPELLINGS[0]
        return self.state()

    def state(self) -> PumpState:
        """What the pump does."""
        return self._query(self._status_request, parse_state)

    def learn_units(self) -> None:
        """Note the units that are set on this channel.

        Raises:
            ProtocolError: the parameters do not name the channel, or name one where none is
                configured.
        """
        self.units = self._query(VIEW, lambda lines: _units_in(self._parameters(lines)))

    def limits(self) -> RawLimits:
        """Limits in the units and with the diameter that are set."""
        return self._query("read limit parameter", parse_limits)

    def dispensed(self) -> float:
        """The pump's count of this run, or of the last, in its unit of volume."""
        return self._ask_number("dispensed volume")

    def elapsed_min(self) -> float:
        """Length of this run, or of the last [min]."""
        return self._ask_number("elapsed time")

    def set_units(self, units: Units) -> None:
        """Set the units.

        Raises:
            RefusedError: the pump kept others.
        """
        self.units = None
        request = f"set units {units.value}"
        kept = self._command_for(request, lambda lines: parse_units(value_of(lines, "units")))
        if kept is not units:
            raise self._fault(
                RefusedError, f"the pump kept units {kept.name} instead of {units.name}", request
            )
        self.units = units

    def set_diameter(self, diameter_mm: float) -> None:
        """Set the inner diameter [mm].

        Raises:
            RefusedError: the pump kept another one.
        """
        self._set("diameter", [(diameter_mm,)], places=3, hint="")

    def set_volumes(self, volumes: Sequence[float], hint: str = "") -> None:
        """Set the volume of every step, in the units that are set; negative ones withdraw.

        Args:
            volumes: one a step; their number is the number of steps.
            hint: a clause on limits, for the message.

        Raises:
            RefusedError: the pump kept others.
            UnsupportedError: the pump took fewer steps.
        """
        self._set("volume", [(volume,) for volume in volumes], places=5, hint=hint)

    def set_rates(self, rates: Sequence[Step], hint: str = "") -> None:
        """Set the flow rate of every step, or the ends of its ramp, in the units that are set.

        Args:
            rates: one a step.
            hint: a clause on limits, for the message.

        Raises:
            RefusedError: the pump kept others.
            UnsupportedError: the pump took fewer steps, or no ramp.
        """
        self._set("rate", rates, places=5, hint=hint)

    def start(self, *, multistep: bool = False) -> None:
        """Have the pump start, or go on; what it prints differs between models."""
        self._command("start 1" if multistep else "start")

    def pause(self) -> None:
        """Have the pump pause."""
        self._command("pause")

    def stop(self, *, everything: bool = False) -> None:
        """Have the pump stop, even on a line that is out of step.

        Args:
            everything: both channels of a dual pump.
        """
        self._command("stop", urgent=True, addressed=not everything)

    def _parameters(self, lines: Sequence[str]) -> Mapping[str, str]:
        channels = parse_parameters(lines)
        if (self._channel or 0) in channels:
            return channels[self._channel or 0]
        hint = "set channel = 1 or 2" if 2 in channels else "leave channel out"
        raise ValueError(f"the parameters lack the configured channel; {hint} if this is a Fusion")

    def _ask_number(self, what: str) -> float:
        return self._query(what, lambda lines: _not_negative(parse_number(value_of(lines, what))))

    def _set(self, what: str, steps: Sequence[Step], places: int, hint: str) -> None:
        sent = [[decimal(value, places) for value in step] for step in steps]
        text = ",".join("/".join(step) for step in sent)
        request = f"set {what} {text}"
        kept = self._command_for(request, lambda lines: parse_steps(value_of(lines, what)))
        if len(kept) < len(sent) or any(len(a) < len(b) for a, b in zip(kept, sent, strict=False)):
            raise UnsupportedError(
                f"{self._device}: the pump took {_shown(kept)} of {what} {text}; it does not know "
                "such steps, or its screen has to show Multi-Step mode first"
            )
        wanted = [tuple(float(value) for value in step) for step in sent]
        if not _agree(wanted, kept, 10.0**-places):
            raise self._fault(
                RefusedError,
                f"the pump kept {what} {_shown(kept)} instead of {text}{hint}",
                request,
            )

    def _query(self, request: str, parse: Callable[[Sequence[str]], T]) -> T:
        """Ask for something; an answer that does not come means a lost connection."""
        try:
            lines = self._exchange(request)
        except LineFault as fault:
            raise self._fault(
                ConnectionLostError,
                f"{fault}; is the pump on, and set to {self._line.speeds}?",
                request,
                fault.reply,
            ) from fault
        return self._parsed(request, lines, parse)

    def _command_for(self, request: str, parse: Callable[[Sequence[str]], T]) -> T:
        return self._parsed(request, self._command(request), parse)

    def _command(self, request: str, *, urgent: bool = False, addressed: bool = True) -> list[str]:
        """Have something done; an answer that does not come leaves it unknown whether it was."""
        try:
            return self._exchange(request, urgent=urgent, addressed=addressed)
        except LineFault as fault:
            kind = UnknownOutcomeError if fault.sent else ConnectionLostError
            raise self._fault(kind, str(fault), request, fault.reply) from fault

    def _exchange(self, request: str, *, urgent: bool = False, addressed: bool = True) -> list[str]:
        if self._channel and addressed and request != VIEW:
            request = f"{self._channel} {request}"
        lines = self._line.exchange(request, self._deadline_s, self._log, urgent=urgent)
        answer = strip_echo(lines, request)
        if REJECTION in answer:
            raise self._fault(
                ProtocolError, "the pump does not know this command", request, REJECTION
            )
        return answer

    def _fault(self, kind: type[E], message: str, command: str, reply: str = "") -> E:
        return kind(message, device=self._device, command=command, reply=reply)

    def _parsed(self, request: str, lines: Sequence[str], parse: Callable[[Sequence[str]], T]) -> T:
        try:
            return parse(lines)
        except ValueError as error:
            self._line.distrust()
            raise self._fault(ProtocolError, f"{error}", request, " ".join(lines)) from error


def _units_in(parameters: Mapping[str, str]) -> Units:
    return parse_units(parameters.get("unit", parameters.get("units", "")))


def _not_negative(number: float) -> float:
    if number < 0:
        raise ValueError(f"expected no negative number, got {number:g}")
    return number


def _agree(wanted: Sequence[Step], kept: Sequence[Step], tolerance: float) -> bool:
    return [len(step) for step in wanted] == [len(step) for step in kept] and all(
        agrees(sent, held, tolerance)
        for step, other in zip(wanted, kept, strict=True)
        for sent, held in zip(step, other, strict=True)
    )


def _shown(steps: Sequence[Step]) -> str:
    return ",".join("/".join(f"{value:g}" for value in step) for step in steps)
