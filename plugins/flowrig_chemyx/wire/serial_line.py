"""A serial line to a Fusion: one exchange at a time, each reply matched to its request.

Replies carry no number; a pump sends them in the order of the requests. After a reply that missed
its deadline, or after more replies than requests, the next reply could belong to an earlier
request. The line then resynchronizes: it sends a request that changes nothing and whose reply
contains its own key, and drops everything that arrives before that reply.

The pump may hold the beginning of a request of a program that died. A terminator alone would
complete it, for instance a `start`; so the first byte of a resynchronization is one that no request
contains, which turns the rest into an unknown request.
"""

import contextlib
import threading
import time
from collections.abc import Sequence
from time import sleep
from typing import Final

from flowrig.interfaces import WireChannel, WireLog
from flowrig_chemyx.wire.protocol import REJECTION, FrameSplitter, parse_number, value_of
from flowrig_serial.lines import LineFault
from flowrig_serial.port import comports, open_port
from flowrig_serial.ports import rivals, why_not

__all__ = ["SerialLine", "claim_line", "comports", "release_line"]

PROBE: Final = "elapsed time"  # changes nothing, and its reply repeats the words as a key
SPOILER: Final = "?"  # no request contains it, so it spoils the beginning of one in the pump
FLUSH_S: Final = 0.2  # silence that ends a reply without echo
LEAVE_S: Final = 0.01  # longest time that an adapter keeps bytes before it sends them
HEARD_BYTES: Final = 4096
BUSY_S: Final = 0.25  # longest wait of an urgent request for another channel's exchange


