"""Driver for switches that answer SCPI."""

import re
from typing import Final

from flowrig.clock import Clock
from flowrig.errors import ProtocolError
from flowrig_kinds import Switch
from flowrig_sensors.device import ScpiDevice
from flowrig_sensors.link import ScpiLink
from flowrig_sensors.switch.settings import ScpiSwitchSettings

__all__ = ["ScpiSwitch"]

_CHANNEL: Final = re.compile(r"[ A-Za-z:_(@\"']*\+?([0-9]{1,4})[ )\"']*")
"""An answer with one whole number: `3`, `+3`, `(@3)` or `CHAN 3`."""


class ScpiSwitch(ScpiDevice, Switch):
    """A switch with a SCPI command for each channel, such as a fibre switch or a multiplexer.

    Commands are absolute. What the switch reports afterwards decides, not its answer to `*OPC?`.

    Args:
        name: the device's name in the rig profile.
        settings: address, command and query.
        clock: gives the time stamps of readings.
    """

    settings: ScpiSwitchSettings

    def __init__(self, name: str, settings: ScpiSwitchSettings, clock: Clock | None = None) -> None:
        super().__init__(name, settings, clock)
        self._link = ScpiLink(settings.address, settings.deadline_s, self.wire)

    def _do_select(self, position: str) -> None:
        command = f"{self.settings.turn.replace('{}', str(self.number_of(position)))};*OPC?"
        reply = self._ask(command)
        if reply != "1":
            raise self._fault(ProtocolError, "it did not confirm the command", command, reply)

    def _do_position(self) -> str:
        query = self.settings.query
        reply = self._ask(query)
        found = _CHANNEL.fullmatch(reply)
        if found is None:
            raise self._fault(ProtocolError, "the answer names no channel", query, reply)
        return self.name_of(int(found[1]))
