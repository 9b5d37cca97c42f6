"""An emulated Template switch, at the other end of the line."""

from flowrig.emulation import EmulatorContext

from .line_emulator import LineEmulator

CHANNELS = 64


class TemplateEmulator(LineEmulator):
    """A switch on a serial port.

    Args:
        context: name and settings of the device, the world with its body, and the clock.
    """

    def __init__(self, context: EmulatorContext) -> None:
        self._body = context.world.body(context.device)
        commands = {
            "WHO?": lambda _: "TEMPLATE-1 0042",
            "CHAN": self._go,
            "CHAN?": lambda _: str(self._body.number),
        }
        super().__init__(context, commands)

    def _go(self, text: str) -> str:
        if not 1 <= int(text) <= CHANNELS:
            raise ValueError(f"no channel {text}")
        self._body.turn(int(text))
        return text
