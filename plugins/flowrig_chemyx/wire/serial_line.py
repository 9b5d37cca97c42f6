"""A serial line to a Fusion: one exchange at a time, and always in step.

A pump answers in the order in which it was asked. Once an answer has failed to arrive in time, or
more came than was asked for, a late one could be taken for the answer to the next request; the line
then asks for something harmless whose answer is told by its key, and drops all that comes before.
"""

import contextlib
import sys
import threading
import time
from collections.abc import Sequence
from typing import Any, Final

import serial
from serial.tools.list_ports import comports

from flowrig.interfaces import WireChannel, WireLog
from flowrig_chemyx.wire.ports import why_not
from flowrig_chemyx.wire.protocol import FrameSplitter, parse_number, value_of

__all__ = ["LineFault", "SerialLine", "claim_line", "comports", "release_line"]

PROBE: Final = "elapsed time"
FLUSH_S: Final = 0.2  # a pump may leave a bare CR unanswered
POLL_S: Final = 0.05
WRITE_TIMEOUT_S: Final = 1.0


class LineFault(Exception):  # noqa: N818 - never leaves the plugin
    """No answer came, or none that can be told from others.

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
        port: what pyserial opens.
        bauds: the line speeds at which the pump may listen; tried in this order.
        prefix: what stands before every request; "1 " on the first channel of a dual pump.

    Attributes:
        port: what pyserial opened.
        bauds: the line speeds at which the pump may listen.
        claims: the channels in use.
        broken: whether the port is gone, or closed.

    Raises:
        OSError: the port does not open.
    """

    def __init__(self, port: str, bauds: Sequence[int], prefix: str) -> None:
        self.port = port
        self.bauds = tuple(bauds)
        self.claims: set[int | None] = set()
        self.broken = False
        self._probe = prefix + PROBE
        self._in_step = False
        self._echoes = False
        self._probe_unanswered = False
        self._lock = threading.RLock()
        self._wire = _open_port(port, self.bauds[0])
        self._log: WireChannel = WireLog()

    def find_baud(self, deadline_s: float, log: WireChannel) -> None:
        """Settle on the line speed at which somebody answers, if there is a choice.

        Args:
            deadline_s: longest wait [s] at each.
            log: is told the bytes.

        Raises:
            LineFault: nobody answers at any of them, or the port is gone.
        """
        with self._lock:
            self._log = log
            if len(self.bauds) == 1 or self._in_step:
                return
            for baud in self.bauds:
                self._wire.baudrate = baud
                with contextlib.suppress(LineFault):
                    self._resynchronize(deadline_s)
                    return
                self._require_port()
            raise LineFault(f"no answer at {self.speeds}", sent=False)

    @property
    def speeds(self) -> str:
        """The line speeds that may have been tried, for a message."""
        return f"{', '.join(map(str, self.bauds))} baud"

    def exchange(
        self, request: str, deadline_s: float, log: WireChannel, *, urgent: bool = False
    ) -> list[str]:
        """Send a request and wait for the reply.

        Args:
            request: the line to send, without its end.
            deadline_s: longest wait [s].
            log: is told the bytes; the channels of a dual pump have one each.
            urgent: send it even if the line is out of step. The reply may then be an older one.

        Returns:
            the lines of the reply, with the echo.

        Raises:
            LineFault: no reply came, more than one did, or the port is gone.
        """
        with self._lock:
            self._log = log
            self._require_port()
            if not self._in_step and not urgent:
                self._resynchronize(deadline_s)
            self._drain()
            self._write(request)
            try:
                return self._await_reply(request, deadline_s)
            except LineFault:
                self._in_step = False
                self._probe_unanswered |= request.endswith(PROBE)
                raise

    def distrust(self) -> None:
        """Get back in step before the next request: an answer made no sense."""
        with self._lock:
            self._in_step = False

    def close(self) -> None:
        """Release the port; idempotent."""
        with self._lock, contextlib.suppress(OSError):
            self.broken = True
            self._wire.close()

    def _require_port(self) -> None:
        if self.broken:
            raise LineFault("the port is gone; close and open the device", sent=False)

    def _resynchronize(self, deadline_s: float) -> None:
        try:
            self._drain()
            self._write("")
            with contextlib.suppress(LineFault):
                self._await_reply("", min(FLUSH_S, deadline_s))
            self._require_port()
            self._drain()
            others, self._probe_unanswered = self._probe_unanswered, True
            self._write(self._probe)
            self._echoes = self._probe in self._await_probe(deadline_s)
            if others:
                self._await_silence(deadline_s)
            self._probe_unanswered = False
        except LineFault as fault:
            raise LineFault(str(fault), sent=False, reply=fault.reply) from fault
        self._in_step = True

    def _await_reply(self, request: str, deadline_s: float) -> list[str]:
        """The reply that echoes the request; where none does, the only one that came."""
        frames, replies = FrameSplitter(), list[list[str]]()
        now_s = time.monotonic()
        end_s, quiet_s = now_s + deadline_s, now_s + FLUSH_S
        while True:
            data = self._read()
            replies += frames.feed(data) if data else frames.settle()
            now_s = time.monotonic()
            if data:
                quiet_s = now_s + FLUSH_S
            if replies:
                echoing = [reply for reply in replies if request in reply]
                if len(echoing) == 1:
                    return echoing[0]
                if not self._echoes or echoing or now_s >= min(quiet_s, end_s):
                    return _only(replies)
            if now_s >= end_s:
                raise LineFault(f"no answer within {deadline_s:g} s", sent=True, reply=frames.rest)

    def _await_probe(self, deadline_s: float) -> list[str]:
        frames = FrameSplitter()
        end_s = time.monotonic() + deadline_s
        while True:
            data = self._read()
            for reply in frames.feed(data) if data else frames.settle():
                if _answers_probe(reply):
                    return reply
            if time.monotonic() >= end_s:
                raise LineFault(f"no answer within {deadline_s:g} s", sent=True, reply=frames.rest)

    def _await_silence(self, deadline_s: float) -> None:
        """Let answers to earlier probes pass, which look like the one to the last."""
        end_s = time.monotonic() + deadline_s
        quiet_s = time.monotonic() + FLUSH_S
        while time.monotonic() < min(quiet_s, end_s):
            if self._read():
                quiet_s = time.monotonic() + FLUSH_S

    def _drain(self) -> None:
        """Drop what has come; somebody who never stops talking is noticed by the next reply."""
        end_s = time.monotonic() + FLUSH_S
        try:
            while (waiting := self._wire.in_waiting) and time.monotonic() < end_s:
                self._log.received(self._wire.read(waiting))
        except OSError as error:
            raise self._gone(error, sent=False) from error

    def _read(self) -> bytes:
        try:
            data = bytes(self._wire.read(1))
            if data:
                data += self._wire.read(self._wire.in_waiting)
        except OSError as error:
            raise self._gone(error, sent=True) from error
        self._log.received(data)
        return data

    def _write(self, request: str) -> None:
        data = request.encode("ascii") + b"\r"
        self._log.sent(data)
        try:
            self._wire.write(data)
        except OSError as error:
            raise self._gone(error, sent=True) from error

    def _gone(self, error: OSError, *, sent: bool) -> LineFault:
        self._in_step = False
        self.close()
        return LineFault(f"the port is gone: {error}", sent=sent)


