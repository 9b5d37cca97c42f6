"""Driver for Chemyx Fusion syringe pumps."""

from contextlib import suppress
from typing import Final

from flowrig.clock import Clock
from flowrig.errors import (
    ConnectionLostError,
    DeviceError,
    DeviceFaultError,
    NotReadyError,
    OutOfRangeError,
    ProtocolError,
    RefusedError,
    UnknownOutcomeError,
)
from flowrig.interfaces import Identity, Pump, PumpLimits, PumpState, Syringe
from flowrig_chemyx.line import LineFault, SerialLine, claim_line, release_line
from flowrig_chemyx.protocol import (
    REJECTION,
    Units,
    agrees,
    choose_units,
    decimal,
    parse_limits,
    parse_number,
    parse_parameters,
    parse_state,
    parse_units,
    strip_echo,
    value_of,
)
from flowrig_chemyx.settings import (
    INNER_DIAMETER_MAX_MM,
    INNER_DIAMETER_MIN_MM,
    RATE_MIN_UL_MIN,
    FusionSettings,
)

__all__ = ["ChemyxFusion", "Totalizer"]

STATUS_SPELLINGS: Final = ("status", "pump status")
VIEW: Final = "view parameter"  # names both channels of a dual pump, and takes no number
STOP_ATTEMPTS: Final = 2
MOVING: Final = frozenset({PumpState.RUNNING, PumpState.DELAYED})
AT_REST: Final = frozenset({PumpState.STOPPED, PumpState.STALLED})


class Totalizer:
    """Volume [µL] since the last start, from a counter that may begin anew when a run goes on."""

    def __init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        """A new run begins at zero."""
        self._earlier_ul = 0.0
        self._counter_ul = 0.0

    def observe(self, counter_ul: float) -> float:
        """Take the pump's counter [µL]; one that went down began anew.

        Returns:
            the total [µL].
        """
        if counter_ul < self._counter_ul:
            self._earlier_ul += self._counter_ul
        self._counter_ul = counter_ul
        return self._earlier_ul + counter_ul


