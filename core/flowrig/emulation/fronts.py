"""Fronts: they serve a protocol core at a pseudo-terminal, or at a TCP port on loopback."""

import contextlib
import importlib
import os
import re
import select
import socket
import sys
import tempfile
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Final

from flowrig.emulation.core import Burst, HangUp, ProtocolCore
from flowrig.emulation.direct import DirectPort, DirectSocket, offer_port, withdraw_port
from flowrig.interfaces.tcp import serve_in_process

__all__ = ["DirectFront", "Front", "PtyFront", "SocketFront", "serial_front"]


PYSERIAL_HANDLERS: Final = "flowrig.emulation"
"""Package in which pyserial looks for the handler of the URLs of a `DirectFront`."""


class Front(ABC):
    """A server that carries bytes between a driver and a core."""

    @abstractmethod
    def start(self) -> str:
        """Start to serve in a thread; returns the address."""

    @abstractmethod
    def stop(self) -> None:
        """Stop serving; idempotent."""

    @abstractmethod
    def send(self, data: bytes) -> None:
        """Send bytes to every connection now, without a request."""

    @property
    def baud(self) -> int | None:
        """Line speed that the client has set; None where the operating system reports none."""
        return None


class PtyFront(Front):
    """A pseudo-terminal, which a serial driver opens like a port. Linux and macOS only.

    Its path is a symbolic link, as are the persistent paths of USB adapters: when the core hangs
    up, the front closes the terminal and puts a new one behind the same link.

    Args:
        core: the protocol core to serve.
    """

    def __init__(self, core: ProtocolCore) -> None:
        self._core = core
        self._master = -1
        self._slave = -1
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._wake: tuple[socket.socket, socket.socket] | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> str:
        """Open the pair of terminals; returns the path of the one for the driver."""
        self._folder = tempfile.TemporaryDirectory(prefix="flowrig-")
        link = Path(self._folder.name) / "port"
        self._open_pair(link)
        self._wake = socket.socketpair()
        self._thread = threading.Thread(
            target=self._serve, args=(link,), name="pty-emulator", daemon=True
        )
        self._thread.start()
        return str(link)

    def stop(self) -> None:
        """Close the pair; idempotent."""
        if self._thread is None or self._wake is None or self._folder is None:
            return
        self._wake[1].send(b"x")
        self._thread.join(timeout=2.0)
        self._thread = None
        for end in self._wake:
            end.close()
        self._close_pair()
        self._folder.cleanup()

    def _open_pair(self, link: Path) -> None:
        # Imported by name because the modules do not exist on Windows.
        pty, tty = importlib.import_module("pty"), importlib.import_module("tty")
        self._master, self._slave = pty.openpty()
        tty.setraw(self._slave)
        fresh = link.with_suffix(".new")
        fresh.symlink_to(os.ttyname(self._slave))  # type: ignore[attr-defined,unused-ignore]
        fresh.replace(link)

    def _close_pair(self) -> None:
        for descriptor in (self._master, self._slave):
            os.close(descriptor)

    def _serve(self, link: Path) -> None:
        assert self._wake is not None
        wake = self._wake[0]
        while True:
            ready, _, _ = select.select([self._master, wake.fileno()], [], [])
            if wake.fileno() in ready:
                return
            try:
                _send(self._core.feed(os.read(self._master, 4096)), self.send)
            except HangUp as end:
                self.send(end.answer)
                gone = self._master, self._slave
                # First the new pair, then the close: a driver that reconnects at once finds a port.
                self._open_pair(link)
                for descriptor in gone:
                    os.close(descriptor)

    def send(self, data: bytes) -> None:
        """Write to the terminal."""
        while data:
            data = data[os.write(self._master, data) :]

    @property
    def baud(self) -> int | None:
        """Line speed of the terminal; None for a speed without a constant in termios."""
        termios = importlib.import_module("termios")
        speed = termios.tcgetattr(self._slave)[4]
        names = {getattr(termios, name): name for name in dir(termios) if re.match(r"B\d", name)}
        return int(names[speed][1:]) if speed in names else None


class DirectFront(Front):
    """A serial port in this process; the core answers in the thread of the driver.

    Drivers that open their port with pyserial's `serial_for_url` can use it. When the core hangs
    up, the port is gone until the driver opens it again.

    Args:
        core: the protocol core to serve.
    """

    def __init__(self, core: ProtocolCore) -> None:
        self._port = DirectPort(core)
        self._address = ""

    def start(self) -> str:
        """Offer the port; returns its URL for pyserial."""
        handlers = importlib.import_module("serial").protocol_handler_packages
        if PYSERIAL_HANDLERS not in handlers:
            handlers.append(PYSERIAL_HANDLERS)
        self._address = offer_port(self._port)
        return self._address

    def stop(self) -> None:
        """Take the port away; idempotent."""
        withdraw_port(self._address)

    def send(self, data: bytes) -> None:
        """Send bytes to the driver."""
        self._port.answer(data)

    @property
    def baud(self) -> int | None:
        """Baud rate that the driver has set."""
        return self._port.baud