def _only(replies: Sequence[list[str]]) -> list[str]:
    if len(replies) > 1:
        texts = " / ".join(" ".join(reply) for reply in replies)
        raise LineFault("more answers than questions", sent=True, reply=texts)
    return replies[0]


def _answers_probe(reply: Sequence[str]) -> bool:
    try:
        parse_number(value_of(reply, PROBE))
    except ValueError:
        return False
    return True


def _open_port(port: str, baud: int) -> Any:
    options: dict[str, Any] = {}
    if "://" not in port and sys.platform != "win32":
        options["exclusive"] = True  # Windows never shares a port
    return serial.serial_for_url(
        port, baudrate=baud, timeout=POLL_S, write_timeout=WRITE_TIMEOUT_S, **options
    )


_open_lines: dict[str, SerialLine] = {}
_registry = threading.Lock()


def claim_line(port: str, bauds: Sequence[int], channel: int | None) -> SerialLine:
    """Open a port, or share it with the other channel of the same pump.

    Args:
        port: what pyserial opens.
        bauds: the line speeds at which the pump may listen.
        channel: 1 or 2 on a dual pump.

    Raises:
        OSError: the port does not open, or is in use with another speed or for the same channel;
            the message names who has it, where the operating system tells.
    """
    with _registry:
        line = _open_lines.get(port)
        if line is None or line.broken:
            try:
                line = SerialLine(port, bauds, f"{channel} " if channel else "")
            except (OSError, ValueError) as error:
                raise OSError(why_not(port, error)) from error
            _open_lines[port] = line
        elif not set(line.bauds) & set(bauds):
            raise OSError(f"the other channel uses it at {line.speeds}")
        elif channel in line.claims or channel is None or None in line.claims:
            raise OSError("another device of this rig uses it")
        line.claims.add(channel)
        return line


def release_line(line: SerialLine, channel: int | None) -> None:
    """Give a channel back; the port closes with the last one."""
    with _registry:
        line.claims.discard(channel)
        if line.claims:
            return
        line.close()
        if _open_lines.get(line.port) is line:
            del _open_lines[line.port]
