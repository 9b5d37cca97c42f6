"""Halide exchange of CsPbBr3 nanocrystals, and mixed lead halides grown hot.

Sources: Epps et al. 2020 (Artificial Chemist) and Bezinge et al. 2018 (MARIA), after the reviews of
Abdel-Latif et al., Matter 2020, 3, 1053, and Munyebvu et al., Mater. Adv. 2022, 3, 6950.

Published: CsPbBr3 exchanges its halide with ZnI2, ZnCl2 and ZnBr2 within seconds at room
temperature; iodide shifts the emission to red and chloride to blue, between 400 and 700 nm; acids
and amines matter for the quantum yield.

Fitted: nothing; no numbers of the rigs are public in the sources that were read.

Assumed: photon energy linear in the halide shares between the three pure compounds (Vegard), with
400 nm for chloride, 515 nm for bromide and 690 nm for iodide; exchange of first order with a time
constant of 10 s; radiative lifetimes; width and quantum yield, which fall towards chloride and are
best with some ligand of each kind.
"""

import math
from typing import ClassVar

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
from flowrig.errors import InputError
from flowrig_sim.chemistry.lifetimes import lifetimes_ns
from flowrig_sim.offers import HalideExchangeSettings

__all__ = ["HalideExchange", "peak_nm"]

PURE_NM = {"Cl": 400.0, "Br": 515.0, "I": 690.0}
"""Emission [nm] of the pure compounds (assumed)."""
FWHM_EV = {"Cl": 0.11, "Br": 0.09, "I": 0.10}
"""Widths [eV] of their emission (assumed)."""
YIELDS = {"Cl": 0.15, "Br": 0.85, "I": 0.60}
"""Their quantum yields at the best ligand concentrations (assumed)."""
HC_EV_NM = 1239.84
RADIATIVE_NS = {"Cl": 5.0, "Br": 20.0, "I": 60.0}
"""Their radiative lifetimes [ns] (assumed)."""
BEST_LIGAND_MOL_L, LIGAND_DECADES = 0.01, 1.0
"""Best concentration [mol/L] of acid and amine, and its width in decades (assumed)."""
LEAD_L_MOL_MM = 300.0
"""Absorbance at 365 nm per mm and mol/L of lead (assumed)."""


class HalideExchange(Chemistry):
    """The halide of the crystals follows that of the liquid.

    It needs lead, `Pb`, and one of `Cl`, `Br` and `I`. With each lead come three halides of the
    kind `begins_as`; with "none" all halides are those that the streams contain. `OA` and `OAm` are
    the ligands, where streams have them. Exchange begins at the last junction.
    """

    species = ("Pb",)
    sample_streams: ClassVar = {"Dots": {"Pb": 1e-3}, "Salt": {"I": 0.02}}

    def __init__(self, settings: HalideExchangeSettings, setup: Setup) -> None:
        if not setup.species & PURE_NM.keys():
            raise InputError(
                f"{setup.rig}: halide exchange needs a stream that contains Cl, Br or I, for "
                'instance contains = { I = "20 mmol/L" }'
            )
        self._settings = settings
        self._ligands = [name for name in ("OA", "OAm") if name in setup.species]

    def product(self, parcel: Parcel) -> Product:
        """Emission between the pure compounds, by the halides and the time."""
        lead = parcel.mol_per_l["Pb"]
        shares = self._halides(parcel, lead)
        if lead <= 0.0 or not shares:
            return Product()
        nm = round(peak_nm(shares), 2)
        width_ev = sum(share * FWHM_EV[name] for name, share in shares.items())
        # A mixture of halides is never quite even: it is broader than its parts.
        width_ev *= 1.0 + 0.5 * (1.0 - max(shares.values()))
        best = sum(share * YIELDS[name] for name, share in shares.items())
        for name in self._ligands:
            decades = math.log10(max(parcel.mol_per_l[name], 1e-6) / BEST_LIGAND_MOL_L)
            best *= math.exp(-0.5 * (decades / LIGAND_DECADES) ** 2)
        band = GaussianBand(nm, round(width_ev * nm**2 / HC_EV_NM, 2))
        edge = AbsorptionEdge(edge_nm=nm - 10.0, width_nm=6.0, one_at_nm=min(365.0, nm - 20.0))
        return Product(
            absorbers=(Absorber(absorbance=LEAD_L_MOL_MM * lead, shape=edge),),
            emitters=(Emitter(quantum_yield=best, shape=band),),
            lifetimes_ns=lifetimes_ns(
                best, sum(share * RADIATIVE_NS[name] for name, share in shares.items())
            ),
        )

    def _halides(self, parcel: Parcel, lead: float) -> dict[str, float]:
        """Shares of the halides in the crystals; the sum is 1. None if there is no halide."""
        liquid = {name: parcel.mol_per_l.get(name, 0.0) for name in PURE_NM}
        begin = {name: float(name == self._settings.begins_as) for name in PURE_NM}
        for name, share in begin.items():
            liquid[name] += 3.0 * lead * share
        total = sum(liquid.values())
        if total <= 0.0:
            return {}
        if self._settings.begins_as == "none":
            return {name: one / total for name, one in liquid.items()}
        reached = 1.0 - math.exp(-parcel.seconds() / self._settings.exchange_s)
        return {
            name: begin[name] + (liquid[name] / total - begin[name]) * reached for name in PURE_NM
        }


def peak_nm(shares: dict[str, float]) -> float:
    """Emission [nm] of a mixed halide: photon energy linear in the shares."""
    energy = sum(share * HC_EV_NM / PURE_NM[name] for name, share in shares.items())
    return HC_EV_NM / energy
