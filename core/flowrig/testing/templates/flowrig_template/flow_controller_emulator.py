"""An emulated Template flow controller, at the other end of the line."""

from flowrig.emulation import EmulatorContext

from .line_emulator import LineEmulator

HIGHEST_ML_MIN = 100.0


class TemplateEmulator(LineEmulator):
    """A flow controller on a serial port.

    Args:
        context: name and settings of the device, the world with its body, and the clock.
    """

    def __init__(self, context: EmulatorContext) -> None:
        self._body = context.world.body(context.device)
        commands = {
            "WHO?": lambda _: "TEMPLATE-1 0042",
            "SET": self._set,
            "SET?": lambda _: f"{self._body.told:.1f}",
            "FLOW?": lambda _: f"{self._body.value:.1f}",
        }
        super().__init__(context, commands)

    def _set(self, text: str) -> str:
        if not 0.0 <= float(text) <= HIGHEST_ML_MIN:
            raise ValueError(f"no flow {text}")
        self._body.tell(float(text))
        return text
