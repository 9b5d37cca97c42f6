"""Driver for Alicat mass flow controllers."""

from collections.abc import Mapping

from flowrig.clock import Clock
from flowrig.interfaces import Identity
from flowrig_alicat.protocol import data, set_point, version
from flowrig_alicat.settings import BAR, AlicatSettings
from flowrig_kinds import FlowController
from flowrig_serial.link import LineLink
from flowrig_serial.port import comports
from flowrig_serial.ports import ListPorts

__all__ = ["AlicatController"]


class AlicatController(FlowController):
    """A controller of the mass flow of a gas; off is a set point of 0.

    A command for a set point is answered by a data frame that may still have the old one. So the
    driver drops that answer, and asks for another frame.

    Args:
        name: the device's name in the rig profile.
        settings: port, unit ID, line speed, full scale and units.
        clock: gives the time stamps of readings.
        list_ports: lists the serial ports of this computer.
    """

    settings: AlicatSettings
    settling_s = 1.0

    def __init__(
        self,
        name: str,
        settings: AlicatSettings,
        clock: Clock | None = None,
        list_ports: ListPorts = comports,
    ) -> None:
        super().__init__(name, settings, clock)
        self._list_ports = list_ports
        self._id = settings.controller
        self._link = LineLink(name, self._id, version(self._id), settings.deadline_s, self.wire)

    def _do_open(self) -> None:
        settings = self.settings
        self._link.open(settings.address, settings.baud, self._list_ports)

    def _do_close(self) -> None:
        self._link.close()

    def _do_identify(self) -> Identity:
        return Identity("Alicat", "mass flow controller", firmware=self._link.synchronize())

    def _do_set(self, value: float) -> None:
        command = set_point(self._id, value, self.settings.full_scale)
        if value == 0.0:  # off waits for no answer; the caller asks afterwards
            self._link.tell_blindly(command)
        else:
            self._link.tell(command)

    def _do_setting(self) -> float:
        return self._link.ask(data(self._id)).set_point

    def _do_read(self) -> Mapping[str, float]:
        frame = self._link.ask(data(self._id))
        return {
            "flow": frame.values["flow"],
            "pressure": frame.values["pressure"] * BAR[self.settings.pressure_unit],
            "temperature": frame.values["temperature"],
        }

    def _do_send_safe_action(self) -> None:
        settings = self.settings
        if not self._link.is_open:
            self._link.claim(settings.address, settings.baud, self._list_ports)
        self._link.tell_blindly(set_point(self._id, 0.0, settings.full_scale))
