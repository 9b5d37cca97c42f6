"""The link of a driver to its instrument on a line of text, with the errors of the device."""

from collections.abc import Callable
from typing import Any, Final, Generic, TypeVar

from flowrig.errors import ConnectionLostError, NotReadyError
from flowrig.interfaces import WireChannel
from flowrig_serial.lines import LineFault, Query, TextLine, lost, unknown
from flowrig_serial.ports import ListPorts, find_port
from flowrig_serial.shared import SharedLines

__all__ = ["LineLink"]

P = TypeVar("P")
T = TypeVar("T")

_lines: Final = SharedLines[TextLine]()


class LineLink(Generic[P]):
    """The link to one instrument; the port may have others, with other addresses.

    Args:
        device: the device's name in the rig profile.
        part: address of the instrument among those on the port; empty if it is alone.
        probe: a query with a reply of its own form; see `TextLine.synchronize`.
        deadline_s: longest wait [s] for one reply.
        log: records the bytes.
        reply_end: what ends a reply, besides CR and LF; one byte.
    """

    def __init__(
        self,
        device: str,
        part: str,
        probe: Query[P],
        deadline_s: float,
        log: WireChannel,
        *,
        reply_end: bytes = b"\r",
    ) -> None:
        self._reply_end = reply_end
        self._device = device
        self._part = part
        self._probe = probe
        self._deadline_s = deadline_s
        self._log = log
        self._port = ""
        self._line: TextLine | None = None

    def open(self, address: str, baud: int, list_ports: ListPorts) -> P:
        """Open the port, or share it, and synchronize.

        Args:
            address: "usb:SERIAL", or a port name or URL for pyserial.
            baud: line speed.
            list_ports: lists the serial ports that are attached now.

        Returns:
            the reply to the probe.

        Raises:
            ConnectionLostError: the port does not open, or no reply came.
            ProtocolError: what came is no reply.
        """
        self.claim(address, baud, list_ports)
        return self.synchronize()

    def claim(self, address: str, baud: int, list_ports: ListPorts) -> None:
        """Open the port, or share it, and send nothing; see `open`."""
        self.close()  # a blind command may have left it open
        try:
            self._port = find_port(address, list_ports)
            line = _lines.claim(self._port, self._part, self._new_line(baud))
        except OSError as error:
            message = f"{address} does not open: {error}"
            raise ConnectionLostError(message, device=self._device) from error
        self._line = line
        if line.baud != baud:
            message = f"another instrument uses the port at {line.baud} baud"
            raise ConnectionLostError(message, device=self._device)

    def _new_line(self, baud: int) -> Callable[[], TextLine]:
        return lambda: TextLine(self._port, baud, reply_end=self._reply_end)

    def close(self) -> None:
        """Release the port; idempotent."""
        line, self._line = self._line, None
        if line is not None:
            _lines.release(self._port, self._part, line)

    @property
    def is_open(self) -> bool:
        """Whether the port is open."""
        return self._line is not None and not self._line.is_closed

    def synchronize(self) -> P:
        """Synchronize, and return the reply to the probe.

        Raises:
            ConnectionLostError: no reply came.
            ProtocolError: what came is no reply.
        """
        line = self._opened
        try:
            return line.synchronize(self._part, self._probe, self._deadline_s, self._log)
        except LineFault as fault:
            raise lost(fault, self._device, self._probe.request, line.hint()) from fault

    def ask(self, query: Query[T]) -> T:
        """Send a query, and return its reply.

        Raises:
            ConnectionLostError: no reply came.
            ProtocolError: what came is no reply.
        """
        line = self._opened
        try:
            return line.ask(self._part, query, self._probe, self._deadline_s, self._log)
        except LineFault as fault:
            raise lost(fault, self._device, query.request, line.hint()) from fault

    def tell(self, request: str) -> None:
        """Send a command; a query has to show afterwards whether the instrument obeyed.

        Raises:
            ConnectionLostError: nothing was sent.
            UnknownOutcomeError: the port was lost while the command was sent.
        """
        line: TextLine = self._opened
        probe: Query[Any] = self._probe
        try:
            line.tell(self._part, request, probe, self._deadline_s, self._log)
        except LineFault as fault:
            raise unknown(fault, self._device, request) from fault

    def tell_at_once(self, request: str) -> None:
        """Send an absolute command; it waits for no answer, whatever became of the one before.

        A query has to show afterwards whether the instrument obeyed.

        Raises:
            ConnectionLostError: the port is gone, or nothing was sent.
            UnknownOutcomeError: the port was lost while the command was sent.
        """
        if self._opened.is_synchronized(self._part):
            self.tell(request)
        else:
            self.tell_blindly(request)

    def tell_blindly(self, request: str) -> None:
        """Send a command at once, and read nothing.

        Raises:
            ConnectionLostError: the port is gone.
        """
        try:
            self._opened.tell_blindly(self._part, request, self._log)
        except LineFault as fault:
            raise ConnectionLostError(f"{fault}", device=self._device, command=request) from fault

    @property
    def _opened(self) -> TextLine:
        if self._line is None:
            raise NotReadyError("the port is closed", device=self._device)
        return self._line
