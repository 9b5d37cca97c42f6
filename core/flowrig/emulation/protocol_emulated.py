"""The URL `emulated://PROCESS/NUMBER` of pyserial: a serial port that ends in this process.

pyserial imports this module, by its name, for such a URL; nothing else does, because the core does
not need pyserial.
"""

from typing import Any

from serial import PortNotOpenError, SerialBase, SerialException

from flowrig.emulation.direct import DirectPort, direct_port

__all__ = ["Serial"]


class Serial(SerialBase):  # type: ignore[misc,unused-ignore]
    """An open direct port, with the interface of pyserial."""

    def __init__(self, *args: Any, **options: Any) -> None:
        self._direct: DirectPort | None = None
        self._opening = 0
        super().__init__(*args, **options)

    def open(self) -> None:
        """Open the port.

        Raises:
            SerialException: there is no such port, or it is open.
        """
        try:
            self._direct = direct_port(self.portstr)
            self._opening = self._direct.open()
        except OSError as error:
            raise SerialException(str(error)) from error
        self.is_open = True
        self._reconfigure_port()

    def close(self) -> None:
        """Close the port; idempotent."""
        if self.is_open and self._direct is not None:
            self._direct.close(self._opening)
        self.is_open = False

    def read(self, size: int = 1) -> bytes:
        """Up to `size` bytes; fewer if they do not come within the timeout."""
        port = self._open_port()
        try:
            return port.read(self._opening, size, self._timeout)
        except OSError as error:
            raise SerialException(str(error)) from error

    def write(self, data: Any, /) -> int:
        """Send bytes; the instrument has obeyed when this returns."""
        port, sent = self._open_port(), bytes(data)
        try:
            port.write(self._opening, sent)
        except OSError as error:
            raise SerialException(str(error)) from error
        return len(sent)

    @property
    def in_waiting(self) -> int:
        """Number of bytes that can be read at once."""
        port = self._open_port()
        try:
            return port.waiting(self._opening)
        except OSError as error:
            raise SerialException(str(error)) from error

    def flush(self) -> None:
        """Return at once: nothing waits on the way."""

    def reset_input_buffer(self) -> None:
        """Drop what was received."""
        self._open_port().discard()

    def reset_output_buffer(self) -> None:
        """Return at once: nothing waits on the way."""

    def _reconfigure_port(self, force_update: bool = False) -> None:
        if self._direct is not None:
            self._direct.baud = self._baudrate

    def _update_rts_state(self) -> None: ...
    def _update_dtr_state(self) -> None: ...
    def _update_break_state(self) -> None: ...

    def _open_port(self) -> DirectPort:
        if not self.is_open or self._direct is None:
            raise PortNotOpenError
        return self._direct
