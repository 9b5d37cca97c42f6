"""The state of an emulated HDX, and its answer to each OBP message."""

import math
import struct
import threading
from collections.abc import Callable, Container, Mapping
from typing import Final

import numpy as np
from attrs import define
from numpy.typing import NDArray

from flowrig.clock import Clock
from flowrig.emulation import SpectrometerBody
from flowrig_ocean.emulator.pixels import boxcar, onto_pixels, raw_counts
from flowrig_ocean.emulator.variant import HDX, HdxVariant
from flowrig_ocean.settings import COUNTS_MAX, ETHERNET_PORT
from flowrig_ocean.wire.obp_frame import ErrorCode, Flag, Frame, Message

__all__ = ["HdxFaults", "HdxInstrument", "ObpState"]

FREE_RUNNING: Final = 0
TRIGGER_MODES: Final = (0, 1, 3, 255)
MULTICAST_GROUP: Final = "239.239.239.239"
VENDOR_ID: Final = 0x2457
SCANS_MAX: Final = 5_000
BOXCAR_MAX: Final = 15
BINNING_MAX: Final = 3
BOARD_C: Final = 31.5
"""Temperature [°C] of the board; every sensor reads it."""

_GETS_OF_SETTINGS: Final = frozenset(
    {
        Message.GET_TRIGGER_MODE,
        Message.GET_SCANS_TO_AVERAGE,
        Message.GET_BOXCAR_WIDTH,
        Message.GET_PIXEL_BINNING,
        Message.GET_ACQUISITION_DELAY_US,
        Message.GET_BUFFERING,
        Message.GET_INTEGRATION_TIME_US,
        Message.GET_LAMP_ENABLE,
    }
)
_SETS: Final = frozenset(
    {
        Message.SET_TRIGGER_MODE,
        Message.SET_SCANS_TO_AVERAGE,
        Message.SET_BOXCAR_WIDTH,
        Message.SET_PIXEL_BINNING,
        Message.SET_ACQUISITION_DELAY_US,
        Message.SET_BUFFERING,
        Message.SET_INTEGRATION_TIME_US,
        Message.SET_LAMP_ENABLE,
    }
)


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


