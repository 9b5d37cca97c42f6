"""Direct wires: the emulated instrument answers in the thread in which the driver sends.

Each end is a real socket or a real buffer, so a driver that waits, polls or selects finds the
answer there at once. Between threads the same exchange takes some 0.3 ms of processor time.
"""

import itertools
import os
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any, Final

from flowrig.emulation.core import Burst, HangUp, ProtocolCore

__all__ = ["DirectPort", "DirectSocket", "direct_port", "offer_port", "withdraw_port"]

SCHEME: Final = "emulated"
"""Scheme of the addresses of direct ports; pyserial looks for `protocol_emulated`."""

WAIT_S: Final = 0.001
"""Pause [s, real time] before a full wire is tried again."""


class _Outbox:
    """What an instrument sends, in order: at once, or by a thread that pauses between the pieces.

    A thread is needed for an answer in pieces, which would otherwise all be there before the driver
    reads the first one, and for one that is longer than what the wire holds.

    Args:
        send: sends the beginning of some bytes; returns how many were sent.
        end: called after the last byte.
    """

    def __init__(self, send: Callable[[bytes], int], end: Callable[[], object]) -> None:
        self._send = send
        self._end = end
        self._lock = threading.Lock()
        self._left: deque[tuple[float, bytes | None]] = deque()

    def put(self, answer: bytes) -> None:
        """Send an answer."""
        if isinstance(answer, Burst):
            pauses = [0.0] + [answer.pause_s] * (len(answer.parts) - 1)
            self._put(zip(pauses, answer.parts, strict=True))
        elif answer:
            with self._lock:
                if self._left:
                    self._left.append((0.0, answer))
                elif (sent := self._send(answer)) < len(answer):
                    self._begin([(WAIT_S, answer[sent:])])

    def close(self) -> None:
        """End when all is sent."""
        self._put([(0.0, None)])

    def _put(self, pieces: Iterable[tuple[float, bytes | None]]) -> None:
        with self._lock:
            self._begin(pieces)

    def _begin(self, pieces: Iterable[tuple[float, bytes | None]]) -> None:
        is_idle = not self._left
        self._left.extend(pieces)
        if is_idle and self._goes_on():
            threading.Thread(target=self._work, name="emulated-wire", daemon=True).start()

    def _goes_on(self) -> bool:
        """Send what can be sent without a pause; returns whether anything is left."""
        while self._left:
            pause_s, data = self._left[0]
            if pause_s:
                return True
            if data is None:
                self._end()
            elif (sent := self._send(data)) < len(data):
                self._left[0] = WAIT_S, data[sent:]
                return True
            self._left.popleft()
        return False

    def _work(self) -> None:
        goes_on = True
        while goes_on:
            with self._lock:
                pause_s, data = self._left[0]
            time.sleep(pause_s)
            with self._lock:
                self._left[0] = 0.0, data
                goes_on = self._goes_on()


class DirectSocket(socket.socket):
    """The driver's end of a connection; what is sent on it goes to a core at once.

    Args:
        new_core: makes the core of the connection, from a function that sends to the driver.
        on_close: called with this object when either end is closed.
    """

    def __init__(
        self,
        new_core: Callable[[Callable[[bytes], None]], ProtocolCore],
        on_close: Callable[["DirectSocket"], None],
    ) -> None:
        driver, self._far = socket.socketpair()
        super().__init__(driver.family, driver.type, driver.proto, fileno=driver.detach())
        self._far.setblocking(False)
        self._outbox = _Outbox(self._send_some, self._far.close)
        self._lock = threading.RLock()
        self._on_close = on_close
        self._core = new_core(self.answer)

    def send(self, data: Any, flags: int = 0, /) -> int:
        """Feed the core; returns the number of bytes."""
        self.sendall(data, flags)
        return len(data)

    def sendall(self, data: Any, flags: int = 0, /) -> None:
        """Feed the core."""
        if self._far.fileno() < 0:
            raise BrokenPipeError("the emulated instrument has hung up")
        with self._lock:
            try:
                answer = self._core.feed(bytes(data))
            except HangUp as end:
                self.answer(end.answer)
                self.hang_up()
                return
            self.answer(answer)

    def answer(self, data: bytes) -> None:
        """Send bytes to the driver; they are lost if the connection has ended."""
        self._outbox.put(data)

    def hang_up(self) -> None:
        """End the connection at the instrument; the driver still receives what was sent."""
        self._outbox.close()
        self._on_close(self)

    def close(self) -> None:
        """End the connection."""
        super().close()
        self.hang_up()

    def _send_some(self, data: bytes) -> int:
        try:
            return self._far.send(data)
        except BlockingIOError:
            return 0
        except OSError:  # the connection has ended
            return len(data)


