"""An emulated Template pump, at the other end of the line."""

import math

from flowrig.emulation import EmulatorContext

from .line_emulator import LineEmulator

SLOWEST_UL_MIN = 0.1
FASTEST_MM_MIN = 60.0


class TemplateEmulator(LineEmulator):
    """A pump on a serial port.

    Like a real pump it converts flow rates to plunger speeds with the bore that was set: if the
    syringe has another bore, the true flow rate differs.

    Args:
        context: name and settings of the device, the world with its body, and the clock.
    """

    def __init__(self, context: EmulatorContext) -> None:
        self._body = context.world.pump(context.device)
        self._bore_mm = 10.0
        self._rate_ul_min = 0.0
        self._zero_ul = self._body.moved_ul
        self._state = "stopped"
        commands = {
            "WHO?": lambda _: "TEMPLATE-1 0042",
            "BORE": self._set_bore,
            "BORE?": lambda _: f"{self._bore_mm:.3f}",
            "RATE": self._set_rate,
            "RATE?": lambda _: f"{self._rate_ul_min:.3f}",
            "SLOWEST?": lambda _: f"{SLOWEST_UL_MIN:.3f}",
            "FASTEST?": lambda _: f"{self._fastest_ul_min():.3f}",
            "START": self._start,
            "STOP": self._stop,
            "STATE?": lambda _: self._look(),
            "VOLUME?": self._volume,
        }
        super().__init__(context, commands)

    def _set_bore(self, text: str) -> str:
        if self._look() == "running" or not 0.1 <= float(text) <= 50.0:
            raise ValueError(f"no bore {text} now")
        self._bore_mm = float(text)
        return f"{self._bore_mm:.3f}"

    def _set_rate(self, text: str) -> str:
        if not SLOWEST_UL_MIN <= float(text) <= self._fastest_ul_min():
            raise ValueError(f"no rate {text} with this bore")
        self._rate_ul_min = float(text)
        if self._look() == "running":
            self._push(self._rate_ul_min)
        return f"{self._rate_ul_min:.3f}"

    def _start(self, _: str) -> str:
        if self._look() != "running":
            self._zero_ul, self._state = self._body.moved_ul, "running"
            self._push(self._rate_ul_min)
        return "ok"

    def _stop(self, _: str) -> str:
        self._state = "stopped"
        self._push(0.0)
        return "ok"

    def _look(self) -> str:
        if self._state == "running" and self._body.stalled:
            self._state = "stalled"
            self._push(0.0)
        return self._state

    def _volume(self, _: str) -> str:
        return f"{(self._body.moved_ul - self._zero_ul) / self._true_per_nominal():.3f}"

    def _push(self, rate_ul_min: float) -> None:
        self._body.push(rate_ul_min * self._true_per_nominal())

    def _true_per_nominal(self) -> float:
        return (self._body.inner_diameter_mm / self._bore_mm) ** 2

    def _fastest_ul_min(self) -> float:
        return FASTEST_MM_MIN * math.pi / 4 * self._bore_mm**2
