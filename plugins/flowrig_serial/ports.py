"""Finds the serial port for an address, and explains why a port does not open."""

import errno
import os
import re
import sys
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final, Protocol

__all__ = ["USB", "ListPorts", "PortInfo", "find_port", "owners", "places", "rivals", "why_not"]

USB: Final = "usb:"
PROCESSES: Final = Path("/proc")


class PortInfo(Protocol):
    """A serial port of this computer, as `serial.tools.list_ports` describes it."""

    @property
    def device(self) -> str:
        """Name of the port for pyserial."""
        ...

    @property
    def description(self) -> str:
        """Description by the operating system."""
        ...

    @property
    def serial_number(self) -> str | None:
        """Serial number of the USB adapter; None for other ports, and adapters without one."""
        ...


ListPorts = Callable[[], Iterable[PortInfo]]


def places(address: str, *, look: bool) -> tuple[str, ...]:
    """What an address connects to, for `DeviceSettings.connects_to`.

    Args:
        address: "usb:SERIAL", or a port name or URL for pyserial.
        look: also name the port of the USB adapter with a serial number, if it is attached.
    """
    if look and address.startswith(USB):
        with suppress(OSError, ImportError):
            from flowrig_serial.port import comports

            return (address, find_port(address, comports))
    return (address,)


def find_port(address: str, list_ports: ListPorts) -> str:
    """The name of the port to open for an address.

    Args:
        address: "usb:SERIAL", or a port name or URL for pyserial.
        list_ports: lists the serial ports that are attached now.

    Raises:
        OSError: no port, or more than one, has this serial number; the message lists the ports
            with a serial number.
    """
    if not address.startswith(USB):
        return address
    wanted = address.removeprefix(USB)
    attached = [port for port in list_ports() if port.serial_number]
    found = [port.device for port in attached if port.serial_number == wanted]
    if len(found) == 1:
        return found[0]
    if found:
        raise OSError(f"several ports have this serial number; choose one: {', '.join(found)}")
    known = ", ".join(sorted(f"{port.serial_number} at {port.device}" for port in attached))
    raise OSError(f"no USB serial port has this serial number; found: {known or 'none'}")


def why_not(port: str, error: Exception) -> str:
    """One clause on why a port did not open, with the owner's name where it is known."""
    reason = f"{error}"
    if getattr(error, "errno", None) in (errno.EAGAIN, errno.EBUSY) or _denied_on_windows(error):
        holders = ", ".join(owners(port)) or "another program"
        return f"the port is in use by {holders} ({reason})"
    if getattr(error, "errno", None) == errno.EACCES:
        return f"this user has no access; on Linux, join the group dialout ({reason})"
    return reason


def _denied_on_windows(error: Exception) -> bool:
    # On Windows pyserial puts the error into the text of an exception without errno; a port that
    # is in use is always reported as a PermissionError there.
    return sys.platform == "win32" and "PermissionError" in str(error)


def owners(port: str, processes: Path = PROCESSES) -> list[str]:
    """The processes that have a port open, as "python3 (process 1234)".

    The list is complete on Linux only, for the processes that this user may inspect; on other
    systems it is empty.

    Args:
        port: path of the port.
        processes: folder in which the operating system lists its processes.
    """
    return [_described(process) for process in _holders(port, processes)]


def rivals(port: str, processes: Path = PROCESSES) -> list[str]:
    """The other programs that have a port open; see `owners`.

    A program that provides the port, such as an emulator at a pseudo-terminal, is none.

    Args:
        port: path or URL of the port.
        processes: folder in which the operating system lists its processes.
    """
    others = [one for one in _holders(port, processes) if one.name != str(os.getpid())]
    return [_described(process) for process in others if not _provides(process, port)]


def _holders(port: str, processes: Path) -> list[Path]:
    with suppress(OSError):
        wanted = Path(port).resolve(strict=True)
        return [one for one in sorted(processes.glob("[0-9]*")) if wanted in _files(one)]
    return []


def _provides(process: Path, port: str) -> bool:
    """Whether a process has the other end of a pseudo-terminal."""
    with suppress(OSError):
        number = Path(port).resolve(strict=True).name
        return any(
            re.search(rf"tty-index:\s*{number}\b", (process / "fdinfo" / link.name).read_text())
            for link in (process / "fd").iterdir()
            if (file := _target(link)) is not None and file.name == "ptmx"
        )
    return False


def _files(process: Path) -> set[Path]:
    with suppress(OSError):
        return {file for link in (process / "fd").iterdir() if (file := _target(link)) is not None}
    return set()


def _target(link: Path) -> Path | None:
    with suppress(OSError):
        return link.readlink()
    return None


def _described(process: Path) -> str:
    if process.name == str(os.getpid()):
        return "this program"
    name = "a program"
    with suppress(OSError):
        name = (process / "comm").read_text(encoding="utf-8", errors="replace").strip()
    return f"{name} (process {process.name})"
