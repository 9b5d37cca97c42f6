"""Protocol cores, and what they answer with: bytes in, bytes out, without transport."""

import time
from collections.abc import Callable, Sequence
from typing import Protocol, Self

__all__ = ["Burst", "HangUp", "ProtocolCore"]


class HangUp(ConnectionAbortedError):  # noqa: N818 - what an instrument does, not a fault
    """A core raises this to break the connection; a new connection is served again.

    Args:
        answer: bytes that the front still sends before it closes the connection.
    """

    def __init__(self, answer: bytes = b"") -> None:
        super().__init__("the emulated instrument hangs up")
        self.answer = answer


class Burst(bytes):
    """An answer that the front sends in several pieces.

    Args:
        parts: the pieces.
        pause_s: pause [s, real time] between two pieces.
    """

    parts: tuple[bytes, ...]
    pause_s: float

    def __new__(cls, parts: Sequence[bytes], pause_s: float = 0.0) -> Self:
        """Join the pieces, and keep them."""
        whole = super().__new__(cls, b"".join(parts))
        whole.parts = tuple(parts)
        whole.pause_s = pause_s
        return whole

    def send(self, send: Callable[[bytes], None]) -> None:
        """Send one piece after the other."""
        for number, part in enumerate(self.parts):
            if number and self.pause_s:
                time.sleep(self.pause_s)
            send(part)


class ProtocolCore(Protocol):
    """The protocol of an instrument without transport: bytes in, bytes out."""

    def feed(self, data: bytes) -> bytes:
        """Take bytes as they arrive, in pieces of any size; returns the answer to them.

        Raises:
            HangUp: the connection breaks here.
        """
        ...
