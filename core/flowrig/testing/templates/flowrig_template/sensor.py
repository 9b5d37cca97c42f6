"""Driver for Template sensors. The protocol is an example: replace it."""

import math
from collections.abc import Mapping

from flowrig.errors import ConnectionLostError, NotReadyError, ProtocolError
from flowrig.interfaces import Identity
from flowrig_kinds import Sensor

from .line import Line, LineError, number
from .sensor_settings import TemplateSettings


class TemplateSensor(Sensor):
    """A sensor of pressure and temperature; its settings say what it reports."""

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

    def _do_read(self) -> Mapping[str, float]:
        answer = self._query("READ?")
        words = answer.split(" ")
        try:
            pressure, temperature = (math.nan if one == "open" else number(one) for one in words)
        except ValueError as error:
            raise self._fault(ProtocolError, f"{error}", "READ?", answer) from error
        return {"pressure": pressure, "temperature": temperature}

    def _query(self, question: str) -> str:
        """Send a query; without an answer the connection is lost."""
        if self._line is None:
            raise self._fault(NotReadyError, "the port is closed")
        try:
            return self._line.ask(question)
        except LineError as error:
            kind = ProtocolError if error.answer else ConnectionLostError
            raise self._fault(kind, f"{error}", question, error.answer) from error
