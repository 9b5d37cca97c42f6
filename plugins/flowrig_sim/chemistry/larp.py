"""Ligand-assisted reprecipitation of CsPbBr3 nanocrystals at room temperature, in one phase.

Source: Liang et al., Nanoscale Adv. 2023, 5, 2038, doi 10.1039/d2na00744d.

Published: a precursor solution meets toluene in a Y-connector; with 1000 to 5000 mL/h of toluene at
60 mL/h of precursor the Reynolds number rises from 394 to 1662, and the quantum yield with it to
about 60 %; with 10 to 60 mL/h of precursor at 5000 mL/h of toluene the quantum yield is flat; the
width of the emission is flat.

Fitted: `Re = 0.317 Q_toluene + 1.28 Q_precursor` [mL/h] hits both published numbers; a plain
`Re(Q_total)` does not. `0.317` is a bore of 1.74 mm at 25 °C.

Assumed: the course between the published points (`62 % (1 - exp(-Re / 520))`), absorbance and its
proportionality to the precursor, peak at 516 nm and width of 20 nm, lifetimes.
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
from flowrig_sim.chemistry.lifetimes import lifetimes_ns
from flowrig_sim.offers import NoSettings

__all__ = ["Larp", "quantum_yield", "reynolds"]

PER_ML_H_ANTISOLVENT, PER_ML_H_PRECURSOR = 0.317, 1.28
"""Reynolds number for each mL/h of antisolvent and of precursor (fitted)."""
FITTED_BORE_MM = 1.74
"""Bore [mm] for which these factors hold; at constant flow the number falls with the bore."""
HIGHEST_YIELD, RISE_RE = 0.62, 520.0
"""Limit of the quantum yield, and Reynolds number over which it rises (assumed: 60 % at 1662)."""
ABSORBANCE_L_MOL_MM = 400.0
"""Absorbance at 365 nm per mm and mol/L of lead (assumed)."""
EDGE = AbsorptionEdge(edge_nm=505.0, width_nm=6.0, one_at_nm=365.0)
BAND = GaussianBand(516.0, 20.0)
ML_H_PER_UL_MIN = 0.06
RADIATIVE_NS = 20.0
"""Radiative lifetime [ns] of CsPbBr3 crystals at room temperature (assumed: a few tens)."""


class Larp(Chemistry):
    """The faster the liquids mix, the brighter the crystals.

    The stream with `Pb` is the precursor, every other reactive stream the antisolvent. Without
    antisolvent nothing precipitates.
    """

    species = ("Pb",)

    def __init__(self, settings: NoSettings, setup: Setup) -> None:
        del settings
        self._precursors = [name for name, some in setup.mol_per_l.items() if some.get("Pb")]

    def product(self, parcel: Parcel) -> Product:
        """The crystals of the last junction."""
        lead = parcel.mol_per_l["Pb"]
        share = sum(parcel.shares.get(name, 0.0) for name in self._precursors)
        if lead <= 0.0 or share >= 1.0:
            return Product()
        first = parcel.legs[0] if parcel.legs else None
        total_ml_h = 0.0 if first is None else first.flow_ul_min * ML_H_PER_UL_MIN
        bore_mm = FITTED_BORE_MM if first is None else first.inner_diameter_mm
        number = reynolds(total_ml_h * (1.0 - share), total_ml_h * share, bore_mm)
        return Product(
            absorbers=(Absorber(absorbance=ABSORBANCE_L_MOL_MM * lead, shape=EDGE),),
            emitters=(Emitter(quantum_yield=quantum_yield(number), shape=BAND),),
            lifetimes_ns=lifetimes_ns(quantum_yield(number), RADIATIVE_NS),
        )


def reynolds(antisolvent_ml_h: float, precursor_ml_h: float, bore_mm: float) -> float:
    """Reynolds number of toluene with a precursor in DMF, from flow rates [mL/h] and bore [mm]."""
    number = PER_ML_H_ANTISOLVENT * antisolvent_ml_h + PER_ML_H_PRECURSOR * precursor_ml_h
    return number * FITTED_BORE_MM / bore_mm


def quantum_yield(number: float) -> float:
    """Quantum yield of the crystals at a Reynolds number."""
    return HIGHEST_YIELD * (1.0 - math.exp(-number / RISE_RE))
