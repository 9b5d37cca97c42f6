"""Thin fronts that put a protocol core on a wire: a pseudo-terminal, or a TCP port on loopback."""

import contextlib
import importlib
import os
import re
import select
import socket
import sys
import tempfile
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol, Self

__all__ = ["Burst", "Front", "HangUp", "ProtocolCore", "PtyFront", "SocketFront", "serial_front"]


class HangUp(ConnectionAbortedError):  # noqa: N818 - what an instrument does, not a fault
    """A core raises this to break the connection; who connects again is served again.

    Args:
        last_words: what is still sent before.
    """

    def __init__(self, last_words: bytes = b"") -> None:
        super().__init__("the emulated instrument hangs up")
        self.last_words = last_words


class Burst(bytes):
    """An answer that does not go out as one piece.

    Args:
        parts: the pieces.
        pause_s: pause [s, real time] between two of them.
    """

    parts: tuple[bytes, ...]
    pause_s: float

    def __new__(cls, parts: Sequence[bytes], pause_s: float = 0.0) -> Self:
        """Join the pieces, and remember them."""
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
    """An instrument's side of a conversation: bytes in, bytes out, no transport."""

    def feed(self, data: bytes) -> bytes:
        """Take bytes as they arrive, in pieces of any size; return what is answered to them.

        Raises:
            HangUp: the connection breaks here.
        """
        ...


class Front(ABC):
    """Something that carries bytes between a driver and a core."""

    @abstractmethod
    def start(self) -> str:
        """Begin to serve in a thread; returns where."""

    @abstractmethod
    def stop(self) -> None:
        """Stop serving; idempotent."""

    @abstractmethod
    def send(self, data: bytes) -> None:
        """Say something now, asked or not, to everybody who is connected."""

    @property
    def baud(self) -> int | None:
        """Line speed that the client has set, where the operating system tells."""
        return None


class PtyFront(Front):
    """A pseudo-terminal, which a serial driver opens like any port. Linux and macOS only.

    Its path is a link, as the paths by which an operating system finds a USB adapter again: when
    the core hangs up, the terminal goes, and a new one takes its place behind the link.

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
        """Open the pair; returns the path of the side that the driver opens."""
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
        """Close the pair."""
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
                self.send(end.last_words)
                gone = self._master, self._slave
                self._open_pair(link)
                for descriptor in gone:
                    os.close(descriptor)

    def send(self, data: bytes) -> None:
        """Write to the terminal."""
        while data:
            data = data[os.write(self._master, data) :]

    @property
    def baud(self) -> int | None:
        """Line speed of the terminal; None for one that termios has no name for."""
        termios = importlib.import_module("termios")
        speed = termios.tcgetattr(self._slave)[4]
        names = {getattr(termios, name): name for name in dir(termios) if re.match(r"B\d", name)}
        return int(names[speed][1:]) if speed in names else None


def _send(answer: bytes, send: Callable[[bytes], None]) -> None:
    if isinstance(answer, Burst):
        answer.send(send)
    else:
        send(answer)


class SocketFront(Front):
    """A TCP port on loopback; every connection gets a core of its own from `new_core`.

    Args:
        new_core: makes the core of one connection.
        port: the port, or 0 for a free one.
    """

    def __init__(self, new_core: Callable[[], ProtocolCore], port: int = 0) -> None:
        self._new_core = new_core
        self._port = port
        self._listener: socket.socket | None = None
        self._connections: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self._lock = threading.Lock()

    def start(self) -> str:
        """Listen; returns "127.0.0.1:port", the same port whenever it is started again."""
        self._listener = socket.create_server(("127.0.0.1", self._port))
        host, self._port = self._listener.getsockname()[:2]
        thread = threading.Thread(target=self._accept, name="tcp-emulator", daemon=True)
        self._threads.append(thread)
        thread.start()
        return f"{host}:{self._port}"

    def stop(self) -> None:
        """Hang up on everybody and free the port."""
        listener, self._listener = self._listener, None
        if listener is None:
            return
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        with self._lock:
            connections = list(self._connections)
        for connection in connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            if thread is not threading.current_thread():  # a fault may cut the power while it asks
                thread.join(timeout=2.0)
        self._threads.clear()

    def send(self, data: bytes) -> None:
        """Write to every connection."""
        with self._lock:
            connections = list(self._connections)
        for connection in connections:
            with contextlib.suppress(OSError):
                connection.sendall(data)

    def _accept(self) -> None:
        listener = self._listener
        while listener is not None:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._lock:
                self._connections.add(connection)
            thread = threading.Thread(
                target=self._serve, args=(connection,), name="tcp-emulator-connection", daemon=True
            )
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket) -> None:
        core = self._new_core()
        with connection, contextlib.suppress(OSError):
            try:
                while data := connection.recv(65536):
                    _send(core.feed(data), connection.sendall)
            except HangUp as end:
                connection.sendall(end.last_words)
        with self._lock:
            self._connections.discard(connection)


def serial_front(core: ProtocolCore, port: int = 0) -> Front:
    """The front that a serial driver on this operating system can open.

    A pseudo-terminal where there are any. On Windows, or if a port is asked for, a TCP port, whose
    address needs the prefix `socket://` for pyserial.

    Args:
        core: the protocol core to serve.
        port: a TCP port; 0 leaves the choice to the operating system.
    """
    if port or sys.platform == "win32":
        return SocketFront(lambda: core, port)
    return PtyFront(core)
