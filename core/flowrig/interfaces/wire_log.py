"""Log of the bytes on the wire of a device: drivers write to it, one listener reads it."""

from collections.abc import Callable
from typing import Literal

__all__ = ["Direction", "WireChannel", "WireListener", "WireLog"]

Direction = Literal["sent", "received"]

WireListener = Callable[[Direction, bytes, str], None]
"""Takes the direction, the bytes, and the label of their connection."""


class WireChannel:
    """The log of one connection of a device. Without a listener a call costs next to nothing.

    Args:
        log: the log of the device.
        label: label of this connection; it differs from those of the device's other connections.
    """

    def __init__(self, log: "WireLog", label: str) -> None:
        self._log = log
        self._label = label

    def sent(self, data: bytes) -> None:
        """Log bytes to send. Call it before the write, so the log also shows a write that fails."""
        listener = self._log.listener
        if listener is not None:
            listener("sent", data, self._label)

    def received(self, data: bytes) -> None:
        """Log received bytes, whether the driver uses or drops them."""
        listener = self._log.listener
        if listener is not None and data:
            listener("received", data, self._label)


class WireLog(WireChannel):
    """The log of one device, with one or several connections.

    A driver calls `sent` and `received` where it writes to its port and reads from it. A driver
    with several connections takes a `channel` for each.

    Attributes:
        listener: called for every logged piece of bytes; None for no listener.
    """

    def __init__(self) -> None:
        super().__init__(self, "")
        self.listener: WireListener | None = None

    def channel(self, label: str) -> WireChannel:
        """The log of one of several connections."""
        return WireChannel(self, label)
