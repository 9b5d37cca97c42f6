"""Driver for Template phase sensors. The protocol is an example: replace it."""

from typing import Any

import numpy as np

from flowrig.errors import ProtocolError
from flowrig_kinds import PhaseSensor

from .instrument import LineInstrument
from .line import number
from .phase_sensor_settings import TemplateSettings


class TemplatePhaseSensor(LineInstrument, PhaseSensor):
    """Light gates along a tube; one frame has the level of each gate."""

    settings: TemplateSettings

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
