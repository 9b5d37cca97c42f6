"""Driver for Template flow controllers. The protocol is an example: replace it."""

from collections.abc import Mapping

from flowrig.errors import ConnectionLostError, NotReadyError, ProtocolError
from flowrig.interfaces import Identity
from flowrig_kinds import FlowController

from .flow_controller_settings import TemplateSettings
from .line import Line, LineError, number


class TemplateFlowController(FlowController):
    """A flow controller. `set` verifies the flow that it reports as its own."""

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

    def _do_set(self, value: float) -> None:
        self._send(f"SET {value:.1f}")

    def _do_send_safe_action(self) -> None:
        if self._line is None:
            self._do_open()
        self._do_set(0.0)

    def _do_setting(self) -> float:
        return self._number("SET?")

    def _do_read(self) -> Mapping[str, float]:
        return {"flow": self._number("FLOW?")}

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

    def _send(self, command: str) -> None:
        """Send a command at once, and read no answer: the caller asks what it did."""
        try:
            self._open_line().send(command)
        except LineError as error:
            raise self._fault(ConnectionLostError, f"{error}", command) from error

    def _open_line(self) -> Line:
        if self._line is None:
            raise self._fault(NotReadyError, "the port is closed")
        return self._line
