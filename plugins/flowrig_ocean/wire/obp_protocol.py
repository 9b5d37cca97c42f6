"""python-seabreeze's OBP protocols, with the checks of answers that the vendor's library makes.

python-seabreeze 2.11 accepts any frame as the answer to any message; it drops every SeaBreezeError
while it waits for an acknowledgement, so a refused setting looks like an accepted one; after a
refused query it reads again until the timeout; and it reads as many bytes as a damaged header says.
libseabreeze (OBPTransaction.cpp) accepts only an answer with the message type of the query, and for
a command only an acknowledgement. This module does the same.
"""

import struct
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from seabreeze.pyseabreeze.features.spectrometer import SeaBreezeSpectrometerFeatureOBP
from seabreeze.pyseabreeze.protocol import OBP2Protocol, OBPProtocol, OOIProtocol
from seabreeze.pyseabreeze.types import PySeaBreezeProtocol

from flowrig_ocean.wire.obp_frame import (
    MINIMUM_FRAME_BYTES,
    Flag,
    Frame,
    MalformedFrameError,
    Message,
    decode,
    frame_length,
)
from flowrig_ocean.wire.ooi_protocol import SafeOoiProtocol

__all__ = [
    "ObpProtocolError",
    "ObpRefusal",
    "SafeObp2Protocol",
    "SafeObpProtocol",
    "next_spectrum",
    "safe_protocol",
]

ACK: Final = int(Flag.ACK)
REFUSED: Final = int(Flag.NACK | Flag.HARDWARE_EXCEPTION)


class ObpRefusal(Exception):  # noqa: N818 - an answer, not a fault
    """The spectrometer answered with a NACK; the text is its reason."""


class ObpProtocolError(Exception):
    """The reply is not an answer to the message that was sent."""


class _CheckedAnswers(OBPProtocol):
    """OBP that accepts an answer only if it fits the message that was sent."""

    _asked = 0

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._messages: dict[tuple[int, bytes, bool], bytes] = {}

    def send(
        self,
        msg_type: int,
        payload: Any = (),
        timeout_ms: int | None = None,
        request_ack: bool = True,
        **kwargs: Any,
    ) -> int:
        """Send a message; with `request_ack` wait for the acknowledgement.

        Returns:
            number of bytes sent.

        Raises:
            ObpRefusal: the spectrometer refused.
            ObpProtocolError: the reply is not an acknowledgement of this message.
        """
        values = payload if isinstance(payload, (tuple, list)) else (payload,)
        data = self.msgs[msg_type](*values)
        self._asked = msg_type
        message = self._messages.get((msg_type, data, request_ack))
        if message is None:
            message = self._construct_outgoing_message(msg_type, data, request_ack=request_ack)
            if not data:  # a query, which is sent again and again
                self._messages[msg_type, data, request_ack] = message
        sent: int = self.transport.write(message, timeout_ms=timeout_ms)
        if request_ack and not self._answer(timeout_ms).flags & ACK:
            raise ObpProtocolError(f"message {msg_type:#010x} was neither acknowledged nor refused")
        return sent

    def receive(
        self, size: int | None = None, timeout_ms: int | None = None, **kwargs: Any
    ) -> bytes:
        """The payload of the answer to the last message.

        Raises:
            ObpRefusal: the spectrometer refused.
            ObpProtocolError: the reply is not an answer to this message.
        """
        return self._answer(timeout_ms).payload

    def _answer(self, timeout_ms: int | None) -> Frame:
        version = self.OBP.HEADER_PROTOCOL_VERSION
        try:
            data = self.transport.read(size=MINIMUM_FRAME_BYTES, timeout_ms=timeout_ms)
            missing = frame_length(data, version) - len(data)
            if missing:
                data += self.transport.read(size=missing, timeout_ms=timeout_ms)
            frame = decode(data)
        except MalformedFrameError as error:
            raise ObpProtocolError(str(error)) from error
        if frame.message != self._asked:
            raise ObpProtocolError(
                f"expected an answer to message {self._asked:#010x}, got one to "
                f"{frame.message:#010x}"
            )
        if frame.flags & REFUSED:
            reason = self.OBP.ERROR_CODES.get(frame.error, f"error number {frame.error}")
            raise ObpRefusal(reason)
        return frame


LAYOUTS: Final[Mapping[int, str]] = {
    Message.GET_BUFFERING: "",
    Message.SET_BUFFERING: "<B",
    Message.GET_INTEGRATION_TIME_US: "",
    Message.GET_TRIGGER_MODE: "",
    Message.GET_PIXEL_BINNING: "",
    Message.SET_PIXEL_BINNING: "<B",
    Message.GET_LAMP_ENABLE: "",
    Message.SET_LAMP_ENABLE: "<B",
    Message.GET_ACQUISITION_DELAY_US: "",
    Message.SET_ACQUISITION_DELAY_US: "<I",
    Message.GET_SCANS_TO_AVERAGE: "",
    Message.SET_SCANS_TO_AVERAGE: "<H",
    Message.GET_BOXCAR_WIDTH: "",
    Message.SET_BOXCAR_WIDTH: "<B",
}
"""Payloads of the messages that python-seabreeze lacks."""


class SafeObpProtocol(_CheckedAnswers):
    """OBP with checked answers, and with the lamp-enable line and further settings."""

    msgs = {  # noqa: RUF012 - python-seabreeze's table, extended
        **OBPProtocol.msgs,
        **{message: struct.Struct(layout).pack for message, layout in LAYOUTS.items()},
    }


class SafeObp2Protocol(_CheckedAnswers, OBP2Protocol):
    """The second version of OBP, with checked answers."""


CHECKED: Final[Mapping[type[PySeaBreezeProtocol], type[PySeaBreezeProtocol]]] = {
    OBPProtocol: SafeObpProtocol,
    OBP2Protocol: SafeObp2Protocol,
    OOIProtocol: SafeOoiProtocol,
}


def safe_protocol(protocol: type[PySeaBreezeProtocol]) -> type[PySeaBreezeProtocol]:
    """The checked form of a protocol of python-seabreeze, or the protocol if there is none."""
    return CHECKED.get(protocol, protocol)


def next_spectrum(feature: Any) -> NDArray[Any]:
    """Whole counts of the next spectrum of a spectrometer feature of python-seabreeze.

    For most OBP spectrometers python-seabreeze makes one number of Python for each pixel, which
    takes longer than the rest of an exchange; here they are read as one array.

    Raises:
        ObpProtocolError: the spectrum has another length than those of the model.
    """
    if type(feature).get_intensities is not SeaBreezeSpectrometerFeatureOBP.get_intensities:
        return np.asarray(np.rint(feature.get_intensities()))
    data, wanted = feature._get_spectrum_raw(), 2 * feature._spectrum_length
    if len(data) != wanted:
        raise ObpProtocolError(f"expected a spectrum of {wanted} bytes, got {len(data)}")
    return np.frombuffer(data, "<u2")
