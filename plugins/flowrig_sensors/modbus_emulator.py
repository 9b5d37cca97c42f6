"""An emulated instrument with the Modbus registers of a profile."""

import struct
from collections.abc import Callable
from typing import Final

from flowrig.emulation import Emulator, EmulatorContext, Front, SocketFront, serial_front
from flowrig_kinds.bodies import SensorBody
from flowrig_sensors.modbus_protocol import FUNCTIONS, REFUSED, crc, encoded, identity_request
from flowrig_sensors.modbus_settings import ModbusSensorSettings
from flowrig_sensors.place import sensed

__all__ = ["ModbusSensorEmulator", "RtuCore", "TcpCore"]

UNKNOWN_FUNCTION: Final = 1
NO_REGISTER: Final = 2

READ_BYTES: Final = 5
"""Function and data of a request for registers."""

IDENTITY: Final = (b"ACME", b"GAUGE-M", b"1.0")
"""Vendor, product and version."""

RTU_REQUEST: Final = 8
TCP_HEADER: Final = 7

Registers = Callable[[int, int], list[int] | None]


def _reply(request: bytes, registers: Registers) -> bytes:
    """Function and data of the reply to function and data of a request."""
    if request == identity_request():
        texts = b"".join(bytes([n, len(one)]) + one for n, one in enumerate(IDENTITY))
        return request[:3] + bytes([1, 0, 0, len(IDENTITY)]) + texts
    if len(request) != READ_BYTES or request[0] not in FUNCTIONS.values():
        return bytes([request[0] | REFUSED, UNKNOWN_FUNCTION])
    function, first, count = struct.unpack(">BHH", request)
    found = registers(function, first)
    if found is None or len(found) != count:
        return bytes([function | REFUSED, NO_REGISTER])
    return struct.pack(f">BB{count}H", function, 2 * count, *found)


class RtuCore:
    """A station on a serial line, as a protocol core.

    A real one ends a request by a silence. This one looks for a request with a right checksum, so
    that half a request before it does no harm here either.

    Args:
        station: its number.
        registers: by function and number of the first, the registers of a quantity.
    """

    def __init__(self, station: int, registers: Registers) -> None:
        self._station = station
        self._registers = registers
        self._input = b""

    def feed(self, data: bytes) -> bytes:
        """Take the next bytes, in pieces of any size; return replies to the completed requests."""
        self._input += data
        replies = b""
        while len(self._input) >= RTU_REQUEST:
            frame = self._input[:RTU_REQUEST]
            if crc(frame[:-2]) != frame[-2:]:
                self._input = self._input[1:]
                continue
            self._input = self._input[RTU_REQUEST:]
            if frame[0] == self._station:
                reply = frame[:1] + _reply(frame[1:-2], self._registers)
                replies += reply + crc(reply)
        return replies


class TcpCore:
    """One connection to a station on a socket, as a protocol core; see `RtuCore`."""

    def __init__(self, registers: Registers) -> None:
        self._registers = registers
        self._input = b""

    def feed(self, data: bytes) -> bytes:
        """Take the next bytes, in pieces of any size; return replies to the completed requests."""
        self._input += data
        replies = b""
        while len(self._input) >= TCP_HEADER:
            number, _, size, station = struct.unpack(">HHHB", self._input[:TCP_HEADER])
            end = TCP_HEADER + size - 1
            if len(self._input) < end:
                break
            body, self._input = self._input[TCP_HEADER:end], self._input[end:]
            reply = _reply(body, self._registers)
            replies += struct.pack(">HHHB", number, 0, len(reply) + 1, station) + reply
        return replies


class ModbusSensorEmulator(Emulator):
    """An emulated instrument on a serial port, or on a TCP port if the settings say so.

    Quantities with the names pressure [bar], temperature [°C] and flow [µL/min] are those of the
    place where the sensor sits; others are 1.

    Args:
        context: the device to emulate, its world and its clock.
    """

    def __init__(self, context: EmulatorContext) -> None:
        super().__init__(context)
        self._body: SensorBody = context.world.body(context.device)
        settings = context.settings
        if not isinstance(settings, ModbusSensorSettings):
            raise TypeError("an emulated Modbus sensor needs the registers of a profile")
        self._settings = settings
        self._front: Front
        if settings.protocol == "tcp":
            self._front = SocketFront(
                lambda: context.tap(TcpCore(self._registers)),
                context.port,
                direct=context.is_direct,
            )
        else:
            core = context.tap(RtuCore(settings.station, self._registers))
            self._front = serial_front(core, context.port, direct=context.is_direct)

    def start(self) -> str:
        """Start to answer; returns the address in the form that the driver takes."""
        address = self._front.start()
        is_gateway = isinstance(self._front, SocketFront) and self._settings.protocol == "rtu"
        return f"socket://{address}" if is_gateway else address

    def stop(self) -> None:
        """Stop to answer, and close the wire."""
        self._front.stop()

    def _registers(self, function: int, first: int) -> list[int] | None:
        for name, channel in self._settings.channels.items():
            if (FUNCTIONS[channel.table], channel.register) == (function, first):
                value = sensed(self._body, name, channel)
                low_first = self._settings.word_order == "low-first"
                return encoded(value, channel.form, low_first=low_first)
        return None
