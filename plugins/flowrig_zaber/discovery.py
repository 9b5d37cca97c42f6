"""Finds the Zaber stages on the serial ports that a person names.

A port gets `/1 1 ?` and `/1 0 01 get version` at 115200 baud, and if something answers, the
question for the highest position of axis 1: nothing moves.
"""

from collections.abc import Iterator
from contextlib import closing
from typing import Final

from flowrig.interfaces import Identity, WireLog
from flowrig.rig.discovery import Discovery, Found, NoAnswer
from flowrig_serial.discovery import SerialPort, find_on_ports
from flowrig_serial.lines import LineFault, TextLine
from flowrig_serial.port import comports
from flowrig_serial.ports import ListPorts
from flowrig_zaber.protocol import limit, version

__all__ = ["find_stages"]

DRIVER: Final = "zaber"
BAUD: Final = 115200
DEADLINE_S: Final = 0.5
"""Longest wait [s] for a reply, beside the time that its bytes take."""

PART: Final = "/1 1 "


def find_stages(ask: Discovery, list_ports: ListPorts = comports) -> Iterator[Found | NoAnswer]:
    """List the serial ports, and look for a stage on those that a person has named.

    Args:
        ask: the ports that may be asked, and the longest wait.
        list_ports: lists the serial ports of this computer.
    """
    deadline_s = min(ask.deadline_s, DEADLINE_S)
    return find_on_ports(ask, DRIVER, lambda port: _look(port, deadline_s), list_ports)


def _look(port: SerialPort, deadline_s: float) -> list[Found] | str:
    log, probe = WireLog(), version(1)
    try:
        with closing(TextLine(port.device, BAUD)) as line:
            firmware = line.synchronize(PART, probe, deadline_s, log).data
            highest = line.ask(PART, limit(1, 1, "max"), probe, deadline_s, log).data
    except LineFault as fault:
        return f"no device 1 answers at {BAUD} baud: {fault}"
    except OSError as error:
        return f"{port.device} does not open: {error}"
    note = f"goes up to {highest} microsteps; its data sheet has the microstep"
    who = Identity("Zaber", "axis 1", firmware=firmware)
    return [port.found(note, who, {"device": 1, "axis": 1, "baud": BAUD})]
