"""Driver for sensors that answer SCPI queries."""

from collections.abc import Mapping

from flowrig.clock import Clock
from flowrig.errors import ProtocolError
from flowrig_kinds import Sensor
from flowrig_sensors.device import ScpiDevice, number
from flowrig_sensors.link import ScpiLink
from flowrig_sensors.settings import ScpiSensorSettings

__all__ = ["ScpiSensor"]


class ScpiSensor(ScpiDevice, Sensor):
    """An instrument that reports numbers by SCPI; the profile has its queries.

    It is only asked: the driver sends `*IDN?` and the queries of the profile.

    Args:
        name: the device's name in the rig profile.
        settings: address and queries.
        clock: gives the time stamps of readings.
    """

    settings: ScpiSensorSettings

    def __init__(self, name: str, settings: ScpiSensorSettings, clock: Clock | None = None) -> None:
        super().__init__(name, settings, clock)
        self._link = ScpiLink(settings.address, settings.deadline_s, self.wire)

    def _do_read(self) -> Mapping[str, float]:
        return {
            name: self._number(channel.query) * channel.scale + channel.offset
            for name, channel in self.settings.channels.items()
        }

    def _number(self, query: str) -> float:
        reply = self._ask(query)
        try:
            return number(reply)
        except ValueError as error:
            raise self._fault(ProtocolError, f"{error}", query, reply) from error
