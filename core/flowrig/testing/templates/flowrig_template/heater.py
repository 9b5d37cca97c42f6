"""Driver for Template heaters. The protocol is an example: replace it."""

import math

from flowrig.errors import (
    ConnectionLostError,
    DeviceError,
    NotReadyError,
    ProtocolError,
    RefusedError,
    UnknownOutcomeError,
)
from flowrig.interfaces import Heater, HeaterLimits, HeaterReading, Identity, Quality

from .line import Line, LineError, number
from .settings import TemplateSettings

LIMITS = HeaterLimits(temperature_min_c=5.0, temperature_max_c=250.0)
OFF_C = 20.0
"""Set point [°C] that the controller reports while its output is off."""


class TemplateHeater(Heater):
    """A hot plate with a controller. `off` switches the output off; the plate cools down."""

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

    def _do_limits(self) -> HeaterLimits:
        return LIMITS

    def _do_set_temperature(self, temperature_c: float) -> None:
        request = f"SET {temperature_c:.2f}"
        kept = self._command(request)
        if kept != f"{temperature_c:.2f}":
            raise self._fault(RefusedError, f"the controller kept {kept!r}", request, kept)

    def _do_off(self) -> None:
        self._send_off(UnknownOutcomeError)  # first: a slow controller is told at once
        try:
            set_point_c = self._do_read().set_point_c
        except DeviceError as error:
            raise self._fault(UnknownOutcomeError, f"not confirmed: {error}", "OFF") from error
        if set_point_c != OFF_C:
            raise self._fault(UnknownOutcomeError, f"the set point is {set_point_c:g} °C", "OFF")

    def _do_send_safe_action(self) -> None:
        if self._line is None:
            self._do_open()
        self._send_off(ConnectionLostError)

    def _do_read(self) -> HeaterReading:
        sensor, _, set_point = self._query("READ?").partition(" ")
        try:
            temperature_c = math.nan if sensor == "open" else number(sensor)
            set_point_c = number(set_point)
        except ValueError as error:
            answer = f"{sensor} {set_point}"
            raise self._fault(ProtocolError, f"{error}", "READ?", answer) from error
        return HeaterReading(
            time_s=self.clock.now_s(),
            quality=Quality.BAD if sensor == "open" else Quality.GOOD,
            temperature_c=temperature_c,
            set_point_c=set_point_c,
        )

    def _send_off(self, failure: type[DeviceError]) -> None:
        try:
            self._open_line().send("OFF")
        except LineError as error:
            raise self._fault(failure, f"{error}", "OFF") from error

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
