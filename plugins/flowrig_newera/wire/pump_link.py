"""The requests to one New Era pump, and the checks of its replies.

Each request is one method: it sends the request, checks the reply, and raises an error that names
the device. The driver decides the order of requests.
"""

from collections.abc import Callable
from typing import Final, TypeVar

from flowrig.errors import (
    ConnectionLostError,
    DeviceError,
    DeviceFaultError,
    ProtocolError,
    RefusedError,
    UnknownOutcomeError,
)
from flowrig.interfaces import WireChannel
from flowrig_newera.wire.chain import ChainLine
from flowrig_newera.wire.protocol import (
    OUT_OF_RANGE,
    Alarm,
    RateUnit,
    Reply,
    VolumeUnit,
    parse_dispensed,
    parse_number,
    parse_rate,
    parse_volume,
)
from flowrig_serial.lines import LineFault

__all__ = ["INFUSE", "WITHDRAW", "PumpLink"]

E = TypeVar("E", bound=DeviceError)
T = TypeVar("T")

INFUSE: Final = "INF"
WITHDRAW: Final = "WDR"

REFUSALS: Final = {
    "": "the pump does not know this command",
    "NA": "the pump does not take this command now",
    OUT_OF_RANGE: "the pump says that the value is out of range",
    "COM": "the request arrived damaged",
    "IGN": "the pump began a step at the same moment, and ignored the command",
}

ALARMS: Final = {
    Alarm.RESET: "its power was interrupted",
    Alarm.STALL: "its motor stalled",
    Alarm.TIME_OUT: "no request came within the time-out of its Safe mode",
    Alarm.PROGRAM: "its program has an error",
    Alarm.PHASE: "its program has no such step",
}


