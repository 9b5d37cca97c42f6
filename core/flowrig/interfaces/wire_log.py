"""What a driver tells about the bytes on its wire, for whoever listens."""

from collections.abc import Callable
from typing import Literal

__all__ = ["Direction", "WireChannel", "WireListener", "WireLog"]

Direction = Literal["sent", "received"]

WireListener = Callable[[Direction, bytes, str], None]
"""Takes a direction, the bytes, and the label of the connection that they went over."""


class WireChannel:
    """One connection of a device. Telling it something costs next to nothing if nobody listens.

    Args:
        log: the log of the device.
        label: what tells this connection from the device's others.
    """

    def __init__(self, log: "WireLog", label: str) -> None:
        self._log = log
        self._label = label

    def sent(self, data: bytes) -> None:
        """These bytes are about to be sent. Tell it before, so that a write that fails is seen."""
        listener = self._log.listener
        if listener is not None:
            listener("sent", data, self._label)

    def received(self, data: bytes) -> None:
        """These bytes came, whether they are used or dropped."""
        listener = self._log.listener
        if listener is not None and data:
            listener("received", data, self._label)


class WireLog(WireChannel):
    """The bytes of one device, on one connection or on several.

    A driver calls `sent` and `received` where it writes to its port and reads from it; one with
    several connections takes a `channel` for each.

    Attributes:
        listener: who is told; None if nobody listens.
    """

    def __init__(self) -> None:
        super().__init__(self, "")
        self.listener: WireListener | None = None

    def channel(self, label: str) -> WireChannel:
        """The part of this log that belongs to one of several connections."""
        return WireChannel(self, label)
