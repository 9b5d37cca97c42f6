"""python-seabreeze's OOI protocol, with checks of what it takes on trust.

OOI is the older protocol of Ocean's spectrometers. A command is one byte with arguments and has no
acknowledgement. python-seabreeze 2.11 drops the byte that ends a spectrum without looking at it,
and never asks an instrument for its status.

Status and its layout: Flame-S manual 225-00000-000-11-201604, page 81.
"""

import struct
from typing import Any, Final

from attrs import frozen
from seabreeze.pyseabreeze.features.spectrometer import (
    SeaBreezeSpectrometerFeatureJAZ,
    SeaBreezeSpectrometerFeatureOOI,
)
from seabreeze.pyseabreeze.protocol import OOIProtocol
from seabreeze.pyseabreeze.types import PySeaBreezeProtocol

__all__ = ["OoiProtocolError", "SafeOoiProtocol", "Status", "check_spectra", "read_status"]

INITIALIZE: Final = 0x01
QUERY_STATUS: Final = 0xFE
INITIALIZE_S: Final = 0.1
"""Wait [s] after the first command, as in python-seabreeze."""
STATUS: Final = struct.Struct("<HIBBBBBBBBBB")
END_OF_SPECTRUM: Final = 0x69


class OoiProtocolError(Exception):
    """The reply is not an answer to the command that was sent."""


@frozen
class Status:
    """The status of an instrument.

    Attributes:
        integration_time: integration time in the unit of the model, mostly [µs].
        lamp_enable: whether the lamp-enable line is high.
        trigger_mode: number of the trigger mode; 0 runs freely.
    """

    integration_time: int
    lamp_enable: bool
    trigger_mode: int


class SafeOoiProtocol(OOIProtocol):
    """OOI that waits on the clock of the driver."""

    def __init__(self, transport: Any) -> None:
        PySeaBreezeProtocol.__init__(self, transport)
        self.send(INITIALIZE)
        transport.pause(INITIALIZE_S)


def read_status(protocol: OOIProtocol) -> Status:
    """Query the status of an instrument with a gate array, such as a USB2000+ or a Flame.

    Raises:
        OoiProtocolError: the answer has the wrong length.
    """
    data = protocol.query(QUERY_STATUS)
    if len(data) != STATUS.size:
        raise OoiProtocolError(f"expected a status of {STATUS.size} bytes, got {len(data)}")
    _, integration_time, lamp, trigger_mode, *_ = STATUS.unpack(data)
    return Status(integration_time, bool(lamp), trigger_mode)


def check_spectra(feature: Any) -> None:
    """Let the spectrometer feature of a device check the byte that ends a spectrum.

    A Jaz sends no such byte; protocols other than OOI have their own checks.
    """
    if isinstance(feature, SeaBreezeSpectrometerFeatureJAZ) or not isinstance(
        feature, SeaBreezeSpectrometerFeatureOOI
    ):
        return
    shadowed: Any = feature
    read = shadowed._get_spectrum_raw

    def checked() -> Any:
        data = read()
        if data[-1] != END_OF_SPECTRUM:
            raise OoiProtocolError(
                f"a spectrum ends with {data[-1]:#04x} instead of {END_OF_SPECTRUM:#04x}"
            )
        return data

    shadowed._get_spectrum_raw = checked
