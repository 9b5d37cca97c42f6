"""An emulated Template spectrometer, at the other end of the line."""

from flowrig.emulation import EmulatorContext

from .line_emulator import LineEmulator

PIXELS = 2068


class TemplateEmulator(LineEmulator):
    """A spectrometer on a serial port.

    Args:
        context: name and settings of the device, the world with its body, and the clock.
    """

    def __init__(self, context: EmulatorContext) -> None:
        self._body = context.world.spectrometer(context.device)
        self._clock = context.clock
        self._time_us = 1_000
        self._is_lit = "off"
        commands = {
            "WHO?": lambda _: "TEMPLATE-1 0042",
            "WAVELENGTHS?": self._wavelengths,
            "TIME": self._set_time,
            "TIME?": lambda _: f"{self._time_us}",
            "LIGHT": self._light,
            "LIGHT?": lambda _: self._is_lit,
            "FRAME?": self._frame,
        }
        super().__init__(context, commands)

    def _wavelengths(self, _: str) -> str:
        coefficients = (float(one).hex() for one in self._body.wavelength_coefficients)
        return " ".join((f"{PIXELS}", *coefficients))

    def _set_time(self, text: str) -> str:
        if not 1_000 <= int(text) <= 5_000_000:
            raise ValueError(f"no integration time {text}")
        self._time_us = int(text)
        return f"{self._time_us}"

    def _light(self, text: str) -> str:
        if text not in ("on", "off"):
            raise ValueError(f"no light {text}")
        self._body.light(text == "on")
        self._is_lit = text
        return text

    def _frame(self, _: str) -> str:
        self._clock.emulate_delay(self._time_us * 1e-6)
        return f"{self._time_us} {self._body.expose(self._time_us).astype('>u2').tobytes().hex()}"
