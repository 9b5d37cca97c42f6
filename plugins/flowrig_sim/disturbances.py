"""Drift: how measurements of one and the same product vary with time."""

from flowrig_sim import noise
from flowrig_sim.optics.spectra import Drift

__all__ = ["Disturbances"]

OPTICAL_SD, EMISSION_SD, PROCESS_MEMORY_S = 0.030, 0.040, 90.0
"""Relative standard deviations of absorbance and product emission, and their memory [s].

The standard deviations are fitted to the published ones over 30 minutes: 3.1, 5.2 and 4.2 % for
absorbance, peak and area of the photoluminescence (Sadeghi et al., Digital Discovery 2025, 4,
1722). The memory is assumed.
"""
LED_SD, LED_MEMORY_S = 0.004, 900.0
"""Relative standard deviation of the excitation LED, and its memory [s] (assumed)."""


class Disturbances:
    """Drift of absorbance, emission and excitation; all flow cells share it.

    Args:
        seed: seed of the world.
        scale: 1 for the published rig, 0 for no drift.
        start_s: rig time [s] when the world begins.
        fade_per_h: share of their first light that lamp and LED lose in every hour.
    """

    def __init__(self, seed: int, scale: float, start_s: float, fade_per_h: float = 0.0) -> None:
        def drift(name: str, sd: float, memory_s: float) -> noise.Drift:
            return noise.Drift(seed, name, scale * sd, memory_s, start_s)

        self._optical = drift("optical", OPTICAL_SD, PROCESS_MEMORY_S)
        self._emission = drift("emission", EMISSION_SD, PROCESS_MEMORY_S)
        self._led = drift("led", LED_SD, LED_MEMORY_S)
        self._start_s, self._fade_per_h = start_s, fade_per_h

    def at(self, time_s: float) -> Drift:
        """The drift at a rig time [s]."""
        lit = max(1.0 - self._fade_per_h * (time_s - self._start_s) / 3600.0, 0.0)
        return Drift(
            absorption=1.0 + self._optical.at(time_s),
            emission=1.0 + self._emission.at(time_s),
            excitation=lit * (1.0 + self._led.at(time_s)),
            lamp=lit,
        )
