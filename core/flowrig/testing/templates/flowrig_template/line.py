"""A serial line to an instrument that answers every line of text with one line.

A request begins with a word, and its answer with the same word: `RATE 100` is answered by
`RATE 100`, `STATE?` by `STATE running`, and a request that fails by `ERROR` and a reason.

An answer after its deadline would be taken for the answer to the next request, and half a request
may still wait in the instrument. So at first and after every failure the line synchronizes: it ends
the open request, sends a request that it has never sent before, and drops all lines before the
answer to it.
"""

import re
import sys
import threading
import time

import serial

from flowrig.interfaces import WireChannel

POLL_S = 0.05
MOST_STALE_LINES = 100

_NUMBER = re.compile(r"[+-]?[0-9]{1,9}(\.[0-9]{1,9})?")


class LineError(Exception):
    """A request has no answer, or no valid one.

    Args:
        reason: one sentence.
        sent: whether any byte of the request may have been sent.
        answer: the invalid answer, if any.
    """

    def __init__(self, reason: str, *, sent: bool, answer: str = "") -> None:
        super().__init__(reason)
        self.sent = sent
        self.answer = answer


class Line:
    """One open port. Threads that share it get the answers to their own requests.

    Args:
        address: port or URL that pyserial opens.
        baud: baud rate.
        deadline_s: longest wait [s] for one answer.
        wire: log of every byte, which `flowrig run --record` writes to a trace.

    Raises:
        OSError: the port does not open.
    """

    def __init__(self, address: str, baud: int, deadline_s: float, wire: WireChannel) -> None:
        self._port = serial.serial_for_url(
            address, baud, timeout=POLL_S, write_timeout=deadline_s, **_alone(address)
        )
        self._deadline_s = deadline_s
        self._wire = wire
        self._lock = threading.RLock()
        self._input = b""
        self._synchronized = False
        self._syncs = time.monotonic_ns()

    def close(self) -> None:
        """Release the port."""
        with self._lock:
            self._port.close()

    def ask(self, request: str, extra_s: float = 0.0) -> str:
        """Send a request and return its answer, without the first word.

        Args:
            request: one line of text.
            extra_s: time [s] that this answer may take beyond the deadline.

        Raises:
            LineError: no answer came in time, or none to this request.
        """
        with self._lock:
            if not self._synchronized:
                self._synchronize()
            self._synchronized = False
            self._write(request)
            answer = self._read(extra_s)
            word, _, rest = answer.partition(" ")
            if word != request.partition(" ")[0].rstrip("?"):
                raise LineError("this is no answer to the request", sent=True, answer=answer)
            self._synchronized = True
            return rest

    def send(self, request: str) -> None:
        """Send a request at once, without synchronizing first, and do not wait for its answer.

        After a failure a line end goes first, so that half a request cannot spoil this one.

        Raises:
            LineError: the port was lost.
        """
        with self._lock:
            self._write(request if self._synchronized else f"\n{request}")
            self._synchronized = False

    def _synchronize(self) -> None:
        self._syncs += 1
        probe = f"SYNC {self._syncs}"
        try:
            self._write(f"\n{probe}")
            for _ in range(MOST_STALE_LINES):
                if self._read() == probe:
                    return
        except LineError as error:
            raise LineError(str(error), sent=False, answer=error.answer) from error
        raise LineError("the instrument sends without a request", sent=False)

    def _write(self, request: str) -> None:
        data = f"{request}\n".encode("ascii")
        self._wire.sent(data)
        try:
            self._port.write(data)
        except OSError as error:
            raise LineError(f"the port was lost: {error}", sent=True) from error

    def _read(self, extra_s: float = 0.0) -> str:
        end_s = time.monotonic() + self._deadline_s + extra_s
        while b"\n" not in self._input:
            try:
                data = self._port.read(self._port.in_waiting or 1)
            except OSError as error:
                raise LineError(f"the port was lost: {error}", sent=True) from error
            self._wire.received(data)
            self._input += data
            if time.monotonic() > end_s and b"\n" not in self._input:
                raise LineError(
                    "no answer in time", sent=True, answer=self._input.decode("ascii", "replace")
                )
        line, _, self._input = self._input.partition(b"\n")
        return line.decode("ascii", "replace").strip()


def _alone(address: str) -> dict[str, bool]:
    """Keep other programs off the port; Windows always does."""
    return {} if "://" in address or sys.platform == "win32" else {"exclusive": True}


def number(text: str) -> float:
    """Parse a plain decimal number; `float` accepts "nan", "inf" and "1_0" too.

    Raises:
        ValueError: the text is no such number.
    """
    if not _NUMBER.fullmatch(text):
        raise ValueError(f"{text!r} is not a number")
    return float(text)
