"""Line-by-line SCPI over TCP through pyvisa-py, with the deadlines that it lacks.

Three faults of pyvisa-py 0.8.1 (`tcpip.py`, measured) matter here: it opens a closed port without
an error; it loops at full processor load until the timeout when the peer hangs up; and it returns
the late reply to a query that timed out as the answer to the next query. This module raises an
error at once for each of them, and closes a link that failed, so that no byte of an old exchange
is left.
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

from flowrig.interfaces import WireChannel, emulated_connection
from flowrig_watlow.host import address_of
from flowrig_watlow.scpi.replies import ERROR_LINE

__all__ = ["ScpiLink"]


class ScpiLink:
    """One SCPI connection; after a failure the next query or command opens a new one.

    Threads may share it: a lock holds from a query to its answer.

    Args:
        host: host name or IPv4 address.
        port: TCP port.
        deadline_s: longest wait [s] for the connection, and for one answer.
        wire: recorder of the bytes.
    """

    def __init__(self, host: str, port: int, deadline_s: float, wire: WireChannel) -> None:
        self._host = host
        self._port = port
        self._deadline_s = deadline_s
        self._wire = wire
        self._lock = threading.RLock()
        self._resource: MessageBasedResource | None = None
        self._socket: _DeadlineConnection | None = None

    def open(self) -> None:
        """Close the connection, if there is one, and open a new one.

        Raises:
            OSError: the host is unknown, or no server listens at the port.
        """
        self.close()
        address = address_of(self._host, self._deadline_s)
        self._resource = self._open_resource(f"TCPIP0::{address}::{self._port}::SOCKET")
        try:
            direct = emulated_connection(address, self._port)
            self._socket = _take_over(self._resource, direct, self._wire)
        except OSError as error:
            self.close()
            raise ConnectionRefusedError("no server listens there") from error

    def close(self) -> None:
        """Close the connection; without effect if there is none."""
        resource, self._resource, self._socket = self._resource, None, None
        if resource is not None:
            with contextlib.suppress(pyvisa.Error, OSError):
                resource.close()

    def send(self, command: str, *, reconnect: bool = False) -> None:
        """Send a command that has no answer.

        Args:
            command: the command.
            reconnect: open a new connection if the instrument has closed the old one, and send it
                again there if the old one breaks; for commands that may arrive twice.

        Raises:
            OSError: the link is broken; the command may or may not have arrived.
        """
        with self._lock:
            try:
                if reconnect:
                    self._drop_if_ended()
                elif self._socket is not None:
                    self._socket.discard_input()
                self._send(command)
            except (OSError, pyvisa.Error) as error:
                broken = self._broken(error)
                if not reconnect or isinstance(broken, TimeoutError):
                    raise broken from error
                self._send_anew(command)

    def query(self, command: str) -> str:
        """Send a query and return its answer, without the newline and outer blanks.

        Empty lines are skipped, because some firmware answers each write with a newline, and so are
        comments on an earlier command; a comment is the answer if no other one comes. Input that
        arrived before the query is discarded. If the instrument has closed the connection since
        the last exchange, a new one is opened; this is safe, because the query was not sent yet.

        Args:
            command: the query.

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
            except BaseException:  # after Ctrl-C the answer still arrives; a new link discards it
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
        # For good: a long line comes in several pieces.
        resource.ignore_warning(StatusCode.success_max_count_read).__enter__()
        return cast(MessageBasedResource, resource)

    def _drop_if_ended(self) -> None:
        if self._socket is not None:
            try:
                self._socket.discard_input()
            except OSError:
                self.close()

    def _send_anew(self, command: str) -> None:
        try:
            self.open()
            self._send(command)
        except (OSError, pyvisa.Error) as error:
            raise self._broken(error) from error

    def _send(self, command: str) -> None:
        if self._resource is None or self._socket is None:
            self.open()
        resource, connection = self._opened()
        if connection.has_read_ahead:  # pyvisa-py keeps bytes after the newline for the next read
            resource.flush(BufferOperation.discard_read_buffer_no_io)
            connection.has_read_ahead = False
        connection.deadline_s = time.monotonic() + self._deadline_s
        data = command.encode("ascii") + b"\n"
        self._wire.sent(data)
        resource.write_raw(data)

    def _read_line(self) -> str:
        resource, connection = self._opened()
        comment = ""
        while True:
            try:
                line = _raw(resource).decode("ascii", errors="replace").strip()
                if line and not line.startswith(ERROR_LINE):
                    return line
                comment = line or comment
                connection.require_time_left()
            except (OSError, pyvisa.Error) as error:
                if not comment:
                    raise
                self._broken(error)
                return comment

    def _opened(self) -> tuple[MessageBasedResource, "_DeadlineConnection"]:
        assert self._resource is not None
        assert self._socket is not None
        return self._resource, self._socket

    def _broken(self, error: Exception) -> OSError:
        """Close the link after a failure; returns the failure as an `OSError`."""
        self.close()
        timed_out = isinstance(error, TimeoutError) or (
            isinstance(error, pyvisa.VisaIOError) and error.error_code == StatusCode.error_timeout
        )
        if timed_out:
            return TimeoutError(f"no answer within {self._deadline_s:g} s")
        return error if isinstance(error, OSError) else ConnectionError(str(error))


