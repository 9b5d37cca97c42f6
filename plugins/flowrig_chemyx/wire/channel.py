"""The requests to one channel of a Fusion, and the checks of its replies.

Each request is one method: it sends the request, checks the reply, and raises an error that names
the device. The driver decides the order of requests.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Final, TypeVar

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
    RunSettings,
    Step,
    Units,
    agree,
    decimal,
    parse_limits,
    parse_number,
    parse_parameters,
    parse_settings,
    parse_state,
    parse_steps,
    parse_units,
    prove_limits,
    strip_echo,
    value_of,
)
from flowrig_chemyx.wire.serial_line import SerialLine
from flowrig_serial.lines import LineFault

__all__ = ["PumpChannel"]

E = TypeVar("E", bound=DeviceError)
T = TypeVar("T")

STATUS_SPELLINGS: Final = ("status", "pump status")
VIEW: Final = "view parameter"  # its reply covers both channels, so it takes no channel number


class PumpChannel:
    """The requests to a single-channel pump, or to one channel of a dual pump.

    Every method raises ProtocolError if the reply makes no sense. Without a reply, a query raises
    ConnectionLostError; a command raises UnknownOutcomeError, because the pump may have obeyed.

    Args:
        line: the line to the pump.
        device: the device's name in the rig profile.
        number: 1 or 2 on a dual pump, else None.
        deadline_s: longest wait [s] for one reply.
        log: records the bytes.

    Attributes:
        units: the units that are set on the pump, or None if they are not known.
    """

    def __init__(
        self,
        line: SerialLine,
        device: str,
        number: int | None,
        deadline_s: float,
        log: WireChannel,
    ) -> None:
        self.units: Units | None = None
        self._line = line
        self._number = number
        self._deadline_s = deadline_s
        self._log = log
        self._device = device
        self._status_request = STATUS_SPELLINGS[0]
        self._seen: tuple[Sequence[str], RunSettings] | None = None

    def learn_status_spelling(self) -> PumpState:
        """Read the state, and keep the spelling of the status query that this pump knows."""
        for self._status_request in STATUS_SPELLINGS:
            with suppress(ProtocolError):
                return self.state()
        self._status_request = STATUS_SPELLINGS[0]
        return self.state()

    def state(self) -> PumpState:
        """Read the state of the pump."""
        return self._query(self._status_request, parse_state)

    def learn_units(self) -> None:
        """Read the units that are set on this channel into `units`.

        Raises:
            ProtocolError: the reply has no parameters for the configured channel, or it has
                channels although none is configured.
        """
        self.units = self._query(VIEW, lambda lines: _units_in(self._parameters(lines)))

    def settings(self) -> RunSettings:
        """Read what this channel is set to; `units` is then known as well.

        Raises:
            ProtocolError: the reply has no parameters for the configured channel, or one of them
                is no number.
        """
        self._seen = self._query(VIEW, self._settings_in)
        self.units = self._seen[1].units
        return self._seen[1]

    def _settings_in(self, lines: Sequence[str]) -> tuple[Sequence[str], RunSettings]:
        """A reply with the settings in it. A pump repeats it, so the newest one is known."""
        if self._seen is not None and lines == self._seen[0]:
            return self._seen
        return lines, parse_settings(self._parameters(lines))

    def limits(self, diameter_mm: float) -> RawLimits:
        """Set a diameter [mm], and read its limits in µL/min and µL.

        Raises:
            RefusedError: the pump kept other units or another diameter.
            ProtocolError: the reply is not that of a pump, or its order is unknown.
        """
        replies = []
        for units in (Units.UL_HR, Units.UL_MIN):
            self.set_units(units)
            self.set_diameter(diameter_mm)
            replies.append(self._query("read limit parameter", parse_limits))
        per_hour, per_minute = replies
        return self._parsed(
            "read limit parameter", [f"{per_minute}"], lambda _: prove_limits(per_minute, per_hour)
        )

    def dispensed(self) -> float:
        """Read the volume of this run, or of the last one, in the unit of volume that is set."""
        return self._ask_number("dispensed volume")

    def elapsed_min(self) -> float:
        """Read the duration [min] of this run, or of the last one."""
        return self._ask_number("elapsed time")

    def set_units(self, units: Units) -> None:
        """Set the units.

        Raises:
            RefusedError: the pump kept other units.
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
            RefusedError: the pump kept another diameter.
        """
        self._set("diameter", [(diameter_mm,)], "", places=3)

    def set_volumes(self, volumes: Sequence[float], hint: str, *, shows_sign: bool = True) -> None:
        """Set the volume of every step, in the units that are set; negative ones withdraw.

        Args:
            volumes: one per step; the pump takes their number as the number of steps.
            hint: a clause on the limits, for the message.
            shows_sign: whether a withdrawal that the pump shows without sign is an error.

        Raises:
            RefusedError: the pump kept other volumes, or shows a withdrawal without its sign, so
                that it may infuse instead.
            UnsupportedError: the pump took fewer steps.
        """
        wanted = [(volume,) for volume in volumes]
        withdraws = any(volume < 0 for volume in volumes)
        kept = self._set("volume", wanted, hint, unsigned=withdraws)
        if not withdraws or not shows_sign or agree(wanted, kept):
            return
        if agree(wanted, [(volume,) for volume in self.settings().volumes or ()]):
            return
        raise self._fault(
            RefusedError,
            f"the pump shows volume {_shown(kept)} instead of {_shown(wanted)}, so that it may "
            "infuse in place of withdrawing; set shows_sign = false if its plunger does withdraw",
            "set volume",
        )

    def clear_delays(self, steps: int) -> None:
        """Set the delay before every step to 0, so that the run begins with `start`.

        Raises:
            RefusedError: the pump kept a delay.
        """
        zeros = ",".join(["0"] * steps)
        request = f"set delay {zeros}"
        kept = self._command_for(request, lambda lines: parse_steps(value_of(lines, "delay")))
        if any(delay for step in kept for delay in step):
            raise self._fault(
                RefusedError, f"the pump kept delay {_shown(kept)} instead of {zeros}", request
            )

    def set_rates(self, rates: Sequence[Step], hint: str) -> None:
        """Set the flow rate of every step, or the ends of its ramp, in the units that are set.

        Args:
            rates: one per step.
            hint: a clause on the limits, for the message.

        Raises:
            RefusedError: the pump kept other flow rates.
            UnsupportedError: the pump took fewer steps, or one end of a ramp only.
        """
        self._set("rate", rates, hint)

    def start(self, *, multistep: bool = False) -> None:
        """Start a run, or resume a paused one.

        The text of the reply is not checked: it differs between models. So do those of `pause` and
        `stop`.

        Args:
            multistep: run all steps; else the pump uses its own default.
        """
        self._command("start 1" if multistep else "start")

    def pause(self) -> None:
        """Pause the run."""
        self._command("pause")

    def stop(self, *, everything: bool = False) -> None:
        """Stop the run; the request is sent without resynchronizing the line first.

        Args:
            everything: stop both channels of a dual pump.
        """
        self._command("stop", urgent=True, addressed=not everything)

    def _parameters(self, lines: Sequence[str]) -> Mapping[str, str]:
        channels = parse_parameters(lines)
        if (self._number or 0) in channels:
            return channels[self._number or 0]
        hint = "set channel = 1 or 2" if 2 in channels else "leave channel out"
        raise ValueError(f"the reply lacks the configured channel; {hint} if this is a Fusion")

    def _ask_number(self, what: str) -> float:
        return self._query(what, lambda lines: _not_negative(parse_number(value_of(lines, what))))

    def _set(
        self,
        what: str,
        steps: Sequence[Step],
        hint: str,
        *,
        places: int = 5,
        unsigned: bool = False,
    ) -> list[Step]:
        """Set the value of every step; returns the values that the pump kept.

        Args:
            what: the setting.
            steps: its value for every step.
            hint: a clause on the limits, for the message.
            places: decimals that the pump reads.
            unsigned: whether the pump may show the values without their signs.
        """
        sent = [[decimal(value, places) for value in step] for step in steps]
        text = ",".join("/".join(step) for step in sent)
        request = f"set {what} {text}"
        kept = self._command_for(request, lambda lines: parse_steps(value_of(lines, what)))
        # Older pumps take several steps only while their screen shows multi-step mode; the number
        # of values in the reply is the only sign of it (Chemyx's MATLAB programs, 2016).
        if len(kept) < len(sent) or any(len(a) < len(b) for a, b in zip(kept, sent, strict=False)):
            raise UnsupportedError(
                f"{self._device}: the pump kept {_shown(kept)} of {what} {text}; it does not "
                "support these steps, or its screen must show Multi-Step mode first"
            )
        wanted = [tuple(float(value) for value in step) for step in sent]
        sizes = [tuple(map(abs, step)) for step in wanted]
        tolerance = 10.0**-places
        if not (agree(wanted, kept, tolerance) or (unsigned and agree(sizes, kept, tolerance))):
            raise self._fault(
                RefusedError,
                f"the pump kept {what} {_shown(kept)} instead of {text}{hint}",
                request,
            )
        return kept

    def _query(self, request: str, parse: Callable[[Sequence[str]], T]) -> T:
        """Send a query; without a reply the connection counts as lost."""
        try:
            lines = self._exchange(request)
        except LineFault as fault:
            message = f"{fault}; {self._line.hint()}"
            raise self._fault(ConnectionLostError, message, request, fault.reply) from fault
        return self._parsed(request, lines, parse)

    def _command_for(self, request: str, parse: Callable[[Sequence[str]], T]) -> T:
        return self._parsed(request, self._command(request), parse)

    def _command(self, request: str, *, urgent: bool = False, addressed: bool = True) -> list[str]:
        """Send a command; without a reply it is unknown whether the pump obeyed."""
        try:
            return self._exchange(request, urgent=urgent, addressed=addressed)
        except LineFault as fault:
            kind = UnknownOutcomeError if fault.sent else ConnectionLostError
            raise self._fault(kind, str(fault), request, fault.reply) from fault

    def _exchange(self, request: str, *, urgent: bool = False, addressed: bool = True) -> list[str]:
        if self._number and addressed and request != VIEW:
            request = f"{self._number} {request}"
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
            self._line.mark_out_of_sync()
            raise self._fault(ProtocolError, f"{error}", request, " ".join(lines)) from error


def _units_in(parameters: Mapping[str, str]) -> Units:
    return parse_units(parameters.get("unit", parameters.get("units", "")))


def _not_negative(number: float) -> float:
    if number < 0:
        raise ValueError(f"expected a number that is not negative, got {number:g}")
    return number


def _shown(steps: Sequence[Step]) -> str:
    return ",".join("/".join(f"{value:g}" for value in step) for step in steps)
