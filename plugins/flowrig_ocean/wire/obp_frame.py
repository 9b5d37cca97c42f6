"""Frames of the Ocean Binary Protocol (OBP), and its message types.

Layout and numbers follow libseabreeze (OBPMessage.cpp, OBPMessageTypes.h) and python-seabreeze
2.11 (pyseabreeze/protocol.py). Little endian throughout:

    offset 0   start bytes C1 C0, protocol version, flags, error number (16 bit each)
    offset 8   message type, regarding (32 bit each), 6 reserved bytes
    offset 22  checksum type, length of immediate data (8 bit each), 16 bytes of immediate data
    offset 40  bytes that follow: payload + 20 (32 bit)
    offset 44  payload, if it is too long for the immediate data
    then       16 bytes of checksum and the footer C5 C4 C3 C2
"""

import hashlib
import struct
from enum import IntEnum, IntFlag

from attrs import frozen

__all__ = [
    "MINIMUM_FRAME_BYTES",
    "ErrorCode",
    "Flag",
    "Frame",
    "FrameReader",
    "MalformedFrameError",
    "Message",
    "decode",
    "frame_length",
]

START = 0xC0C1
VERSION = 0x1100
FOOTER = 0xC2C3C4C5
MAX_PAYLOAD = 65_536
"""Longest payload [bytes] that is accepted, against damaged lengths; an HDX spectrum has 4136."""

HEADER = struct.Struct("<HHHHII6sBB16sI")
TRAILER = struct.Struct("<16sI")
IMMEDIATE_BYTES = 16
MINIMUM_FRAME_BYTES = HEADER.size + TRAILER.size
CHECKSUM_NONE = 0
CHECKSUM_MD5 = 1


class MalformedFrameError(ValueError):
    """The bytes are not a frame."""


class Message(IntEnum):
    """Message types, as in libseabreeze's OBPMessageTypes.h.

    Which of them an HDX answers is known only for those that python-seabreeze sends: serial number,
    spectrum, integration time, trigger mode, coefficients, multicast and product id. The other OBP
    spectrometers, for instance the STS, answer GET_RAW_SPECTRUM instead of GET_SPECTRUM.
    """

    RESET = 0x00000000
    RESET_DEFAULTS = 0x00000001
    GET_HARDWARE_REVISION = 0x00000080
    GET_FIRMWARE_REVISION = 0x00000090
    GET_SERIAL_NUMBER = 0x00000100
    GET_SERIAL_NUMBER_LENGTH = 0x00000101
    GET_MULTICAST_ENABLED = 0x00000A80
    GET_MULTICAST_GROUP = 0x00000A81
    GET_MULTICAST_PORT = 0x00000A82
    GET_MULTICAST_TTL = 0x00000A83
    GET_VENDOR_ID = 0x00000E00
    GET_PRODUCT_ID = 0x00000E01
    GET_MANUFACTURER = 0x00000E10
    GET_DEVICE_STRING = 0x00000E11
    GET_BUFFERING = 0x00100800
    SET_BUFFERING = 0x00100810
    GET_SPECTRUM = 0x00101000
    GET_COUNTS_MAX = 0x00101010
    GET_RAW_SPECTRUM = 0x00101100
    GET_INTEGRATION_TIME_US = 0x00110000
    GET_INTEGRATION_TIME_MIN_US = 0x00110001
    GET_INTEGRATION_TIME_MAX_US = 0x00110002
    GET_INTEGRATION_TIME_STEP_US = 0x00110003
    SET_INTEGRATION_TIME_US = 0x00110010
    GET_TRIGGER_MODE = 0x00110100
    SET_TRIGGER_MODE = 0x00110110
    SIMULATE_TRIGGER = 0x00110120
    GET_PIXEL_COUNT = 0x00110220
    GET_PIXEL_BINNING = 0x00110280
    SET_PIXEL_BINNING = 0x00110290
    GET_LAMP_ENABLE = 0x00110400
    SET_LAMP_ENABLE = 0x00110410
    GET_ACQUISITION_DELAY_US = 0x00110500
    SET_ACQUISITION_DELAY_US = 0x00110510
    GET_SCANS_TO_AVERAGE = 0x00120000
    SET_SCANS_TO_AVERAGE = 0x00120010
    GET_BOXCAR_WIDTH = 0x00121000
    SET_BOXCAR_WIDTH = 0x00121010
    GET_WAVELENGTH_COEFFICIENT_COUNT = 0x00180100
    GET_WAVELENGTH_COEFFICIENT = 0x00180101
    GET_NONLINEARITY_COEFFICIENT_COUNT = 0x00181100
    GET_NONLINEARITY_COEFFICIENT = 0x00181101
    GET_TEMPERATURE_COUNT = 0x00400000
    GET_TEMPERATURE = 0x00400001


