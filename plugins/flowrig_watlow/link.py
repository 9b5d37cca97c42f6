"""Line-by-line SCPI over TCP through pyvisa-py, with the deadlines that it lacks.

pyvisa-py (0.8) opens a closed port without complaint, spins until the timeout when the peer hangs
up, and hands a reply that came too late to the next question. Here each of them is an error at
once, and a link that failed is closed, so that nothing of an old conversation survives.
"""

import contextlib
import select
import socket
import threading
import time
from typing import Any, cast

import pyvisa
from pyvisa.constants import BufferOperation, StatusCode
from pyvisa.resources import MessageBasedResource

from flowrig.interfaces import WireChannel
from flowrig_watlow.host import address_of

__all__ = ["ScpiLink"]


class ScpiLink:
    """One SCPI conversation; it reopens by itself on the next use after a failure.

    Threads that share it wait for each other, so that each gets the answer to its own question.

    Args:
        host: host name or IPv4 address.
        port: TCP port.
        deadline_s: longest wait [s] for the connection, and for one answer.
        wire: is told the bytes.
    """

    def __init__(self, host: str, port: int, deadline_s: float, wire: WireChannel) -> None:
        self._host = host
        self._port = port
        self._deadline_s = deadline_s
        self._wire = wire
        self._lock = threading.RLock()
        self._resource: MessageBasedResource | None = None
        self._socket: _PromptSocket | None = None

    def open(self) -> None:
        """Connect anew.

        Raises:
            OSError: the host is unknown, or nobody listens there.
        """
        self.close()
        address = address_of(self._host, self._deadline_s)
        self._resource = self._open_resource(f"TCPIP0::{address}::{self._port}::SOCKET")
        try:
            self._socket = _take_over(self._resource, self._wire)
        except OSError as error:
            self.close()
            raise ConnectionRefusedError("nobody listens there") from error

    def close(self) -> None:
        """Hang up; harmless when there is no connection."""
        resource, self._resource, self._socket = self._resource, None, None
        if resource is not None:
            with contextlib.suppress(pyvisa.Error, OSError):
                resource.close()

    def send(self, command: str) -> None:
        """Send a command that asks nothing.

        Raises:
            OSError: the link is broken; the command may or may not have arrived.
        """
        with self._lock:
            try:
                if self._socket is not None:
                    self._socket.discard_input()
                self._send(command)
            except (OSError, pyvisa.Error) as error:
                raise self._broken(error) from error

    def query(self, command: str) -> str:
        """Send a question and return its answer, without the newline and outer blanks.

        Empty lines are skipped: some firmware answers a plain newline to every write. Whatever came
        before the question is discarded, as it cannot be its answer. A connection that the
        instrument ended since the last exchange is opened anew, as nothing was sent over it yet.

        Raises:
            TimeoutError: no answer within the deadline.
            OSError: the link is broken.
        """
        with self._lock:
            try:
                self._drop_if_ended()
                self._send(command)
                return self._read_line()
            except (OSError, pyvisa.Error) as error:
                raise self._broken(error) from error
            except BaseException:  # Ctrl-C leaves an answer under way
                self.close()
                raise

    def _open_resource(self, name: str) -> MessageBasedResource:
        try:
            resource = pyvisa.ResourceManager("@py").open_resource(
                name,
                open_timeout=round(self._deadline_s * 1000),
                timeout=self._deadline_s * 1000,
                read_termination="\n",
                write_termination="\n",
            )
        except Exception as error:  # pyvisa-py raises a bare Exception here
            raise TimeoutError(f"no connection within {self._deadline_s:g} s") from error
        return cast(MessageBasedResource, resource)

    def _drop_if_ended(self) -> None:
        if self._socket is not None:
            try:
                self._socket.discard_input()
            except OSError:
                self.close()

    def _send(self, command: str) -> None:
        if self._resource is None or self._socket is None:
            self.open()
        resource, prompt = self._opened()
        if prompt.has_read_ahead:
            resource.flush(BufferOperation.discard_read_buffer_no_io)
            prompt.has_read_ahead = False
        prompt.deadline_s = time.monotonic() + self._deadline_s
        data = command.encode("ascii") + b"\n"
        self._wire.sent(data)
        resource.write_raw(data)

    def _read_line(self) -> str:
        resource, prompt = self._opened()
        while True:
            line = resource.read_raw().decode("ascii", errors="replace").strip()
            if line:
                return line
            prompt.require_time_left()

    def _opened(self) -> tuple[MessageBasedResource, "_PromptSocket"]:
        assert self._resource is not None
        assert self._socket is not None
        return self._resource, self._socket

    def _broken(self, error: Exception) -> OSError:
        """Hang up after a failure; returns the failure as an `OSError`."""
        self.close()
        timed_out = isinstance(error, TimeoutError) or (
            isinstance(error, pyvisa.VisaIOError) and error.error_code == StatusCode.error_timeout
        )
        if timed_out:
            return TimeoutError(f"no answer within {self._deadline_s:g} s")
        return error if isinstance(error, OSError) else ConnectionError(str(error))


class _PromptSocket(socket.socket):
    """A socket that reports a hang-up as an error, and reads no further than a deadline.

    Args:
        descriptor: of the connection.
        wire: is told what is received.

    Attributes:
        deadline_s: monotonic time [s] after which nothing is read any more.
        has_read_ahead: whether more came at once than one line, so that pyvisa-py may keep a part.
    """

    def __init__(self, descriptor: int, wire: WireChannel) -> None:
        super().__init__(fileno=descriptor)
        self.deadline_s = 0.0
        self.has_read_ahead = False
        self._wire = wire

    def recv(self, bufsize: int, flags: int = 0, /) -> bytes:
        self.require_time_left()
        data = self._received(bufsize, flags)
        self.has_read_ahead |= data.find(b"\n", 0, -1) >= 0
        return data

    def _received(self, bufsize: int, flags: int = 0) -> bytes:
        data = super().recv(bufsize, flags)
        if not data:
            raise ConnectionResetError("the instrument hung up")
        self._wire.received(data)
        return data

    def require_time_left(self) -> None:
        if time.monotonic() > self.deadline_s:
            raise TimeoutError("the deadline passed")

    def discard_input(self) -> None:
        while select.select([self], [], [], 0.0)[0]:
            self._received(65536)


def _take_over(resource: MessageBasedResource, wire: WireChannel) -> _PromptSocket:
    """Put a `_PromptSocket` in the place of the socket of a pyvisa-py session.

    Raises:
        OSError: the socket is not connected.
    """
    session = cast(Any, resource.visalib).sessions[resource.session]
    session.interface.getpeername()
    prompt = _PromptSocket(session.interface.detach(), wire)
    prompt.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    session.interface = prompt
    return prompt
