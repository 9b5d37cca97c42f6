"""Drift: how measurements of one and the same product vary with time."""

from flowrig_sim.chemistry.formulations import emission_area
from flowrig_sim.chemistry.synthesis import Product
from flowrig_sim.noise import Drift
from flowrig_sim.optics.spectra import OpticalResponse

__all__ = ["Disturbances"]

OPTICAL_SD, EMISSION_SD, PROCESS_MEMORY_S = 0.030, 0.040, 90.0
"""Relative standard deviations of absorbance and crystal emission, and their memory [s].

The standard deviations are fitted to the published ones over 30 minutes: 3.1, 5.2 and 4.2 % for
absorbance, peak and area of the photoluminescence (Sadeghi et al., Digital Discovery 2025, 4,
1722). The memory is assumed.
"""
LED_SD, LED_MEMORY_S = 0.004, 900.0
"""Relative standard deviation of the excitation LED, and its memory [s] (assumed)."""


class Disturbances:
    """Drift of absorbance, crystal emission and excitation; all flow cells share it.

    Args:
        seed: seed of the world.
        scale: 1 for the published rig, 0 for no drift.
        start_s: rig time [s] when the world begins.
    """

    def __init__(self, seed: int, scale: float, start_s: float) -> None:
        self._optical = Drift(seed, "optical", scale * OPTICAL_SD, PROCESS_MEMORY_S, start_s)
        self._emission = Drift(seed, "emission", scale * EMISSION_SD, PROCESS_MEMORY_S, start_s)
        self._led = Drift(seed, "led", scale * LED_SD, LED_MEMORY_S, start_s)

    def excitation(self, time_s: float) -> float:
        """Intensity of the LED at a rig time [s], relative to its mean."""
        return 1.0 + self._led.at(time_s)

    def response(self, product: Product, time_s: float) -> OpticalResponse:
        """Optical response of a product at a rig time [s]."""
        absorbance = product.absorbance * (1.0 + self._optical.at(time_s))
        crystals = emission_area(product.crystal_percent, absorbance)
        return OpticalResponse(
            absorbance=absorbance,
            crystals=crystals * (1.0 + self._emission.at(time_s)),
            background=emission_area(product.background_percent, absorbance),
        )
