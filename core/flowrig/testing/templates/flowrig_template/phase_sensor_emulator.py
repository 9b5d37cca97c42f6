"""An emulated Template phase sensor, at the other end of the line."""

from flowrig.emulation import EmulatorContext

from .line_emulator import LineEmulator
from .phase_sensor_settings import TemplateSettings


class TemplateEmulator(LineEmulator):
    """Light gates on a serial port.

    Args:
        context: name and settings of the device, the world with its body, and the clock.
    """

    def __init__(self, context: EmulatorContext) -> None:
        assert isinstance(context.settings, TemplateSettings)
        self._settings = context.settings
        self._body = context.world.body(context.device)
        commands = {
            "WHO?": lambda _: "TEMPLATE-1 0042",
            "LEVELS?": self._levels,
        }
        super().__init__(context, commands)

    def _levels(self, _: str) -> str:
        levels = self._body.levels(self._settings.places_mm)
        return " ".join(f"{level:.4f}" for level in levels.tolist())
