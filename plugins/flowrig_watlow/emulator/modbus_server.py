"""Modbus TCP server of an emulated instrument, without transport.

Frames, function codes and exception codes: Modbus Organization, "Modbus Application Protocol
Specification", V1.1b3 (2012), and "Modbus Messaging on TCP/IP Implementation Guide", V1.0b (2006).
"""

import struct
from collections.abc import Sequence
from typing import Protocol

from flowrig.emulation import HangUp
from flowrig_watlow.modbus.frame import EXCEPTION, HEADER

__all__ = ["ModbusServer", "Registers"]

READ_HOLDING, READ_INPUT, WRITE_ONE, WRITE_MANY = 3, 4, 6, 16
ILLEGAL_FUNCTION, ILLEGAL_ADDRESS, ILLEGAL_VALUE = 1, 2, 3
MOST_READ, MOST_WRITTEN, LONGEST = 125, 123, 254


class Registers(Protocol):
    """Registers behind a server: 16-bit words by relative address."""

    def read(self, address: int, count: int) -> list[int]:
        """The contents of consecutive registers; LookupError if one does not exist."""
        ...

    def write(self, address: int, words: Sequence[int]) -> None:
        """Write consecutive registers; LookupError: one does not exist, ValueError: bad value."""
        ...


class ModbusServer:
    """One connection to a Modbus server; any unit identifier is answered.

    Args:
        registers: the registers to serve.
    """

    def __init__(self, registers: Registers) -> None:
        self._registers = registers
        self._pending = b""

    def feed(self, data: bytes) -> bytes:
        """Take bytes as they arrive, in pieces of any size; return the replies.

        Raises:
            HangUp: the bytes are not a Modbus request.
        """
        self._pending += data
        answers = b""
        while len(self._pending) >= HEADER.size:
            transaction, protocol, length, unit = HEADER.unpack_from(self._pending)
            if protocol != 0 or not 2 <= length <= LONGEST:
                raise HangUp(answers)
            end = HEADER.size - 1 + length
            if len(self._pending) < end:
                break
            request, self._pending = self._pending[HEADER.size : end], self._pending[end:]
            answer = self._answer(request)
            answers += HEADER.pack(transaction, 0, len(answer) + 1, unit) + answer
        return answers

    def _answer(self, request: bytes) -> bytes:
        try:
            return self._obey(request[0], request[1:])
        except NotImplementedError:
            code = ILLEGAL_FUNCTION
        except LookupError:
            code = ILLEGAL_ADDRESS
        except (ValueError, struct.error):
            code = ILLEGAL_VALUE
        return bytes([request[0] | EXCEPTION, code])

    def _obey(self, function: int, data: bytes) -> bytes:
        if function in (READ_HOLDING, READ_INPUT):
            words = self._read(*struct.unpack(">HH", data))
            return struct.pack(f">BB{len(words)}H", function, 2 * len(words), *words)
        if function == WRITE_ONE:
            address, word = struct.unpack(">HH", data)
            self._registers.write(address, [word])
            return bytes([function]) + data
        if function == WRITE_MANY:
            address, count, size = struct.unpack_from(">HHB", data)
            if not (1 <= count <= MOST_WRITTEN and size == 2 * count):
                raise ValueError("count and size do not agree")
            self._registers.write(address, struct.unpack(f">{count}H", data[5:]))
            return bytes([function]) + data[:4]
        raise NotImplementedError(f"function {function}")

    def _read(self, address: int, count: int) -> list[int]:
        if not 1 <= count <= MOST_READ:
            raise ValueError(f"{count} registers at once")
        return self._registers.read(address, count)
