"""Driver for Template photon counters. The protocol is an example: replace it."""

from typing import Any

import numpy as np

from flowrig.errors import ProtocolError
from flowrig_kinds import Tcspc

from .instrument import LineInstrument
from .line import number
from .tcspc_settings import TemplateSettings


class TemplateTcspc(LineInstrument, Tcspc):
    """A counter of single photons; one frame is the histogram of one integration time."""

    settings: TemplateSettings

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
