"""Drivers of the HDX and of other Ocean spectrometers, on top of python-seabreeze."""

import contextlib
import struct
import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
import usb.core
from attrs import evolve
from numpy.typing import NDArray
from seabreeze.pyseabreeze.devices import SeaBreezeDevice
from seabreeze.pyseabreeze.exceptions import SeaBreezeError
from seabreeze.pyseabreeze.transport import USBTransportError
from seabreeze.pyseabreeze.types import PySeaBreezeTransport

from flowrig.clock import Clock
from flowrig.errors import (
    ConnectionLostError,
    DeviceError,
    NotReadyError,
    ProtocolError,
    RefusedError,
    UnknownOutcomeError,
    UnsupportedError,
)
from flowrig.interfaces.device import Identity
from flowrig.interfaces.spectrometer import (
    Spectrometer,
    SpectrometerLimits,
    SpectrometerReadBack,
)
from flowrig_ocean.connect import connect, printable, reach
from flowrig_ocean.settings import (
    COUNTS_MAX,
    INTEGRATION_TIME_MAX_US,
    INTEGRATION_TIME_MIN_US,
    HdxSettings,
    OceanSettings,
    parse_address,
)
from flowrig_ocean.wire.frame_settings import (
    FrameSettings,
    SettingNotTakenError,
    frame_settings,
    shut_without_an_answer,
)
from flowrig_ocean.wire.obp_protocol import ObpProtocolError, ObpRefusal, next_spectrum
from flowrig_ocean.wire.ooi_protocol import OoiProtocolError, check_spectra

__all__ = ["OceanHdx", "OceanSpectrometer"]

HDX_LIMITS = SpectrometerLimits(
    integration_time_min_us=INTEGRATION_TIME_MIN_US,
    integration_time_max_us=INTEGRATION_TIME_MAX_US,
    saturation_counts=COUNTS_MAX,
)

RESTORE = "undo the settings of other programs"
"""Name of this exchange in messages."""

LEFT_EXPOSURE_MAX_US = 10_000_000
"""Longest exposure [µs] that is waited for at `open`, where an instrument does not tell which
integration time another program has left."""

# Exceptions that python-seabreeze 2.11.0 raises or lets through when the link is lost.
_LINK_ERRORS = (OSError, LookupError, ReferenceError, RuntimeError, USBTransportError)
_SILENCE = (TimeoutError, usb.core.USBTimeoutError)
# Exceptions for a reply that is not an answer: its asserts and unpacking errors included.
_ANSWER_ERRORS = (
    ObpProtocolError,
    OoiProtocolError,
    SeaBreezeError,
    AssertionError,
    TypeError,
    ValueError,
    struct.error,
)