class DirectPort:
    """A serial port whose other end is a core.

    Args:
        core: the core.

    Attributes:
        baud: baud rate that the driver has set; None before it has.
        is_open: whether a driver has it open.
    """

    def __init__(self, core: ProtocolCore) -> None:
        self.baud: int | None = None
        self.is_open = False
        self._core = core
        self._outbox = _Outbox(self._take, self.vanish)
        self._feeding = threading.RLock()
        self._changed = threading.Condition()
        self._received = bytearray()
        self._connection = 0

    def waiting(self, connection: int) -> int:
        """Number of bytes that the driver can read.

        Raises:
            OSError: there are none, and the port is gone since it was opened.
        """
        if not self._received:
            self._require(connection)
        return len(self._received)

    def open(self) -> int:
        """Open the port; returns the number of this opening.

        Raises:
            OSError: it is open.
        """
        if self.is_open:
            raise OSError("another driver has the emulated port open")
        self.is_open = True
        self._received.clear()
        self._connection += 1
        return self._connection

    def close(self, connection: int) -> None:
        """Close it, unless it has been opened again."""
        if connection == self._connection:
            self.is_open = False

    def write(self, connection: int, data: bytes) -> None:
        """Feed the core.

        Raises:
            OSError: the port is gone since it was opened.
        """
        self._require(connection)
        with self._feeding:
            try:
                answer = self._core.feed(data)
            except HangUp as end:
                self.answer(end.answer)
                self._outbox.close()
                return
            self.answer(answer)

    def read(self, connection: int, size: int, timeout_s: float | None) -> bytes:
        """Up to `size` bytes; fewer if they do not come in time.

        Raises:
            OSError: the port is gone since it was opened.
        """
        end_s = None if timeout_s is None else time.monotonic() + timeout_s
        with self._changed:
            while len(self._received) < size:
                self._require(connection)
                left_s = None if end_s is None else end_s - time.monotonic()
                if left_s is not None and left_s <= 0.0:
                    break
                self._changed.wait(left_s)
            data = bytes(self._received[:size])
            del self._received[:size]
        return data

    def answer(self, data: bytes) -> None:
        """Send bytes to the driver; they are lost if no driver has the port open."""
        self._outbox.put(data)

    def discard(self) -> None:
        """Drop the bytes that the driver has not read."""
        with self._changed:
            self._received.clear()

    def vanish(self) -> None:
        """Pull the plug and put it in again: the driver has to open the port anew."""
        with self._changed:
            self.is_open = False
            self._connection += 1
            self._changed.notify_all()

    def _take(self, data: bytes) -> int:
        with self._changed:
            if self.is_open:
                self._received += data
                self._changed.notify_all()
        return len(data)

    def _require(self, connection: int) -> None:
        if connection != self._connection:
            raise OSError("the emulated port is gone")


_numbers = itertools.count(1)
_ports: dict[str, DirectPort] = {}


def offer_port(port: DirectPort) -> str:
    """Give a port an address in this process; pyserial's `serial_for_url` opens it.

    No other process has the address: programs that run side by side claim their instruments by it.
    """
    address = f"{SCHEME}://{os.getpid()}/{next(_numbers)}"
    _ports[address] = port
    return address


def withdraw_port(address: str) -> None:
    """Take a port away; drivers that have it open lose it."""
    port = _ports.pop(address, None)
    if port is not None:
        port.vanish()


def direct_port(address: str) -> DirectPort:
    """The port at an address.

    Raises:
        OSError: there is none.
    """
    port = _ports.get(address)
    if port is None:
        raise OSError(f"no emulated port {address} in this process")
    return port
