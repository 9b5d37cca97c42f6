"""Hot-injection synthesis of Cs3Cu2I5 nanocrystals in slugs.

Source: Sadeghi, Bateni et al., Nanoscale 2024, 16, 580, doi 10.1039/d3nr05034c.

Published, as signs without numbers: more CuI gives more emission; the temperature has its best
value near 150 °C and emission falls above; oleic acid has an optimum, more of it is better in most
of the space; oleylamine lowers it; reaction times above 28 s lower it; secondary peaks near 380 nm
with much oleic acid and near 600 nm below 120 °C; mixing does not matter above 600 µL/min.

Fitted: nothing; no measurements are published with the paper. Assumed: every number below. The
signs are the tests of this module.
"""

import math

from flowrig.emulation import (
    Absorber,
    Chemistry,
    Emitter,
    GaussianBand,
    Leg,
    Parcel,
    Product,
    Setup,
)
from flowrig.errors import InputError
from flowrig_sim.chemistry.synthesis import CRYSTALS, LIGANDS, absorption
from flowrig_sim.offers import NoSettings

__all__ = ["HotInjection"]

DEFECTS = GaussianBand(600.0, 110.0)
"""Secondary emission near 600 nm; the position is published, the width assumed."""
BEST_C, WIDTH_BELOW_C, WIDTH_ABOVE_C = 150.0, 28.0, 12.0
"""Best temperature [°C] (published), and how far below and above it the yield falls (assumed)."""
BEST_OA_MOL_L, OA_DECADES = 0.25, 0.5
"""Best concentration [mol/L] of oleic acid, and its width in decades (assumed)."""
HALF_CU_MOL_L = 2e-3
"""Concentration [mol/L] of copper at half of the largest yield (assumed)."""
HALF_OAM_MOL_L = 0.12
"""Concentration [mol/L] of oleylamine that halves the yield (assumed)."""
GROWTH_S, FADING_FROM_S, FADING_S = 6.0, 28.0, 40.0
"""Time of growth [s] and of fading [s] (assumed), and when fading begins (published: 28 s)."""
DEFECTS_BELOW_C, DEFECTS_OVER_C = 120.0, 4.0
"""Temperature [°C] below which the peak at 600 nm appears (published), and over which (assumed)."""
LARGEST_YIELD = 0.45
"""Largest quantum yield of the crystals (assumed)."""
LIGAND_YIELD = 0.03
"""Quantum yield of the ligands at the best concentration of oleic acid (assumed)."""
PUBLISHED_CELL_MM = 1.016
"""Light path [mm] of the absorbance below: the bore of the flow cell, 0.04 in."""
ABSORBANCE_PER_CU = 300.0
"""Absorbance at 300 nm in that cell per mol/L of copper (assumed)."""
MIXED_ABOVE_UL_MIN = 600.0
"""Total flow rate [µL/min] above which mixing does not matter (published)."""


class HotInjection(Chemistry):
    """Caesium oleate is injected into hot copper iodide.

    It needs the species `Cu`, `Cs`, `OA` and `OAm`, and a heated reactor behind the junction where
    copper and caesium meet.
    """

    species = ("Cs", "Cu", "OA", "OAm")

    def __init__(self, settings: NoSettings, setup: Setup) -> None:
        del settings
        if setup.examples and not any(parcel.heated_legs() for parcel in setup.examples):
            raise InputError(
                f"{setup.rig}: hot injection needs a heated reactor between the junction of its "
                "streams and the flow cell"
            )

    def product(self, parcel: Parcel) -> Product:
        """Crystals, ligands and, where it was too cold, defects."""
        some = parcel.mol_per_l
        copper, acid, amine = some["Cu"], some["OA"], some["OAm"]
        absorbance = ABSORBANCE_PER_CU * copper
        legs = parcel.heated_legs()
        if not legs or copper <= 0.0:
            return _seen(absorbance, 0.0, LIGAND_YIELD * acid / BEST_OA_MOL_L, 0.0)
        seconds = sum(leg.seconds for leg in legs)
        mean_c = sum(float(leg.temperature_c.mean()) * leg.seconds for leg in legs) / seconds
        crystals = LARGEST_YIELD * copper / (copper + HALF_CU_MOL_L)
        crystals *= _caesium(some["Cs"], copper) / (1.0 + amine / HALF_OAM_MOL_L)
        decades = math.log10(max(acid, 1e-6) / BEST_OA_MOL_L)
        crystals *= math.exp(-0.5 * (decades / OA_DECADES) ** 2)
        width_c = WIDTH_ABOVE_C if mean_c > BEST_C else WIDTH_BELOW_C
        crystals *= math.exp(-0.5 * ((mean_c - BEST_C) / width_c) ** 2)
        crystals *= 1.0 - math.exp(-seconds / GROWTH_S)
        crystals *= math.exp(-max(seconds - FADING_FROM_S, 0.0) / FADING_S)
        crystals *= _mixed(legs[0])
        cold = 1.0 / (1.0 + math.exp((mean_c - DEFECTS_BELOW_C) / DEFECTS_OVER_C))
        return _seen(
            absorbance, crystals, LIGAND_YIELD * acid / BEST_OA_MOL_L, 0.3 * crystals * cold
        )


def _caesium(caesium: float, copper: float) -> float:
    """How complete the crystals can be: three caesium for two copper."""
    return min(caesium / (1.5 * copper), 1.0)


def _mixed(leg: Leg) -> float:
    """Degree of mixing: 1 from the published flow rate on, less below (assumed)."""
    return math.sqrt(min(leg.flow_ul_min / MIXED_ABOVE_UL_MIN, 1.0))


def _seen(absorbance: float, crystals: float, ligands: float, defects: float) -> Product:
    return Product(
        absorbers=(Absorber(absorbance=absorbance, shape=absorption, path_mm=PUBLISHED_CELL_MM),),
        emitters=(
            Emitter(quantum_yield=crystals, shape=CRYSTALS),
            Emitter(quantum_yield=ligands, shape=LIGANDS),
            Emitter(quantum_yield=defects, shape=DEFECTS),
        ),
    )
