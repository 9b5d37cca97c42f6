"""Which serial port an address means, and why one does not open."""

import errno
import os
import sys
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final, Protocol

__all__ = ["ListPorts", "PortInfo", "find_port", "owners", "why_not"]

USB: Final = "usb:"
PROCESSES: Final = Path("/proc")


class PortInfo(Protocol):
    """A serial port of this computer, as `serial.tools.list_ports` describes it."""

    @property
    def device(self) -> str:
        """What pyserial opens."""
        ...

    @property
    def description(self) -> str:
        """What the operating system calls it."""
        ...

    @property
    def serial_number(self) -> str | None:
        """Serial number of the USB adapter, if it is one and has one."""
        ...


ListPorts = Callable[[], Iterable[PortInfo]]


def find_port(address: str, list_ports: ListPorts) -> str:
    """The port that an address means at this moment.

    Args:
        address: "usb:SERIAL", or anything that pyserial opens.
        list_ports: the serial ports that are there now.

    Raises:
        OSError: no port, or more than one, has this serial number; the message lists those that
            are there.
    """
    if not address.startswith(USB):
        return address
    wanted = address.removeprefix(USB)
    attached = [port for port in list_ports() if port.serial_number]
    found = [port.device for port in attached if port.serial_number == wanted]
    if len(found) == 1:
        return found[0]
    if found:
        raise OSError(f"several ports have this serial number, take one: {', '.join(found)}")
    there = ", ".join(sorted(f"{port.serial_number} at {port.device}" for port in attached))
    raise OSError(f"no USB serial port has this serial number; there are: {there or 'none'}")


def why_not(port: str, error: Exception) -> str:
    """One clause on why a port did not open, with its owner where the operating system tells."""
    reason = f"{error}"
    if getattr(error, "errno", None) in (errno.EAGAIN, errno.EBUSY) or _denied_on_windows(error):
        holders = owners(port)
        return f"{', '.join(holders) if holders else 'another program'} has it ({reason})"
    if getattr(error, "errno", None) == errno.EACCES:
        return f"this user may not use it; on Linux, join the group dialout ({reason})"
    return reason


def _denied_on_windows(error: Exception) -> bool:
    return sys.platform == "win32" and "PermissionError" in str(error)


def owners(port: str, processes: Path = PROCESSES) -> list[str]:
    """The processes that have a port open, as "python3 (process 1234)".

    Known on Linux only, and there for the processes that this user may look into.

    Args:
        port: path of the port.
        processes: where the operating system shows its processes.
    """
    with suppress(OSError):
        wanted = Path(port).resolve(strict=True)
        return [
            _described(process)
            for process in sorted(processes.glob("[0-9]*"))
            if _holds(process, wanted)
        ]
    return []


def _holds(process: Path, wanted: Path) -> bool:
    with suppress(OSError):
        return any(_target(link) == wanted for link in (process / "fd").iterdir())
    return False


def _target(link: Path) -> Path | None:
    with suppress(OSError):
        return link.readlink()
    return None


def _described(process: Path) -> str:
    if process.name == str(os.getpid()):
        return "this program itself"
    name = "a program"
    with suppress(OSError):
        name = (process / "comm").read_text(encoding="utf-8", errors="replace").strip()
    return f"{name} (process {process.name})"
