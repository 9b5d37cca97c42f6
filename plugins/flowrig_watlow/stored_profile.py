"""The profile stored on the controller, which moves the set point while it runs."""

from flowrig.clock import Clock
from flowrig.errors import RefusedError, UnknownOutcomeError
from flowrig_watlow.modbus.loop import ModbusLoop
from flowrig_watlow.scpi.loop import ScpiLoop
from flowrig_watlow.verified_write import VerifiedWrite

__all__ = ["StoredProfile"]

HOLDING_WORDS = ("RUN", "HOLD", "PAUS", "WAIT")
"""Beginnings of the SCPI states in which a profile moves the set point now or later."""


class StoredProfile:
    """Reads whether a stored profile runs, and ends it.

    The state is read by Modbus if there is a connection, otherwise by SCPI if the firmware has that
    query.

    Args:
        device: the device's name, for messages.
        scpi: connection that ends the profile.
        modbus: connection that reads its state, if there is one.
        clock: clock of the settling time.
        settle_s: wait [s] before the state is read a second time.
    """

    def __init__(
        self, device: str, scpi: ScpiLoop, modbus: ModbusLoop | None, clock: Clock, settle_s: float
    ) -> None:
        self._device = device
        self._scpi = scpi
        self._modbus = modbus
        self._clock = clock
        self._settle_s = settle_s

    def holds_set_point(self) -> bool | None:
        """Whether a profile moves the set point now or later; None if the state is unavailable."""
        if self._modbus is not None:
            return self._modbus.program_holds_set_point()
        state = self._scpi.program_state()
        return None if state is None else state.upper().startswith(HOLDING_WORDS)

    def require_none(self) -> None:
        """Make sure that a profile does not overwrite the next set point.

        Raises:
            RefusedError: a stored profile holds the set point.
        """
        if self.holds_set_point():
            raise RefusedError(
                "a stored profile holds the set point; end it at the panel, or by stop_program()",
                device=self._device,
            )

    def stop(self) -> None:
        """End the profile, and verify that it has ended.

        Raises:
            RefusedError: the profile goes on.
            UnknownOutcomeError: the command was sent, and the state could not be read.
        """
        self._scpi.require_answer()
        command = self._scpi.stop_program_command()
        VerifiedWrite(
            device=self._device,
            what="the state of the stored profile",
            command=command,
            send=lambda: self._scpi.send(command),
            read_back=self._known_to_hold,
            is_taken=lambda holds: not holds,
            show=lambda holds: "running" if holds else "stopped",
            wanted=False,
        ).carry_out(self._clock, self._settle_s)

    def _known_to_hold(self) -> bool:
        self._scpi.require_answer()  # any answer shows that the command arrived
        holds = self.holds_set_point()
        if holds is None:
            raise UnknownOutcomeError(
                "this firmware does not report the state of a profile", device=self._device
            )
        return holds
