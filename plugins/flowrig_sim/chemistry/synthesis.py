"""The product of the reactor as a function of composition, flow rate, temperature and time."""

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from flowrig_sim.chemistry.formulations import Formulation, emission_area, published_c
from flowrig_sim.chemistry.heatup import HeatUp

__all__ = ["Product", "Synthesis"]


@frozen
class Product:
    """Optical properties of the reactive phase behind the reactor.

    Attributes:
        absorbance: decadic absorbance at 300 nm.
        crystal_percent: quantum yield proxy [%] of the nanocrystals.
        background_percent: quantum yield proxy [%] of ligands and scattered light.
    """

    absorbance: float
    crystal_percent: float
    background_percent: float

    @property
    def area(self) -> float:
        """Photoluminescence area [counts·nm] on the scale of the published reference dye."""
        return emission_area(self.crystal_percent + self.background_percent, self.absorbance)


@frozen
class Synthesis:
    """A published formulation in a heated reactor.

    Attributes:
        formulation: stock solutions and fitted surfaces.
        heat_up: mixing, heating and conversion in the reactor tubing.
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
        """The product of one slice of liquid.

        Args:
            stock_shares: volume shares of CuI, ZnI2 and CsOA solution in the reactive phase, 0 to
                1.
            reactive_share: share of the reactive phase in the total flow, 0 to 1.
            total_flow_ul_min: total flow rate [µL/min] at the reactor's inlet.
            plate_c: temperature [°C] of the plate at regular times during the stay, shape `n`.
            residence_time_s: residence time [s] in the reactor.
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
