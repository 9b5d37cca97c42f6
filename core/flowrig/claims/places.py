"""One name for each place where an instrument is connected, however its address is written."""

import os
import re
import socket
import stat
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from ipaddress import IPv6Address, ip_address, ip_network
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

__all__ = ["is_placeholder", "places"]

RESOLVE_S: Final = 2.0
"""Longest wait [s, real time] for the addresses of a host name."""

FRESH_S: Final = 60.0
"""Time [s, real time] for which the addresses of a host name are kept."""

PLACEHOLDER: Final = "REPLACE-ME"
"""A part of every address that a shipped profile has for a port."""

_NOBODY: Final = tuple(
    map(ip_network, ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32"))
)
"""Networks for documentation, which nobody has (RFC 5737, RFC 3849)."""

_NO_HOSTS: Final = re.compile(r"(^|\.)(example|invalid|test|example\.(com|net|org))$")
"""Host names that nobody has (RFC 2606, RFC 6761)."""

_COM: Final = re.compile(r"(?:[\\/]{2}[.?][\\/])?COM(\d+):?", re.IGNORECASE)
_VISA_TCP: Final = re.compile(
    r"TCPIP\d*::(?P<host>\[[^]]+\]|[^:]+)(?:::(?P<port>[^:]+))?::(?:SOCKET|INSTR)", re.IGNORECASE
)
_VISA_SERIAL: Final = re.compile(r"ASRL(?P<port>.+?)(?:::INSTR)?", re.IGNORECASE)
_WRAPPED: Final = ("spy", "alt")
"""URLs of pyserial that stand in front of another port."""

_known: dict[str, tuple[float, tuple[str, ...]]] = {}


def places(addresses: Iterable[str], *, look: bool = True) -> tuple[str, ...]:
    """The places to which addresses lead: equal texts for one place.

    Links, spellings of hosts and numbers of ports are resolved. A host name also stands for the
    IP addresses that it has now.

    Args:
        addresses: as a driver connects to them: a port, a URL, "host:port", a VISA resource, or
            any other text, which stands for itself.
        look: whether file system and name server are asked; otherwise the text alone counts.
    """
    return tuple(dict.fromkeys(place for one in addresses for place in _places(one.strip(), look)))


def is_placeholder(address: str) -> bool:
    """Whether an address stands for one that a person has yet to write: nobody has it."""
    if PLACEHOLDER.casefold() in address.casefold():
        return True
    host, _ = _host_and_port(urlsplit(address).netloc if "://" in address else address)
    with suppress(ValueError):
        number = ip_address(host)
        return any(number in network for network in _NOBODY if network.version == number.version)
    return _NO_HOSTS.search(host.casefold().rstrip(".")) is not None


def _places(address: str, look: bool) -> Iterator[str]:
    scheme, colons, rest = address.partition("://")
    if not address or scheme.casefold() == "loop":
        return
    if colons and scheme.casefold() in _WRAPPED:
        yield from _places(rest.partition("?")[0], look)
    elif colons:
        yield from _endpoint(*_host_and_port(urlsplit(address).netloc), look)
    elif visa := _VISA_TCP.fullmatch(address):
        yield from _endpoint(visa["host"].strip("[]"), visa["port"] or "", look)
    elif visa := _VISA_SERIAL.fullmatch(address):
        port = visa["port"]
        yield from _places(f"COM{port}" if port.isdigit() else port, look)
    elif com := _COM.fullmatch(address):
        yield f"port COM{int(com[1])}"
    elif "/" in address or "\\" in address:
        yield from _file(address, look)
    elif address.casefold().startswith("usb"):
        yield from _usb(address, look)
    else:
        host, port = _host_and_port(address)
        yield from _endpoint(host, port, look)


def _file(path: str, look: bool) -> Iterator[str]:
    """A device file under its name, under that to which links lead, and under its number."""
    plain = os.path.abspath(path)  # noqa: PTH100 - links are not followed here
    if sys.platform == "darwin":  # two files for one port
        plain = plain.replace("/dev/tty.", "/dev/cu.")
    yield f"port {plain}"
    if not look:
        return
    target = os.path.realpath(plain)
    if _is_pseudo_terminal(target):  # its number is used again by others, and links to it change
        return
    yield f"port {target}"
    with suppress(OSError):
        found = os.stat(target)  # noqa: PTH116
        if stat.S_ISCHR(found.st_mode):
            yield f"device {found.st_rdev}"


def _is_pseudo_terminal(path: str) -> bool:
    return path.startswith("/dev/pts/") or re.fullmatch(r"/dev/ttys\d+", path) is not None


def _usb(address: str, look: bool) -> Iterator[str]:
    """An instrument on the USB by its serial number; on Linux also the port of an adapter."""
    yield address.casefold()
    _, _, number = address.partition(":")
    if look and number:
        with suppress(OSError):
            for link in Path("/dev/serial/by-id").iterdir():
                if f"_{number}-" in link.name:
                    yield from _file(str(link), look)


def _host_and_port(address: str) -> tuple[str, str]:
    """Host and port of "host", "host:port", "[v6]:port" or a bare IPv6 address."""
    address = address.rpartition("@")[2]
    if address.startswith("["):
        host, _, rest = address[1:].partition("]")
        return host, rest.removeprefix(":")
    if address.count(":") > 1:
        return address, ""
    host, _, port = address.partition(":")
    return host, port


def _endpoint(host: str, port: str, look: bool) -> Iterator[str]:
    port = str(int(port)) if port.isascii() and port.isdigit() else port.casefold()
    for name in _hosts(host.casefold().rstrip("."), look and bool(port)):
        yield f"host {name} port {port}" if port else f"host {name}"


def _hosts(host: str, look: bool) -> Iterator[str]:
    number = _number(host)
    if number is not None:
        yield number
    elif host in ("localhost", "ip6-localhost", "localhost.localdomain"):
        yield "loopback"
    else:
        yield host
        if look:
            yield from _resolved(host)


def _number(host: str) -> str | None:
    """An IP address in its usual form; "loopback" for that of this computer."""
    try:
        number = ip_address(host.partition("%")[0])
    except ValueError:
        if not re.fullmatch(r"[0-9a-fx.]*\d[0-9a-fx.]*", host) or "." not in host.strip("."):
            return None
        try:  # forms such as 127.1 and 010.0.0.1, as the system reads them
            number = ip_address(socket.inet_ntoa(socket.inet_aton(host)))
        except (OSError, ValueError):
            return None
    if isinstance(number, IPv6Address) and number.ipv4_mapped is not None:
        number = number.ipv4_mapped
    return "loopback" if str(number) in ("127.0.0.1", "::1") else str(number)


def _resolved(host: str) -> tuple[str, ...]:
    """The IP addresses of a host name; none if the name server does not answer in time."""
    now_s = time.monotonic()
    if host in _known and now_s - _known[host][0] < FRESH_S:
        return _known[host][1]
    found: list[str] = []

    def ask() -> None:
        with suppress(OSError, UnicodeError):
            found.extend(str(one[4][0]) for one in socket.getaddrinfo(host, None))

    thread = threading.Thread(target=ask, name="name server", daemon=True)
    thread.start()
    thread.join(RESOLVE_S)
    numbers = tuple(dict.fromkeys(filter(None, map(_number, tuple(found)))))
    _known[host] = (now_s, numbers)
    return numbers
