"""Writing a value to the controller and reading it back."""

from collections.abc import Callable
from typing import Generic, TypeVar

from attrs import evolve, frozen

from flowrig.clock import Clock
from flowrig.errors import DeviceError, RefusedError, UnknownOutcomeError

__all__ = ["VerifiedWrite", "Waits"]

T = TypeVar("T")

ATTEMPTS = 2
"""Writes of one value. A second one is safe: it follows only read-backs of another value, and
sets the same one."""


@frozen
class Waits:
    """How long a read-back is waited for.

    Attributes:
        clock: clock of all waits.
        settle_s: wait [s] between two read-backs; 0 for one read-back at the end.
        patience_s: longest wait [s] for the value.
    """

    clock: Clock
    settle_s: float
    patience_s: float


@frozen(kw_only=True)
class VerifiedWrite(Generic[T]):
    """A write of one value, with its read-back.

    Attributes:
        device: the device's name, for messages.
        what: name of the value, for messages: "the set point".
        command: the command that is sent, for messages.
        send: sends the command.
        read_back: reads the value that the controller holds.
        is_taken: whether a value that was read back is the wanted one.
        show: text of a value, for messages.
        wanted: the value to set.
        hint: likely causes if the controller keeps another value, for messages.
        is_outdated: whether what was sent meant something else than it means now.
        may_come_later: whether a value that was not taken in time leaves the outcome unknown.
    """

    device: str
    what: str
    command: str
    send: Callable[[], None]
    read_back: Callable[[], T]
    is_taken: Callable[[T], bool]
    show: Callable[[T], str]
    wanted: T
    hint: str = ""
    is_outdated: Callable[[], bool] = bool
    may_come_later: bool = False

    def carry_out(self, waits: Waits) -> None:
        """Send the value and read it back; send it once more if the controller kept another value.

        The first read-back follows at once, because any answer shows that the command arrived. A
        controller may take a value later than it answers, so a value that still reads as another
        one is read again and again. The value is sent a second time in the middle of that time, or
        as soon as it is outdated.

        Args:
            waits: how long to wait for the value.

        Raises:
            RefusedError: the controller kept another value.
            UnknownOutcomeError: the value was sent and could not be read back, or `may_come_later`.
        """
        sent = False
        try:
            for _ in range(ATTEMPTS):
                self.send()
                sent = True
                kept = self._settled(evolve(waits, patience_s=waits.patience_s / ATTEMPTS))
                if self.is_taken(kept):
                    return
        except RefusedError:
            raise
        except DeviceError as error:
            happened = "was sent and could not be read back" if sent else "may not have been sent"
            raise UnknownOutcomeError(
                f"{self.what} {happened}: {error.message}",
                device=self.device,
                command=self.command,
            ) from error
        message = f"{self.what} stayed at {self.show(kept)} instead of {self.show(self.wanted)}"
        if self.may_come_later:
            message += f" for {waits.patience_s:g} s, and may still change"
        raise (UnknownOutcomeError if self.may_come_later else RefusedError)(
            f"{message}; {self.hint}" if self.hint else message,
            device=self.device,
            command=self.command,
        )

    def _settled(self, waits: Waits) -> T:
        """Read back until the value is the wanted one, or patience ends; returns the last value."""
        clock, patience_s = waits.clock, waits.patience_s
        end_s = clock.now_s() + patience_s
        kept = self.read_back()
        while not (self.is_taken(kept) or self.is_outdated()) and clock.now_s() < end_s:
            clock.sleep(min(waits.settle_s, patience_s) or patience_s)
            kept = self.read_back()
        return kept
