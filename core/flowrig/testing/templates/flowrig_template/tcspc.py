"""Driver for Template photon counters. The protocol is an example: replace it."""

from typing import Any

import numpy as np

from flowrig.errors import ConnectionLostError, NotReadyError, ProtocolError
from flowrig.interfaces import Identity
from flowrig_kinds import Tcspc

from .line import Line, LineError, number
from .tcspc_settings import TemplateSettings


class TemplateTcspc(Tcspc):
    """A counter of single photons; one frame is the histogram of one integration time."""

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
        return (np.arange(self.settings.bins) + 0.5) * self.settings.bin_ns

    def _do_acquire_frame(self) -> Any:
        self._query("CLEAR")
        self.clock.sleep(self.settings.integration_time_us * 1e-6)
        answer = self._query("COUNTS?")
        try:
            counts = np.array([number(word) for word in answer.split(" ")])
        except ValueError as error:
            raise self._fault(ProtocolError, f"{error}", "COUNTS?", answer) from error
        if counts.size != self.settings.bins or counts.min() < 0:
            raise self._fault(ProtocolError, "it sent another number of bins", "COUNTS?", answer)
        return counts.astype(np.uint32)

    def _query(self, question: str) -> str:
        """Send a query; without an answer the connection is lost."""
        if self._line is None:
            raise self._fault(NotReadyError, "the port is closed")
        try:
            return self._line.ask(question)
        except LineError as error:
            kind = ProtocolError if error.answer else ConnectionLostError
            raise self._fault(kind, f"{error}", question, error.answer) from error
