"""Frames of the Ocean Binary Protocol (OBP), and the messages that concern the HDX.

Layout and numbers follow libseabreeze (OBPMessage.cpp, OBPMessageTypes.h) and python-seabreeze
2.11 (pyseabreeze/protocol.py). Little endian throughout:

    offset 0   start bytes C1 C0, protocol version, flags, error number (16 bit each)
    offset 8   message type, regarding (32 bit each), 6 reserved bytes
    offset 22  checksum type, length of immediate data (8 bit each), 16 bytes of immediate data
    offset 40  bytes that follow: payload + 20 (32 bit)
    offset 44  payload, where it does not fit into the immediate data
    then       16 bytes of checksum and the footer C5 C4 C3 C2
"""

import struct
from enum import IntEnum, IntFlag

from attrs import frozen

__all__ = ["ErrorCode", "Flag", "Frame", "FrameReader", "Message"]

START = 0xC0C1
VERSION = 0x1100
FOOTER = 0xC2C3C4C5
MAX_PAYLOAD = 65_536
"""Longest payload [bytes] that is taken for a frame; the HDX's longest is one spectrum."""

HEADER = struct.Struct("<HHHHII6sBB16sI")
TRAILER = struct.Struct("<16sI")
IMMEDIATE_BYTES = 16
CHECKSUM_NONE = 0


class Message(IntEnum):
    """Message types that an HDX is known, or in the case of the lamp expected, to take."""

    GET_SERIAL_NUMBER = 0x00000100
    GET_SERIAL_NUMBER_LENGTH = 0x00000101
    GET_MULTICAST_ENABLED = 0x00000A80
    GET_PRODUCT_ID = 0x00000E01
    GET_SPECTRUM = 0x00101000
    SET_INTEGRATION_TIME_US = 0x00110010
    SET_TRIGGER_MODE = 0x00110110
    SET_LAMP_ENABLE = 0x00110410
    GET_WAVELENGTH_COEFFICIENT_COUNT = 0x00180100
    GET_WAVELENGTH_COEFFICIENT = 0x00180101
    GET_NONLINEARITY_COEFFICIENT_COUNT = 0x00181100
    GET_NONLINEARITY_COEFFICIENT = 0x00181101


class Flag(IntFlag):
    """What a frame is."""

    RESPONSE = 1
    ACK = 2
    REQUEST_ACK = 4
    NACK = 8
    HARDWARE_EXCEPTION = 16


class ErrorCode(IntEnum):
    """Why a message was not accepted."""

    NONE = 0
    UNKNOWN_MESSAGE = 2
    WRONG_LENGTH = 5
    INVALID_DATA = 6


@frozen
class Frame:
    """One OBP message.

    Attributes:
        message: message type.
        payload: its data.
        flags: what the frame is.
        error: why a message was not accepted; 0 where it was.
    """

    message: int
    payload: bytes = b""
    flags: int = 0
    error: int = 0

    def encode(self) -> bytes:
        """The bytes on the wire."""
        immediate = self.payload if len(self.payload) <= IMMEDIATE_BYTES else b""
        attached = b"" if immediate else self.payload
        return b"".join(
            (
                HEADER.pack(
                    START,
                    VERSION,
                    self.flags,
                    self.error,
                    self.message,
                    0,
                    b"",
                    CHECKSUM_NONE,
                    len(immediate),
                    immediate,
                    len(attached) + TRAILER.size,
                ),
                attached,
                TRAILER.pack(b"", FOOTER),
            )
        )


class FrameReader:
    """Cuts a stream of bytes into frames. Bytes that are no frame are passed over."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[Frame]:
        """Take bytes as they arrive; return the frames that they complete."""
        self._buffer += data
        frames = []
        while (frame := self._next()) is not None:
            frames.append(frame)
        return frames

    def _next(self) -> Frame | None:
        while self._find_start() and len(self._buffer) >= HEADER.size:
            length = self._frame_length()
            if length and len(self._buffer) < length:
                return None
            if length and self._ends_well(length):
                frame = _decode(bytes(self._buffer[:length]))
                del self._buffer[:length]
                return frame
            del self._buffer[:2]
        return None

    def _find_start(self) -> bool:
        start = START.to_bytes(2, "little")
        if self._buffer.startswith(start):
            return True
        position = self._buffer.find(start)
        if position < 0:
            keep = 1 if self._buffer.endswith(start[:1]) else 0
            del self._buffer[: len(self._buffer) - keep]
            return False
        del self._buffer[:position]
        return True

    def _frame_length(self) -> int:
        """Length [bytes] of the frame at the beginning; 0 if that is no frame."""
        header = HEADER.unpack_from(self._buffer)
        version, immediate_length, following = header[1], header[8], header[10]
        plausible = (
            version == VERSION
            and immediate_length <= IMMEDIATE_BYTES
            and TRAILER.size <= following <= MAX_PAYLOAD + TRAILER.size
        )
        return HEADER.size + following if plausible else 0

    def _ends_well(self, length: int) -> bool:
        _, footer = TRAILER.unpack_from(self._buffer, length - TRAILER.size)
        return bool(footer == FOOTER)


def _decode(data: bytes) -> Frame:
    _, _, flags, error, message, _, _, _, immediate_length, immediate, _ = HEADER.unpack_from(data)
    payload = data[HEADER.size : -TRAILER.size] or immediate[:immediate_length]
    return Frame(message, payload, flags, error)
