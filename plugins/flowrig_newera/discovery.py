"""Finds the New Era pumps on the serial ports that a person names.

A port gets a filler and `VER` to the addresses from 0 on, in Basic and in Safe mode, at the line
speeds that the pumps have at the factory. The pump refuses the filler and tells its version; it
keeps its mode and its program.
"""

from collections.abc import Iterator
from contextlib import closing
from typing import Final

from flowrig.interfaces import WireLog
from flowrig.rig.discovery import Discovery, Found, NoAnswer
from flowrig_newera.driver import identity_of
from flowrig_newera.wire.chain import ChainLine
from flowrig_newera.wire.protocol import ADDRESS_MAX
from flowrig_serial.discovery import SerialPort, find_on_ports
from flowrig_serial.lines import LineFault
from flowrig_serial.port import comports
from flowrig_serial.ports import ListPorts

__all__ = ["find_pumps"]

DRIVER: Final = "new-era"
BAUDS: Final = (19200, 9600)
"""Line speeds that are tried: that of the factory, and the one that manuals of chains use."""

DEADLINE_S: Final = 0.3
"""Longest wait [s] for a reply, beside the time that its bytes take."""


def find_pumps(ask: Discovery, list_ports: ListPorts = comports) -> Iterator[Found | NoAnswer]:
    """List the serial ports, and look for pumps on those that a person has named.

    Args:
        ask: the ports that may be asked, and the longest wait.
        list_ports: lists the serial ports of this computer.
    """
    deadline_s = min(ask.deadline_s, DEADLINE_S)
    return find_on_ports(ask, DRIVER, lambda port: _look(port, deadline_s), list_ports)


def _look(port: SerialPort, deadline_s: float) -> list[Found] | str:
    """The pumps at a port: address 0, and then one after the other until none answers."""
    found: list[Found] = []
    try:
        with closing(ChainLine(port.device, BAUDS)) as line:
            for address in range(ADDRESS_MAX + 1):
                who = identity_of(*line.find(address, deadline_s, WireLog()))
                found.append(
                    port.found(identity=who, settings={"baud": line.bauds[0], "pump": address})
                )
    except LineFault as fault:
        if not found:
            speeds = " or ".join(map(str, BAUDS))
            return f"no pump with the address 0 answers at {speeds} baud: {fault}"
    except OSError as error:
        if not found:
            return f"{port.device} does not open: {error}"
    return found
