"""An emulated Template photon counter, at the other end of the line."""

from flowrig.emulation import EmulatorContext

from .line_emulator import LineEmulator
from .tcspc_settings import TemplateSettings


class TemplateEmulator(LineEmulator):
    """A photon counter on a serial port.

    Args:
        context: name and settings of the device, the world with its body, and the clock.
    """

    def __init__(self, context: EmulatorContext) -> None:
        assert isinstance(context.settings, TemplateSettings)
        self._settings = context.settings
        self._body = context.world.body(context.device)
        commands = {
            "WHO?": lambda _: "TEMPLATE-1 0042",
            "CLEAR": self._clear,
            "COUNTS?": self._counts,
        }
        super().__init__(context, commands)

    def _clear(self, _: str) -> str:
        self._body.clear()
        return "done"

    def _counts(self, _: str) -> str:
        counts = self._body.histogram(self._settings.bins, self._settings.bin_ns)
        return " ".join(map(str, counts.tolist()))