class _DeadlineConnection:
    """A connection that raises an error when the peer hangs up or when a deadline has passed.

    It has what pyvisa-py uses of a socket.

    Args:
        connection: the connected socket.
        wire: recorder of the bytes.

    Attributes:
        deadline_s: monotonic time [s] after which a read raises TimeoutError; but the first bytes
            after a send are read even then, because a thread that the operating system held up
            finds an answer that came in time.
        has_read_ahead: whether bytes after a newline were received, which pyvisa-py keeps.
    """

    def __init__(self, connection: socket.socket, wire: WireChannel) -> None:
        self.deadline_s = 0.0
        self.has_read_ahead = False
        self._has_received = False
        self._socket = connection
        self._wire = wire

    def fileno(self) -> int:
        return self._socket.fileno()

    def send(self, data: bytes) -> int:
        self._has_received = False
        return self._socket.send(data)

    def recv(self, bufsize: int) -> bytes:
        if self._has_received:
            self.require_time_left()
        self._has_received = True
        data = self._received(bufsize)
        self.has_read_ahead |= data.find(b"\n", 0, -1) >= 0
        return data

    def close(self) -> None:
        self._socket.close()

    def require_time_left(self) -> None:
        if time.monotonic() > self.deadline_s:
            raise TimeoutError("the deadline passed")

    def discard_input(self) -> None:
        while select.select([self._socket.fileno()], [], [], 0.0)[0]:
            self._received(65536)

    def _received(self, bufsize: int) -> bytes:
        data = self._socket.recv(bufsize)
        if not data:
            raise ConnectionResetError("the instrument hung up")
        self._wire.received(data)
        return data


def _raw(resource: MessageBasedResource) -> bytes:
    """As `read_raw` of a resource, which prepares a log entry and a context for each line."""
    data, more = b"", StatusCode.success_max_count_read
    while more == StatusCode.success_max_count_read:
        piece, more = resource.visalib.read(resource.session, resource.chunk_size)
        data += piece
    return data


def _take_over(
    resource: MessageBasedResource, direct: socket.socket | None, wire: WireChannel
) -> _DeadlineConnection:
    """Put a `_DeadlineConnection` in the place of the socket of a pyvisa-py session.

    Args:
        resource: the session.
        direct: another connection to the instrument, to be used instead.
        wire: recorder of the bytes.

    Raises:
        OSError: the socket is not connected.
    """
    session = cast(Any, resource.visalib).sessions[resource.session]
    session.interface.getpeername()  # raises on a closed port, which pyvisa-py "opens"
    if direct is not None:
        session.interface.close()
        session.interface = direct
    else:
        # Otherwise Nagle's algorithm holds back the short line after a command.
        session.interface.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    session.interface = _DeadlineConnection(session.interface, wire)
    return cast(_DeadlineConnection, session.interface)
