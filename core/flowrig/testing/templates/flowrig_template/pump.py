"""Driver for Template syringe pumps. The protocol is an example: replace it."""

from flowrig.errors import (
    ConnectionLostError,
    DeviceError,
    DeviceFaultError,
    NotReadyError,
    ProtocolError,
    RefusedError,
    UnknownOutcomeError,
)
from flowrig.interfaces import Identity, Pump, PumpLimits, PumpReadBack, PumpState, Syringe

from .line import Line, LineError, number
from .settings import TemplateSettings


class TemplatePump(Pump):
    """A pump that infuses at a constant rate."""

    settings: TemplateSettings
    _line: Line | None = None

    def _do_open(self) -> None:
        settings = self.settings
        self._line = Line(settings.address, settings.baud, settings.deadline_s, self.wire)

    def _do_close(self) -> None:
        line, self._line, self._limits = self._line, None, None
        if line is not None:
            line.close()

    def _do_identify(self) -> Identity:
        model, _, serial_number = self._query("WHO?").partition(" ")
        return Identity("Template", model, serial_number)

    def _do_set_syringe(self, syringe: Syringe) -> PumpLimits:
        if self._do_read_state() is PumpState.RUNNING:
            raise self._fault(NotReadyError, "stop() the pump before its syringe is set")
        self._set("BORE", syringe.inner_diameter_mm)
        slowest, fastest = self._query_number("SLOWEST?"), self._query_number("FASTEST?")
        return PumpLimits(slowest, fastest, syringe.volume_ul)

    def _do_set_rate(self, rate_ul_min: float) -> None:
        self._set("RATE", rate_ul_min)

    def _do_start(self) -> None:
        self._command("START")
        state = self._confirmed_state("START")
        if state is PumpState.STALLED:
            raise self._fault(DeviceFaultError, "the plunger is stuck or the syringe is empty")
        if state is not PumpState.RUNNING:
            raise self._fault(UnknownOutcomeError, f"the pump reports {state.value!r}", "START")

    def _do_stop(self) -> None:
        self._send_stop(UnknownOutcomeError)  # first: a slow pump is told at once
        state = self._confirmed_state("STOP")
        if state is not PumpState.STOPPED:
            raise self._fault(UnknownOutcomeError, f"the pump reports {state.value!r}", "STOP")

    def _do_send_safe_action(self) -> None:
        if self._line is None:
            self._do_open()
        self._send_stop(ConnectionLostError)

    def _send_stop(self, failure: type[DeviceError]) -> None:
        try:
            self._open_line().send("STOP")
        except LineError as error:
            raise self._fault(failure, f"{error}", "STOP") from error

    def _do_read_state(self) -> PumpState:
        word = self._query("STATE?")
        try:
            return PumpState(word)
        except ValueError as error:
            raise self._fault(ProtocolError, f"{error}", "STATE?", word) from error

    def _do_read_dispensed_ul(self) -> float:
        return self._query_number("VOLUME?")

    def _do_read_back(self) -> PumpReadBack:
        return PumpReadBack(
            time_s=self.clock.now_s(),
            rate_ul_min=self._query_number("RATE?"),
            inner_diameter_mm=self._query_number("BORE?"),
        )

    def _confirmed_state(self, command: str) -> PumpState:
        """The state after a command; if it cannot be read, the outcome is unknown."""
        try:
            return self._do_read_state()
        except DeviceError as error:
            raise self._fault(UnknownOutcomeError, f"not confirmed: {error}", command) from error

    def _set(self, what: str, value: float) -> None:
        """Set a number to three places, and compare it with the number that the pump kept."""
        request = f"{what} {value:.3f}"
        kept = self._command(request)
        if kept != f"{value:.3f}":
            raise self._fault(RefusedError, f"the pump kept {kept!r}", request, kept)

    def _query_number(self, question: str) -> float:
        text = self._query(question)
        try:
            return number(text)
        except ValueError as error:
            raise self._fault(ProtocolError, f"{error}", question, text) from error

    def _query(self, question: str) -> str:
        """Send a query; without an answer the connection is lost."""
        try:
            return self._open_line().ask(question)
        except LineError as error:
            kind = ProtocolError if error.answer else ConnectionLostError
            raise self._fault(kind, f"{error}", question, error.answer) from error

    def _command(self, command: str) -> str:
        """Send a command; without an answer its outcome is unknown."""
        try:
            return self._open_line().ask(command)
        except LineError as error:
            kind: type[DeviceError] = ConnectionLostError
            if error.sent:
                refused = error.answer.startswith("ERROR")
                kind = RefusedError if refused else UnknownOutcomeError
            raise self._fault(kind, f"{error}", command, error.answer) from error

    def _open_line(self) -> Line:
        if self._line is None:
            raise self._fault(NotReadyError, "the port is closed")
        return self._line
