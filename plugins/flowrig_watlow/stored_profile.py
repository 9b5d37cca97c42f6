"""The profile stored on the controller, which moves the set point while it runs."""

import re
from typing import TYPE_CHECKING

from flowrig.errors import RefusedError, UnknownOutcomeError
from flowrig_watlow.scpi.loop import ScpiLoop
from flowrig_watlow.verified_write import VerifiedWrite, Waits

if TYPE_CHECKING:
    from flowrig_watlow.modbus.loop import ModbusLoop

__all__ = ["StoredProfile"]

AT_REST = frozenset(
    {
        "", "IDLE", "INACTIVE", "OFF", "NONE", "STOP", "STOPPED", "END", "ENDED", "COMPLETE",
        "COMPLETED", "COMPLETEDNORMAL", "DONE", "FINISHED", "TERMINATE", "TERMINATED", "ABORTED",
        "NOTSTARTED", "NOTRUNNING", "NOPROFILE", "READY",
    }
)  # fmt: skip
"""SCPI states, by their letters and digits, in which no profile moves the set point. No document
has the words, so that every other word counts as a profile that does, now or later."""
_BETWEEN = re.compile(r"[^A-Z0-9]")


class StoredProfile:
    """Reads whether a stored profile runs, and ends it.

    The state is read by Modbus if there is a connection, otherwise by SCPI if the firmware has that
    query.

    Args:
        device: the device's name, for messages.
        scpi: connection that ends the profile.
        modbus: connection that reads its state, if there is one.
        waits: how long to wait for a value that was written.
    """

    def __init__(
        self, device: str, scpi: ScpiLoop, modbus: "ModbusLoop | None", waits: Waits
    ) -> None:
        self._device = device
        self._scpi = scpi
        self._modbus = modbus
        self._waits = waits

    def holds_set_point(self) -> bool | None:
        """Whether a profile moves the set point now or later; None if the state is unavailable."""
        if self._modbus is not None:
            return self._modbus.program_holds_set_point()
        state = self._scpi.program_state()
        return None if state is None else _BETWEEN.sub("", state.upper()) not in AT_REST

    def require_none(self) -> None:
        """Make sure that a profile does not overwrite the next set point.

        Raises:
            RefusedError: a stored profile holds the set point.
        """
        if self.holds_set_point():
            raise RefusedError(
                f"a stored profile holds the set point{self._state_text()}; end it at the panel, "
                "or by stop_program()",
                device=self._device,
            )

    def tell_to_stop(self) -> None:
        """Send the command that ends a profile, without an exchange before or after it.

        Raises:
            ConnectionLostError: the link is broken; the command may or may not have arrived.
        """
        self._scpi.send(self._scpi.stop_program_command(), reconnect=True)

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
        ).carry_out(self._waits)

    def _state_text(self) -> str:
        """The state in the words of the controller; empty where Modbus reads a code."""
        state = None if self._modbus is not None else self._scpi.program_state()
        return "" if state is None else f" (the controller reports {state!r})"

    def _known_to_hold(self) -> bool:
        self._scpi.require_answer()  # any answer shows that the command arrived
        holds = self.holds_set_point()
        if holds is None:
            raise UnknownOutcomeError(
                "this firmware does not report the state of a profile", device=self._device
            )
        return holds
