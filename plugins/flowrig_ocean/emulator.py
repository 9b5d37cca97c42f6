"""An emulated HDX on loopback Ethernet or a virtual USB, real for python-seabreeze."""

import math
import struct
import threading
from collections.abc import Callable, Container, Mapping

from attrs import define

from flowrig.clock import Clock
from flowrig.emulation import (
    DeviceFault,
    Emulator,
    EmulatorContext,
    Front,
    ProtocolCore,
    SocketFront,
    SpectrometerBody,
)
from flowrig_ocean.dialect import HdxDialect
from flowrig_ocean.obp import ErrorCode, Flag, Frame, FrameReader, Message
from flowrig_ocean.settings import UsbAddress, parse_address

__all__ = ["HdxDialect", "HdxEmulator", "HdxFaults", "HdxInstrument", "HdxProtocol"]

HDX = HdxDialect()
SETTINGS = frozenset(
    {Message.SET_INTEGRATION_TIME_US, Message.SET_TRIGGER_MODE, Message.SET_LAMP_ENABLE}
)
TRIGGER_MODES = (0, 1, 3, 255)
NONLINEARITY_COEFFICIENTS = (1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
"""An ideal detector: the correction polynomial is 1."""


@define
class HdxFaults:
    """What the instrument says wrong from now on.

    Attributes:
        refuses: message types that are answered with a NACK.
        ignores_sets: whether settings are acknowledged and not taken.
        spectrum_bytes_lost: by how many bytes the payload of a spectrum is too short.
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

    As on the real one the detector runs freely, one exposure after the other: who asks gets the
    next that ends (python-seabreeze, issue 18), and the first spectrum after a change of the
    integration time was still exposed with the old one.

    Args:
        body: the detector and the light source on its lamp-enable line.
        clock: an exposure takes its integration time on this clock.
        serial_number: what it calls itself.
        dialect: how it answers.
    """

    def __init__(
        self,
        body: SpectrometerBody,
        clock: Clock,
        serial_number: str,
        dialect: HdxDialect = HDX,
    ) -> None:
        self.faults = HdxFaults()
        self.dialect = dialect
        self.integration_time_us = dialect.integration_time_min_us
        self._exposing_us = self.integration_time_us
        self._begin_s = clock.now_s()
        self._body = body
        self._clock = clock
        self._serial_number = serial_number.encode()[:255]
        self._lock = threading.Lock()
        self._handlers: Mapping[int, Callable[[bytes], bytes]] = {
            Message.GET_SERIAL_NUMBER: lambda _: (
                self._serial_number + bytes(dialect.serial_number_padding)
            ),
            Message.GET_SERIAL_NUMBER_LENGTH: lambda _: bytes([len(self._serial_number)]),
            Message.GET_MULTICAST_ENABLED: lambda _: b"\x01",
            Message.GET_PRODUCT_ID: lambda _: dialect.product_id.to_bytes(2, "little"),
            dialect.spectrum_message: lambda _: self._spectrum(),
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

    def power_cycle(self) -> None:
        """Lose power and come back with the shortest integration time, the light as it was."""
        with self._lock:
            self.integration_time_us = self._exposing_us = self.dialect.integration_time_min_us
            self._begin_s = self._clock.now_s()

    def answer(self, request: Frame) -> Frame | None:
        """What the instrument answers to a message, if anything."""
        with self._lock:
            try:
                payload = self._handler(request.message)(request.payload)
            except _Nack as nack:
                return Frame(request.message, flags=Flag.RESPONSE | Flag.NACK, error=nack.code)
        if payload:
            return Frame(request.message, payload, Flag.RESPONSE)
        silent = request.message == Message.SET_LAMP_ENABLE and self.dialect.lamp == "silent"
        if request.flags & Flag.REQUEST_ACK and not silent:
            return Frame(request.message, flags=Flag.RESPONSE | Flag.ACK)
        return None

    def _handler(self, message: int) -> Callable[[bytes], bytes]:
        if message in self.faults.refuses or message not in self._handlers:
            raise _Nack(ErrorCode.UNKNOWN_MESSAGE)
        if self.faults.ignores_sets and message in SETTINGS:
            return lambda _: b""
        return self._handlers[message]

    def _spectrum(self) -> bytes:
        exposed_us, self._exposing_us = self._exposing_us, self.integration_time_us
        if self.dialect.runs_freely:
            self._clock.emulate_delay(self._rest_s(exposed_us * 1e-6))
        else:
            exposed_us = self.integration_time_us
            self._clock.emulate_delay(exposed_us * 1e-6)
        data = self._body.expose(exposed_us).astype("<u2", copy=False).tobytes()
        return data[: len(data) - self.faults.spectrum_bytes_lost]

    def _rest_s(self, exposure_s: float) -> float:
        """How long [s] the exposure that is under way still takes; the next begins at its end."""
        now_s = self._clock.now_s()
        self._begin_s += (math.floor((now_s - self._begin_s) / exposure_s) + 1) * exposure_s
        return self._begin_s - now_s

    def _set_integration_time(self, payload: bytes) -> bytes:
        integration_time_us = _number("<I", payload)
        limits = self.dialect
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
        if self.dialect.lamp == "unknown":
            raise _Nack(ErrorCode.UNKNOWN_MESSAGE)
        self._body.light(bool(_number("<B", payload)))
        return b""


class HdxProtocol:
    """One connection to an instrument.

    Args:
        instrument: who answers.
    """

    def __init__(self, instrument: HdxInstrument) -> None:
        self._instrument = instrument
        self._reader = FrameReader()

    def feed(self, data: bytes) -> bytes:
        """Take bytes as they arrive, in pieces of any size; return the frames answered to them."""
        answers = (self._instrument.answer(request) for request in self._reader.feed(data))
        dialect = self._instrument.dialect
        return b"".join(
            answer.encode(immediate=dialect.immediate, checksum=dialect.checksums)
            for answer in answers
            if answer is not None
        )


class HdxEmulator(Emulator):
    """An HDX on loopback Ethernet, or on a virtual USB if the settings name a USB address.

    Args:
        context: which device it plays, in which world.
        dialect: how it answers.
    """

    def __init__(self, context: EmulatorContext, dialect: HdxDialect = HDX) -> None:
        super().__init__(context)
        serial_number = f"emulated {context.device}"
        self.instrument = HdxInstrument(
            context.world.spectrometer(context.device), context.clock, serial_number, dialect
        )

        def new_core() -> ProtocolCore:
            return context.tap(HdxProtocol(self.instrument))

        over_usb = isinstance(parse_address(context.settings.address), UsbAddress)
        self._front: Front = (
            _usb_front(new_core, serial_number, dialect)
            if over_usb
            else SocketFront(new_core, context.port)
        )

    def start(self) -> str:
        """Begin to answer; returns "127.0.0.1:port" or "usb:SERIAL"."""
        return self._front.start()

    def stop(self) -> None:
        """Hang up and free the port."""
        self._front.stop()

    def fault_switches(self) -> Mapping[str, DeviceFault]:
        """Those of every spectrometer, and what an HDX can say wrong."""
        instrument = self.instrument
        return {
            **super().fault_switches(),
            "power-cycle": DeviceFault(
                "off and on: the integration time is the shortest again", self._power_cycle
            ),
            "silent-refusal": DeviceFault(
                "settings are acknowledged and not taken",
                lambda on: setattr(instrument.faults, "ignores_sets", on),
            ),
            "nack": DeviceFault(
                "every message is answered with a NACK",
                lambda on: setattr(instrument.faults, "refuses", set(Message) if on else ()),
            ),
            "short-spectrum": DeviceFault(
                "spectra lack their last pixel",
                lambda on: setattr(instrument.faults, "spectrum_bytes_lost", 2 if on else 0),
            ),
        }

    def _power_cycle(self, on: bool) -> None:
        if on:
            self.stop()
            self.instrument.power_cycle()
            self.start()


def _usb_front(
    new_core: Callable[[], ProtocolCore], serial_number: str, dialect: HdxDialect
) -> Front:
    from flowrig_ocean.virtual_usb import UsbFront, VirtualDevice

    device = VirtualDevice(new_core, dialect.product_id, dialect.packet_bytes)
    return UsbFront(device, serial_number)


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
