"""How the rig's measurements wander around what the chemistry yields."""

from flowrig_sim.chemistry import emission_area
from flowrig_sim.noise import Drift
from flowrig_sim.optics import Light
from flowrig_sim.synthesis import Product

__all__ = ["Disturbances"]

OPTICAL_SD, EMISSION_SD, PROCESS_MEMORY_S = 0.030, 0.040, 90.0
"""Drift of the absorbance and of the crystals' emission.

Fitted to the published relative standard deviations over 30 minutes: 3.1, 5.2 and 4.2 % for
absorbance, peak and area of the photoluminescence (Sadeghi et al., Digital Discovery 2025, 4,
1722); the memory is assumed.
"""
LED_SD, LED_MEMORY_S = 0.004, 900.0
"""Drift of the excitation LED (assumed)."""


class Disturbances:
    """Drift of absorbance, crystals and excitation, shared by all cells.

    Args:
        seed: seed of the world.
        scale: 1 for the published rig, 0 for none.
        start_s: rig time [s] when the world begins.
    """

    def __init__(self, seed: int, scale: float, start_s: float) -> None:
        self._optical = Drift(seed, "optical", scale * OPTICAL_SD, PROCESS_MEMORY_S, start_s)
        self._emission = Drift(seed, "emission", scale * EMISSION_SD, PROCESS_MEMORY_S, start_s)
        self._led = Drift(seed, "led", scale * LED_SD, LED_MEMORY_S, start_s)

    def excitation(self, time_s: float) -> float:
        """Intensity of the LED relative to its mean at a rig time [s]."""
        return 1.0 + self._led.at(time_s)

    def light(self, product: Product, time_s: float) -> Light:
        """What a product does to light at a rig time [s]."""
        absorbance = product.absorbance * (1.0 + self._optical.at(time_s))
        crystals = emission_area(product.crystal_percent, absorbance)
        return Light(
            absorbance=absorbance,
            crystals=crystals * (1.0 + self._emission.at(time_s)),
            background=emission_area(product.background_percent, absorbance),
        )
