"""A serial line to a Fusion: one exchange at a time, and always in step.

A pump answers in the order in which it was asked. Once an answer has failed to arrive in time, a
late one could be taken for the answer to the next request; the line then asks for something that
is asked for at no other time and drops all that comes before the answer to it.
"""

import contextlib
import sys
import threading
import time
from typing import Any, Final

import serial

from flowrig_chemyx.protocol import FrameSplitter

__all__ = ["LineFault", "SerialLine", "claim_line", "release_line"]

PROBE: Final = "elapsed time"
FLUSH_S: Final = 0.2  # a pump may leave a bare CR unanswered
POLL_S: Final = 0.05
WRITE_TIMEOUT_S: Final = 1.0


class LineFault(Exception):  # noqa: N818 - never leaves the plugin
    """No answer came.

    Args:
        reason: one sentence.
        sent: whether any of the request may have left.
        reply: what came, if anything.
    """

    def __init__(self, reason: str, *, sent: bool, reply: str = "") -> None:
        super().__init__(reason)
        self.sent = sent
        self.reply = reply


class SerialLine:
    """One open port, shared by the channels of one pump.

    Args:
        address: what pyserial opens.
        baud: line speed.
        prefix: what stands before every request; "1 " on the first channel of a dual pump.

    Raises:
        OSError: the port does not open.
    """

    def __init__(self, address: str, baud: int, prefix: str) -> None:
        self.baud = baud
        self.claims: set[int | None] = set()
        self.broken = False
        self._probe = prefix + PROBE
        self._in_step = False
        self._lock = threading.RLock()
        self._port = _open_port(address, baud)

    def exchange(self, request: str, deadline_s: float, *, urgent: bool = False) -> list[str]:
        """Send a request and wait for the reply.

        Args:
            request: the line to send, without its end.
            deadline_s: longest wait [s].
            urgent: send it even if the line is out of step. The reply may then be an older one.

        Returns:
            the lines of the reply, with the echo.

        Raises:
            LineFault: no reply came, or the port is gone.
        """
        with self._lock:
            if self.broken:
                raise LineFault("the port is gone; close and open the device", sent=False)
            if not self._in_step and not urgent:
                self._resynchronize(deadline_s)
            self._drain()
            self._write(request)
            return self._await_reply(deadline_s)

    def close(self) -> None:
        """Release the port; idempotent."""
        with self._lock, contextlib.suppress(OSError):
            self._port.close()

    def _resynchronize(self, deadline_s: float) -> None:
        try:
            self._drain()
            self._write("")
            with contextlib.suppress(LineFault):
                self._await_reply(min(FLUSH_S, deadline_s))
            self._drain()
            self._write(self._probe)
            self._await_reply(deadline_s, holding=PROBE)
        except LineFault as fault:
            raise LineFault(str(fault), sent=False, reply=fault.reply) from fault
        self._in_step = True

    def _await_reply(self, deadline_s: float, holding: str = "") -> list[str]:
        frames = FrameSplitter()
        end_s = time.monotonic() + deadline_s
        while True:
            for lines in frames.feed(self._read()):
                if any(holding in line for line in lines) or not holding:
                    return lines
            if time.monotonic() >= end_s:
                self._in_step = False
                raise LineFault(f"no answer within {deadline_s:g} s", sent=True, reply=frames.rest)

    def _drain(self) -> None:
        try:
            while waiting := self._port.in_waiting:
                self._port.read(waiting)
        except OSError as error:
            raise self._gone(error, sent=False) from error

    def _read(self) -> bytes:
        try:
            return bytes(self._port.read(self._port.in_waiting or 1))
        except OSError as error:
            raise self._gone(error, sent=True) from error

    def _write(self, request: str) -> None:
        try:
            self._port.write(request.encode("ascii") + b"\r")
        except OSError as error:
            raise self._gone(error, sent=True) from error

    def _gone(self, error: OSError, *, sent: bool) -> LineFault:
        self.broken = True
        self._in_step = False
        self.close()
        return LineFault(f"the port is gone: {error}", sent=sent)


def _open_port(address: str, baud: int) -> Any:
    options: dict[str, Any] = {}
    if "://" not in address and sys.platform != "win32":
        options["exclusive"] = True  # Windows never shares a port
    return serial.serial_for_url(
        address, baudrate=baud, timeout=POLL_S, write_timeout=WRITE_TIMEOUT_S, **options
    )


_open_lines: dict[str, SerialLine] = {}
_registry = threading.Lock()


def claim_line(address: str, baud: int, channel: int | None) -> SerialLine:
    """Open a port, or share it with the other channel of the same pump.

    Args:
        address: what pyserial opens.
        baud: line speed.
        channel: 1 or 2 on a dual pump.

    Raises:
        OSError: the port does not open, or is in use with another speed or for the same channel.
    """
    with _registry:
        line = _open_lines.get(address)
        if line is None or line.broken:
            line = SerialLine(address, baud, f"{channel} " if channel else "")
            _open_lines[address] = line
        elif line.baud != baud:
            raise OSError(f"the other channel uses it at {line.baud} baud")
        elif channel in line.claims or channel is None or None in line.claims:
            raise OSError("another device of this rig uses it")
        line.claims.add(channel)
        return line


def release_line(address: str, line: SerialLine, channel: int | None) -> None:
    """Give a channel back; the port closes with the last one."""
    with _registry:
        line.claims.discard(channel)
        if line.claims:
            return
        line.close()
        if _open_lines.get(address) is line:
            del _open_lines[address]
