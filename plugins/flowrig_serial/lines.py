"""Lines of text to instruments on a serial port, and how to find back after a failure.

Many replies do not say to which request they belong. So at first and after every failure the line
synchronizes with the instrument: it spoils what waits there, sends a probe, which is a query with
a reply of its own form that is sent for nothing else, and drops everything before that reply.
"""

import threading
import time
from collections.abc import Callable
from typing import Any, Final, Generic, TypeVar

from attrs import define, frozen

from flowrig.errors import ConnectionLostError, DeviceError, ProtocolError, UnknownOutcomeError
from flowrig.interfaces import WireChannel
from flowrig_serial.port import Port
from flowrig_serial.ports import rivals

__all__ = ["LineFault", "Query", "TextLine", "lost", "unknown"]

T = TypeVar("T")

FLUSH_S: Final = 0.2
"""Silence [s] that ends what an instrument still had to send."""

SPOILER: Final = "?"
"""What no instrument takes: it spoils half a request that waits there."""

LINE_BYTES: Final = 80
"""A long line."""


class LineFault(Exception):  # noqa: N818 - drivers turn it into an error of their device
    """No reply came, or none that can be matched to the request.

    Args:
        reason: one sentence.
        sent: whether any byte of the request may have been sent.
        reply: the text that came instead, if any.
    """

    def __init__(self, reason: str, *, sent: bool, reply: str = "") -> None:
        super().__init__(reason)
        self.sent = sent
        self.reply = reply


@frozen
class Query(Generic[T]):
    """A query, and what its reply looks like.

    Attributes:
        request: the line to send, without its end.
        parse: reads a line; returns None if it is not the reply, for instance that of another
            instrument on the port.
        has_more_lines: whether further lines may follow the first one, which is the reply.
    """

    request: str
    parse: Callable[[str], T | None]
    has_more_lines: bool = False


@define
class _Station:
    """One instrument on the port."""

    is_synchronized: bool = False
    probe_unanswered: bool = False


