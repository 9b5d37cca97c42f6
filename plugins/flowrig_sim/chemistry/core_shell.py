"""Core/shell quantum dots of InP and ZnS that grow in stages, in one reactor after the other.

Source: Vikram et al., ChemNanoMat 2018, 4, 943 (InP/ZnSeS in a core reactor and a shell reactor);
only the abstract was read.

Published: the parameters of both stages tune the emission between 480 and 650 nm; the quantum yield
reaches 67 %.

Fitted: nothing; no measurements were read. Assumed: every other number below, that hotter and
longer core stages give larger and redder cores, and that bare cores hardly emit, shells brighten
them and shift them to red, and too much zinc makes them dim again.
"""

import math
from typing import ClassVar

from flowrig.emulation import (
    Absorber,
    AbsorptionEdge,
    Chemistry,
    Emitter,
    GaussianBand,
    Leg,
    Parcel,
    Product,
    Setup,
)
from flowrig.errors import InputError
from flowrig_sim.offers import NoSettings

__all__ = ["CoreShell"]

BLUEST_NM, REDDEST_NM = 480.0, 650.0
"""Ends of the emission of core/shell dots (published)."""
SHELL_SHIFT_NM = 20.0
"""Shift [nm] of the emission by a full shell (assumed)."""
BARE_YIELD, LARGEST_YIELD = 0.01, 0.67
"""Quantum yield of bare cores (assumed) and of the best dots (published)."""
BEST_ZN_IN, ZN_IN_DECADES = 3.0, 0.35
"""Best ratio of zinc, or of sulfur where that is less, to indium, and its width (assumed)."""
GROWTH_S, GROWTH_C = 240.0, 240.0
"""Time constant [s] of both stages at a temperature [°C] (assumed)."""
ACTIVATION_K = 6000.0
"""Activation energy over the gas constant [K] of both stages (assumed: 50 kJ/mol)."""
KELVIN = 273.15
WIDTH_NM = 55.0
"""Full width of the emission at half its maximum [nm] (assumed)."""
INDIUM_L_MOL_MM = 60.0
"""Absorbance at 450 nm per mm and mol/L of indium (assumed)."""


class CoreShell(Chemistry):
    """Indium phosphide grows where indium is hot, a shell where zinc and sulfur are there too.

    It needs the species `In`, `Zn` and `S`, and a heated reactor before zinc and sulfur join.
    """

    species = ("In", "Zn", "S")
    sample_streams: ClassVar = {"Core": {"In": 0.02}, "Zinc": {"Zn": 0.08}, "Thiol": {"S": 0.08}}

    def __init__(self, settings: NoSettings, setup: Setup) -> None:
        del settings
        heated = [leg for parcel in setup.examples for leg in parcel.history() if leg.is_heated]
        if setup.examples and not heated:
            raise InputError(f"{setup.rig}: core/shell dots need a heated reactor")

    def product(self, parcel: Parcel) -> Product:
        """Dots whose colour follows the cores, and whose yield follows the shells."""
        indium = parcel.mol_per_l["In"]
        core, shell = _grown(parcel)
        grown = 1.0 - math.exp(-core)
        if indium <= 0.0 or grown <= 0.0:
            return Product()
        covered = 1.0 - math.exp(-shell)
        core_nm = BLUEST_NM + (REDDEST_NM - SHELL_SHIFT_NM - BLUEST_NM) * grown
        nm = round(core_nm + SHELL_SHIFT_NM * covered, 2)
        best = BARE_YIELD + (LARGEST_YIELD - BARE_YIELD) * covered * _supplied(parcel)
        edge = AbsorptionEdge(edge_nm=round(core_nm - 30.0, 2), width_nm=15.0, one_at_nm=440.0)
        return Product(
            absorbers=(Absorber(absorbance=INDIUM_L_MOL_MM * indium * grown, shape=edge),),
            emitters=(Emitter(quantum_yield=best, shape=GaussianBand(nm, WIDTH_NM)),),
        )


def _supplied(parcel: Parcel) -> float:
    """How well zinc and sulfur suit the indium, 0 to 1."""
    some = parcel.mol_per_l
    ratio = min(some["Zn"], some["S"]) / some["In"]
    if ratio <= 0.0:
        return 0.0
    return math.exp(-0.5 * (math.log10(ratio / BEST_ZN_IN) / ZN_IN_DECADES) ** 2)


def _grown(parcel: Parcel) -> tuple[float, float]:
    """Stay of the indium of a parcel in heat, in time constants: before and after zinc joined."""
    core = shell = total = 0.0
    for share, parent in parcel.parents:
        weight = share * parent.mol_per_l.get("In", 0.0)
        if weight > 0.0:
            before = _grown(parent)
            core, shell = core + weight * before[0], shell + weight * before[1]
            total += weight
    if total > 0.0:
        core, shell = core / total, shell / total
    here = sum(map(_time_constants, parcel.heated_legs()))
    if min(parcel.mol_per_l["Zn"], parcel.mol_per_l["S"]) > 0.0:
        return core, shell + here
    return core + here, shell


def _time_constants(leg: Leg) -> float:
    """Stay in a component in time constants of growth at its temperature."""
    mean_k = float(leg.temperature_c.mean()) + KELVIN
    rate = math.exp(-ACTIVATION_K * (1.0 / mean_k - 1.0 / (GROWTH_C + KELVIN)))
    return leg.seconds * rate / GROWTH_S
