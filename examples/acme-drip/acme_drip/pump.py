"""Driver for ACME Drip syringe pumps.

The pump takes ASCII lines. A command (`RATE 100.000`, `BORE 28.600`, `GO`, `HALT`) is answered by
`OK` or by `ERR` and a reason, which repeats the command; a question repeats its first word (`RATE?`
gives `RATE 100.000`).

An answer that came too late would be taken for the answer to the next line. So at first and after
every failure the driver sends a line that no pump knows and that was never sent before, and drops
all that comes before the `ERR` to it.
"""

import re
import threading
import time
from typing import Any

import serial

from acme_drip.settings import DripSettings
from flowrig.clock import Clock
from flowrig.errors import (
    ConnectionLostError,
    DeviceError,
    DeviceFaultError,
    NotReadyError,
    ProtocolError,
    RefusedError,
    UnknownOutcomeError,
)
from flowrig.interfaces import Identity, Pump, PumpLimits, PumpState, Syringe

NUMBER = re.compile(r"[0-9]{1,9}\.[0-9]{3}")  # float() would take "nan" and "1_0" as well


class AcmeDrip(Pump):
    """A Drip that infuses at a constant rate."""

    settings: DripSettings
    _port: Any = None

    def __init__(self, name: str, settings: DripSettings, clock: Clock | None = None) -> None:
        super().__init__(name, settings, clock)
        self._lock = threading.RLock()
        self._in_step = False
        self._probes = time.monotonic_ns()

    def _do_open(self) -> None:
        address, deadline_s = self.settings.address, self.settings.deadline_s
        try:
            self._port = serial.serial_for_url(
                address, self.settings.baud, timeout=deadline_s, write_timeout=deadline_s
            )
        except (OSError, ValueError) as error:
            raise self._fault(ConnectionLostError, f"{address} does not open: {error}") from error
        self._in_step = False

    def _do_close(self) -> None:
        port, self._port, self._limits = self._port, None, None
        if port is not None:
            port.close()

    def _do_identify(self) -> Identity:
        model, _, serial_number = self._ask("ACME").partition(" ")
        if model != self.settings.model:
            wanted = self.settings.model
            raise self._fault(ProtocolError, f"this is a {model}, the profile wants a {wanted}")
        return Identity("ACME", model, serial_number)

    def _do_set_syringe(self, syringe: Syringe) -> PumpLimits:
        if self._do_read_state() is PumpState.RUNNING:
            raise self._fault(NotReadyError, "stop() the pump before its syringe is set")
        self._set("BORE", syringe.inner_diameter_mm)
        return PumpLimits(self._number("SLOWEST"), self._number("FASTEST"), syringe.volume_ul)

    def _do_set_rate(self, rate_ul_min: float) -> None:
        self._set("RATE", rate_ul_min)

    def _do_start(self) -> None:
        self._tell("GO")
        state = self._confirmed_state("GO")
        if state is PumpState.STALLED:
            raise self._fault(DeviceFaultError, "the plunger is stuck or the syringe is empty")
        if state is not PumpState.RUNNING:
            raise self._fault(UnknownOutcomeError, "the pump says OK and stands still", "GO")

    def _do_stop(self) -> None:
        with self._lock:  # at once, also to a pump that obeys without an answer
            self._in_step = False
            self._write("HALT", UnknownOutcomeError)
        if self._confirmed_state("HALT") is not PumpState.STOPPED:
            raise self._fault(UnknownOutcomeError, "the pump does not stand still", "HALT")

    def _do_read_state(self) -> PumpState:
        word = self._ask("STATE")
        try:
            return PumpState(word.lower())
        except ValueError as error:
            raise self._fault(ProtocolError, "no such state", "STATE?", word) from error

    def _do_read_dispensed_ul(self) -> float:
        return self._number("VOLUME")

    def _confirmed_state(self, command: str) -> PumpState:
        """The state after a command; if the pump does not tell it, the outcome is not known."""
        try:
            return self._do_read_state()
        except DeviceError as error:
            raise self._fault(UnknownOutcomeError, f"not confirmed: {error}", command) from error

    def _set(self, what: str, value: float) -> None:
        """Set a number to three places, and read it back."""
        command = f"{what} {value:.3f}"
        self._tell(command)
        try:
            kept = self._number(what)
        except DeviceError as error:
            raise self._fault(UnknownOutcomeError, f"not confirmed: {error}", command) from error
        if kept != round(value, 3):
            raise self._fault(RefusedError, f"the pump kept {what} {kept:.3f}, not {value:.3f}")

    def _number(self, what: str) -> float:
        text = self._ask(what)
        if not NUMBER.fullmatch(text):
            raise self._fault(ProtocolError, "not a number", f"{what}?", text)
        return float(text)

    def _ask(self, what: str) -> str:
        question = f"{what}?"
        reply = self._exchange(question, ConnectionLostError)
        name, _, value = reply.partition(" ")
        if name != what:
            raise self._fault(ProtocolError, "this answers another question", question, reply)
        return value

    def _tell(self, command: str) -> None:
        reply = self._exchange(command, UnknownOutcomeError)
        if reply.startswith(f"ERR {command}"):
            raise self._fault(RefusedError, "the pump refuses", command, reply)
        if reply != "OK":
            raise self._fault(UnknownOutcomeError, "not acknowledged", command, reply)

    def _exchange(self, line: str, unanswered: type[DeviceError]) -> str:
        """Send a line and return the answer; threads wait for each other.

        Raises:
            ConnectionLostError: the pump was not there before the line was sent.
            DeviceError: of the kind `unanswered`, where no answer came.
        """
        with self._lock:
            if not self._in_step:
                self._synchronize()
            self._in_step = False
            self._write(line, unanswered)
            reply = self._read(line, unanswered)
            self._in_step = True
            return reply

    def _synchronize(self) -> None:
        """End what was begun, and drop every answer that is still under way."""
        self._probes += 1
        probe = f"SYNC {self._probes}"
        self._write(f"\n{probe}", ConnectionLostError)
        while not self._read(probe, ConnectionLostError).startswith(f"ERR {probe}"):
            pass

    def _write(self, line: str, kind: type[DeviceError]) -> None:
        data = f"{line}\n".encode("ascii")
        self.wire.sent(data)
        try:
            self._port.write(data)
        except OSError as error:
            raise self._fault(kind, f"the port is gone: {error}", line) from error

    def _read(self, line: str, unanswered: type[DeviceError]) -> str:
        try:
            reply: bytes = self._port.readline()
        except OSError as error:
            raise self._fault(unanswered, f"the port is gone: {error}", line) from error
        self.wire.received(reply)
        if not reply.endswith(b"\n"):
            raise self._fault(unanswered, "the pump is silent", line, repr(reply))
        return reply.decode("ascii", "replace").strip()