class Flag(IntFlag):
    """Flags of a frame."""

    RESPONSE = 1
    ACK = 2
    REQUEST_ACK = 4
    NACK = 8
    HARDWARE_EXCEPTION = 16


class ErrorCode(IntEnum):
    """Reason for which a message was not accepted."""

    NONE = 0
    UNKNOWN_MESSAGE = 2
    WRONG_LENGTH = 5
    INVALID_DATA = 6
    NOT_READY = 7


@frozen
class Frame:
    """One OBP message.

    Attributes:
        message: message type.
        payload: data of the message.
        flags: a sum of `Flag` values.
        error: reason for which a message was not accepted, as in `ErrorCode`; 0 if accepted.
    """

    message: int
    payload: bytes = b""
    flags: int = 0
    error: int = 0

    def encode(
        self, *, version: int = VERSION, immediate: bool = True, checksum: bool = False
    ) -> bytes:
        """The bytes on the wire.

        Args:
            version: protocol version.
            immediate: whether a payload of up to 16 bytes goes into the header.
            checksum: whether to add the MD5 sum of header and payload.
        """
        inside = self.payload if immediate and len(self.payload) <= IMMEDIATE_BYTES else b""
        attached = b"" if inside else self.payload
        head = HEADER.pack(
            START,
            version,
            self.flags,
            self.error,
            self.message,
            0,
            b"",
            CHECKSUM_MD5 if checksum else CHECKSUM_NONE,
            len(inside),
            inside,
            len(attached) + TRAILER.size,
        )
        return head + attached + TRAILER.pack(_md5(head + attached) if checksum else b"", FOOTER)


def frame_length(head: bytes | bytearray, version: int | None = VERSION) -> int:
    """Length [bytes] of the frame that begins with a header.

    Args:
        head: the header.
        version: protocol version that it must have; None for any.

    Raises:
        MalformedFrameError: the bytes are not a header.
    """
    start, found, *_, immediate_length, _, following = HEADER.unpack_from(head)
    if start != START or found != (found if version is None else version):
        raise MalformedFrameError(f"not an OBP frame of the expected version: {head[:4].hex()}")
    if not (
        immediate_length <= IMMEDIATE_BYTES
        and TRAILER.size <= following <= MAX_PAYLOAD + TRAILER.size
    ):
        raise MalformedFrameError(
            f"impossible lengths: {immediate_length} bytes of immediate data, {following} to follow"
        )
    return HEADER.size + int(following)


def decode(data: bytes) -> Frame:
    """The content of one complete frame.

    Args:
        data: the frame, with the length that `frame_length` returns.

    Raises:
        MalformedFrameError: the footer is missing, the checksum is wrong or of an unknown kind, or
            there is payload in the header and after it.
    """
    fields = HEADER.unpack_from(data)
    flags, error, message = fields[2:5]
    checksum_type, immediate_length, immediate = fields[7:10]
    checksum, footer = TRAILER.unpack_from(data, len(data) - TRAILER.size)
    attached = data[HEADER.size : -TRAILER.size]
    if footer != FOOTER:
        raise MalformedFrameError(f"the frame ends with {footer:#010x} instead of its footer")
    if checksum_type not in (CHECKSUM_NONE, CHECKSUM_MD5):
        raise MalformedFrameError(f"checksum of unknown kind {checksum_type}")
    if checksum_type == CHECKSUM_MD5 and checksum != _md5(data[: -TRAILER.size]):
        raise MalformedFrameError("the checksum is wrong")
    if attached and immediate_length:
        raise MalformedFrameError("payload both in the header and after it")
    return Frame(message, attached or immediate[:immediate_length], flags, error)


def _md5(data: bytes) -> bytes:
    return hashlib.md5(data, usedforsecurity=False).digest()


class FrameReader:
    """Cuts a stream of bytes into frames. Bytes outside a frame are skipped.

    Args:
        version: protocol version of the frames; None for any.
    """

    def __init__(self, version: int | None = VERSION) -> None:
        self._buffer = bytearray()
        self._version = version
        self._newest: tuple[bytes, Frame] | None = None

    def feed(self, data: bytes) -> list[Frame]:
        """Take bytes as they arrive; return the frames that they complete."""
        is_fresh = not self._buffer
        if is_fresh and self._newest is not None and data == self._newest[0]:
            return [self._newest[1]]  # a client that asks for one spectrum after the other
        self._buffer += data
        frames = []
        while (frame := self._next()) is not None:
            frames.append(frame)
        if is_fresh and len(frames) == 1 and not self._buffer:
            self._newest = bytes(data), frames[0]
        return frames

    def _next(self) -> Frame | None:
        while self._find_start() and len(self._buffer) >= HEADER.size:
            try:
                length = frame_length(self._buffer, self._version)
                if len(self._buffer) < length:
                    return None
                frame = decode(bytes(self._buffer[:length]))
            except MalformedFrameError:
                del self._buffer[:2]
                continue
            del self._buffer[:length]
            return frame
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
