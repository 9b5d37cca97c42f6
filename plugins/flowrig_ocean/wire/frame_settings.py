"""Settings of an instrument that change its frames, and that another program may have left.

With an external trigger no spectrum comes; with averaging one spectrum takes several exposures; a
boxcar smears lines; binning changes the number of pixels; a delay shifts the exposure; a buffer
returns older spectra. A driver sets all of them when it opens, and reads back what the instrument
lets it read. Which OBP messages an HDX answers is not known beyond those of python-seabreeze, so
a refused query is no fault.
"""

import struct
from abc import ABC, abstractmethod
from typing import Any, Final

from attrs import define, field, frozen
from seabreeze.pyseabreeze.features.spectrometer import SeaBreezeSpectrometerFeatureOOIFPGA
from seabreeze.pyseabreeze.protocol import OBP2Protocol, OBPProtocol, OOIProtocol

from flowrig.errors import UnsupportedError
from flowrig_ocean.wire.obp_frame import Message
from flowrig_ocean.wire.obp_protocol import ObpProtocolError, ObpRefusal
from flowrig_ocean.wire.ooi_protocol import Status, read_status

__all__ = [
    "Found",
    "FrameSettings",
    "SettingNotTakenError",
    "frame_settings",
    "shut_without_an_answer",
]

OOI_LAMP_ENABLE: Final = 0x03
FREE_RUNNING: Final = 0
"""Trigger mode in which the detector runs freely, in all protocols."""


class SettingNotTakenError(Exception):
    """The instrument keeps a setting that changes its frames."""


@frozen(kw_only=True)
class Found:
    """What an instrument is set to; None for what it does not tell.

    Attributes:
        integration_time_us: integration time [µs].
        light_on: whether the lamp-enable line is high.
        trigger_mode: number of the trigger mode; 0 runs freely.
        scans_averaged: exposures in one spectrum.
        boxcar_width: neighbours on each side over which a pixel is smoothed.
    """

    integration_time_us: int | None = None
    light_on: bool | None = None
    trigger_mode: int | None = None
    scans_averaged: int | None = None
    boxcar_width: int | None = None


class FrameSettings(ABC):
    """Access to these settings of one open instrument."""

    @abstractmethod
    def restore(self) -> None:
        """Set all of them to the values that the driver assumes, and read them back.

        Raises:
            SettingNotTakenError: the instrument keeps another value.
        """

    @abstractmethod
    def read(self) -> Found:
        """Query what the instrument lets the driver read."""

    def integration_time_us(self) -> int | None:
        """The integration time [µs] that is set; None if the instrument does not tell."""
        return self.read().integration_time_us

    def light_on(self) -> bool | None:
        """Whether the lamp-enable line is high; None if the instrument does not tell."""
        return self.read().light_on

    @property
    @abstractmethod
    def lamp_enable(self) -> int | None:
        """Number of the message for the lamp-enable line; None if the protocol has none."""


@frozen
class _Setting:
    name: str
    get: Message
    set: Message
    layout: str
    wanted: int


_SETTINGS: Final = (
    _Setting(
        "trigger mode", Message.GET_TRIGGER_MODE, Message.SET_TRIGGER_MODE, "<B", FREE_RUNNING
    ),
    _Setting(
        "number of averaged scans",
        Message.GET_SCANS_TO_AVERAGE,
        Message.SET_SCANS_TO_AVERAGE,
        "<H",
        1,
    ),
    _Setting("boxcar width", Message.GET_BOXCAR_WIDTH, Message.SET_BOXCAR_WIDTH, "<B", 0),
    _Setting("pixel binning", Message.GET_PIXEL_BINNING, Message.SET_PIXEL_BINNING, "<B", 0),
    _Setting(
        "acquisition delay",
        Message.GET_ACQUISITION_DELAY_US,
        Message.SET_ACQUISITION_DELAY_US,
        "<I",
        0,
    ),
    _Setting("buffering", Message.GET_BUFFERING, Message.SET_BUFFERING, "<B", 0),
)
"""Widths of the values: libseabreeze (OBP…Exchange.cpp, OBPSpectrumProcessingProtocol.cpp)."""


