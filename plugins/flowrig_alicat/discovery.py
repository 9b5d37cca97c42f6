"""Finds the Alicat controllers on the serial ports that a person names.

A port gets `A?`, `AVE` and `A` at 19200 baud: they ask the controller with the unit ID A, as it
comes from the factory, and change nothing.
"""

from collections.abc import Iterator
from typing import Final

from flowrig.errors import DeviceError
from flowrig.rig.discovery import Discovery, Found, NoAnswer
from flowrig_alicat.driver import AlicatController
from flowrig_alicat.settings import AlicatSettings
from flowrig_serial.discovery import SerialPort, find_on_ports
from flowrig_serial.port import comports
from flowrig_serial.ports import ListPorts

__all__ = ["find_controllers"]

DRIVER: Final = "alicat"
DEADLINE_S: Final = 0.5
"""Longest wait [s] for a reply, beside the time that its bytes take."""

NOTE: Final = "full_scale, unit and pressure_unit are those that it shows"


def find_controllers(
    ask: Discovery, list_ports: ListPorts = comports
) -> Iterator[Found | NoAnswer]:
    """List the serial ports, and look for a controller on those that a person has named.

    Args:
        ask: the ports that may be asked, and the longest wait.
        list_ports: lists the serial ports of this computer.
    """
    deadline_s = min(ask.deadline_s, DEADLINE_S)
    return find_on_ports(ask, DRIVER, lambda port: _look(port, deadline_s), list_ports)


def _look(port: SerialPort, deadline_s: float) -> list[Found] | str:
    settings = AlicatSettings(address=port.device, full_scale=1.0, deadline_s=deadline_s)
    try:
        with AlicatController(port.device, settings) as controller:
            who = controller.identify()
            controller.setting()  # no other instrument has this data frame
    except DeviceError as error:
        return f"no controller A answers at {settings.baud} baud: {error.message}"
    keys = {"controller": settings.controller, "baud": settings.baud}
    return [port.found(NOTE, who, keys)]
