"""Lines of SCPI, over a socket or through pyvisa."""

import contextlib
import threading
import time
from typing import Any, Final, Protocol

from flowrig.interfaces import WireChannel, connect_tcp
from flowrig_sensors.settings import host_and_port

__all__ = ["GarbledLineError", "ScpiLink"]

LINE_MAX: Final = 4096
"""Longest line that is read."""


class GarbledLineError(Exception):
    """What came is no line of text, or more than one.

    Args:
        reason: one sentence.
        reply: what came.
    """

    def __init__(self, reason: str, reply: str) -> None:
        super().__init__(reason)
        self.reply = reply


class _Transport(Protocol):
    """Bytes to and from an instrument; every method raises OSError when the link is broken."""

    def send(self, data: bytes) -> None: ...

    def receive(self, end_s: float) -> bytes:
        """Some bytes; raises TimeoutError after `end_s` on the monotonic clock."""
        ...

    def close(self) -> None: ...


class _Socket:
    """A connection by TCP."""

    def __init__(self, address: str, deadline_s: float) -> None:
        host, port = host_and_port(address)
        self._socket = connect_tcp(host, port, deadline_s)

    def send(self, data: bytes) -> None:
        self._socket.sendall(data)

    def receive(self, end_s: float) -> bytes:
        self._socket.settimeout(max(end_s - time.monotonic(), 0.001))
        data = self._socket.recv(LINE_MAX)
        if not data:
            raise ConnectionResetError("the instrument hung up")
        return data

    def close(self) -> None:
        self._socket.close()


class _Visa:
    """A VISA resource, through whatever VISA library pyvisa finds."""

    def __init__(self, address: str, deadline_s: float) -> None:
        import pyvisa

        self._error = pyvisa.Error
        try:
            resource: Any = pyvisa.ResourceManager().open_resource(
                address, open_timeout=round(deadline_s * 1000)
            )
        except Exception as error:  # pyvisa-py raises bare exceptions here
            raise ConnectionRefusedError(f"{error}") from error
        resource.read_termination = "\n"  # otherwise a socket is read until the time-out
        self._resource = resource
        with contextlib.suppress(pyvisa.Error, OSError, NotImplementedError):
            resource.clear()

    def send(self, data: bytes) -> None:
        try:
            self._resource.write_raw(data)
        except self._error as error:
            raise ConnectionError(f"{error}") from error

    def receive(self, end_s: float) -> bytes:
        left_s = max(end_s - time.monotonic(), 0.001)
        self._resource.timeout = round(left_s * 1000)
        try:
            return bytes(self._resource.read_raw())
        except self._error as error:
            if time.monotonic() >= end_s:
                raise TimeoutError(f"{error}") from error
            raise ConnectionError(f"{error}") from error

    def close(self) -> None:
        with contextlib.suppress(self._error, OSError):
            self._resource.close()


class ScpiLink:
    """A connection for SCPI; after a failure the next query makes a new one.

    So an answer after its deadline is lost with its connection. Threads may share it.

    Args:
        address: "host", "host:port", or the name of a VISA resource.
        deadline_s: longest wait [s] for the connection, and for one answer.
        log: records the bytes.
        line_max: longest answer [bytes] that is read.
    """

    def __init__(
        self, address: str, deadline_s: float, log: WireChannel, line_max: int = LINE_MAX
    ) -> None:
        self._line_max = line_max
        self._address = address
        self._deadline_s = deadline_s
        self._log = log
        self._lock = threading.RLock()
        self._transport: _Transport | None = None

    def open(self) -> None:
        """Make a new connection.

        Raises:
            OSError: nothing answers at the address.
        """
        with self._lock:
            self.close()
            make = _Visa if "::" in self._address else _Socket
            self._transport = make(self._address, self._deadline_s)

    def close(self) -> None:
        """Close the connection; idempotent."""
        with self._lock:
            transport, self._transport = self._transport, None
            if transport is not None:
                transport.close()

    def query(self, query: str) -> str:
        """Send a query, and return its answer.

        Raises:
            TimeoutError: no answer within the deadline.
            OSError: the link is broken.
            GarbledLineError: what came is no line of text, or more than one.
        """
        with self._lock:
            try:
                if self._transport is None:
                    self.open()
                assert self._transport is not None
                data = query.encode("ascii") + b"\n"
                self._log.sent(data)
                self._transport.send(data)
                return self._line(self._transport)
            except BaseException:  # also after Ctrl-C: the answer may still come
                self.close()
                raise

    def _line(self, transport: _Transport) -> str:
        end_s = time.monotonic() + self._deadline_s
        data = b""
        while b"\n" not in data:
            piece = transport.receive(end_s)
            self._log.received(piece)
            data += piece
            if len(data) > self._line_max:
                raise GarbledLineError("the answer does not end", repr(data[:40]))
        line, _, rest = data.partition(b"\n")
        if rest.strip():
            raise GarbledLineError("more answers than queries came", repr(data))
        text = line.strip()
        if not all(ord(" ") <= byte <= ord("~") for byte in text):
            raise GarbledLineError("the answer is no text", repr(line))
        return text.decode("ascii")