class ChemyxFusion(Pump):
    """A Fusion pump, or one channel of a dual one, that infuses at a constant rate.

    The pump needs a target volume for a run; it gets the whole syringe, or the whole stroke where
    that is shorter. What a pump prints after `start`, `pause` and `stop` differs between models:
    only its status is believed. `restart` is never sent, since sources disagree on whether it
    resumes a run or reboots the pump. Pump delays are not used either, for a like reason.

    Source: Chemyx knowledge base, "Serial Commands" and "RS232 Communication", and Chemyx's own
    Python software (github.com/cukelarter/Chemyx-Syringe-Pump).

    Args:
        name: the device's name in the rig profile.
        settings: port, line speed, channel.
        clock: what readings are stamped with.
    """

    settings: FusionSettings

    def __init__(self, name: str, settings: FusionSettings, clock: Clock | None = None) -> None:
        super().__init__(name, settings, clock)
        self._line: SerialLine | None = None
        self._status_request = STATUS_SPELLINGS[0]
        self._syringe: Syringe | None = None
        self._units: Units | None = None
        self._rate_ul_min: float | None = None
        self._totalizer = Totalizer()

    def _do_open(self) -> None:
        settings = self.settings
        try:
            self._line = claim_line(settings.address, settings.baud, settings.channel)
        except (OSError, ValueError) as error:
            raise self._fault(
                ConnectionLostError, f"{settings.address} does not open: {error}"
            ) from error
        self._find_status_spelling()

    def _do_close(self) -> None:
        line, self._line = self._line, None
        self._units = self._syringe = self._limits = self._rate_ul_min = None
        if line is not None:
            release_line(self.settings.address, line, self.settings.channel)

    def _do_identify(self) -> Identity:
        lines = self._query(VIEW)
        channels = parse_parameters(lines)
        wanted = self.settings.channel or 0
        if wanted not in channels:
            hint = "set channel = 1 or 2" if 2 in channels else "leave channel out"
            raise self._fault(
                ProtocolError,
                f"the parameters lack the configured channel; {hint} if this is a Fusion",
                VIEW,
                " ".join(lines),
            )
        parameters = channels[wanted]
        try:
            self._units = parse_units(parameters.get("unit", parameters.get("units", "")))
        except ValueError as error:
            raise self._nonsense(error, VIEW, lines) from error
        return Identity("Chemyx", f"Fusion {self.settings.model}")

    def _do_set_syringe(self, syringe: Syringe) -> PumpLimits:
        diameter_mm = syringe.inner_diameter_mm
        if not INNER_DIAMETER_MIN_MM <= diameter_mm <= INNER_DIAMETER_MAX_MM:
            raise OutOfRangeError(
                f"{self.name}: an inner diameter of {diameter_mm:g} mm is outside the Fusion's "
                f"{INNER_DIAMETER_MIN_MM:g} to {INNER_DIAMETER_MAX_MM:g} mm"
            )
        if self._do_read_state() not in AT_REST:
            raise self._fault(NotReadyError, "stop() the pump before its syringe is set")
        self._syringe = self._limits = self._rate_ul_min = None
        self._set_units(Units.UL_MIN)
        self._set_number("diameter", diameter_mm, places=3)
        limits = self._read_limits(syringe)
        self._syringe = syringe
        return limits

    def _do_set_rate(self, rate_ul_min: float) -> None:
        state = self._do_read_state()
        self._rate_ul_min = None
        if state in MOVING:
            self._change_running_rate(rate_ul_min)
        else:
            if state is PumpState.PAUSED:
                self._do_stop()
            self._prepare_run(rate_ul_min)
        self._rate_ul_min = rate_ul_min

    def _do_start(self) -> None:
        if self._rate_ul_min is None:
            raise self._fault(NotReadyError, "set_rate() before start()")
        state = self._do_read_state()
        if state in MOVING:
            return
        self._require_healthy(state)
        if state is PumpState.PAUSED:
            self._do_stop()
        self._totalizer.restart()
        self._launch()

    def _do_stop(self) -> None:
        state: PumpState | None = None
        trouble: DeviceError | None = None
        for _ in range(STOP_ATTEMPTS):
            try:
                state = self._stop_once()
            except DeviceError as error:
                trouble = error
                continue
            if state in AT_REST:
                return
        seen = f"it reports {state.value!r}" if state else f"{trouble}"
        raise self._fault(
            UnknownOutcomeError, f"the pump did not confirm that it stands still: {seen}", "stop"
        ) from trouble

    def _do_read_state(self) -> PumpState:
        request = self._status_request
        lines = self._query(request)
        try:
            return parse_state(lines)
        except ValueError as error:
            raise self._nonsense(error, request, lines) from error

    def _do_read_dispensed_ul(self) -> float:
        return self._totalizer.observe(self._read_counter_ul())

    def _find_status_spelling(self) -> None:
        for self._status_request in STATUS_SPELLINGS:
            with suppress(ProtocolError):
                self._do_read_state()
                return
        self._status_request = STATUS_SPELLINGS[0]
        self._do_read_state()

    def _set_units(self, units: Units) -> None:
        self._units = None
        lines = self._command(f"set units {units.value}")
        try:
            kept = parse_units(value_of(lines, "units"))
        except ValueError as error:
            raise self._nonsense(error, "set units", lines) from error
        if kept is not units:
            raise self._fault(
                RefusedError, f"the pump kept units {kept.name} instead of {units.name}"
            )
        self._units = units

    def _set_number(self, what: str, value: float, places: int = 5) -> None:
        text = decimal(value, places)
        request = f"set {what} {text}"
        lines = self._command(request)
        try:
            kept = parse_number(value_of(lines, what))
        except ValueError as error:
            raise self._nonsense(error, request, lines) from error
        if not agrees(float(text), kept, tolerance=10.0**-places):
            raise self._fault(
                RefusedError,
                f"the pump kept {what} {kept:g} instead of {text}{self._limits_clause()}",
                request,
                " ".join(lines),
            )

    def _limits_clause(self) -> str:
        if self._limits is None:
            return ""
        return (
            f"; it gave its limits as {self._limits.rate_min_ul_min:g} to "
            f"{self._limits.rate_max_ul_min:g} µL/min and {self._limits.volume_max_ul:g} µL"
        )

    def _read_limits(self, syringe: Syringe) -> PumpLimits:
        request = "read limit parameter"
        lines = self._query(request)
        try:
            raw = parse_limits(lines)
        except ValueError as error:
            raise self._nonsense(error, request, lines) from error
        return PumpLimits(
            rate_min_ul_min=max(raw.rate_min, RATE_MIN_UL_MIN),
            rate_max_ul_min=raw.rate_max,
            volume_max_ul=min(raw.volume_max, syringe.volume_ul),
        )

    def _prepare_run(self, rate_ul_min: float) -> None:
        """Tell a standing pump all that a run needs, whatever happened to it since the last one."""
        assert self._syringe is not None
        self._set_units(choose_units(rate_ul_min))
        self._set_number("diameter", self._syringe.inner_diameter_mm, places=3)
        self._set_number("volume", self.limits.volume_max_ul)
        self._send_rate(rate_ul_min)

    def _send_rate(self, rate_ul_min: float) -> None:
        assert self._units is not None
        self._set_number("rate", rate_ul_min / self._units.rate_ul_min)

    def _change_running_rate(self, rate_ul_min: float) -> None:
        """Interrupt the run, change the rate, go on; if the pump refuses the rate it stays paused.

        The counter is read while nothing flows, so that no volume is lost if it begins anew.
        """
        self._pause()
        self._totalizer.observe(self._read_counter_ul())
        if choose_units(rate_ul_min) is self._units:
            self._send_rate(rate_ul_min)
        else:
            self._do_stop()
            self._prepare_run(rate_ul_min)
        self._launch()
        self._totalizer.observe(self._read_counter_ul())

    def _pause(self) -> None:
        """Pause, and make sure that it was a run: a misread status must never lead to a start."""
        self._command("pause")
        state = self._do_read_state()
        if state is not PumpState.PAUSED:
            raise self._fault(
                RefusedError, f"the pump did not pause; it reports {state.value!r}", "pause"
            )

    def _launch(self) -> None:
        self._command("start")
        try:
            state = self._do_read_state()
        except (ConnectionLostError, ProtocolError) as error:
            raise self._fault(
                UnknownOutcomeError, f"the pump did not confirm that it runs: {error}", "start"
            ) from error
        self._require_healthy(state)
        if state not in MOVING:
            raise self._fault(
                RefusedError, f"the pump did not start; it reports {state.value!r}", "start"
            )

    def _stop_once(self) -> PumpState:
        with suppress(UnknownOutcomeError, ProtocolError):
            self._command("stop", urgent=True)
        return self._do_read_state()

    def _require_healthy(self, state: PumpState) -> None:
        if state is PumpState.STALLED:
            raise self._fault(
                DeviceFaultError,
                "the pump stalled: its syringe is empty or its line is blocked; clear it and stop()"
                " before the next start",
                self._status_request,
            )
        if state is PumpState.FAULT:
            raise self._fault(
                DeviceFaultError, "the pump reports an error on its screen", self._status_request
            )

    def _read_counter_ul(self) -> float:
        request = "dispensed volume"
        lines = self._query(request)
        if self._units is None:
            self._do_identify()
        assert self._units is not None
        try:
            return parse_number(value_of(lines, "dispensed volume")) * self._units.volume_ul
        except ValueError as error:
            raise self._nonsense(error, request, lines) from error

    def _query(self, request: str) -> list[str]:
        """Ask for something; an answer that does not come means a lost connection."""
        try:
            return self._exchange(request)
        except LineFault as fault:
            raise self._fault(
                ConnectionLostError,
                f"{fault} at {self.settings.address}; is the pump on, and set to "
                f"{self.settings.baud} baud?",
                request,
                fault.reply,
            ) from fault

    def _command(self, request: str, *, urgent: bool = False) -> list[str]:
        """Have something done; an answer that does not come leaves it unknown whether it was."""
        try:
            return self._exchange(request, urgent=urgent)
        except LineFault as fault:
            kind = UnknownOutcomeError if fault.sent else ConnectionLostError
            raise self._fault(kind, str(fault), request, fault.reply) from fault

    def _exchange(self, request: str, *, urgent: bool = False) -> list[str]:
        if self._line is None:
            raise self._fault(NotReadyError, "the port is closed")
        if self.settings.channel and request != VIEW:
            request = f"{self.settings.channel} {request}"
        lines = self._line.exchange(request, self.settings.deadline_s, urgent=urgent)
        answer = strip_echo(lines, request)
        if REJECTION in answer:
            raise self._fault(
                ProtocolError, "the pump does not know this command", request, REJECTION
            )
        return answer

    def _nonsense(self, error: ValueError, request: str, lines: list[str]) -> ProtocolError:
        return self._fault(ProtocolError, f"{error}", request, " ".join(lines))