class PumpLink:
    """The requests to the pump at one address.

    Every method raises ProtocolError if the reply makes no sense. Without a reply, a query raises
    ConnectionLostError; a command raises UnknownOutcomeError, because the pump may have obeyed. A
    command that a pump answers by an alarm was not obeyed: DeviceFaultError.

    Args:
        line: the line to the pump.
        device: the device's name in the rig profile.
        pump: address of the pump.
        deadline_s: longest wait [s] for one reply.
        log: records the bytes.
    """

    def __init__(
        self, line: ChainLine, device: str, pump: int, deadline_s: float, log: WireChannel
    ) -> None:
        self._line = line
        self._device = device
        self._pump = pump
        self._deadline_s = deadline_s
        self._log = log

    def take_alarms(self) -> list[Alarm]:
        """The alarms that the pump has reported since the last call, oldest first."""
        return self._line.take_alarms(self._pump)

    def find(self) -> tuple[str, str]:
        """Find the pump, whatever its mode; returns model and firmware."""
        return self._asked("VER", lambda: self._line.find(*self._where))

    def identify(self) -> tuple[str, str]:
        """Read model and firmware."""
        return self._asked("VER", lambda: self._line.identify(*self._where))

    def set_mode(self, time_out_s: int) -> None:
        """Set the Safe mode with a time-out [s], or the Basic mode with 0.

        Raises:
            UnknownOutcomeError: the pump did not confirm it.
        """
        try:
            self._line.set_mode(self._pump, time_out_s, self._deadline_s, self._log)
        except LineFault as fault:
            raise self._command_fault(f"SAF{time_out_s}", fault) from fault

    def prompt(self) -> str:
        """Read the letter of the pump's state."""
        return self._query("", lambda reply: reply.prompt)

    def diameter_mm(self) -> float:
        """Read the inner diameter [mm]."""
        return self._query("DIA", lambda reply: parse_number(reply.data))

    def rate(self) -> tuple[float, RateUnit]:
        """Read the flow rate, and its unit."""
        return self._query("RAT", lambda reply: parse_rate(reply.data))

    def volume(self) -> tuple[float, VolumeUnit]:
        """Read the volume of a run, and its unit; 0 for a run without end."""
        return self._query("VOL", lambda reply: parse_volume(reply.data))

    def direction(self) -> str:
        """Read the direction: `INFUSE`, `WITHDRAW`, or another word."""
        return self._query("DIR", lambda reply: reply.data)

    def dispensed_ul(self) -> tuple[float, float]:
        """Read the infused and the withdrawn volume [µL] since they were cleared."""
        return self._query("DIS", lambda reply: parse_dispensed(reply.data))

    def phase(self) -> str | None:
        """Read the number of the step that requests refer to; None if the pump has no program."""
        return self._query_of_program("PHN")

    def function(self) -> str | None:
        """Read what this step does; None if the pump has no program."""
        return self._query_of_program("FUN")

    def set(self, request: str, hint: str = "") -> None:
        """Set something.

        Args:
            request: the command with its argument.
            hint: a clause for the message if the value is out of range.

        Raises:
            RefusedError: the pump does not take the value.
        """
        reply = self._command(request)
        self._require_obeyed(request, reply, hint if reply.refusal == OUT_OF_RANGE else "")

    def run(self) -> None:
        """Start the program at its first step."""
        self._require_obeyed("RUN", self._command("RUN"))

    def stop(self) -> None:
        """Stop; a second stop ends the program, so that a start begins anew.

        The reply is not looked at: a pump at rest refuses the command.
        """
        try:
            self._line.stop(*self._where)
        except LineFault as fault:
            raise self._command_fault("STP", fault) from fault

    @property
    def _where(self) -> tuple[int, float, WireChannel]:
        return self._pump, self._deadline_s, self._log

    def _query(self, request: str, parse: Callable[[Reply], T]) -> T:
        """Send a query, and parse its reply."""
        reply = self._reply_to(request)
        if reply.refusal is not None:
            raise self._refused(ProtocolError, request, reply)
        try:
            return parse(reply)
        except ValueError as error:
            raise self._fault(ProtocolError, f"{error}", request, reply.data) from error

    def _query_of_program(self, request: str) -> str | None:
        """Send a query that a pump without a program does not know; the value is None then."""
        reply = self._reply_to(request)
        if reply.refusal:
            raise self._refused(ProtocolError, request, reply)
        return reply.data if reply.refusal is None else None

    def _reply_to(self, request: str) -> Reply:
        """The reply to a query; it is sent again if the pump has used the reply for an alarm."""
        reply = self._asked(request, lambda: self._exchange(request))
        if reply.alarm:
            reply = self._asked(request, lambda: self._exchange(request))
        if reply.alarm:
            raise self._alarmed(reply.alarm, request)
        return reply

    def _command(self, request: str) -> Reply:
        """Send a command; without a reply it is unknown whether the pump obeyed."""
        try:
            reply = self._exchange(request)
        except LineFault as fault:
            raise self._command_fault(request, fault) from fault
        if reply.alarm:
            raise self._alarmed(reply.alarm, request)
        return reply

    def _require_obeyed(self, request: str, reply: Reply, hint: str = "") -> None:
        if reply.refusal is not None:
            raise self._refused(RefusedError, request, reply, hint)
        if reply.data:
            raise self._fault(UnknownOutcomeError, "no confirmation", request, reply.data)

    def _asked(self, request: str, ask: Callable[[], T]) -> T:
        try:
            return ask()
        except LineFault as fault:
            kind: type[DeviceError] = ProtocolError if fault.reply else ConnectionLostError
            message = f"{fault}; {self._line.hint()}"
            raise self._fault(kind, message, request, fault.reply) from fault

    def _exchange(self, request: str) -> Reply:
        return self._line.exchange(self._pump, request, self._deadline_s, self._log)

    def _command_fault(self, request: str, fault: LineFault) -> DeviceError:
        kind: type[DeviceError] = UnknownOutcomeError if fault.sent else ConnectionLostError
        return self._fault(kind, f"{fault}", request, fault.reply)

    def _alarmed(self, alarm: Alarm, request: str) -> DeviceError:
        return self._fault(
            DeviceFaultError,
            f"the pump did not obey, because it had an alarm to report: {ALARMS[alarm]}",
            request,
            f"A?{alarm.value}",
        )

    def _refused(self, kind: type[E], request: str, reply: Reply, hint: str = "") -> E:
        reason = REFUSALS.get(reply.refusal or "", "the pump refuses")
        return self._fault(kind, f"{reason}{hint}", request, reply.data)

    def _fault(self, kind: type[E], message: str, command: str, reply: str = "") -> E:
        return kind(message, device=self._device, command=command, reply=reply)
