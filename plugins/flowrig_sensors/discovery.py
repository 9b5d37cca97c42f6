"""Finds instruments that tell who they are by SCPI or by Modbus.

A host that a person names gets `*IDN?` (IEEE 488.2) on TCP port 5025, after the drivers that know
their instrument, and the Modbus request *Read Device Identification* (Modbus Application Protocol
V1.1b3, 6.21) on TCP port 502. A serial port gets a Modbus request only where a person names this
driver, because it is no text, and other instruments may take it for anything.
"""

import struct
from collections.abc import Iterator
from contextlib import closing
from typing import TYPE_CHECKING, Final

from flowrig.interfaces import Identity, WireLog
from flowrig.rig.discovery import Discovery, Found, NoAnswer
from flowrig_sensors.link import GarbledLineError, ScpiLink
from flowrig_sensors.modbus_protocol import (
    ModbusRefusedError,
    WrongReplyError,
    identity_in,
    identity_request,
)
from flowrig_sensors.modbus_settings import TCP_PORT
from flowrig_sensors.settings import DEFAULT_PORT

if TYPE_CHECKING:
    from flowrig_serial.discovery import SerialPort

__all__ = ["find_modbus", "find_scpi"]

SCPI: Final = "scpi-sensor"
MODBUS: Final = "modbus-sensor"
BAUD: Final = 9600
FIRST_STATION: Final = 1
NOTE: Final = "`channels` are those of its manual"


def find_scpi(ask: Discovery) -> Iterator[Found | NoAnswer]:
    """Ask the hosts that a person has named for their identity, unless another driver knows them.

    Args:
        ask: the hosts that may be asked, and the longest wait.
    """

    def at(address: str) -> Iterator[Found | NoAnswer]:
        with ask.turn(address) as is_unknown:
            if is_unknown:
                yield _scpi(address, ask.deadline_s)

    return ask.each(ask.endpoints(DEFAULT_PORT), at)


def _scpi(address: str, deadline_s: float) -> Found | NoAnswer:
    try:
        with closing(ScpiLink(address, deadline_s, WireLog())) as link:
            reply = link.query("*IDN?")
    except (OSError, ValueError, GarbledLineError) as error:
        return NoAnswer(driver=SCPI, address=address, reason=f"{error}")
    vendor, model, serial, firmware, *_ = (*map(str.strip, reply.split(",")), "", "", "", "")
    if not (vendor and model):
        return NoAnswer(driver=SCPI, address=address, reason=f"{reply!r} is no identity")
    return Found(
        driver=SCPI, address=address, identity=Identity(vendor, model, serial, firmware), note=NOTE
    )


def find_modbus(ask: Discovery) -> Iterator[Found | NoAnswer]:
    """Ask the hosts that a person has named who they are; serial ports only for this driver alone.

    Args:
        ask: the hosts and ports that may be asked, and the longest wait.
    """

    def at(address: str) -> Iterator[Found | NoAnswer]:
        with ask.turn(address) as is_unknown:
            if is_unknown:
                yield _modbus(address, ask.deadline_s)

    yield from ask.each(ask.endpoints(TCP_PORT), at)
    if ask.is_narrowed:
        from flowrig_serial.discovery import find_on_ports
        from flowrig_serial.port import comports

        yield from find_on_ports(ask, MODBUS, lambda port: _rtu(port, ask.deadline_s), comports)


def _modbus(address: str, deadline_s: float) -> Found | NoAnswer:
    from flowrig_sensors.modbus_link import TcpLink

    try:
        with closing(TcpLink(address, FIRST_STATION, deadline_s, WireLog())) as link:
            who = identity_in(link.exchange(identity_request(), deadline_s))
    except ModbusRefusedError:
        reason = "a Modbus instrument answers, and tells no name: write its registers by its manual"
        return NoAnswer(driver=MODBUS, address=address, reason=reason)
    except (OSError, ValueError, WrongReplyError) as error:
        return NoAnswer(driver=MODBUS, address=address, reason=f"{error}")
    keys: dict[str, str | int] = {"protocol": "tcp", "station": FIRST_STATION}
    return Found(driver=MODBUS, address=address, identity=who, settings=keys, note=NOTE)


def _rtu(port: "SerialPort", deadline_s: float) -> list[Found] | str:
    """Read the first holding register of station 1; any sound reply shows a Modbus instrument."""
    from flowrig_sensors.modbus_link import RtuLink

    try:
        with closing(RtuLink(port.device, FIRST_STATION, BAUD, "none", WireLog())) as link:
            link.exchange(struct.pack(">BHH", 3, 0, 1), deadline_s)
    except (OSError, WrongReplyError) as error:
        return f"no Modbus station {FIRST_STATION} answers at {BAUD} baud: {error}"
    who = Identity("unknown", "Modbus instrument")
    return [port.found(NOTE, who, {"station": FIRST_STATION, "baud": BAUD})]
