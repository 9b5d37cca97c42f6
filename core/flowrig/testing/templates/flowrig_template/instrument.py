"""What drivers for instruments on a line have in common: port, identity, queries and commands."""

from typing import Any

from flowrig.errors import (
    ConnectionLostError,
    DeviceError,
    NotReadyError,
    ProtocolError,
    RefusedError,
    UnknownOutcomeError,
)
from flowrig.interfaces import Device, Identity

from .line import Line, LineError, number


class LineInstrument(Device):
    """An instrument on a serial port; it stands before the kind in the bases of a driver."""

    settings: Any
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

    def _number(self, question: str) -> float:
        """Send a query that is answered by a number."""
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
