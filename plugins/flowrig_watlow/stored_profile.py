"""The profile that is stored on the controller, and moves the set point by itself while it runs."""

from flowrig.clock import Clock
from flowrig.errors import RefusedError, UnknownOutcomeError
from flowrig_watlow.dialogue import Dialogue
from flowrig_watlow.modbus_loop import ModbusLoop
from flowrig_watlow.verified import Change

__all__ = ["StoredProfile"]

HOLDING_WORDS = ("RUN", "HOLD", "PAUS", "WAIT")
"""How the words begin that SCPI has for a profile that moves the set point, or will."""


class StoredProfile:
    """Looks whether a stored profile runs, and ends it.

    Modbus tells where there is one; otherwise SCPI, if the firmware knows the question.

    Args:
        device: the device's name, for messages.
        scpi: what ends it.
        modbus: what tells its state, if there is any.
        clock: what waits go through.
        settle_s: wait [s] before a profile that does not show as ended yet is asked for again.
    """

    def __init__(
        self, device: str, scpi: Dialogue, modbus: ModbusLoop | None, clock: Clock, settle_s: float
    ) -> None:
        self._device = device
        self._scpi = scpi
        self._modbus = modbus
        self._clock = clock
        self._settle_s = settle_s

    def holds_set_point(self) -> bool | None:
        """Whether it moves the set point, or will; None where the controller does not tell."""
        if self._modbus is not None:
            return self._modbus.program_holds_set_point()
        state = self._scpi.program_state()
        return None if state is None else state.upper().startswith(HOLDING_WORDS)

    def require_none(self) -> None:
        """Refuse where a set point would not last.

        Raises:
            RefusedError: a stored profile holds the set point.
        """
        if self.holds_set_point():
            raise RefusedError(
                "a stored profile holds the set point; end it at the panel, or by stop_program()",
                device=self._device,
            )

    def stop(self) -> None:
        """End it, and verify that it holds nothing any more.

        Raises:
            RefusedError: it goes on.
            UnknownOutcomeError: it was told to end, and does not tell whether it did.
        """
        self._scpi.prove()
        command = self._scpi.stop_program_command()
        Change(
            device=self._device,
            what="the state of the stored profile",
            command=command,
            send=lambda: self._scpi.send(command),
            read_back=self._known_to_hold,
            is_taken=lambda holds: not holds,
            show=lambda holds: "running" if holds else "stopped",
            wanted=False,
        ).make(self._clock, self._settle_s)

    def _known_to_hold(self) -> bool:
        self._scpi.prove()  # any answer shows that the command arrived
        holds = self.holds_set_point()
        if holds is None:
            raise UnknownOutcomeError("this firmware does not tell", device=self._device)
        return holds
