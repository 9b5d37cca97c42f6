"""An emulated Template heater, at the other end of the line."""

import math

from flowrig.emulation import EmulatorContext

from .line_emulator import LineEmulator

OFF_C = 20.0
"""Temperature [°C] to which the plate cools when it is off."""


class TemplateEmulator(LineEmulator):
    """A hot plate on a serial port.

    Args:
        context: name and settings of the device, the world with its body, and the clock.
    """

    def __init__(self, context: EmulatorContext) -> None:
        self._body = context.world.heater(context.device)
        self._set_point_c = OFF_C
        commands = {
            "WHO?": lambda _: "TEMPLATE-1 0042",
            "SET": self._set,
            "OFF": self._off,
            "READ?": lambda _: f"{self._sensor()} {self._set_point_c:.2f}",
        }
        super().__init__(context, commands)

    def _set(self, text: str) -> str:
        if not 0.0 <= float(text) <= 300.0:
            raise ValueError(f"no set point {text}")
        self._control(float(text))
        return f"{self._set_point_c:.2f}"

    def _off(self, _: str) -> str:
        self._control(OFF_C)
        return "off"

    def _control(self, set_point_c: float) -> None:
        self._set_point_c = set_point_c
        self._body.control(set_point_c)

    def _sensor(self) -> str:
        temperature_c = self._body.temperature_c
        return f"{temperature_c:.2f}" if math.isfinite(temperature_c) else "open"
