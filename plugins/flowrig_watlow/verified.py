"""Writing a value and seeing that it was taken."""

from collections.abc import Callable
from typing import Generic, TypeVar

from attrs import frozen

from flowrig.clock import Clock
from flowrig.errors import DeviceError, RefusedError, UnknownOutcomeError

__all__ = ["Change"]

T = TypeVar("T")

ATTEMPTS = 2


@frozen(kw_only=True)
class Change(Generic[T]):
    """One value of a controller that is about to be set.

    Attributes:
        device: the device's name, for messages.
        what: what is set: "the set point".
        command: what is sent, for messages.
        send: sends it.
        read_back: asks for the value that the controller keeps.
        is_taken: whether that is the value that was sent.
        show: the value as a person writes it.
        wanted: the value that was sent.
        hint: what to look for where the controller keeps another one.
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

    def make(self, clock: Clock, settle_s: float) -> None:
        """Send, and read back until the value shows; send once more if it does not.

        The first read-back follows at once, so that the command is known to have arrived; a
        controller that still shows its old value gets the settling time [s] before it is asked
        again. So the value is sent twice at most, and the second time only after the controller
        has said that it kept another one.

        Raises:
            RefusedError: the controller kept another value.
            UnknownOutcomeError: it was sent, and cannot be read back.
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
