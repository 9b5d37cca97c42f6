"""An emulated Template light, at the other end of the line."""

from flowrig.emulation import EmulatorContext

from .line_emulator import LineEmulator

HIGHEST_PERCENT = 100.0


class TemplateEmulator(LineEmulator):
    """A light on a serial port.

    Args:
        context: name and settings of the device, the world with its body, and the clock.
    """

    def __init__(self, context: EmulatorContext) -> None:
        self._body = context.world.body(context.device)
        commands = {
            "WHO?": lambda _: "TEMPLATE-1 0042",
            "POWER": self._set,
            "POWER?": lambda _: f"{self._body.told:.1f}",
        }
        super().__init__(context, commands)

    def _set(self, text: str) -> str:
        if not 0.0 <= float(text) <= HIGHEST_PERCENT:
            raise ValueError(f"no intensity {text}")
        self._body.tell(float(text))
        return text