@define
class ObpState:
    """The settings of an instrument, which all connections to it share.

    Attributes:
        integration_time_us: integration time [µs].
        trigger_mode: 0 runs freely; in the others a spectrum waits for a pulse.
        scans_averaged: exposures in one spectrum.
        boxcar_width: neighbours on each side over which a pixel is smoothed.
        binning: pixels are binned by two to this power.
        delay_us: time [µs] before each exposure.
        buffering: whether a query returns the spectrum before the last one.
        lamp_enable: whether the lamp-enable line is high.
    """

    integration_time_us: int
    trigger_mode: int = FREE_RUNNING
    scans_averaged: int = 1
    boxcar_width: int = 0
    binning: int = 0
    delay_us: int = 0
    buffering: bool = False
    lamp_enable: bool = False


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

    Attributes:
        faults: faults of the instrument.
        state: its settings.
        variant: as above.
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
        self.state = ObpState(variant.integration_time_min_us)
        self._exposing_us = self.state.integration_time_us
        self._begin_s = clock.now_s()
        self._body = body
        self._clock = clock
        self._serial_number = serial_number.encode()[:255]
        self._buffered: NDArray[np.uint16] | None = None
        self._lock = threading.Lock()
        self._handlers = {**self._identity(), **self._spectra(), **self._settings()}

    @property
    def integration_time_us(self) -> int:
        """Integration time [µs] of the next exposure."""
        return self.state.integration_time_us

    def power_cycle(self) -> None:
        """Switch power off and on: all settings as delivered, the light unchanged."""
        with self._lock:
            self._reset()

    def _reset(self) -> bytes:
        lamp_enable = self.state.lamp_enable
        self.state = ObpState(self.variant.integration_time_min_us, lamp_enable=lamp_enable)
        self._exposing_us = self.state.integration_time_us
        self._begin_s = self._clock.now_s()
        return b""

    def waits_for_a_pulse(self, request: Frame) -> bool:
        """Whether a message asks for a spectrum that waits for a pulse at the trigger input."""
        return (
            request.message in (Message.GET_SPECTRUM, Message.GET_RAW_SPECTRUM)
            and request.message in self._handlers
            and self.state.trigger_mode != FREE_RUNNING
        )

    def answer(self, request: Frame) -> Frame | None:
        """The answer to a message; None for a message without an answer."""
        with self._lock:
            try:
                payload = self._handler(request.message)(request.payload)
            except _Nack as nack:
                unknown = nack.code is ErrorCode.UNKNOWN_MESSAGE
                if unknown and self.variant.unknown == "unanswered":
                    return None
                return Frame(request.message, flags=Flag.RESPONSE | Flag.NACK, error=nack.code)
        if payload:
            return Frame(request.message, payload, Flag.RESPONSE)
        silent = request.message == Message.SET_LAMP_ENABLE and self.variant.lamp == "silent"
        if request.flags & Flag.REQUEST_ACK and not silent:
            return Frame(request.message, flags=Flag.RESPONSE | Flag.ACK)
        return None

    def _handler(self, message: int) -> Callable[[bytes], bytes]:
        known = message in self._handlers and (
            self.variant.tells_settings or message not in _GETS_OF_SETTINGS
        )
        if message in self.faults.refuses or not known:
            raise _Nack(ErrorCode.UNKNOWN_MESSAGE)
        if self.faults.ignores_sets and message in _SETS:
            return lambda _: b""
        return self._handlers[message]

    def _identity(self) -> Mapping[int, Callable[[bytes], bytes]]:
        """Functions from the payload of a message to that of its answer, by message type."""
        variant = self.variant
        return {
            Message.RESET: lambda _: self._reset(),
            Message.RESET_DEFAULTS: lambda _: self._reset(),
            Message.GET_HARDWARE_REVISION: lambda _: b"\x01",
            Message.GET_FIRMWARE_REVISION: lambda _: (0x0100).to_bytes(2, "little"),
            Message.GET_SERIAL_NUMBER: lambda _: (
                self._serial_number + bytes(variant.serial_number_padding)
            ),
            Message.GET_SERIAL_NUMBER_LENGTH: lambda _: bytes([len(self._serial_number)]),
            Message.GET_MULTICAST_ENABLED: lambda _: b"\x01",
            Message.GET_MULTICAST_GROUP: lambda _: bytes(map(int, MULTICAST_GROUP.split("."))),
            Message.GET_MULTICAST_PORT: lambda _: ETHERNET_PORT.to_bytes(2, "little"),
            Message.GET_MULTICAST_TTL: lambda _: b"\x01",
            Message.GET_VENDOR_ID: lambda _: VENDOR_ID.to_bytes(2, "little"),
            Message.GET_PRODUCT_ID: lambda _: variant.product_id.to_bytes(2, "little"),
            Message.GET_MANUFACTURER: lambda _: b"Ocean Insight",
            Message.GET_DEVICE_STRING: lambda _: variant.device_string.encode(),
            Message.GET_TEMPERATURE_COUNT: lambda _: b"\x01",
            Message.GET_TEMPERATURE: lambda index: _coefficient((BOARD_C,), index),
        }

    def _spectra(self) -> Mapping[int, Callable[[bytes], bytes]]:
        variant = self.variant
        detector = onto_pixels(self._body, variant.pixels)  # its wavelengths may be changed later
        corrects = variant.spectrum_message == Message.GET_SPECTRUM
        return {
            Message.GET_SPECTRUM: lambda _: self._spectrum(),
            Message.GET_RAW_SPECTRUM: lambda _: self._spectrum(raw=corrects),
            Message.GET_COUNTS_MAX: lambda _: variant.counts_max.to_bytes(2, "little"),
            Message.GET_PIXEL_COUNT: lambda _: variant.pixels.to_bytes(4, "little"),
            Message.GET_WAVELENGTH_COEFFICIENT_COUNT: lambda _: bytes(
                [len(detector.wavelength_coefficients)]
            ),
            Message.GET_WAVELENGTH_COEFFICIENT: lambda index: _coefficient(
                detector.wavelength_coefficients, index
            ),
            Message.GET_NONLINEARITY_COEFFICIENT_COUNT: lambda _: bytes(
                [len(variant.nonlinearity)]
            ),
            Message.GET_NONLINEARITY_COEFFICIENT: lambda index: _coefficient(
                variant.nonlinearity, index
            ),
        }

    def _settings(self) -> Mapping[int, Callable[[bytes], bytes]]:
        variant = self.variant
        low_us, high_us = variant.integration_time_min_us, variant.integration_time_max_us
        exposures = range(low_us, high_us + 1)
        handlers: dict[int, Callable[[bytes], bytes]] = {
            Message.GET_INTEGRATION_TIME_MIN_US: lambda _: struct.pack("<I", low_us),
            Message.GET_INTEGRATION_TIME_MAX_US: lambda _: struct.pack("<I", high_us),
            Message.GET_INTEGRATION_TIME_STEP_US: lambda _: struct.pack("<I", 1),
            Message.SIMULATE_TRIGGER: lambda _: b"",
        }
        for name, layout, get, put, allowed in (
            ("integration_time_us", "<I", Message.GET_INTEGRATION_TIME_US,
             Message.SET_INTEGRATION_TIME_US, exposures),
            ("trigger_mode", "<B", Message.GET_TRIGGER_MODE, Message.SET_TRIGGER_MODE,
             TRIGGER_MODES),
            ("scans_averaged", "<H", Message.GET_SCANS_TO_AVERAGE, Message.SET_SCANS_TO_AVERAGE,
             range(1, SCANS_MAX + 1)),
            ("boxcar_width", "<B", Message.GET_BOXCAR_WIDTH, Message.SET_BOXCAR_WIDTH,
             range(BOXCAR_MAX + 1)),
            ("delay_us", "<I", Message.GET_ACQUISITION_DELAY_US, Message.SET_ACQUISITION_DELAY_US,
             range(335_501)),
            ("binning", "<B", Message.GET_PIXEL_BINNING, Message.SET_PIXEL_BINNING,
             range(BINNING_MAX + 1) if variant.bins else None),
            ("buffering", "<B", Message.GET_BUFFERING, Message.SET_BUFFERING,
             range(2) if variant.buffers else None),
        ):  # fmt: skip
            if allowed is not None:
                handlers[get] = self._getter(name, layout)
                handlers[put] = self._setter(name, layout, allowed)
        if variant.lamp != "unknown":
            handlers[Message.GET_LAMP_ENABLE] = self._getter("lamp_enable", "<B")
            handlers[Message.SET_LAMP_ENABLE] = self._set_lamp_enable
        return handlers

    def _getter(self, name: str, layout: str) -> Callable[[bytes], bytes]:
        return lambda _: struct.pack(layout, getattr(self.state, name))

    def _setter(self, name: str, layout: str, allowed: Container[int]) -> Callable[[bytes], bytes]:
        def put(payload: bytes) -> bytes:
            value = _number(layout, payload)
            if value not in allowed:
                raise _Nack(ErrorCode.INVALID_DATA)
            setattr(self.state, name, value)
            return b""

        return put

    def _set_lamp_enable(self, payload: bytes) -> bytes:
        self.state.lamp_enable = bool(_number("<B", payload))
        self._body.light(self.state.lamp_enable)
        return b""

    def _spectrum(self, raw: bool = False) -> bytes:
        """The bytes of a spectrum.

        Args:
            raw: whether the nonlinearity of the detector is left in it.
        """
        body = onto_pixels(self._body, self.variant.pixels)
        frames = [body.expose(self._expose()) for _ in range(self.state.scans_averaged)]
        counts = frames[0] if len(frames) == 1 else np.rint(np.mean(frames, axis=0))
        if raw:
            counts = raw_counts(counts, self.variant.nonlinearity)
        highest = min(self.variant.saturation_counts, self.variant.counts_max)
        if highest < COUNTS_MAX:
            counts = np.minimum(counts, highest)
        counts = boxcar(counts, self.state.boxcar_width)
        if self.state.binning:
            counts = counts.reshape(-1, 2**self.state.binning).mean(axis=1)
        if self.state.buffering:
            older = self._buffered if self._buffered is not None else counts
            counts, self._buffered = older, counts
        data = counts.astype("<u2", copy=False).tobytes()
        return data[: len(data) - self.faults.spectrum_bytes_lost]

    def _expose(self) -> int:
        """Wait for the end of an exposure; returns its integration time [µs]."""
        exposed_us, self._exposing_us = self._exposing_us, self.state.integration_time_us
        if not self.variant.runs_freely or self.state.trigger_mode != FREE_RUNNING:
            exposed_us = self.state.integration_time_us
            self._clock.emulate_delay(exposed_us * 1e-6)
        else:
            self._clock.emulate_delay(self._rest_s((exposed_us + self.state.delay_us) * 1e-6))
        return exposed_us

    def _rest_s(self, exposure_s: float) -> float:
        """Time left [s] of the running exposure; the next one begins at its end."""
        now_s = self._clock.now_s()
        self._begin_s += (math.floor((now_s - self._begin_s) / exposure_s) + 1) * exposure_s
        return self._begin_s - now_s


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
