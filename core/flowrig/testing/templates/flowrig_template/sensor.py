"""Driver for Template sensors. The protocol is an example: replace it."""

import math
from collections.abc import Mapping

from flowrig.errors import ProtocolError
from flowrig_kinds import Sensor

from .instrument import LineInstrument
from .line import number


class TemplateSensor(LineInstrument, Sensor):
    """A sensor of pressure and temperature; its settings say what it reports."""

    def _do_read(self) -> Mapping[str, float]:
        answer = self._query("READ?")
        words = answer.split(" ")
        try:
            pressure, temperature = (math.nan if one == "open" else number(one) for one in words)
        except ValueError as error:
            raise self._fault(ProtocolError, f"{error}", "READ?", answer) from error
        return {"pressure": pressure, "temperature": temperature}
