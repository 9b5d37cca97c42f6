"""Driver for Template flow sources. The protocol is an example: replace it."""

from collections.abc import Mapping

from flowrig.errors import (
    ConnectionLostError,
    DeviceError,
    NotReadyError,
    ProtocolError,
    RefusedError,
    UnknownOutcomeError,
)
from flowrig.interfaces import Identity
from flowrig_kinds import FlowSource

from .flow_source_settings import TemplateSettings
from .line import Line, LineError, number


class TemplateFlowSource(FlowSource):
    """A pump without a syringe. `dispense` verifies the flow rate that it reports as its own."""

    settings: TemplateSettings
    _line: Line | None = None

    def _do_open(self) -> None:
        settings = self.settings
        self._line = Line(settings.address, settings.baud, settings.deadline_s, self.wire)

    def _do_close(self) -> None:
        line, self._line = self._line, None
        if line is not None:
            line.close()

    def _do_identify(self) -> Identity:
        model, _, serial_number = self._query("WHO?").partition(" ")
        return Identity("Template", model, serial_number)

    def _do_dispense(self, rate_ul_min: float) -> None:
        if rate_ul_min == 0.0:  # a stop waits for no answer; the caller asks afterwards
            self._send_stop()
        else:
            self._command(f"FLOW {rate_ul_min:.1f}")

    def _do_send_safe_action(self) -> None:
        if self._line is None:
            self._do_open()
        self._send_stop()

    def _send_stop(self) -> None:
        try:
            self._open_line().send("FLOW 0.0")
        except LineError as error:
            raise self._fault(ConnectionLostError, f"{error}", "FLOW 0.0") from error

    def _do_rate_ul_min(self) -> float:
        return self._number("FLOW?")

    def _do_total_ul(self) -> float:
        return self._number("TOTAL?")

    def _do_read(self) -> Mapping[str, float]:
        return {"pressure": self._number("PRESSURE?")}

    def _number(self, question: str) -> float:
        answer = self._query(question)
        try:
            return number(answer)
        except ValueError as error:
            raise self._fault(ProtocolError, f"{error}", question, answer) from error

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