class SerialLine:
    """One open port, shared by the channels of one pump.

    Args:
        port: name or URL of the port for pyserial.
        bauds: the baud rates to try, in this order.
        prefix: channel number before the probe request: "1 " on a dual pump, else empty.

    Attributes:
        port: name or URL of the port for pyserial.
        bauds: the baud rates to try.
        claims: the channels in use.
        broken: whether the port is gone or was closed.
        heard: what the pump has sent in resynchronizations since a caller emptied it.

    Raises:
        OSError: the port does not open.
    """

    def __init__(self, port: str, bauds: Sequence[int], prefix: str) -> None:
        self.port = port
        self.bauds = tuple(bauds)
        self.claims: set[int | None] = set()
        self.broken = False
        self.heard = b""
        self._probe = prefix + PROBE
        self._synchronized = False
        self._echoes = False
        self._probe_unanswered = False
        self._lock = threading.RLock()
        self._writing = threading.Lock()
        self._serial = open_port(port, self.bauds[0])
        self._log: WireChannel = WireLog()

    def find_baud(self, deadline_s: float, log: WireChannel) -> None:
        """Find the baud rate at which the pump answers; does nothing if there is only one.

        Args:
            deadline_s: longest wait [s] at each baud rate.
            log: records the bytes.

        Raises:
            LineFault: no answer at any baud rate, or the port is gone.
        """
        with self._lock:
            self._log = log
            # Synchronized: the other channel of the pump has found the baud rate already.
            if len(self.bauds) == 1 or self._synchronized:
                return
            for baud in self.bauds:
                self._serial.baudrate = baud
                with contextlib.suppress(LineFault):
                    self._resynchronize(deadline_s)
                    return
                self._require_open()
            others = f"; {self.hint()}" if rivals(self.port) else ""
            raise LineFault(f"no answer at {self.speeds}{others}", sent=False)

    @property
    def speeds(self) -> str:
        """The baud rates that may have been tried, for a message."""
        return f"{', '.join(map(str, self.bauds))} baud"

    def hint(self) -> str:
        """What to check if the pump does not answer, for a message.

        A port that is open in two programs gives each reply to one of them, whichever reads first.
        """
        if others := rivals(self.port):
            return (
                f"the port is open in {', '.join(others)} as well, which may take the replies: end "
                "that program"
            )
        return f"is the pump on, set to {self.speeds}, and the port open in no other program?"

    def exchange(
        self, request: str, deadline_s: float, log: WireChannel, *, urgent: bool = False
    ) -> list[str]:
        """Send a request and wait for the reply.

        Args:
            request: the line to send, without its terminator.
            deadline_s: longest wait [s].
            log: records the bytes; each channel of a dual pump has its own.
            urgent: send the request before anything is read or waited for, except that the
                exchange of another channel may end within a moment. The reply may then belong to
                an earlier request.

        Returns:
            the lines of the reply, with the echo.

        Raises:
            LineFault: no reply came, more than one came, or the port is gone.
        """
        if urgent:
            self._send_ahead(request, log)
        with self._lock:
            self._log = log
            self._require_open()
            if urgent and not self._synchronized:
                self._write(SPOILER, request)
            else:
                if not self._synchronized:
                    self._resynchronize(deadline_s)
                if not urgent:
                    self._drain()
                self._write(request)
            try:
                return self._await_reply(request, deadline_s)
            except LineFault:
                self._synchronized = False
                self._probe_unanswered |= request.endswith(PROBE)
                raise

    def send_blindly(self, request: str, log: WireChannel) -> None:
        """Send a request at every baud rate that the pump may have, and read nothing.

        Args:
            request: the line to send, without its terminator.
            log: records the bytes.

        Raises:
            LineFault: the port is gone.
        """
        self._require_open()
        is_known = self._synchronized or len(self.bauds) == 1
        self._synchronized = False
        if is_known:
            self._write(SPOILER, request, log=log)
            return
        for baud in self.bauds:
            self._serial.baudrate = baud
            self._write(SPOILER, request, log=log)
            # The bytes must leave before the baud rate changes; flush() could block for ever.
            sleep(LEAVE_S + 10 * len(request) / baud)

    def mark_out_of_sync(self) -> None:
        """Resynchronize before the next request, because a reply made no sense."""
        with self._lock:
            self._synchronized = False

    def close(self) -> None:
        """Release the port; idempotent."""
        with self._lock, contextlib.suppress(OSError):
            self.broken = True
            self._serial.close()

    def _require_open(self) -> None:
        if self.broken:
            raise LineFault("the port is gone; close and open the device", sent=False)

    def _send_ahead(self, request: str, log: WireChannel) -> None:
        """Send a request at once if another channel waits for the pump; its turn repeats it.

        The reply to it is dropped: it has the echo of another request, or is one too many.
        """
        if self._lock.acquire(timeout=BUSY_S):
            self._lock.release()
        elif not self.broken:
            with contextlib.suppress(LineFault):
                self._write(request, log=log)

    def _resynchronize(self, deadline_s: float) -> None:
        try:
            self._drain()
            self._write(SPOILER)
            self._await_rejection(min(FLUSH_S, deadline_s))
            self._drain()
            # Replies to earlier probes look like the reply to this one, so they have to pass first.
            earlier, self._probe_unanswered = self._probe_unanswered, True
            self._write(self._probe)
            self._echoes = self._probe in self._await_probe(deadline_s)
            if earlier:
                self._await_silence(deadline_s)
            self._probe_unanswered = False
        except LineFault as fault:
            raise LineFault(str(fault), sent=False, reply=fault.reply) from fault
        self._synchronized = True

    def _await_rejection(self, deadline_s: float) -> None:
        """Read until the pump has rejected a request."""
        frames, lines = FrameSplitter(), list[str]()
        end_s = time.monotonic() + deadline_s
        while REJECTION not in lines and time.monotonic() < end_s:
            data = self._read()
            for reply in frames.feed(data) if data else frames.settle():
                lines += reply

    def _await_reply(self, request: str, deadline_s: float) -> list[str]:
        """The reply with the echo of the request, or the only reply if none has an echo.

        From a pump that echoes, a reply without the echo is accepted only after a silence, because
        the reply with the echo may still come.
        """
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
        """Read and drop bytes until none has come for a while."""
        end_s = time.monotonic() + deadline_s
        quiet_s = time.monotonic() + FLUSH_S
        while time.monotonic() < min(quiet_s, end_s):
            if self._read():
                quiet_s = time.monotonic() + FLUSH_S

    def _drain(self) -> None:
        """Drop the bytes that have come."""
        # Without a limit this loop would not end if another instrument sends without a pause.
        end_s = time.monotonic() + FLUSH_S
        try:
            while (waiting := self._serial.in_waiting) and time.monotonic() < end_s:
                self._hear(self._serial.read(waiting))
        except OSError as error:
            raise self._gone(error, sent=False) from error

    def _read(self) -> bytes:
        try:
            data = bytes(self._serial.read(self._serial.in_waiting or 1))
        except OSError as error:
            raise self._gone(error, sent=True) from error
        self._hear(data)
        return data

    def _hear(self, data: bytes) -> None:
        self._log.received(data)
        if not self._synchronized:
            self.heard = (self.heard + data)[-HEARD_BYTES:]

    def _write(self, *requests: str, log: WireChannel | None = None) -> None:
        data = b"".join(request.encode("ascii") + b"\r" for request in requests)
        with self._writing:
            (log or self._log).sent(data)
            try:
                self._serial.write(data)
            except OSError as error:
                raise self._gone(error, sent=True) from error

    def _gone(self, error: OSError, *, sent: bool) -> LineFault:
        self._synchronized = False
        self.close()
        return LineFault(f"the port is gone: {error}", sent=sent)


def _only(replies: Sequence[list[str]]) -> list[str]:
    if len(replies) > 1:
        texts = " / ".join(" ".join(reply) for reply in replies)
        raise LineFault("more replies than requests", sent=True, reply=texts)
    return replies[0]


def _answers_probe(reply: Sequence[str]) -> bool:
    try:
        parse_number(value_of(reply, PROBE))
    except ValueError:
        return False
    return True


_open_lines: dict[str, SerialLine] = {}
_registry = threading.Lock()


def claim_line(port: str, bauds: Sequence[int], channel: int | None) -> SerialLine:
    """Open a port, or share it with the other channel of the same pump.

    Args:
        port: name or URL of the port for pyserial.
        bauds: the baud rates to try.
        channel: 1 or 2 on a dual pump.

    Raises:
        OSError: the port does not open, or is in use at another baud rate or for the same
            channel; the message names the program that has it open, where it is known.
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
            raise OSError(f"the other channel uses the port at {line.speeds}")
        elif channel in line.claims or channel is None or None in line.claims:
            raise OSError("another device of this rig uses the port")
        line.claims.add(channel)
        return line


def release_line(line: SerialLine, channel: int | None) -> None:
    """End the use of a port by a channel; the port closes after the last one."""
    with _registry:
        line.claims.discard(channel)
        if line.claims:
            return
        line.close()
        if _open_lines.get(line.port) is line:
            del _open_lines[line.port]
