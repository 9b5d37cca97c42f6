"""Driver for Template spectrometers. The protocol is an example: replace it.

Numbers and counts are text: a frame is its integration time [µs] and four hexadecimal digits for
each pixel.
"""

import numpy as np
from numpy.typing import NDArray

from flowrig.errors import (
    ConnectionLostError,
    DeviceError,
    NotReadyError,
    ProtocolError,
    RefusedError,
    UnknownOutcomeError,
)
from flowrig.interfaces import Identity, Spectrometer, SpectrometerLimits, SpectrometerReadBack

from .line import Line, LineError
from .settings import TemplateSettings

LIMITS = SpectrometerLimits(
    integration_time_min_us=1_000, integration_time_max_us=5_000_000, saturation_counts=65_535
)


class TemplateSpectrometer(Spectrometer):
    """An array spectrometer with a lamp."""

    settings: TemplateSettings
    _line: Line | None = None
    _integration_time_us: int = LIMITS.integration_time_min_us

    @property
    def controls_light(self) -> bool:
        """Yes: the spectrometer has a lamp."""
        return True

    def _do_open(self) -> None:
        self._connect()
        self._do_set_integration_time(self._integration_time_us)

    def _connect(self) -> None:
        settings = self.settings
        self._line = Line(settings.address, settings.baud, settings.deadline_s, self.wire)

    def _do_close(self) -> None:
        line, self._line = self._line, None
        if line is not None:
            line.close()

    def _do_identify(self) -> Identity:
        model, _, serial_number = self._query("WHO?").partition(" ")
        return Identity("Template", model, serial_number)

    def _do_limits(self) -> SpectrometerLimits:
        return LIMITS

    def _do_wavelengths_nm(self) -> NDArray[np.float64]:
        answer = self._query("WAVELENGTHS?")
        try:
            pixels, *coefficients = answer.split()
            polynomial = np.polynomial.Polynomial([float.fromhex(text) for text in coefficients])
            return np.asarray(polynomial(np.arange(int(pixels))), dtype=float)
        except ValueError as error:
            raise self._fault(ProtocolError, f"{error}", "WAVELENGTHS?", answer) from error

    def _do_set_integration_time(self, integration_time_us: int) -> None:
        self._set(f"TIME {integration_time_us}", f"{integration_time_us}")
        self._integration_time_us = integration_time_us

    def _do_integration_time_us(self) -> int:
        return self._integration_time_us

    def _do_acquire_frame(self) -> NDArray[np.uint16]:
        answer = self._query("FRAME?", self._integration_time_us * 1e-6)
        time_us, _, digits = answer.partition(" ")
        try:
            if int(time_us) != self._integration_time_us:
                raise ValueError(f"a frame of {time_us} µs")
            return np.frombuffer(bytes.fromhex(digits), dtype=">u2").astype(np.uint16)
        except ValueError as error:
            raise self._fault(ProtocolError, f"{error}", "FRAME?", answer[:40]) from error

    def _do_set_light(self, on: bool) -> None:
        if not on:
            self._send_dark(UnknownOutcomeError)  # first: a slow spectrometer is told at once
        word = "on" if on else "off"
        try:
            self._set(f"LIGHT {word}", word)
        except ConnectionLostError as error:
            if on:
                raise
            raise self._fault(
                UnknownOutcomeError, f"not confirmed: {error}", "LIGHT off"
            ) from error

    def _do_read_back(self) -> SpectrometerReadBack:
        time_us, light = self._query("TIME?"), self._query("LIGHT?")
        if not time_us.isdecimal() or light not in ("on", "off"):
            raise self._fault(ProtocolError, "no settings", "LIGHT?", f"{time_us} {light}")
        return SpectrometerReadBack(
            time_s=self.clock.now_s(),
            integration_time_us=int(time_us),
            is_light_on=light == "on",
        )

    def _do_send_safe_action(self) -> None:
        if self._line is None:
            self._connect()
        self._send_dark(ConnectionLostError)

    def _send_dark(self, failure: type[DeviceError]) -> None:
        try:
            self._open_line().send("LIGHT off")
        except LineError as error:
            raise self._fault(failure, f"{error}", "LIGHT off") from error

    def _set(self, request: str, wanted: str) -> None:
        kept = self._command(request)
        if kept != wanted:
            raise self._fault(RefusedError, f"the spectrometer kept {kept!r}", request, kept)

    def _query(self, question: str, extra_s: float = 0.0) -> str:
        """Send a query; without an answer the connection is lost."""
        try:
            return self._open_line().ask(question, extra_s)
        except LineError as error:
            kind = ProtocolError if error.answer else ConnectionLostError
            raise self._fault(kind, f"{error}", question, error.answer[:40]) from error

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
