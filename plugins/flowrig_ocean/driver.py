"""The Ocean Insight HDX behind flowrig's `Spectrometer`."""

import contextlib
import struct
import threading
from collections.abc import Iterator

import numpy as np
import usb.core
from numpy.typing import NDArray
from seabreeze.pyseabreeze.devices import SeaBreezeDevice
from seabreeze.pyseabreeze.exceptions import SeaBreezeError
from seabreeze.pyseabreeze.protocol import OBPProtocol
from seabreeze.pyseabreeze.transport import USBTransportError

from flowrig.clock import Clock
from flowrig.errors import (
    ConnectionLostError,
    DeviceError,
    NotReadyError,
    ProtocolError,
    RefusedError,
    UnknownOutcomeError,
)
from flowrig.interfaces.device import Identity
from flowrig.interfaces.spectrometer import Spectrometer, SpectrometerLimits
from flowrig_ocean.connect import connect
from flowrig_ocean.obp import Message
from flowrig_ocean.protocol import HdxProtocolError, HdxRefusal
from flowrig_ocean.settings import (
    INTEGRATION_TIME_MAX_US,
    INTEGRATION_TIME_MIN_US,
    HdxSettings,
    parse_address,
)

__all__ = ["OceanHdx"]

SATURATION_COUNTS = 65_535
LIMITS = SpectrometerLimits(
    integration_time_min_us=INTEGRATION_TIME_MIN_US,
    integration_time_max_us=INTEGRATION_TIME_MAX_US,
    saturation_counts=SATURATION_COUNTS,
)

# What python-seabreeze lets through, besides its own errors, when the link is gone …
_LINK_ERRORS = (OSError, LookupError, ReferenceError, RuntimeError, USBTransportError)
# … and when what came back is no answer.
_ANSWER_ERRORS = (
    HdxProtocolError,
    SeaBreezeError,
    AssertionError,
    TypeError,
    ValueError,
    struct.error,
)


class OceanHdx(Spectrometer):
    """An Ocean Insight HDX, 2068 pixels of 16 bit, over Ethernet or USB.

    Spectra are raw counts as the spectrometer sends them: python-seabreeze calls the message "raw
    spectrum", libseabreeze "corrected spectrum", so no nonlinearity correction is added here.

    After a lost connection or an answer that makes no sense the device is closed, because the
    bytes still under way would be taken for the next answer; `open` connects anew.

    Args:
        name: the device's name in the rig profile.
        settings: address, integration time and light source.
        clock: what readings are stamped with.
    """

    settings: HdxSettings

    def __init__(self, name: str, settings: HdxSettings, clock: Clock | None = None) -> None:
        super().__init__(name, settings, clock)
        self._lock = threading.RLock()
        self._hdx: SeaBreezeDevice | None = None
        self._wavelengths_nm: NDArray[np.float64] = np.empty(0)
        self._integration_time_us = settings.integration_time_us

    def _do_open(self) -> None:
        with self._talking("connect"):
            try:
                address = parse_address(self.settings.address)
                self._hdx = connect(address, self.settings.deadline_s, self.wire)
                self._wavelengths_nm = self._hdx.f.spectrometer.get_wavelengths()
            except HdxRefusal as refusal:
                raise HdxProtocolError(
                    f"it does not know what an HDX knows: {refusal}"
                ) from refusal
        self._do_set_integration_time(self.settings.integration_time_us)

    def _do_close(self) -> None:
        with self._lock:
            hdx, self._hdx = self._hdx, None
            if hdx is not None:
                with contextlib.suppress(OSError, usb.core.USBError):
                    hdx.close()

    def _do_identify(self) -> Identity:
        with self._talking("get serial number"):
            serial_number = self._device().get_serial_number()
        return Identity("Ocean Insight", self._device().model, serial_number)

    def _do_limits(self) -> SpectrometerLimits:
        return LIMITS

    def _do_wavelengths_nm(self) -> NDArray[np.float64]:
        return self._wavelengths_nm.copy()

    def _do_integration_time_us(self) -> int:
        return self._integration_time_us

    def _do_set_integration_time(self, integration_time_us: int) -> None:
        with self._lock:
            previous_us = self._integration_time_us
            self._set(Message.SET_INTEGRATION_TIME_US, integration_time_us)
            self._integration_time_us = integration_time_us
            self._discard_frame(previous_us + integration_time_us)

    @property
    def controls_light(self) -> bool:
        """Whether the lamp-enable line drives the light source."""
        return self.settings.light_source == "lamp-enable"

    def _do_set_light(self, on: bool) -> None:
        if not self.controls_light:
            super()._do_set_light(on)
        with self._lock:
            self._set(Message.SET_LAMP_ENABLE, int(on))
            self._discard_frame(2 * self._integration_time_us, unanswered=UnknownOutcomeError)

    def _do_acquire_frame(self) -> NDArray[np.uint16]:
        return self._read_frame(self._integration_time_us)

    def _discard_frame(
        self, longest_exposure_us: int, unanswered: type[DeviceError] | None = None
    ) -> None:
        """Pass over the frame that was under way while a setting changed.

        The detector runs freely, so that the first frame after a change may have been exposed
        before it (python-seabreeze, issues 38, 110 and 177).
        """
        self._read_frame(longest_exposure_us, unanswered)

    def _read_frame(
        self, longest_exposure_us: int, unanswered: type[DeviceError] | None = None
    ) -> NDArray[np.uint16]:
        timeout_ms = round(longest_exposure_us * 1e-3 + self.settings.deadline_s * 1e3)
        with self._talking(Message.GET_SPECTRUM.name, unanswered):
            data = self._protocol().query(Message.GET_SPECTRUM, timeout_ms=timeout_ms)
            num_pixels = len(self._wavelengths_nm)
            if len(data) != 2 * num_pixels:
                raise HdxProtocolError(
                    f"expected a spectrum of {2 * num_pixels} bytes, got {len(data)}"
                )
        return np.frombuffer(data, dtype="<u2").astype(np.uint16, copy=False)

    def _set(self, message: Message, value: int) -> None:
        timeout_ms = round(self.settings.deadline_s * 1e3)
        with self._talking(f"{message.name} {value}", unanswered=UnknownOutcomeError):
            self._protocol().send(message, value, timeout_ms=timeout_ms)

    def _device(self) -> SeaBreezeDevice:
        if self._hdx is None:
            raise NotReadyError("the device is not open; call open() first", device=self.name)
        return self._hdx

    def _protocol(self) -> OBPProtocol:
        protocol = self._device()._transport.protocol
        assert isinstance(protocol, OBPProtocol)
        return protocol

    @contextlib.contextmanager
    def _talking(self, command: str, unanswered: type[DeviceError] | None = None) -> Iterator[None]:
        """Hold the line for one exchange, and say in flowrig's terms what went wrong with it.

        Args:
            command: what is asked, for messages.
            unanswered: what a missing or senseless answer means where the question changes
                something in the instrument.
        """
        with self._lock:
            try:
                yield
            except HdxRefusal as refusal:
                message = f"the spectrometer refused: {refusal}"
                raise self._fault(RefusedError, message, command, "NACK") from refusal
            except _LINK_ERRORS as error:
                self.close()
                kind = unanswered or ConnectionLostError
                raise self._fault(kind, f"no answer: {error}", command) from error
            except _ANSWER_ERRORS as error:
                self.close()
                kind = unanswered or ProtocolError
                raise self._fault(kind, f"not an OBP answer: {error}", command) from error
            except BaseException:
                self.close()
                raise
