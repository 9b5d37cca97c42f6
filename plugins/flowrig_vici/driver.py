"""Driver for valves with a VICI Valco actuator."""

from flowrig.clock import Clock
from flowrig.errors import RefusedError
from flowrig.interfaces import Identity
from flowrig_kinds import Valve
from flowrig_serial.link import LineLink
from flowrig_serial.port import comports
from flowrig_serial.ports import ListPorts
from flowrig_vici.protocol import LETTERS, number_of_ports, position, version
from flowrig_vici.settings import ViciSettings

__all__ = ["ViciValve"]


class ViciValve(Valve):
    """A multiposition or two-position valve with a VICI actuator.

    The position that the actuator reports decides: its answer to a command that turns the valve
    depends on its settings, and is not looked at. Commands are absolute, `GO3`, never "next".

    Args:
        name: the device's name in the rig profile.
        settings: port, ID, line speed and positions.
        clock: gives the time stamps of readings.
        list_ports: lists the serial ports of this computer.
    """

    settings: ViciSettings

    def __init__(
        self,
        name: str,
        settings: ViciSettings,
        clock: Clock | None = None,
        list_ports: ListPorts = comports,
    ) -> None:
        super().__init__(name, settings, clock)
        self._list_ports = list_ports
        self._has_letters = False
        self._id = settings.actuator
        self._link = LineLink(
            name, self._id, number_of_ports(self._id), settings.deadline_s, self.wire
        )

    def _do_open(self) -> None:
        settings = self.settings
        num_ports = self._link.open(settings.address, settings.baud, self._list_ports)
        self._has_letters = self._link.ask(position(self._id)) in LETTERS
        most = len(LETTERS) if self._has_letters else num_ports
        for name, number in settings.positions.items():
            if not 1 <= number <= most:
                raise self._fault(
                    RefusedError, f"position {name!r} is number {number}; the valve has {most}"
                )

    def _do_close(self) -> None:
        self._link.close()

    def _do_identify(self) -> Identity:
        kind = "two-position" if self._has_letters else "multiposition"
        return Identity(
            "VICI Valco", f"{kind} actuator", firmware=self._link.ask(version(self._id))
        )

    def _do_select(self, position: str) -> None:
        number = self.number_of(position)
        where = "AB"[number - 1] if self._has_letters else f"{number}"
        self._link.tell_at_once(f"{self._id}GO{where}")  # it may be the way to the safe position

    def _do_position(self) -> str:
        found = self._link.ask(position(self._id))
        return self.name_of(LETTERS[found] if found in LETTERS else int(found))
