"""Finds the Fusions on the serial ports that a person names.

A port that a person names gets the requests that the driver sends when it opens with
`baud = "probe"`: `?`, `elapsed time`, `status`, `view parameter`. They change nothing in a Fusion.
Another instrument may react to them in any way, so no other port gets them.
"""

from collections.abc import Iterator
from typing import Final, cast

from attrs import evolve

from flowrig.errors import ConnectionLostError, ProtocolError
from flowrig.interfaces import Identity
from flowrig.rig.discovery import Discovery, Found, NoAnswer
from flowrig_chemyx.driver import ChemyxFusion
from flowrig_chemyx.settings import BAUD_RATES, Baud, FusionSettings
from flowrig_chemyx.wire.serial_line import comports
from flowrig_serial.discovery import SerialPort, find_on_ports
from flowrig_serial.ports import ListPorts

__all__ = ["find_fusions"]

DRIVER: Final = "chemyx-fusion"
DEADLINE_S: Final = 0.5
"""Longest wait [s] for a reply at one baud rate; short, because there are six to try."""


def find_fusions(ask: Discovery, list_ports: ListPorts = comports) -> Iterator[Found | NoAnswer]:
    """List the serial ports, and look for a Fusion on those that a person has named.

    Args:
        ask: the ports that may be asked, and the longest wait.
        list_ports: lists the serial ports of this computer.
    """
    deadline_s = min(ask.deadline_s, DEADLINE_S)
    return find_on_ports(ask, DRIVER, lambda port: _look(port, deadline_s), list_ports)


def _look(port: SerialPort, deadline_s: float) -> list[Found] | str:
    """Look for a Fusion at every baud rate until one answers."""
    reason = f"no answer at {', '.join(map(str, BAUD_RATES))} baud"
    for baud in BAUD_RATES:
        try:
            return _fusions(port, cast(Baud, baud), deadline_s)
        except ProtocolError as error:
            reason = f"the instrument that answers at {baud} baud is no Fusion: {error.message}"
        except ConnectionLostError as error:
            # Without a command the port itself did not open: no baud rate will help.
            if not error.command:
                return error.message
    return reason


def _fusions(port: SerialPort, baud: Baud, deadline_s: float) -> list[Found]:
    """The Fusion that answers at a baud rate, or both channels of a dual pump.

    Raises:
        ProtocolError: another instrument answers.
        ConnectionLostError: no answer, or the port does not open.
    """
    settings = FusionSettings(address=port.device, baud=baud, deadline_s=deadline_s)
    try:
        return [port.found(identity=_identity(settings), settings={"baud": baud})]
    except ProtocolError as error:
        try:
            return [
                port.found(
                    identity=_identity(evolve(settings, channel=channel)),
                    settings={"baud": baud, "channel": channel},
                )
                for channel in (1, 2)
            ]
        except ProtocolError:
            raise error from None


def _identity(settings: FusionSettings) -> Identity:
    with ChemyxFusion(settings.address, settings) as pump:
        return pump.identify()
