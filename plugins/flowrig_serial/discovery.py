"""Lists serial ports, and lets a driver look for its instrument on those that a person names.

Listing opens no port. Drivers take turns at a port, in the order that their offers give, and one
that comes after an instrument has answered sends nothing.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence

from attrs import frozen

from flowrig.interfaces import Identity
from flowrig.rig.discovery import Discovery, Found, NoAnswer
from flowrig_serial.ports import USB, ListPorts, owners

__all__ = ["SerialPort", "find_on_ports"]


@frozen
class SerialPort:
    """A serial port.

    Attributes:
        driver: name of the driver that looks.
        device: name of the port for pyserial.
        address: the port in a profile: its USB serial number where that is unique.
        description: description by the operating system, if it has one.
    """

    driver: str
    device: str
    address: str
    description: str = ""

    @property
    def names(self) -> tuple[str, str]:
        """By these a person can name it."""
        return self.device, self.address

    def found(
        self,
        note: str = "",
        identity: Identity | None = None,
        settings: Mapping[str, str | int] | None = None,
    ) -> Found:
        """An instrument at the port, or without an identity the port itself."""
        device = self.device if self.device != self.address else ""
        notes = ", ".join(filter(None, (device, self.description, note)))
        return Found(
            driver=self.driver,
            address=self.address,
            identity=identity,
            settings=settings or {},
            note=notes,
        )

    def no_answer(self, reason: str) -> NoAnswer:
        """Why nothing was found there."""
        return NoAnswer(driver=self.driver, address=self.address, reason=reason)


Look = Callable[[SerialPort], Sequence[Found] | str]
"""Looks for the instruments at a port; returns them, or in one clause why there is none."""


def find_on_ports(
    ask: Discovery, driver: str, look: Look, list_ports: ListPorts
) -> Iterator[Found | NoAnswer]:
    """List the serial ports, and look at those that a person has named.

    Args:
        ask: the ports that may be asked.
        driver: name of the driver that looks.
        look: looks at a port, with queries that change nothing.
        list_ports: lists the serial ports of this computer.
    """
    attached = _attached(driver, list_ports)
    names = [name for port in attached for name in port.names]
    asked = {name: SerialPort(driver, name, name) for name in ask.ports_besides(names)}
    for port in attached:
        holders = ", ".join(owners(port.device))
        if not ask.may_ask(*port.names):
            yield port.found(f"in use by {holders}" if holders else "")
        elif holders:
            yield port.found(f"in use by {holders}")
            yield port.no_answer(f"not asked, because it is in use by {holders}")
        else:
            asked[port.device] = port

    def at(device: str) -> Iterator[Found | NoAnswer]:
        with ask.turn(device) as is_unknown:
            if not is_unknown:
                return
            found = look(asked[device])
            if isinstance(found, str):
                yield asked[device].found()
                yield asked[device].no_answer(found)
            else:
                yield from found

    yield from ask.each(list(asked), at)


def _attached(driver: str, list_ports: ListPorts) -> list[SerialPort]:
    ports = sorted(list_ports(), key=lambda port: port.device)
    numbers = Counter(port.serial_number for port in ports)
    return [
        SerialPort(
            driver,
            port.device,
            f"{USB}{port.serial_number}"
            if port.serial_number and numbers[port.serial_number] == 1
            else port.device,
            port.description if port.description not in ("n/a", port.device) else "",
        )
        for port in ports
    ]
