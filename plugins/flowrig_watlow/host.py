"""Finding the address behind a host name, with the deadline that the operating system lacks."""

import contextlib
import ipaddress
import socket
import threading

__all__ = ["address_of"]


def address_of(host: str, deadline_s: float) -> str:
    """The IPv4 address of a host name; an address is returned as it is.

    Args:
        host: host name or IPv4 address.
        deadline_s: longest wait [s].

    Raises:
        OSError: the name has no address, or nobody tells it in time.
    """
    with contextlib.suppress(ValueError):
        return str(ipaddress.IPv4Address(host))
    found: list[str | OSError] = []

    def look_up() -> None:
        try:
            found.append(socket.gethostbyname(host))
        except OSError as error:
            found.append(error)

    asker = threading.Thread(target=look_up, name=f"address of {host}", daemon=True)
    asker.start()
    asker.join(deadline_s)
    if not found:
        raise TimeoutError(f"nobody told the address of {host} within {deadline_s:g} s")
    if isinstance(found[0], OSError):
        raise found[0]
    return found[0]
