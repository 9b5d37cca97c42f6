"""The driver: each request is one line, and its answer is the same word and a number.

`RATE 25.000` is answered by `RATE 25.000`, `RATE?` and `SEEN?` by the word and a number. After a
failure the line synchronizes: it sends a number that it has sent never before, `SYNC 7`, and drops
everything before the answer to it.
"""

import itertools
import re
import threading
import time
from collections.abc import Mapping

import serial

from acme_droplets.kind import DropletGenerator
from acme_droplets.settings import DropletSettings
from flowrig.errors import ConnectionLostError, NotReadyError, ProtocolError
from flowrig.interfaces import Identity

NUMBER = re.compile(r"[0-9]{1,9}(\.[0-9]{1,6})?")
POLL_S = 0.05


class AcmeDroplets(DropletGenerator):
    """A generator on a serial port. Whether it obeys is asked by flowrig after every command."""

    settings: DropletSettings
    _port: serial.Serial | None = None

    def _do_open(self) -> None:
        self._lock, self._input = threading.RLock(), b""
        self._syncs, self._in_step = itertools.count(time.monotonic_ns()), False
        self._port = serial.serial_for_url(self.settings.address, timeout=POLL_S)

    def _do_close(self) -> None:
        port, self._port = self._port, None
        if port is not None:
            port.close()

    def _do_identify(self) -> Identity:
        model, _, serial_number = self._ask("WHO?").partition(" ")
        return Identity("ACME", model, serial_number)

    def _do_set(self, value: float) -> None:
        if self._port is None:
            raise self._fault(NotReadyError, "the port is closed")
        with self._lock:  # sent at once, also to a generator that does not answer any more
            self._in_step = False
            self._write(f"\nRATE {value:.3f}")

    def _do_send_safe_action(self) -> None:
        if self._port is None:
            self._do_open()
        self._do_set(0.0)

    def _do_setting(self) -> float:
        return self._number("RATE?", self._ask("RATE?"))

    def _do_read(self) -> Mapping[str, float]:
        answer = self._ask("SEEN?")
        frequency, _, droplets = answer.partition(" ")
        return {
            "frequency": self._number("SEEN?", frequency),
            "droplets": self._number("SEEN?", droplets),
        }

    def _number(self, request: str, text: str) -> float:
        if not NUMBER.fullmatch(text):
            raise self._fault(ProtocolError, "that is no number", request, text)
        return float(text)

    def _ask(self, request: str) -> str:
        """Send a request, and return its answer without the first word."""
        if self._port is None:
            raise self._fault(NotReadyError, "the port is closed")
        with self._lock:
            if not self._in_step:
                self._synchronize()
            self._in_step = False
            self._write(request)
            word, _, rest = self._read_line(request).partition(" ")
            if word != request.partition(" ")[0].rstrip("?"):
                raise self._fault(ProtocolError, "that is no answer to it", request, word)
            self._in_step = True
            return rest

    def _synchronize(self) -> None:
        probe = f"SYNC {next(self._syncs)}"
        self._write(f"\n{probe}")
        while self._read_line(probe) != probe:
            pass

    def _write(self, request: str) -> None:
        assert self._port is not None
        data = f"{request}\n".encode("ascii")
        self.wire.sent(data)
        try:
            self._port.write(data)
        except OSError as error:
            raise self._fault(ConnectionLostError, f"{error}", request) from error

    def _read_line(self, request: str) -> str:
        assert self._port is not None
        end_s = time.monotonic() + self.settings.deadline_s
        while b"\n" not in self._input:
            try:
                data = self._port.read(self._port.in_waiting or 1)
            except OSError as error:
                raise self._fault(ConnectionLostError, f"{error}", request) from error
            self.wire.received(data)
            self._input += data
            if time.monotonic() > end_s and b"\n" not in self._input:
                raise self._fault(ConnectionLostError, "no answer in time", request)
        line, _, self._input = self._input.partition(b"\n")
        return line.decode("ascii", "replace").strip()
