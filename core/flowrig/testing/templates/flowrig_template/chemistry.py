"""Nanocrystals of lead that grow with time: an invented example of a chemistry.

Source: none. Published: nothing. Fitted: nothing. Assumed: every number.
"""

import math

from flowrig.emulation import (
    Absorber,
    AbsorptionEdge,
    Chemistry,
    Emitter,
    GaussianBand,
    Parcel,
    Product,
    Setup,
)

from .chemistry_settings import TemplateChemistrySettings

ABSORBANCE_L_MOL_MM = 400.0


class TemplateChemistry(Chemistry):
    """The longer a parcel has reacted, the brighter it is."""

    species = ("Pb",)
    invented = True

    def __init__(self, settings: TemplateChemistrySettings, setup: Setup) -> None:
        self._growth_s = settings.growth_s
        self._edge = AbsorptionEdge(edge_nm=settings.peak_nm - 10.0, width_nm=6.0, one_at_nm=365.0)
        self._band = GaussianBand(settings.peak_nm, 20.0)

    def product(self, parcel: Parcel) -> Product:
        """Absorption by Beer and Lambert, emission by the time since streams met."""
        lead = parcel.mol_per_l["Pb"]
        if lead <= 0.0:
            return Product()
        grown = 1.0 - math.exp(-parcel.seconds() / self._growth_s)
        return Product(
            absorbers=(Absorber(absorbance=ABSORBANCE_L_MOL_MM * lead, shape=self._edge),),
            emitters=(Emitter(quantum_yield=0.6 * grown, shape=self._band),),
        )
