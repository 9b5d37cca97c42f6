"""Finds the SSI pumps on the serial ports that a person names.

A port gets `?`, which no pump takes, and `MF` at 9600 baud: the question for the fastest flow rate,
which is no command of the other instruments that flowrig knows. Only after its answer comes `ID`.
`CC` is not sent: to a VICI actuator it is the command to turn.
"""

from collections.abc import Iterator
from contextlib import closing
from typing import Final

from flowrig.interfaces import WireLog
from flowrig.rig.discovery import Discovery, Found, NoAnswer
from flowrig_serial.discovery import SerialPort, find_on_ports
from flowrig_serial.lines import LineFault, TextLine
from flowrig_serial.port import comports
from flowrig_serial.ports import ListPorts
from flowrig_ssi.protocol import BAUD, END, fastest, identity, version

__all__ = ["find_pumps"]

DRIVER: Final = "ssi-hplc"
DEADLINE_S: Final = 0.5
"""Longest wait [s] for a reply, beside the time that its bytes take."""


def find_pumps(ask: Discovery, list_ports: ListPorts = comports) -> Iterator[Found | NoAnswer]:
    """List the serial ports, and look for a pump on those that a person has named.

    Args:
        ask: the ports that may be asked, and the longest wait.
        list_ports: lists the serial ports of this computer.
    """
    deadline_s = min(ask.deadline_s, DEADLINE_S)
    return find_on_ports(ask, DRIVER, lambda port: _look(port, deadline_s), list_ports)


def _look(port: SerialPort, deadline_s: float) -> list[Found] | str:
    log, probe = WireLog(), fastest()
    try:
        with closing(TextLine(port.device, BAUD, reply_end=END)) as line:
            fastest_ul_min = line.synchronize("", probe, deadline_s, log)
            firmware = line.ask("", version(), probe, deadline_s, log)
    except LineFault as fault:
        return f"no SSI pump answers at {BAUD} baud: {fault}"
    except OSError as error:
        return f"{port.device} does not open: {error}"
    keys = {"flow_rate_max": f"{fastest_ul_min / 1000:g} mL/min"}
    return [port.found(identity=identity(firmware), settings=keys)]
