"""Broken promises, and what each is counted as."""

from collections.abc import Iterator
from enum import StrEnum

from attrs import frozen

__all__ = ["Breach", "Breaches", "Kind"]


class Kind(StrEnum):
    """The count on the board to which a breach belongs."""

    LOST = "lost"
    """A measurement is lost, doubled or invented, or is worthless and not flagged (I2)."""
    UNSAFE = "unsafe"
    """The rig was not safe when it had to be (I1, I4)."""
    DOUBLE = "double"
    """Liquid moved without being charged, or more often than was commanded (I3)."""
    MISCOUNTED = "miscounted"
    """More liquid was charged than moved: a syringe is refilled too early (I3)."""
    HUNG = "hung"
    """A run did not end, or left a thread behind (I5)."""
    UNREPORTED = "unreported"
    """The final message is missing, names no device, or is a traceback (I6)."""
    DIVERGED = "diverged"
    """A resumed campaign suggested other conditions (I7)."""
    FALSE_STOP = "false stop"
    """A healthy campaign was stopped (I8)."""
    UNEXPECTED = "unexpected"
    """The run ended otherwise than the table of faults says."""
    BROKEN = "broken"
    """The board itself failed: the fault did not happen, or an emulator died."""


@frozen
class Breach:
    """A broken promise.

    Attributes:
        kind: the count to which it belongs.
        text: what was observed.
    """

    kind: Kind
    text: str


Breaches = Iterator[Breach]