def _send(answer: bytes, send: Callable[[bytes], None]) -> None:
    if isinstance(answer, Burst):
        answer.send(send)
    else:
        send(answer)


class SocketFront(Front):
    """A TCP port on loopback; every connection gets its own core from `new_core`.

    Args:
        new_core: makes the core of one connection.
        port: the port; 0 for any free one.
        new_speaker: makes the core in place of `new_core`, from a function that sends bytes on the
            same connection without a request.
        direct: whether the core answers drivers of this process in their own thread, if they
            connect with `flowrig.interfaces.connect_tcp`.
    """

    def __init__(
        self,
        new_core: Callable[[], ProtocolCore],
        port: int = 0,
        *,
        new_speaker: Callable[[Callable[[bytes], None]], ProtocolCore] | None = None,
        direct: bool = False,
    ) -> None:
        self._new_core = new_speaker or (lambda _send: new_core())
        self._port = port
        self._is_direct = direct
        self._end_direct: Callable[[], None] = lambda: None
        self._listener: socket.socket | None = None
        self._connections: set[socket.socket] = set()
        self._direct: set[DirectSocket] = set()
        self._threads: list[threading.Thread] = []
        self._lock = threading.Lock()

    def start(self) -> str:
        """Listen; returns "127.0.0.1:port". A second start uses the same port."""
        self._listener = socket.create_server(("127.0.0.1", self._port))
        host, self._port = self._listener.getsockname()[:2]
        thread = threading.Thread(target=self._accept, name="tcp-emulator", daemon=True)
        self._threads.append(thread)
        thread.start()
        if self._is_direct:
            self._end_direct = serve_in_process(host, self._port, self._connect_directly)
        return f"{host}:{self._port}"

    def stop(self) -> None:
        """Close every connection and free the port; idempotent."""
        listener, self._listener = self._listener, None
        if listener is None:
            return
        self._end_direct()
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        with self._lock:
            connections, direct = list(self._connections), list(self._direct)
        for one in direct:
            one.hang_up()
        for connection in connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            # A power-cycle fault stops the front from the thread of the connection that it strikes.
            if thread is not threading.current_thread():
                thread.join(timeout=2.0)
        self._threads.clear()

    def send(self, data: bytes) -> None:
        """Write to every connection."""
        with self._lock:
            connections, direct = list(self._connections), list(self._direct)
        for connection in connections:
            with contextlib.suppress(OSError):
                connection.sendall(data)
        for one in direct:
            one.answer(data)

    def _connect_directly(self) -> DirectSocket:
        connection = DirectSocket(self._new_core, self._forget)
        with self._lock:
            self._direct.add(connection)
        return connection

    def _forget(self, connection: DirectSocket) -> None:
        with self._lock:
            self._direct.discard(connection)

    def _accept(self) -> None:
        listener = self._listener
        while listener is not None:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            # Without it, Nagle's algorithm delays answers in several pieces by some 40 ms.
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._lock:
                self._connections.add(connection)
            thread = threading.Thread(
                target=self._serve, args=(connection,), name="tcp-emulator-connection", daemon=True
            )
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket) -> None:
        core = self._new_core(connection.sendall)
        with connection, contextlib.suppress(OSError):
            try:
                while data := connection.recv(65536):
                    _send(core.feed(data), connection.sendall)
            except HangUp as end:
                connection.sendall(end.answer)
        with self._lock:
            self._connections.discard(connection)


def serial_front(core: ProtocolCore, port: int = 0, *, direct: bool = False) -> Front:
    """The front that a serial driver can open on this operating system.

    A pseudo-terminal on Linux and macOS. On Windows, or if a port is given, a TCP port; its address
    needs the prefix `socket://` for pyserial.

    Args:
        core: the protocol core to serve.
        port: a TCP port; 0 for a pseudo-terminal, or on Windows for any free port.
        direct: whether the core answers in the thread of the driver, which opens its port with
            pyserial's `serial_for_url`.
    """
    if direct and not port:
        return DirectFront(core)
    if port or sys.platform == "win32":
        return SocketFront(lambda: core, port)
    return PtyFront(core)