class OceanSpectrometer(Spectrometer):
    """A spectrometer that python-seabreeze supports, with raw counts of up to 16 bit.

    After a lost connection or an unreadable answer the device is closed, because bytes that still
    arrive would be taken for the next answer; `open` connects again.

    Args:
        name: the device's name in the rig profile.
        settings: address, model, integration time, light source and saturation.
        clock: clock of the time stamps.
    """

    settings: OceanSettings | HdxSettings

    def __init__(
        self, name: str, settings: OceanSettings | HdxSettings, clock: Clock | None = None
    ) -> None:
        super().__init__(name, settings, clock)
        self._lock = threading.RLock()
        self._device: SeaBreezeDevice | None = None
        self._frame_settings: FrameSettings | None = None
        self._blind: PySeaBreezeTransport[Any] | None = None
        self._limits: SpectrometerLimits | None = None
        self._wavelengths_nm: NDArray[np.float64] = np.empty(0)
        self._step_us = 1
        self._integration_time_us = settings.integration_time_us

    def _do_open(self) -> None:
        settings = self.settings
        self._do_close()  # a connection that `send_safe_action` has left
        try:
            self._connect(asks=True)
        except ConnectionLostError as lost:
            # Firmware may leave a query of a setting unanswered that it does not know.
            if not self._left_unanswered(lost):
                raise
            self._connect(asks=False)
        if self.controls_light and self._set_up().lamp_enable is None:
            raise UnsupportedError(f"{self.name}: model {settings.model} has no lamp-enable line")
        self._require_in_limits(settings.integration_time_us)
        self._do_set_integration_time(settings.integration_time_us)

    def _connect(self, asks: bool) -> None:
        """Connect, and undo the settings of other programs that change frames.

        Args:
            asks: whether settings are read.
        """
        settings = self.settings
        with self._exchange("connect"):
            try:
                address = parse_address(settings.address)
                self._device = connect(
                    address, settings.deadline_s, self.wire, settings.model, self.clock.sleep
                )
                self._learn()
            except ObpRefusal as refusal:
                raise ObpProtocolError(
                    f"it refuses a query that every spectrometer answers: {refusal}"
                ) from refusal
        with self._exchange(RESTORE):
            protocol = self._opened()._transport.protocol
            self._frame_settings = frame_settings(protocol, self._feature(), asks)
            self._frame_settings.restore()
            left_us = self._frame_settings.integration_time_us()
        self._integration_time_us = left_us or min(
            self.limits.integration_time_max_us, LEFT_EXPOSURE_MAX_US
        )

    @staticmethod
    def _left_unanswered(lost: ConnectionLostError) -> bool:
        return lost.command == RESTORE and isinstance(lost.__cause__, _SILENCE)

    def _learn(self) -> None:
        """Read limits and wavelengths, which do not change."""
        feature = self._feature()
        shortest_us, beyond_us = feature.get_integration_time_micros_limits()
        saturation_counts = int(feature.get_maximum_intensity())
        if saturation_counts > COUNTS_MAX:
            raise UnsupportedError(
                f"{self.name}: model {self.settings.model} counts to {saturation_counts}, which is "
                "beyond 16 bit"
            )
        self._limits = self._with_own_saturation(
            SpectrometerLimits(shortest_us, beyond_us - 1, saturation_counts)
        )
        self._step_us = feature._integration_time_base
        check_spectra(feature)
        wavelengths_nm = np.asarray(feature.get_wavelengths(), dtype=np.float64)
        if (
            wavelengths_nm.shape != (feature._spectrum_length,)
            or not np.isfinite(wavelengths_nm).all()
            or not (np.diff(wavelengths_nm) > 0).all()
        ):
            raise ObpProtocolError(
                "its wavelengths are not finite and increasing, one for each pixel"
            )
        self._wavelengths_nm = wavelengths_nm

    def _with_own_saturation(self, limits: SpectrometerLimits) -> SpectrometerLimits:
        """The limits of the model, with the saturation of the settings."""
        own_counts = self.settings.saturation_counts or limits.saturation_counts
        if own_counts > limits.saturation_counts:
            raise UnsupportedError(
                f"{self.name}: saturation_counts = {own_counts} is more than the "
                f"{limits.saturation_counts} to which model {self._opened().model} counts"
            )
        return evolve(limits, saturation_counts=own_counts)

    def _do_close(self) -> None:
        with self._lock:
            device, self._device = self._device, None
            self._frame_settings = None
            blind, self._blind = self._blind, None
            if blind is not None:
                with contextlib.suppress(OSError, usb.core.USBError):
                    blind.close_device()
            if device is not None:
                with contextlib.suppress(OSError, usb.core.USBError):
                    device.close()

    def _do_identify(self) -> Identity:
        with self._exchange("get serial number"):
            serial_number = printable(self._opened().get_serial_number())
        return Identity("Ocean Insight", self._opened().model, serial_number)

    def _do_limits(self) -> SpectrometerLimits:
        if self._limits is None:
            raise NotReadyError("its limits are known after open()", device=self.name)
        return self._limits

    def _do_wavelengths_nm(self) -> NDArray[np.float64]:
        return self._wavelengths_nm.copy()

    def _do_integration_time_us(self) -> int:
        return self._integration_time_us

    def _do_set_integration_time(self, integration_time_us: int) -> None:
        with self._lock:
            previous_us = self._integration_time_us
            new_us = integration_time_us - integration_time_us % self._step_us
            with self._exchange(f"set integration time {new_us}", unanswered=UnknownOutcomeError):
                self._feature().set_integration_time_micros(new_us)
                found_us = self._set_up().integration_time_us()
                self._integration_time_us = new_us if found_us is None else found_us
                if self._integration_time_us != new_us:
                    raise SettingNotTakenError(f"its integration time stays {found_us} µs")
            self._discard_frame(previous_us + new_us)

    def _do_read_back(self) -> SpectrometerReadBack:
        with self._exchange("read settings"):
            found = self._set_up().read()
        return SpectrometerReadBack(
            time_s=self.clock.now_s(),
            integration_time_us=found.integration_time_us,
            exposures_averaged=found.scans_averaged,
            trigger_mode=found.trigger_mode,
            boxcar_width=found.boxcar_width,
            is_light_on=found.light_on,
        )

    def _do_send_safe_action(self) -> None:
        if not self.controls_light:
            raise UnsupportedError(f"{self.name}: this spectrometer controls no light source")
        settings = self.settings
        # Without the lock: another thread may wait for an answer on this connection.
        transport = self._device._transport if self._device is not None else self._blind
        try:
            if transport is None:
                transport = self._blind = reach(
                    parse_address(settings.address),
                    settings.deadline_s,
                    self.wire,
                    settings.model,
                    self.clock.sleep,
                )
            shut_without_an_answer(transport.protocol)
        except _LINK_ERRORS as error:
            raise self._fault(ConnectionLostError, f"not reached: {error}") from error

    @property
    def controls_light(self) -> bool:
        """Whether the lamp-enable line drives the light source."""
        return self.settings.light_source == "lamp-enable"

    def _do_set_light(self, on: bool) -> None:
        if not self.controls_light:
            super()._do_set_light(on)
        with self._lock:
            with self._exchange(f"set lamp enable {int(on)}", unanswered=UnknownOutcomeError):
                settings = self._set_up()
                self._opened()._transport.protocol.send(settings.lamp_enable or 0, int(on))
                if settings.light_on() not in (None, on):
                    raise SettingNotTakenError(f"its lamp-enable line stays {int(not on)}")
            self._discard_frame(2 * self._integration_time_us)

    def _do_acquire_frame(self) -> NDArray[np.uint16]:
        return self._read_frame(self._integration_time_us)

    def _discard_frame(self, longest_exposure_us: int) -> None:
        """Read and drop the frame that was being exposed while a setting changed.

        The detector runs freely, so the first frame after a change may have been exposed before
        the change (python-seabreeze, issues 38, 110 and 177).
        """
        self._read_frame(longest_exposure_us, unanswered=UnknownOutcomeError)

    def _read_frame(
        self, longest_exposure_us: int, unanswered: type[DeviceError] | None = None
    ) -> NDArray[np.uint16]:
        with self._exchange("get spectrum", unanswered):
            feature = self._feature()
            # python-seabreeze waits for this time on top of the timeout of the transport.
            feature._integration_time = longest_exposure_us
            counts = next_spectrum(feature)
            if feature._normalization_value != 1.0:
                # python-seabreeze stretches counts to full scale; noise goes beyond it.
                counts = np.minimum(counts, feature.get_maximum_intensity())
            wide = counts.dtype.itemsize > 2 and counts.max() > COUNTS_MAX
            if counts.shape != self._wavelengths_nm.shape or wide:
                raise ObpProtocolError(
                    f"expected {self._wavelengths_nm.size} counts of 16 bit, got {counts.size}"
                )
        return counts.astype(np.uint16, copy=False)

    def _opened(self) -> SeaBreezeDevice:
        if self._device is None:
            raise NotReadyError("the device is not open; call open() first", device=self.name)
        return self._device

    def _set_up(self) -> FrameSettings:
        if self._frame_settings is None:
            raise NotReadyError("the device is not open; call open() first", device=self.name)
        return self._frame_settings

    def _feature(self) -> Any:
        return self._opened().features["spectrometer"][0]

    @contextlib.contextmanager
    def _exchange(
        self, command: str, unanswered: type[DeviceError] | None = None
    ) -> Iterator[None]:
        """Lock the device for one exchange, and turn every exception into one of flowrig's.

        Args:
            command: name of the exchange, for messages.
            unanswered: error for a missing or unreadable answer, if the exchange changes the state
                of the instrument; None for an exchange that only reads.
        """
        with self._lock:
            try:
                yield
            except ObpRefusal as refusal:
                message = f"the spectrometer refused: {refusal}"
                raise self._fault(RefusedError, message, command, "NACK") from refusal
            except SettingNotTakenError as kept:
                raise self._fault(RefusedError, str(kept), command) from kept
            except _LINK_ERRORS as error:
                self.close()
                kind = unanswered or ConnectionLostError
                raise self._fault(kind, f"no answer: {error}", command) from error
            except _ANSWER_ERRORS as error:
                self.close()
                kind = unanswered or ProtocolError
                raise self._fault(kind, f"not an answer: {error}", command) from error
            except BaseException:
                self.close()
                raise


class OceanHdx(OceanSpectrometer):
    """An Ocean Insight HDX, 2068 pixels of 16 bit, over Ethernet or USB.

    Spectra are raw counts as the spectrometer sends them: python-seabreeze calls the message "raw
    spectrum", libseabreeze "corrected spectrum", so no nonlinearity correction is added here.

    Args:
        name: the device's name in the rig profile.
        settings: address, integration time and light source.
        clock: clock of the time stamps.
    """

    settings: HdxSettings

    def _do_limits(self) -> SpectrometerLimits:
        return self._with_own_saturation(HDX_LIMITS)
