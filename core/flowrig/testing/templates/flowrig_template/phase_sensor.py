"""Driver for Template phase sensors. The protocol is an example: replace it."""

from typing import Any

import numpy as np

from flowrig.errors import ConnectionLostError, NotReadyError, ProtocolError
from flowrig.interfaces import Identity
from flowrig_kinds import PhaseSensor

from .line import Line, LineError, number
from .phase_sensor_settings import TemplateSettings


class TemplatePhaseSensor(PhaseSensor):
    """Light gates along a tube; one frame has the level of each gate."""

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

    def _do_axis(self) -> Any:
        return np.array(self.settings.places_mm)

    def _do_acquire_frame(self) -> Any:
        answer = self._query("LEVELS?")
        try:
            levels = np.array([number(word) for word in answer.split(" ")])
        except ValueError as error:
            raise self._fault(ProtocolError, f"{error}", "LEVELS?", answer) from error
        if levels.size != len(self.settings.places_mm):
            raise self._fault(ProtocolError, "it sent another number of gates", "LEVELS?", answer)
        return levels

    def _query(self, question: str) -> str:
        """Send a query; without an answer the connection is lost."""
        if self._line is None:
            raise self._fault(NotReadyError, "the port is closed")
        try:
            return self._line.ask(question)
        except LineError as error:
            kind = ProtocolError if error.answer else ConnectionLostError
            raise self._fault(kind, f"{error}", question, error.answer) from error