class TextLine:
    """One open port with one instrument, or several that have addresses.

    Args:
        port: name or URL of the port for pyserial.
        baud: line speed.
        end: end of a request.
        reply_end: what ends a reply, besides CR and LF; one byte.

    Raises:
        OSError: the port does not open.
    """

    def __init__(
        self, port: str, baud: int, end: bytes = b"\r", *, reply_end: bytes = b"\r"
    ) -> None:
        self._port = Port(port, baud)
        self._end = end
        self._reply_end = reply_end
        self._input = b""
        self._stations: dict[str, _Station] = {}
        self._lock = threading.RLock()

    @property
    def is_closed(self) -> bool:
        """Whether the port is gone or was closed."""
        return self._port.is_closed

    @property
    def baud(self) -> int:
        """Line speed."""
        return self._port.baud

    def close(self) -> None:
        """Release the port; idempotent."""
        with self._lock:
            self._port.close()

    def is_synchronized(self, part: str) -> bool:
        """Whether the next reply of an instrument is certain to be that to the next request."""
        station = self._stations.get(part)
        return station is not None and station.is_synchronized

    def hint(self) -> str:
        """What to check if an instrument does not answer, for a message."""
        if others := rivals(self._port.name):
            return f"the port is open in {', '.join(others)} as well: end that program"
        return f"is it on, at this address, and set to {self.baud} baud?"

    def synchronize(self, part: str, probe: Query[T], deadline_s: float, log: WireChannel) -> T:
        """Synchronize with an instrument, and return the reply to the probe.

        Args:
            part: the instrument, among those on the port; a request to it begins with this.
            probe: a query with a reply of its own form, which is sent for nothing else.
            deadline_s: longest wait [s] for a reply.
            log: records the bytes.

        Raises:
            LineFault: no reply came, or the port is gone.
        """
        with self._lock:
            station = self._stations.setdefault(part, _Station())
            station.is_synchronized = False
            try:
                self._drain(log)
                self._write(part + SPOILER, log)
                self._await_silence(FLUSH_S, log, once=True)
                # The reply to an earlier probe looks like this one, so it has to pass first.
                earlier, station.probe_unanswered = station.probe_unanswered, True
                self._write(probe.request, log)
                answer = self._await(probe, deadline_s, log, strict=False)
                if earlier:
                    self._await_silence(deadline_s, log)
            except LineFault as fault:
                raise LineFault(f"{fault}", sent=False, reply=fault.reply) from fault
            station.probe_unanswered = False
            station.is_synchronized = True
            return answer

    def ask(
        self, part: str, query: Query[T], probe: Query[Any], deadline_s: float, log: WireChannel
    ) -> T:
        """Send a query, and return its reply; see `synchronize` for the arguments.

        Raises:
            LineFault: no reply came, more than one came, or the port is gone.
        """
        with self._lock:
            station = self._ready(part, probe, deadline_s, log)
            station.is_synchronized = False
            self._write(query.request, log)
            answer = self._await(query, deadline_s, log, strict=True)
            station.is_synchronized = not query.has_more_lines
            return answer

    def tell(
        self, part: str, request: str, probe: Query[Any], deadline_s: float, log: WireChannel
    ) -> None:
        """Send a command that may be answered or not; see `synchronize` for the arguments.

        The next query synchronizes first, so that an answer to the command is not taken for its
        own.

        Raises:
            LineFault: the instrument does not answer the probe that may go first, or the port is
                gone.
        """
        with self._lock:
            station = self._ready(part, probe, deadline_s, log)
            station.is_synchronized = False
            self._write(request, log)

    def tell_blindly(self, part: str, request: str, log: WireChannel) -> None:
        """Send a command at once, after a spoiler, and read nothing.

        Args:
            part: the instrument, among those on the port; a request to it begins with this.
            request: the command.
            log: records the bytes.

        Raises:
            LineFault: the port is gone.
        """
        for station in self._stations.values():
            station.is_synchronized = False
        self._write(part + SPOILER, log)
        self._write(request, log)

    def _ready(self, part: str, probe: Query[Any], deadline_s: float, log: WireChannel) -> _Station:
        station = self._stations.setdefault(part, _Station())
        if not station.is_synchronized:
            self.synchronize(part, probe, deadline_s, log)
        self._drain(log)
        return station

    def _write(self, request: str, log: WireChannel) -> None:
        try:
            self._port.write(request.encode("ascii") + self._end, log)
        except OSError as error:
            raise LineFault(f"{error}", sent=not self._port.is_closed) from error

    def _await(self, query: Query[T], deadline_s: float, log: WireChannel, *, strict: bool) -> T:
        """Read until the reply has come; `strict` refuses damaged bytes and a second reply."""
        end_s = time.monotonic() + deadline_s
        end_s += self._port.duration_s(len(query.request) + LINE_BYTES)
        seen = ""
        while True:
            answers = []
            for line in self._lines(log):
                if not _is_text(line) and strict:
                    raise LineFault("damaged bytes came", sent=True, reply=repr(line))
                seen = line if line else seen
                answer = query.parse(line)
                if answer is not None:
                    answers.append(answer)
            if answers and query.has_more_lines:
                return answers[0]
            if len(answers) > 1 and strict:
                raise LineFault("more replies than requests", sent=True, reply=seen)
            if answers:
                return answers[-1]
            if strict and not _is_text(self._input.decode("latin-1")):
                raise LineFault("damaged bytes came", sent=True, reply=repr(self._input))
            if time.monotonic() >= end_s:
                rest = self._input.decode("ascii", "replace")
                raise LineFault("no answer in time", sent=True, reply=rest or seen)

    def _await_silence(self, most_s: float, log: WireChannel, *, once: bool = False) -> None:
        """Read and drop bytes until none has come for a while, or `once` until a line has come."""
        end_s = time.monotonic() + most_s + self._port.duration_s(LINE_BYTES)
        quiet_s = time.monotonic() + FLUSH_S
        while time.monotonic() < min(end_s, quiet_s):
            before = len(self._input)
            lines = self._lines(log)
            if lines and once:
                return
            if lines or len(self._input) != before:
                quiet_s = time.monotonic() + FLUSH_S

    def _lines(self, log: WireChannel) -> list[str]:
        """The lines that have come; they end in CR, LF or both, or in the end of replies."""
        try:
            data = self._port.read(log)
        except OSError as error:
            raise LineFault(f"{error}", sent=True) from error
        text = (self._input + data).replace(b"\n", b"\r").replace(self._reply_end, b"\r")
        *lines, self._input = text.split(b"\r")
        return [line.decode("latin-1") for line in lines if line]

    def _drain(self, log: WireChannel) -> None:
        self._input = b""
        try:
            self._port.drain(log)
        except OSError as error:
            raise LineFault(f"{error}", sent=False) from error


def _is_text(line: str) -> bool:
    return all(" " <= letter <= "~" or letter in "\t\r\n" for letter in line)


def lost(fault: LineFault, device: str, request: str, hint: str) -> DeviceError:
    """The error of a device for a query without a sound reply."""
    kind = ProtocolError if fault.reply else ConnectionLostError
    return kind(f"{fault}; {hint}", device=device, command=request, reply=fault.reply)


def unknown(fault: LineFault, device: str, request: str) -> DeviceError:
    """The error of a device for a command whose effect is not known."""
    kind = UnknownOutcomeError if fault.sent else ConnectionLostError
    return kind(f"{fault}", device=device, command=request, reply=fault.reply)
