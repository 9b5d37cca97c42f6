"""Requests and replies of Modbus without a transport.

Sources: Modbus Organization, "Modbus Application Protocol Specification" V1.1b3, "Modbus over
Serial Line" V1.02, "Modbus Messaging on TCP/IP" V1.0b.
"""

import struct
from collections.abc import Sequence
from typing import Final

from flowrig.interfaces import Identity
from flowrig_sensors.modbus_settings import Form, ModbusRegister

__all__ = [
    "FUNCTIONS",
    "ModbusRefusedError",
    "WrongReplyError",
    "crc",
    "encoded",
    "identity_in",
    "identity_request",
    "read_request",
    "registers_in",
    "value_of",
]

FUNCTIONS: Final = {"holding": 3, "input": 4}
REFUSED: Final = 0x80
IDENTIFY: Final = 0x2B
READ_IDENTITY: Final = 0x0E
EXCEPTIONS: Final = {1: "unknown function", 2: "no such register", 3: "invalid value"}

_FORMATS: Final[dict[Form, str]] = {
    "uint16": ">H",
    "int16": ">h",
    "uint32": ">I",
    "int32": ">i",
    "float32": ">f",
}


class WrongReplyError(Exception):
    """What came is no reply to the request.

    Args:
        reason: one sentence.
        reply: what came.
    """

    def __init__(self, reason: str, reply: bytes) -> None:
        super().__init__(reason)
        self.reply = reply.hex(" ")


class ModbusRefusedError(Exception):
    """The instrument answered with an exception code.

    Args:
        code: the code.
    """

    def __init__(self, code: int) -> None:
        meaning = EXCEPTIONS.get(code, "see its manual")
        super().__init__(f"the instrument refuses with Modbus exception {code}: {meaning}")


def crc(data: bytes) -> bytes:
    """CRC-16 of the serial line, low byte first."""
    value = 0xFFFF
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ (0xA001 if value & 1 else 0)
    return value.to_bytes(2, "little")


def read_request(channel: ModbusRegister) -> bytes:
    """Function and data of the request for the registers of a quantity."""
    return struct.pack(">BHH", FUNCTIONS[channel.table], channel.register, channel.count)


def registers_in(reply: bytes, channel: ModbusRegister) -> list[int]:
    """The registers in a reply, which begins with its function.

    Raises:
        ModbusRefusedError: it is an exception.
        WrongReplyError: it is no reply to the request.
    """
    function = FUNCTIONS[channel.table]
    if len(reply) == 2 and reply[0] == function | REFUSED:
        raise ModbusRefusedError(reply[1])
    size = 2 * channel.count
    if len(reply) != 2 + size or reply[0] != function or reply[1] != size:
        raise WrongReplyError("the reply has another function or length", reply)
    return list(struct.unpack(f">{channel.count}H", reply[2:]))


def identity_request() -> bytes:
    """Function and data of the request for vendor, product and version of an instrument."""
    return bytes([IDENTIFY, READ_IDENTITY, 1, 0])


def identity_in(reply: bytes) -> Identity:
    """The identity in a reply to `identity_request`, which begins with its function.

    Raises:
        ModbusRefusedError: it is an exception; most instruments do not know the request.
        WrongReplyError: it is no reply to the request.
    """
    if len(reply) == 2 and reply[0] == IDENTIFY | REFUSED:
        raise ModbusRefusedError(reply[1])
    if len(reply) < 7 or reply[:2] != bytes([IDENTIFY, READ_IDENTITY]):
        raise WrongReplyError("the reply has another function or length", reply)
    texts, rest = dict[int, str](), reply[7:]
    for _ in range(reply[6]):
        if len(rest) < 2 or len(rest) < 2 + rest[1]:
            raise WrongReplyError("the reply ends within a text", reply)
        texts[rest[0]] = rest[2 : 2 + rest[1]].decode("ascii", "replace").strip()
        rest = rest[2 + rest[1] :]
    if not (texts.get(0) and texts.get(1)):
        raise WrongReplyError("the reply names no vendor and product", reply)
    return Identity(texts[0], texts[1], firmware=texts.get(2, ""))


def value_of(registers: Sequence[int], form: Form, *, low_first: bool) -> float:
    """The number in one register or two."""
    ordered = reversed(registers) if low_first else registers
    data = b"".join(register.to_bytes(2, "big") for register in ordered)
    return float(struct.unpack(_FORMATS[form], data)[0])


def encoded(value: float, form: Form, *, low_first: bool) -> list[int]:
    """The registers for a number; integers are rounded."""
    number = value if form == "float32" else round(value)
    data = struct.pack(_FORMATS[form], number)
    words = [int.from_bytes(data[at : at + 2], "big") for at in range(0, len(data), 2)]
    return words[::-1] if low_first else words
