"""Lists the serial ports, and finds the Fusions on the ports that a person names.

Listing opens no port. A port that a person names gets the requests that the driver sends when it
opens with `baud = "probe"`: `?`, `elapsed time`, `status`, `view parameter`. They change nothing in
a Fusion. Another instrument may react to them in any way, so no other port gets them.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Final, cast

from attrs import evolve, frozen

from flowrig.errors import ConnectionLostError, ProtocolError
from flowrig.interfaces import Identity
from flowrig.rig.discovery import Discovery, Found, NoAnswer
from flowrig_chemyx.driver import ChemyxFusion
from flowrig_chemyx.settings import BAUD_RATES, Baud, FusionSettings
from flowrig_chemyx.wire.serial_line import comports
from flowrig_serial.ports import USB, ListPorts, owners

__all__ = ["find_fusions"]

DRIVER: Final = "chemyx-fusion"
DEADLINE_S: Final = 0.5
"""Longest wait [s] for a reply at one baud rate; short, because there are six to try."""


@frozen
class _Port:
    """A serial port.

    Attributes:
        device: name of the port for pyserial.
        address: the port in a profile: its USB serial number where that is unique.
        description: description by the operating system, if it has one.
    """

    device: str
    address: str
    description: str = ""

    @property
    def names(self) -> tuple[str, str]:
        return self.device, self.address

    def found(
        self,
        note: str = "",
        identity: Identity | None = None,
        settings: Mapping[str, str | int] | None = None,
    ) -> Found:
        device = self.device if self.device != self.address else ""
        notes = ", ".join(filter(None, (device, self.description, note)))
        return Found(
            driver=DRIVER,
            address=self.address,
            identity=identity,
            settings=settings or {},
            note=notes,
        )

    def no_answer(self, reason: str) -> NoAnswer:
        return NoAnswer(driver=DRIVER, address=self.address, reason=reason)


def find_fusions(ask: Discovery, list_ports: ListPorts = comports) -> Iterator[Found | NoAnswer]:
    """List the serial ports, and look for a Fusion on those that a person has named.

    Args:
        ask: the ports that may be asked, and the longest wait.
        list_ports: lists the serial ports of this computer.
    """
    attached = _attached(list_ports)
    asked = {name: _Port(name, name) for name in ask.ports_besides(_names(attached))}
    for port in attached:
        holders = ", ".join(owners(port.device))
        if not ask.may_ask(*port.names):
            yield port.found(f"in use by {holders}" if holders else "")
        elif holders:
            yield port.found(f"in use by {holders}")
            yield port.no_answer(f"not asked, because it is in use by {holders}")
        else:
            asked[port.device] = port
    yield from ask.each(list(asked), lambda device: _ask(asked[device], ask))


def _attached(list_ports: ListPorts) -> list[_Port]:
    ports = sorted(list_ports(), key=lambda port: port.device)
    numbers = Counter(port.serial_number for port in ports)
    return [
        _Port(
            port.device,
            f"{USB}{port.serial_number}"
            if port.serial_number and numbers[port.serial_number] == 1
            else port.device,
            port.description if port.description not in ("n/a", port.device) else "",
        )
        for port in ports
    ]


def _names(ports: list[_Port]) -> list[str]:
    return [name for port in ports for name in port.names]


def _ask(port: _Port, ask: Discovery) -> Iterator[Found | NoAnswer]:
    """Look for a Fusion at every baud rate until one answers."""
    deadline_s = min(ask.deadline_s, DEADLINE_S)
    reason = f"no answer at {', '.join(map(str, BAUD_RATES))} baud"
    with ask.turn(port.device):
        for baud in BAUD_RATES:
            try:
                yield from _fusions(port, cast(Baud, baud), deadline_s)
                return
            except ProtocolError as error:
                reason = f"the instrument that answers at {baud} baud is no Fusion: {error.message}"
            except ConnectionLostError as error:
                # Without a command the port itself did not open: no baud rate will help.
                if not error.command:
                    reason = error.message
                    break
    yield port.found()
    yield port.no_answer(reason)


def _fusions(port: _Port, baud: Baud, deadline_s: float) -> list[Found]:
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
