"""An emulated switch that answers the SCPI command and query of a profile."""

import re
from typing import Final

from flowrig.emulation import EmulatorContext
from flowrig_sensors.frames.emulator import ListEmulator
from flowrig_sensors.switch.settings import ScpiSwitchSettings

__all__ = ["ScpiSwitchEmulator"]

NUM_CHANNELS: Final = 64


class ScpiSwitchEmulator(ListEmulator):
    """An emulated switch of 64 channels; see `flowrig_kinds.bodies.ValveBody`.

    Args:
        context: the device to emulate, its world and its clock.
    """

    identity = "ACME INSTRUMENTS,SWITCH 64,0042,1.00"

    def __init__(self, context: EmulatorContext) -> None:
        super().__init__(context)
        settings = context.settings
        assert isinstance(settings, ScpiSwitchSettings)
        self._query = settings.query
        before, _, after = settings.turn.partition("{}")
        self._command = re.compile(f"{re.escape(before)}([0-9]{{1,4}}){re.escape(after)};\\*OPC\\?")

    def _answer(self, query: str) -> str | None:
        if query == self._query:
            return f"(@{self._body.number})"
        command = self._command.fullmatch(query)
        if command is None:
            return super()._answer(query)
        if 1 <= int(command[1]) <= NUM_CHANNELS:
            self._body.turn(int(command[1]))
        return "1"
