"""A serial line to an instrument that answers every line of text with one line.

A request begins with a word, and its answer with the same word: `RATE 100` is answered by
`RATE 100`, `STATE?` by `STATE running`, and what cannot be by `ERROR` and a reason.

An answer that failed to arrive in time may still come, and would be taken for the answer to the
next request; and half a request may still wait in the instrument. So at first and after every
failure the line ends what was begun, asks for something that it has never asked for, and drops all
that comes before the answer to it.
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
    """There is no answer, or it makes no sense.

    Args:
        reason: one sentence.
        sent: whether any of the request may have left.
        answer: what came instead, if anything.
    """

    def __init__(self, reason: str, *, sent: bool, answer: str = "") -> None:
        super().__init__(reason)
        self.sent = sent
        self.answer = answer


class Line:
    """One open port. Threads that share it get the answers to their own requests.

    Args:
        address: what pyserial opens.
        baud: line speed.
        deadline_s: longest wait [s] for one answer.
        wire: is told every byte, so that `flowrig run --record` can keep it.

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
        self._in_step = False
        self._syncs = time.monotonic_ns()

    def close(self) -> None:
        """Release the port."""
        with self._lock:
            self._port.close()

    def ask(self, request: str, extra_s: float = 0.0) -> str:
        """Send a request and return its answer, without the first word.

        Args:
            request: one line of text.
            extra_s: how much longer [s] than others this answer may take.

        Raises:
            LineError: no answer came in time, or not the one to this request.
        """
        with self._lock:
            if not self._in_step:
                self._synchronize()
            self._in_step = False
            self._write(request)
            answer = self._read(extra_s)
            word, _, rest = answer.partition(" ")
            if word != request.partition(" ")[0].rstrip("?"):
                raise LineError("this is no answer to the request", sent=True, answer=answer)
            self._in_step = True
            return rest

    def send(self, request: str) -> None:
        """Send a request at once, also to an instrument that does not answer; ask what came of it.

        Raises:
            LineError: the port is gone.
        """
        with self._lock:
            self._in_step = False
            self._write(request)

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
        raise LineError("the instrument talks without being asked", sent=False)

    def _write(self, request: str) -> None:
        data = f"{request}\n".encode("ascii")
        self._wire.sent(data)
        try:
            self._port.write(data)
        except OSError as error:
            raise LineError(f"the port is gone: {error}", sent=True) from error

    def _read(self, extra_s: float = 0.0) -> str:
        end_s = time.monotonic() + self._deadline_s + extra_s
        while b"\n" not in self._input:
            try:
                data = self._port.read(self._port.in_waiting or 1)
            except OSError as error:
                raise LineError(f"the port is gone: {error}", sent=True) from error
            self._wire.received(data)
            self._input += data
            if time.monotonic() > end_s and b"\n" not in self._input:
                raise LineError(
                    "no answer in time", sent=True, answer=self._input.decode("ascii", "replace")
                )
        line, _, self._input = self._input.partition(b"\n")
        return line.decode("ascii", "replace").strip()


def _alone(address: str) -> dict[str, bool]:
    """Keep other programs off the port; Windows does so anyhow."""
    return {} if "://" in address or sys.platform == "win32" else {"exclusive": True}


def number(text: str) -> float:
    """A plain decimal number; `float` would take "nan", "inf" and "1_0" as well.

    Raises:
        ValueError: it is none.
    """
    if not _NUMBER.fullmatch(text):
        raise ValueError(f"{text!r} is not a number")
    return float(text)
