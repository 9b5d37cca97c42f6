"""Lines that several devices of one program share: instruments with addresses on one port."""

import threading
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

__all__ = ["SharedLine", "SharedLines"]


class SharedLine(Protocol):
    """A line that `SharedLines` hands out."""

    @property
    def is_closed(self) -> bool:
        """Whether the port is gone or was closed."""
        ...

    def close(self) -> None:
        """Release the port."""
        ...


L = TypeVar("L", bound=SharedLine)


class SharedLines(Generic[L]):
    """The open lines of this program, by port, and the parts of each that are in use."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._lines: dict[str, tuple[L, set[str]]] = {}

    def claim(self, port: str, part: str, open_line: Callable[[], L]) -> L:
        """The line at a port, which is opened if it is not open.

        Args:
            port: name or URL of the port.
            part: what the device uses of the line, such as the address of its instrument.
            open_line: opens the line.

        Raises:
            OSError: the line does not open, or another device uses this part of it.
        """
        with self._lock:
            line, parts = self._lines.get(port, (None, set[str]()))
            if line is None or line.is_closed:
                line, parts = open_line(), set()
            elif part in parts:
                raise OSError("another device of this rig uses the port with the same address")
            parts.add(part)
            self._lines[port] = line, parts
            return line

    def release(self, port: str, part: str, line: L) -> None:
        """End the use of a part of a line; the port closes after the last one."""
        with self._lock:
            known, parts = self._lines.get(port, (None, set[str]()))
            if known is not line:
                line.close()
                return
            parts.discard(part)
            if not parts:
                del self._lines[port]
                line.close()
