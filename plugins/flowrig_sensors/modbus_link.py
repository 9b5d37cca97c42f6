"""Modbus over a serial line or a socket: one request, one reply, and none that came late."""

import struct
import threading
import time
from typing import Final, Protocol

from flowrig.interfaces import WireChannel, connect_tcp
from flowrig_sensors.modbus_protocol import REFUSED, WrongReplyError, crc
from flowrig_sensors.modbus_settings import host_and_port
from flowrig_serial.port import Port
from flowrig_serial.shared import SharedLines

__all__ = ["ModbusLink", "RtuLink", "TcpLink"]

HEADER: Final = 7
"""Bytes before the function in a packet on a socket."""

_lines: Final = SharedLines["_RtuLine"]()


class ModbusLink(Protocol):
    """Requests to one station."""

    def exchange(self, request: bytes, deadline_s: float) -> bytes:
        """Send function and data, and return those of the reply.

        Raises:
            TimeoutError: no reply came.
            OSError: the link is broken.
            WrongReplyError: what came is no reply, or more than one.
        """
        ...

    def close(self) -> None:
        """Close the link; idempotent."""
        ...


class _RtuLine:
    """A serial line with one station or several."""

    def __init__(self, port: str, baud: int, parity: str) -> None:
        self._port = Port(port, baud, parity)
        self._lock = threading.RLock()
        self._may_be_late = False

    @property
    def is_closed(self) -> bool:
        return self._port.is_closed

    def close(self) -> None:
        with self._lock:
            self._port.close()

    def exchange(self, station: int, request: bytes, deadline_s: float, log: WireChannel) -> bytes:
        frame = bytes([station]) + request
        frame += crc(frame)
        with self._lock:
            if self._may_be_late:  # a reply does not say to which request it belongs
                self._listen(deadline_s, log)
            self._port.drain(log)
            self._may_be_late = True
            self._port.write(frame, log)
            reply = self._await(station, request[0], deadline_s, log)
            self._may_be_late = False
            return reply

    def _listen(self, most_s: float, log: WireChannel) -> None:
        """Drop what comes, for as long as a reply can take."""
        end_s = time.monotonic() + most_s
        while time.monotonic() < end_s:
            if self._port.read(log):
                return

    def _await(self, station: int, function: int, deadline_s: float, log: WireChannel) -> bytes:
        end_s = time.monotonic() + deadline_s + self._port.duration_s(16)
        data = b""
        while True:
            data += self._port.read(log)
            size = _size(data)
            if size and len(data) >= size:
                frame, rest = data[:size], data[size:]
                if rest:
                    raise WrongReplyError("more replies than requests came", data)
                if crc(frame[:-2]) != frame[-2:]:
                    raise WrongReplyError("the checksum is wrong", frame)
                if frame[0] != station or frame[1] & ~REFUSED != function:
                    raise WrongReplyError("another station or function answers", frame)
                return frame[1:-2]
            if time.monotonic() >= end_s:
                if data:
                    raise WrongReplyError("the reply is not complete", data)
                raise TimeoutError(f"no answer within {deadline_s:g} s")


def _size(data: bytes) -> int:
    """Size of the reply that begins like this; 0 while it is not known."""
    if len(data) < 3:
        return 0
    return 5 if data[1] & REFUSED else 5 + data[2]


class RtuLink:
    """One station on a serial line, which other devices of this program may share.

    Args:
        port: name or URL of the port for pyserial.
        station: station number.
        baud: line speed.
        parity: "none", "even" or "odd".
        log: records the bytes.

    Raises:
        OSError: the port does not open, or another device uses this station.
    """

    def __init__(self, port: str, station: int, baud: int, parity: str, log: WireChannel) -> None:
        self._port = port
        self._station = station
        self._log = log
        self._line: _RtuLine | None = _lines.claim(
            port, f"{station}", lambda: _RtuLine(port, baud, parity[0].upper())
        )

    def exchange(self, request: bytes, deadline_s: float) -> bytes:
        """Send function and data, and return those of the reply; see `ModbusLink`."""
        if self._line is None:
            raise OSError("the port is closed")
        return self._line.exchange(self._station, request, deadline_s, self._log)

    def close(self) -> None:
        """Release the port; idempotent."""
        line, self._line = self._line, None
        if line is not None:
            _lines.release(self._port, f"{self._station}", line)


class TcpLink:
    """One station on a socket; replies have the number of their request.

    After a failure the next request makes a new connection.

    Args:
        address: "host" or "host:port".
        station: station number.
        deadline_s: longest wait [s] for the connection.
        log: records the bytes.

    Raises:
        OSError: nothing answers at the address.
    """

    def __init__(self, address: str, station: int, deadline_s: float, log: WireChannel) -> None:
        self._host, self._port = host_and_port(address)
        self._station = station
        self._log = log
        self._lock = threading.RLock()
        self._number = 0
        self._socket = connect_tcp(self._host, self._port, deadline_s)
        self._is_sound = True

    def exchange(self, request: bytes, deadline_s: float) -> bytes:
        """Send function and data, and return those of the reply; see `ModbusLink`."""
        with self._lock:
            if not self._is_sound:
                self._socket.close()
                self._socket = connect_tcp(self._host, self._port, deadline_s)
            self._is_sound = False
            self._number = self._number % 0xFFFF + 1
            packet = struct.pack(">HHHB", self._number, 0, len(request) + 1, self._station)
            self._log.sent(packet + request)
            self._socket.sendall(packet + request)
            end_s = time.monotonic() + deadline_s
            while (reply := self._packet(end_s))[0] != self._number:
                continue  # the reply to an earlier request
            self._is_sound = True
            return reply[1]

    def close(self) -> None:
        """Close the connection; idempotent."""
        with self._lock:
            self._is_sound = False
            self._socket.close()

    def _packet(self, end_s: float) -> tuple[int, bytes]:
        """Number, and function with data, of the next packet."""
        header = self._received(HEADER, end_s)
        number, protocol, size, station = struct.unpack(">HHHB", header)
        if protocol or not 3 <= size <= 254:
            raise WrongReplyError("the reply is no Modbus packet", header)
        body = self._received(size - 1, end_s)
        if station != self._station:
            raise WrongReplyError("another station answers", header + body)
        return number, body

    def _received(self, count: int, end_s: float) -> bytes:
        data = b""
        while len(data) < count:
            self._socket.settimeout(max(end_s - time.monotonic(), 0.001))
            piece = self._socket.recv(count - len(data))
            if not piece:
                raise ConnectionResetError("the instrument hung up")
            self._log.received(piece)
            data += piece
        return data
