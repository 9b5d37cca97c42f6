"""An emulated Template stage, at the other end of the line."""

from flowrig.emulation import EmulatorContext

from .line_emulator import LineEmulator

LONGEST_MM = 50.0


class TemplateEmulator(LineEmulator):
    """A stage on a serial port.

    Args:
        context: name and settings of the device, the world with its body, and the clock.
    """

    def __init__(self, context: EmulatorContext) -> None:
        self._body = context.world.body(context.device)
        commands = {
            "WHO?": lambda _: "TEMPLATE-1 0042",
            "GO": self._set,
            "GO?": lambda _: f"{self._body.told:.1f}",
        }
        super().__init__(context, commands)

    def _set(self, text: str) -> str:
        if not 0.0 <= float(text) <= LONGEST_MM:
            raise ValueError(f"no place {text}")
        self._body.tell(float(text))
        return text
