"""Driver for ACME Drip syringe pumps.

The pump takes ASCII lines. A command (`RATE 100.000`, `BORE 28.600`, `GO`, `HALT`) is answered by
`OK` or by `ERR` and a reason; a question repeats its first word (`RATE?` gives `RATE 100.000`).
"""

from typing import Any

import serial

from acme_drip.settings import DripSettings
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


class AcmeDrip(Pump):
    """A Drip that infuses at a constant rate."""

    settings: DripSettings
    _port: Any = None

    def _do_open(self) -> None:
        address, deadline_s = self.settings.address, self.settings.deadline_s
        try:
            self._port = serial.serial_for_url(
                address, self.settings.baud, timeout=deadline_s, write_timeout=deadline_s
            )
        except (OSError, ValueError) as error:
            raise self._fault(ConnectionLostError, f"{address} does not open: {error}") from error

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
        self._tell("HALT")
        if self._confirmed_state("HALT") is not PumpState.STOPPED:
            raise self._fault(UnknownOutcomeError, "the pump says OK and moves on", "HALT")

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
        self._tell(f"{what} {value:.3f}")
        kept = self._number(what)
        if kept != round(value, 3):
            raise self._fault(RefusedError, f"the pump kept {what} {kept:.3f}, not {value:.3f}")

    def _number(self, what: str) -> float:
        text = self._ask(what)
        try:
            return float(text)
        except ValueError as error:
            raise self._fault(ProtocolError, "not a number", f"{what}?", text) from error

    def _ask(self, what: str) -> str:
        question = f"{what}?"
        reply = self._exchange(question)
        if not reply:
            raise self._fault(ConnectionLostError, "the pump is silent", question)
        name, _, value = reply.partition(" ")
        if name != what:
            raise self._fault(ProtocolError, "this answers another question", question, reply)
        return value

    def _tell(self, command: str) -> None:
        reply = self._exchange(command)
        if reply.startswith("ERR"):
            raise self._fault(RefusedError, "the pump refuses", command, reply)
        if reply != "OK":
            raise self._fault(UnknownOutcomeError, "not acknowledged", command, reply)

    def _exchange(self, line: str) -> str:
        """Send a line and return the answer, or nothing if none is complete in time."""
        try:
            self._port.reset_input_buffer()
            self._port.write(f"{line}\n".encode("ascii"))
            reply: bytes = self._port.readline()
        except OSError as error:
            raise self._fault(ConnectionLostError, f"the port is gone: {error}", line) from error
        return reply.decode("ascii", "replace").strip() if reply.endswith(b"\n") else ""
