"""Finds the VICI actuators on the serial ports that a person names.

A port gets `?` and `VR` at 9600 baud, and if something answers, `CP` and `NP`: questions, which
turn nothing. To a few other instruments they are commands, so that this driver asks late.
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
from flowrig_vici.protocol import LETTERS, number_of_ports, position, version

__all__ = ["find_actuators"]

DRIVER: Final = "vici"
BAUD: Final = 9600
DEADLINE_S: Final = 0.5
"""Longest wait [s] for a reply, beside the time that its bytes take."""


def find_actuators(ask: Discovery, list_ports: ListPorts = comports) -> Iterator[Found | NoAnswer]:
    """List the serial ports, and look for an actuator on those that a person has named.

    Args:
        ask: the ports that may be asked, and the longest wait.
        list_ports: lists the serial ports of this computer.
    """
    deadline_s = min(ask.deadline_s, DEADLINE_S)
    return find_on_ports(ask, DRIVER, lambda port: _look(port, deadline_s), list_ports)


def _look(port: SerialPort, deadline_s: float) -> list[Found] | str:
    log, probe = WireLog(), version("")
    try:
        with closing(TextLine(port.device, BAUD)) as line:
            firmware = line.synchronize("", probe, deadline_s, log)
            where = line.ask("", position(""), probe, deadline_s, log)
            count = line.ask("", number_of_ports(""), probe, deadline_s, log)
    except LineFault as fault:
        return f"no actuator without an ID answers at {BAUD} baud: {fault}"
    except OSError as error:
        return f"{port.device} does not open: {error}"
    kind = "two-position" if where in LETTERS else "multiposition"
    note = f"{2 if where in LETTERS else count} positions, which `positions` names"
    who = Identity("VICI Valco", f"{kind} actuator", firmware=firmware)
    return [port.found(note, who, {"baud": BAUD})]
