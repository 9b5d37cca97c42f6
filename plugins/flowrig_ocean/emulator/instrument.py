"""The state of an emulated HDX, and its answer to each OBP message."""

import math
import struct
import threading
from collections.abc import Callable, Container, Mapping

from attrs import define

from flowrig.clock import Clock
from flowrig.emulation import SpectrometerBody
from flowrig_ocean.emulator.variant import HDX, HdxVariant
from flowrig_ocean.wire.obp_frame import ErrorCode, Flag, Frame, Message

__all__ = ["HdxFaults", "HdxInstrument"]

SETTINGS = frozenset(
    {Message.SET_INTEGRATION_TIME_US, Message.SET_TRIGGER_MODE, Message.SET_LAMP_ENABLE}
)
TRIGGER_MODES = (0, 1, 3, 255)
NONLINEARITY_COEFFICIENTS = (1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
"""An ideal detector: the correction polynomial is 1."""


@define
class HdxFaults:
    """Faults of the instrument; may be changed at any time.

    Attributes:
        refuses: message types that are answered with a NACK.
        ignores_sets: whether settings are acknowledged and ignored.
        spectrum_bytes_lost: number of bytes missing at the end of a spectrum.
    """

    refuses: Container[int] = ()
    ignores_sets: bool = False
    spectrum_bytes_lost: int = 0


class _Nack(Exception):  # noqa: N818 - an answer, not a fault
    def __init__(self, code: ErrorCode) -> None:
        super().__init__(code.name)
        self.code = code


class HdxInstrument:
    """The state of one HDX, which all connections to it share.

    As on a real HDX the detector runs freely, one exposure after the other: a query returns the
    next exposure that ends (python-seabreeze, issue 18), and the first spectrum after a change of
    the integration time was still exposed with the old value.

    Args:
        body: the detector and the light source on its lamp-enable line.
        clock: an exposure takes its integration time on this clock.
        serial_number: serial number that the instrument reports.
        variant: behaviour to emulate.
    """

    def __init__(
        self,
        body: SpectrometerBody,
        clock: Clock,
        serial_number: str,
        variant: HdxVariant = HDX,
    ) -> None:
        self.faults = HdxFaults()
        self.variant = variant
        self.integration_time_us = variant.integration_time_min_us
        self._exposing_us = self.integration_time_us
        self._begin_s = clock.now_s()
        self._body = body
        self._clock = clock
        self._serial_number = serial_number.encode()[:255]
        self._lock = threading.Lock()
        self._handlers = self._message_handlers()

    def power_cycle(self) -> None:
        """Switch power off and on: shortest integration time, the light unchanged."""
        with self._lock:
            self.integration_time_us = self._exposing_us = self.variant.integration_time_min_us
            self._begin_s = self._clock.now_s()

    def answer(self, request: Frame) -> Frame | None:
        """The answer to a message; None for a message without an answer."""
        with self._lock:
            try:
                payload = self._handler(request.message)(request.payload)
            except _Nack as nack:
                return Frame(request.message, flags=Flag.RESPONSE | Flag.NACK, error=nack.code)
        if payload:
            return Frame(request.message, payload, Flag.RESPONSE)
        silent = request.message == Message.SET_LAMP_ENABLE and self.variant.lamp == "silent"
        if request.flags & Flag.REQUEST_ACK and not silent:
            return Frame(request.message, flags=Flag.RESPONSE | Flag.ACK)
        return None

    def _message_handlers(self) -> Mapping[int, Callable[[bytes], bytes]]:
        """Functions from the payload of a message to that of its answer, by message type."""
        return {
            Message.GET_SERIAL_NUMBER: lambda _: (
                self._serial_number + bytes(self.variant.serial_number_padding)
            ),
            Message.GET_SERIAL_NUMBER_LENGTH: lambda _: bytes([len(self._serial_number)]),
            Message.GET_MULTICAST_ENABLED: lambda _: b"\x01",
            Message.GET_PRODUCT_ID: lambda _: self.variant.product_id.to_bytes(2, "little"),
            self.variant.spectrum_message: lambda _: self._spectrum(),
            Message.SET_INTEGRATION_TIME_US: self._set_integration_time,
            Message.SET_TRIGGER_MODE: self._set_trigger_mode,
            Message.SET_LAMP_ENABLE: self._set_lamp_enable,
            Message.GET_WAVELENGTH_COEFFICIENT_COUNT: lambda _: bytes(
                [len(self._body.wavelength_coefficients)]
            ),
            Message.GET_WAVELENGTH_COEFFICIENT: lambda index: _coefficient(
                self._body.wavelength_coefficients, index
            ),
            Message.GET_NONLINEARITY_COEFFICIENT_COUNT: lambda _: bytes(
                [len(NONLINEARITY_COEFFICIENTS)]
            ),
            Message.GET_NONLINEARITY_COEFFICIENT: lambda index: _coefficient(
                NONLINEARITY_COEFFICIENTS, index
            ),
        }

    def _handler(self, message: int) -> Callable[[bytes], bytes]:
        if message in self.faults.refuses or message not in self._handlers:
            raise _Nack(ErrorCode.UNKNOWN_MESSAGE)
        if self.faults.ignores_sets and message in SETTINGS:
            return lambda _: b""
        return self._handlers[message]

    def _spectrum(self) -> bytes:
        exposed_us, self._exposing_us = self._exposing_us, self.integration_time_us
        if self.variant.runs_freely:
            self._clock.emulate_delay(self._rest_s(exposed_us * 1e-6))
        else:
            exposed_us = self.integration_time_us
            self._clock.emulate_delay(exposed_us * 1e-6)
        data = self._body.expose(exposed_us).astype("<u2", copy=False).tobytes()
        return data[: len(data) - self.faults.spectrum_bytes_lost]

    def _rest_s(self, exposure_s: float) -> float:
        """Time left [s] of the running exposure; the next one begins at its end."""
        now_s = self._clock.now_s()
        self._begin_s += (math.floor((now_s - self._begin_s) / exposure_s) + 1) * exposure_s
        return self._begin_s - now_s

    def _set_integration_time(self, payload: bytes) -> bytes:
        integration_time_us = _number("<I", payload)
        limits = self.variant
        if not (
            limits.integration_time_min_us <= integration_time_us <= limits.integration_time_max_us
        ):
            raise _Nack(ErrorCode.INVALID_DATA)
        self.integration_time_us = integration_time_us
        return b""

    def _set_trigger_mode(self, payload: bytes) -> bytes:
        if _number("<B", payload) not in TRIGGER_MODES:
            raise _Nack(ErrorCode.INVALID_DATA)
        return b""

    def _set_lamp_enable(self, payload: bytes) -> bytes:
        if self.variant.lamp == "unknown":
            raise _Nack(ErrorCode.UNKNOWN_MESSAGE)
        self._body.light(bool(_number("<B", payload)))
        return b""


def _number(layout: str, payload: bytes) -> int:
    try:
        (value,) = struct.unpack(layout, payload)
    except struct.error as error:
        raise _Nack(ErrorCode.WRONG_LENGTH) from error
    return int(value)


def _coefficient(coefficients: tuple[float, ...], index: bytes) -> bytes:
    position = _number("<B", index)
    if position >= len(coefficients):
        raise _Nack(ErrorCode.INVALID_DATA)
    return struct.pack("<f", coefficients[position])
