"""From what enters the reactor, and how it passes, to what comes out."""

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from flowrig_sim.chemistry import Formulation, emission_area, published_c
from flowrig_sim.heatup import HeatUp

__all__ = ["Product", "Synthesis"]


@frozen
class Product:
    """The reactive phase behind the reactor.

    Attributes:
        absorbance: decadic absorbance at 300 nm.
        crystal_percent: quantum yield proxy of the nanocrystals [%].
        background_percent: that of everything else that emits [%].
    """

    absorbance: float
    crystal_percent: float
    background_percent: float

    @property
    def area(self) -> float:
        """Photoluminescence area [counts·nm] on the scale of the published dye."""
        return emission_area(self.crystal_percent + self.background_percent, self.absorbance)


@frozen
class Synthesis:
    """A formulation in a reactor.

    Attributes:
        formulation: what is in the syringes.
        heat_up: the reactor.
    """

    formulation: Formulation
    heat_up: HeatUp

    def product(
        self,
        stock_shares: tuple[float, float, float],
        reactive_share: float,
        total_flow_ul_min: float,
        plate_c: NDArray[np.float64],
        residence_time_s: float,
    ) -> Product:
        """What comes out.

        Args:
            stock_shares: CuI, ZnI2 and CsOA solution in the reactive phase by volume, 0 to 1.
            reactive_share: reactive phase in the total flow, 0 to 1.
            total_flow_ul_min: total flow rate at the reactor's inlet [µL/min].
            plate_c: temperature of the plate [°C] at regular times of the stay, shape `n`.
            residence_time_s: length of the stay in the reactor [s].
        """
        reactive = self.formulation.concentrations(*stock_shares)
        mean_c = float(plate_c.mean())
        crystals = self.formulation.crystal_yield_percent(reactive, mean_c)
        crystals *= self.heat_up.relative_signal(
            total_flow_ul_min, reactive_share, plate_c, residence_time_s, published_c(mean_c)
        )
        return Product(
            self.formulation.absorbance(reactive, mean_c, crystals),
            crystals,
            self.formulation.background_percent,
        )
