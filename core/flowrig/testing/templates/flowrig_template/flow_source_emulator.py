"""An emulated Template flow source, at the other end of the line."""

from flowrig.emulation import EmulatorContext

from .line_emulator import LineEmulator

HIGHEST_UL_MIN = 5000.0


class TemplateEmulator(LineEmulator):
    """A flow source on a serial port.

    Args:
        context: name and settings of the device, the world with its body, and the clock.
    """

    def __init__(self, context: EmulatorContext) -> None:
        self._body = context.world.body(context.device)
        commands = {
            "WHO?": lambda _: "TEMPLATE-1 0042",
            "FLOW": self._set,
            "FLOW?": lambda _: f"{self._body.told:.1f}",
            "TOTAL?": lambda _: f"{self._body.total_ul:.3f}",
            "PRESSURE?": lambda _: f"{self._body.place.pressure_bar:.4f}",
        }
        super().__init__(context, commands)

    def _set(self, text: str) -> str:
        if not 0.0 <= float(text) <= HIGHEST_UL_MIN:
            raise ValueError(f"no flow rate {text}")
        self._body.tell(float(text))
        return text
