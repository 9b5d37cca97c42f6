"""An emulated Template sensor, at the other end of the line."""

import math

from flowrig.emulation import EmulatorContext

from .line_emulator import LineEmulator


class TemplateEmulator(LineEmulator):
    """A sensor on a serial port.

    Args:
        context: name and settings of the device, the world with its body, and the clock.
    """

    def __init__(self, context: EmulatorContext) -> None:
        self._body = context.world.body(context.device)
        commands = {"WHO?": lambda _: "TEMPLATE-1 0042", "READ?": self._read}
        super().__init__(context, commands)

    def _read(self, _: str) -> str:
        return f"{_text(self._body.pressure_bar)} {_text(self._body.temperature_c)}"


def _text(value: float) -> str:
    return f"{value:.4f}" if math.isfinite(value) else "open"
