"""TCP connections of drivers, which an emulator in the same process answers in the same thread."""

import socket
from collections.abc import Callable

__all__ = ["connect_tcp", "emulated_connection", "serve_in_process"]

_served: dict[tuple[str, int], Callable[[], socket.socket]] = {}


def connect_tcp(host: str, port: int, deadline_s: float) -> socket.socket:
    """A connection to an instrument, without Nagle's algorithm, which holds back short requests.

    A driver that connects with this function runs much faster in a simulation: there the emulated
    instrument answers while the driver sends, and no other thread has to wake.

    Args:
        host: host name or IP address.
        port: TCP port.
        deadline_s: longest wait [s] for the connection; also the time limit of the connection.

    Raises:
        OSError: the host is unknown, refuses the connection, or does not answer in time.
    """
    connection = emulated_connection(host, port)
    if connection is not None:
        connection.settimeout(deadline_s)
        return connection
    connection = socket.create_connection((host, port), timeout=deadline_s)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def emulated_connection(host: str, port: int) -> socket.socket | None:
    """A connection to an instrument that is emulated in this process; None if there is none.

    Args:
        host: IP address.
        port: TCP port.
    """
    connect = _served.get((host, port))
    return None if connect is None else connect()


def serve_in_process(
    host: str, port: int, connect: Callable[[], socket.socket]
) -> Callable[[], None]:
    """Let the drivers of this process connect to an address by a function.

    Args:
        host: IP address.
        port: TCP port.
        connect: makes a connection.

    Returns:
        a function that ends it.
    """
    _served[host, port] = connect

    def end() -> None:
        if _served.get((host, port)) is connect:
            del _served[host, port]

    return end
