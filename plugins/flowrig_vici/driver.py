"""Driver for valves with a VICI Valco actuator."""

from typing import Final, TypeVar

from flowrig.clock import Clock
from flowrig.errors import ConnectionLostError, NotReadyError, RefusedError
from flowrig.interfaces import Identity
from flowrig_kinds import Valve
from flowrig_serial.lines import LineFault, Query, TextLine, lost, unknown
from flowrig_serial.port import comports
from flowrig_serial.ports import ListPorts, find_port
from flowrig_serial.shared import SharedLines
from flowrig_vici.protocol import LETTERS, number_of_ports, position, version
from flowrig_vici.settings import ViciSettings

__all__ = ["ViciValve"]

T = TypeVar("T")

_lines: Final = SharedLines[TextLine]()


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
        self._port = ""
        self._open_line: TextLine | None = None
        self._has_letters = False

    @property
    def _line(self) -> TextLine:
        if self._open_line is None:
            raise self._fault(NotReadyError, "the port is closed")
        return self._open_line

    def _do_open(self) -> None:
        settings = self.settings
        try:
            port = find_port(settings.address, self._list_ports)
            self._open_line = _lines.claim(
                port, settings.actuator, lambda: TextLine(port, settings.baud)
            )
        except OSError as error:
            message = f"{settings.address} does not open: {error}"
            raise self._fault(ConnectionLostError, message) from error
        self._port = port
        num_ports = self._synchronized()
        self._has_letters = self._asked(position(settings.actuator)) in LETTERS
        most = len(LETTERS) if self._has_letters else num_ports
        for name, number in settings.positions.items():
            if not 1 <= number <= most:
                raise self._fault(
                    RefusedError, f"position {name!r} is number {number}; the valve has {most}"
                )

    def _do_close(self) -> None:
        line, self._open_line = self._open_line, None
        if line is not None:
            _lines.release(self._port, self.settings.actuator, line)

    def _do_identify(self) -> Identity:
        kind = "two-position" if self._has_letters else "multiposition"
        firmware = self._asked(version(self.settings.actuator))
        return Identity("VICI Valco", f"{kind} actuator", firmware=firmware)

    def _do_select(self, position: str) -> None:
        number = self.number_of(position)
        where = "AB"[number - 1] if self._has_letters else f"{number}"
        settings = self.settings
        request = f"{settings.actuator}GO{where}"
        try:
            self._line.tell(
                settings.actuator,
                request,
                number_of_ports(settings.actuator),
                settings.deadline_s,
                self.wire,
            )
        except LineFault as fault:
            raise unknown(fault, self.name, request) from fault

    def _do_position(self) -> str:
        found = self._asked(position(self.settings.actuator))
        return self.name_of(LETTERS[found] if found in LETTERS else int(found))

    def _synchronized(self) -> int:
        """Synchronize, and return the number of positions."""
        settings, line = self.settings, self._line
        probe = number_of_ports(settings.actuator)
        try:
            return line.synchronize(settings.actuator, probe, settings.deadline_s, self.wire)
        except LineFault as fault:
            raise lost(fault, self.name, probe.request, line.hint()) from fault

    def _asked(self, query: Query[T]) -> T:
        settings, line = self.settings, self._line
        probe = number_of_ports(settings.actuator)
        try:
            return line.ask(settings.actuator, query, probe, settings.deadline_s, self.wire)
        except LineFault as fault:
            raise lost(fault, self.name, query.request, line.hint()) from fault
