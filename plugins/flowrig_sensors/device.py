"""What instruments that answer SCPI have in common: opening, identity, failures of a query."""

import math
import re
from typing import Final

from flowrig.errors import ConnectionLostError, ProtocolError
from flowrig.interfaces import Device, Identity
from flowrig_sensors.link import GarbledLineError, ScpiLink
from flowrig_sensors.settings import ScpiSettings

__all__ = ["ScpiDevice", "number"]

_NUMBER: Final = re.compile(
    r"[+-]?(?:[0-9]{1,20}\.?[0-9]{0,20}|\.[0-9]{1,20})(?:E[+-]?[0-9]{1,3})?", re.IGNORECASE
)

NO_NUMBER: Final = 9.9e37
"""Where SCPI numbers end: 9.9E37 is infinity, and 9.91E37 no number (SCPI-99, 7.2.1)."""


class ScpiDevice(Device):
    """An instrument that answers SCPI; a driver makes its link."""

    settings: ScpiSettings
    _link: ScpiLink

    def _do_open(self) -> None:
        try:
            self._link.open()
        except (OSError, ValueError) as error:
            message = f"{self.settings.address} does not open: {error}"
            raise self._fault(ConnectionLostError, message) from error

    def _do_close(self) -> None:
        self._link.close()

    def _do_identify(self) -> Identity:
        reply = self._ask("*IDN?")
        vendor, model, serial, firmware, *_ = (*map(str.strip, reply.split(",")), "", "", "", "")
        wanted = self.settings.identity
        if not vendor or not model or wanted not in reply:
            raise self._fault(
                ProtocolError,
                f"this is not the expected instrument ({wanted or 'maker and model'})",
                "*IDN?",
                reply,
            )
        return Identity(vendor, model, serial, firmware)

    def _ask(self, query: str) -> str:
        try:
            return self._link.query(query)
        except GarbledLineError as error:
            raise self._fault(ProtocolError, f"{error}", query, error.reply) from error
        except TimeoutError as error:
            message = f"no answer within {self.settings.deadline_s:g} s"
            raise self._fault(ConnectionLostError, message, query) from error
        except OSError as error:
            raise self._fault(ConnectionLostError, f"{error}", query) from error


def number(text: str) -> float:
    """A number of SCPI; nan where the instrument has none.

    Raises:
        ValueError: the text is no number.
    """
    if not _NUMBER.fullmatch(text):
        raise ValueError(f"{text!r} is no number")
    value = float(text)
    return math.nan if abs(value) >= NO_NUMBER else value