@define
class ObpSettings(FrameSettings):
    """Settings of an instrument that speaks OBP.

    Attributes:
        asks: whether settings are read; without it only the trigger mode is set, as
            python-seabreeze can.
    """

    _protocol: OBPProtocol
    asks: bool = True
    _refused: set[Message] = field(factory=set, init=False)

    def restore(self) -> None:
        for setting in _SETTINGS if self.asks else _SETTINGS[:1]:
            self._restore(setting)

    def _restore(self, setting: _Setting) -> None:
        found = self._value(setting.get, setting.layout)
        if found == setting.wanted:
            return
        try:
            self._protocol.send(setting.set, setting.wanted)
        except ObpRefusal as refusal:
            if found is None:
                return  # a setting that this instrument does not have
            raise SettingNotTakenError(
                f"its {setting.name} is {found} instead of {setting.wanted}, and it refuses to "
                f"change that ({refusal}); set it in the program that changed it, or switch the "
                "spectrometer off and on"
            ) from refusal
        left = self._value(setting.get, setting.layout)
        if left not in (None, setting.wanted):
            raise SettingNotTakenError(
                f"its {setting.name} stays {left} after it was set to {setting.wanted}; switch the "
                "spectrometer off and on"
            )

    def read(self) -> Found:
        return Found(
            integration_time_us=self.integration_time_us(),
            light_on=self.light_on(),
            trigger_mode=self._value(Message.GET_TRIGGER_MODE, "<B"),
            scans_averaged=self._value(Message.GET_SCANS_TO_AVERAGE, "<H"),
            boxcar_width=self._value(Message.GET_BOXCAR_WIDTH, "<B"),
        )

    def integration_time_us(self) -> int | None:
        return self._value(Message.GET_INTEGRATION_TIME_US, "<I")

    def light_on(self) -> bool | None:
        state = self._value(Message.GET_LAMP_ENABLE, "<B")
        return None if state is None else bool(state)

    @property
    def lamp_enable(self) -> int | None:
        return Message.SET_LAMP_ENABLE

    def _value(self, message: Message, layout: str) -> int | None:
        """The answer to a query; None once the instrument has refused it."""
        if not self.asks or message in self._refused:
            return None
        try:
            data = self._protocol.query(message)
        except ObpRefusal:
            self._refused.add(message)
            return None
        try:
            (value,) = struct.unpack(layout, data)
        except struct.error as error:
            raise ObpProtocolError(
                f"the answer to message {int(message):#010x} has {len(data)} bytes"
            ) from error
        return int(value)


@define
class OoiSettings(FrameSettings):
    """Settings of an instrument that speaks OOI, which has a trigger mode only."""

    _protocol: OOIProtocol
    _feature: Any

    def restore(self) -> None:
        if FREE_RUNNING not in self._feature._trigger_modes:
            return
        self._feature.set_trigger_mode(FREE_RUNNING)
        status = self._status()
        if status is not None and status.trigger_mode != FREE_RUNNING:
            raise SettingNotTakenError(
                f"its trigger mode stays {status.trigger_mode} after it was set to {FREE_RUNNING}; "
                "unplug the spectrometer and plug it in again"
            )

    def read(self) -> Found:
        status = self._status()
        if status is None:
            return Found()
        return Found(
            # The unit of the other models is not documented alike.
            integration_time_us=(
                status.integration_time if self._feature._integration_time_base == 1 else None
            ),
            light_on=status.lamp_enable,
            trigger_mode=status.trigger_mode,
        )

    @property
    def lamp_enable(self) -> int | None:
        return OOI_LAMP_ENABLE

    def _status(self) -> Status | None:
        """The status of a model whose layout is known."""
        if isinstance(self._feature, SeaBreezeSpectrometerFeatureOOIFPGA):
            return read_status(self._protocol)
        return None


@define
class OtherSettings(FrameSettings):
    """Settings of an instrument of which only the trigger mode can be set, and nothing be read."""

    _feature: Any

    def restore(self) -> None:
        if FREE_RUNNING in self._feature._trigger_modes:
            self._feature.set_trigger_mode(FREE_RUNNING)

    def read(self) -> Found:
        return Found()

    @property
    def lamp_enable(self) -> int | None:
        return None


def frame_settings(protocol: Any, feature: Any, asks: bool = True) -> FrameSettings:
    """The settings of an instrument.

    Args:
        protocol: python-seabreeze's protocol of the device.
        feature: python-seabreeze's spectrometer feature of the device.
        asks: whether settings are read, where the instrument can leave a query unanswered.
    """
    if isinstance(protocol, OBP2Protocol):
        return OtherSettings(feature)
    if isinstance(protocol, OBPProtocol):
        return ObpSettings(protocol, asks)
    if isinstance(protocol, OOIProtocol):
        return OoiSettings(protocol, feature)
    return OtherSettings(feature)


def shut_without_an_answer(protocol: Any) -> None:
    """Send the message that sets the lamp-enable line low, and wait for nothing.

    Raises:
        UnsupportedError: the protocol has no such message.
    """
    if isinstance(protocol, OOIProtocol):
        protocol.send(OOI_LAMP_ENABLE, 0)
    elif isinstance(protocol, OBPProtocol) and Message.SET_LAMP_ENABLE in protocol.msgs:
        protocol.send(Message.SET_LAMP_ENABLE, 0, request_ack=False)
    else:
        raise UnsupportedError("this spectrometer has no lamp-enable line")
