"""Writing a value to the controller and reading it back."""

from collections.abc import Callable
from typing import Generic, TypeVar

from attrs import frozen

from flowrig.clock import Clock
from flowrig.errors import DeviceError, RefusedError, UnknownOutcomeError

__all__ = ["VerifiedWrite"]

T = TypeVar("T")

ATTEMPTS = 2
"""Writes of one value. A second one is safe: it follows only a read-back of another value."""


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

    def carry_out(self, clock: Clock, settle_s: float) -> None:
        """Send the value and read it back; send it once more if the controller kept another value.

        The first read-back follows at once, because any answer shows that the command arrived. If
        it shows another value, a second read-back follows after the settling time. The value is
        sent a second time only after both read-backs showed another value.

        Args:
            clock: clock of the settling time.
            settle_s: settling time [s].

        Raises:
            RefusedError: the controller kept another value.
            UnknownOutcomeError: the value was sent and could not be read back.
        """
        for _ in range(ATTEMPTS):
            kept = self._sent(clock, settle_s)
            if self.is_taken(kept):
                return
        message = f"{self.what} stayed at {self.show(kept)} instead of {self.show(self.wanted)}"
        raise RefusedError(
            f"{message}; {self.hint}" if self.hint else message,
            device=self.device,
            command=self.command,
        )

    def _sent(self, clock: Clock, settle_s: float) -> T:
        """Send once; returns the value that the controller holds afterwards."""
        try:
            self.send()
            kept = self.read_back()
            if not self.is_taken(kept):
                clock.sleep(settle_s)
                kept = self.read_back()
            return kept
        except RefusedError:
            raise
        except DeviceError as error:
            raise UnknownOutcomeError(
                f"{self.what} was sent and could not be read back: {error.message}",
                device=self.device,
                command=self.command,
            ) from error
