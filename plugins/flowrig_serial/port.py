"""An open serial port, whose bytes are logged."""

import errno
import sys
import time
from typing import Any, Final

import serial
from serial.tools.list_ports import comports

from flowrig.interfaces import WireChannel
from flowrig_serial.ports import why_not

__all__ = ["POLL_S", "Port", "comports", "open_port"]

POLL_S: Final = 0.05
"""Longest wait [s] of one read, so that deadlines are noticed in time."""

DRAIN_S: Final = 0.2
"""Longest time [s] for which waiting bytes are dropped: an instrument may send without a pause."""

LOCK_S: Final = 1.0
"""Longest wait [s] for the lock of a port. A process that this program starts holds a copy of every
lock until its own program is loaded, also of a port that was closed and is opened again."""

WRITE_TIMEOUT_S: Final = 5.0
"""Longest write [s]: a port whose peer takes no bytes must not block for ever. pyserial looks at
the clock after the write, so that a process that waits for a busy processor would count as a lost
port with a shorter limit."""

LEAVE_S: Final = 0.01
"""Longest time [s] for which an adapter keeps bytes before it sends them."""

BITS_PER_BYTE: Final = 10
"""A start bit, eight data bits, a stop bit."""


class Port:
    """An open serial port, with 8 data bits and 1 stop bit.

    No other program can open it, where the operating system can prevent it. Every method raises
    OSError when the port is gone; it is closed then.

    Args:
        name: name or URL of the port for pyserial.
        baud: line speed.
        parity: "N" for none, "E" for even, "O" for odd.

    Attributes:
        name: name or URL of the port for pyserial.
        is_closed: whether the port is gone or was closed.

    Raises:
        OSError: the port does not open; the message names the program that has it open, where it
            is known.
    """

    def __init__(self, name: str, baud: int, parity: str = "N") -> None:
        self.name = name
        self.is_closed = False
        try:
            self._serial = open_port(name, baud, parity)
        except (OSError, ValueError) as error:
            raise OSError(why_not(name, error)) from error

    @property
    def baud(self) -> int:
        """Line speed."""
        return int(self._serial.baudrate)

    def set_baud(self, baud: int) -> None:
        """Change the line speed."""
        self._serial.baudrate = baud

    def duration_s(self, count: int) -> float:
        """Time [s] that a number of bytes takes at this line speed."""
        return count * BITS_PER_BYTE / self.baud

    def let_leave(self, count: int) -> None:
        """Wait until bytes that were written have left; flush() could block for ever."""
        time.sleep(LEAVE_S + self.duration_s(count))

    def write(self, data: bytes, log: WireChannel) -> None:
        """Send bytes."""
        self._require_open()
        log.sent(data)
        try:
            self._serial.write(data)
        except OSError as error:
            raise self._gone(error) from error

    def read(self, log: WireChannel) -> bytes:
        """The bytes that have come; empty if none comes within `POLL_S`."""
        self._require_open()
        try:
            data = bytes(self._serial.read(1))
            if data:
                data += self._serial.read(self._serial.in_waiting)
        except OSError as error:
            raise self._gone(error) from error
        log.received(data)
        return data

    def drain(self, log: WireChannel) -> bytes:
        """The bytes that wait, without a wait for others."""
        self._require_open()
        drained, end_s = b"", time.monotonic() + DRAIN_S
        try:
            while (waiting := self._serial.in_waiting) and time.monotonic() < end_s:
                data = bytes(self._serial.read(waiting))
                log.received(data)
                drained += data
        except OSError as error:
            raise self._gone(error) from error
        return drained

    def close(self) -> None:
        """Release the port; idempotent."""
        self.is_closed = True
        try:
            self._serial.close()
        except OSError:
            return

    def _require_open(self) -> None:
        if self.is_closed:
            raise OSError("the port is gone; close and open the device")

    def _gone(self, error: OSError) -> OSError:
        self.close()
        return OSError(f"the port is gone: {error}")


def open_port(name: str, baud: int, parity: str = "N") -> Any:
    """An open port of pyserial; it waits for a lock that a starting process holds a copy of.

    Args:
        name: name or URL of the port for pyserial.
        baud: line speed.
        parity: "N" for none, "E" for even, "O" for odd.

    Raises:
        OSError: the port does not open.
        ValueError: pyserial knows no such URL or setting.
    """
    options: dict[str, Any] = {"parity": parity}
    if "://" not in name and sys.platform != "win32":
        # Windows never shares a port, and a URL has no port to lock.
        options["exclusive"] = True
    end_s = time.monotonic() + LOCK_S
    while True:
        try:
            return serial.serial_for_url(
                name, baudrate=baud, timeout=POLL_S, write_timeout=WRITE_TIMEOUT_S, **options
            )
        except serial.SerialException as error:
            if error.errno != errno.EWOULDBLOCK or time.monotonic() >= end_s:
                raise
        time.sleep(POLL_S)
