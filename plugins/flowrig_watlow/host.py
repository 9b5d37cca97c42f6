"""Resolving a host name within a deadline."""

import contextlib
import ipaddress
import socket
import threading

__all__ = ["address_of"]


def address_of(host: str, deadline_s: float) -> str:
    """The IPv4 address of a host name; an IPv4 address is returned unchanged.

    Args:
        host: host name or IPv4 address.
        deadline_s: longest wait [s].

    Raises:
        OSError: the name has no address, or the name server does not answer in time.
    """
    with contextlib.suppress(ValueError):
        return str(ipaddress.IPv4Address(host))
    found: list[str | OSError] = []

    def look_up() -> None:
        try:
            found.append(socket.gethostbyname(host))
        except OSError as error:
            found.append(error)

    # gethostbyname takes no timeout, so a thread waits for it and may outlive the deadline.
    asker = threading.Thread(target=look_up, name=f"address of {host}", daemon=True)
    asker.start()
    asker.join(deadline_s)
    if not found:
        raise TimeoutError(f"no address of {host} was found within {deadline_s:g} s")
    if isinstance(found[0], OSError):
        raise found[0]
    return found[0]
