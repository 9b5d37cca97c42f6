"""Heat-up synthesis of Cs3Cu2I5 nanocrystals with ZnI2, with the three published formulations.

Source: Sadeghi et al., Digital Discovery 2025, 4, 1722; what is published, fitted and assumed is
said in `formulations` and `heatup`.
"""

from functools import lru_cache
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

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
from flowrig_sim.chemistry.formulations import FORMULATIONS, Concentrations, published_c
from flowrig_sim.chemistry.heatup import HeatUp, mean_of
from flowrig_sim.offers import HeatUpSettings

__all__ = ["STOCKS", "HeatUpSynthesis", "cs3cu2i5"]

STOCKS = ("CuI", "ZnI2", "CsOA")
"""Streams with the three stock solutions; their concentrations are those of the formulation."""
ABSORBANCE_AT_NM = 300.0
PUBLISHED_CELL_MM = 1.016
"""Light path [mm] of the published absorbances: the bore of the flow cell, 0.04 in."""
PUBLISHED_WINDOW_NM = (345.0, 700.0)
"""Window [nm] of the published emission areas."""
CRYSTALS = GaussianBand(445.0, 80.0)
"""Emission of Cs3Cu2I5 nanocrystals: published peaks lie at 440 to 450 nm, 446 nm in Sadeghi et
al., Digital Discovery 2025, 4, 1722; the width is assumed."""
LIGANDS = GaussianBand(380.0, 62.0)
"""Ligand emission near 380 nm (Sadeghi et al., Nanoscale 2024, 16, 580); the width is assumed."""


class HeatUpSynthesis(Chemistry):
    """A published formulation that is mixed in slugs and heated in a reactor.

    The streams `CuI`, `ZnI2` and `CsOA` are the stock solutions; every other reactive stream counts
    as solvent. If a parcel passes several heated components, the longest stay makes the crystals;
    where branches of one flow join, the crystals of each count by its share.
    """

    sample_streams: ClassVar = {name: {} for name in STOCKS}

    def __init__(self, settings: HeatUpSettings, setup: Setup) -> None:
        lacking = [name for name in STOCKS if name not in setup.roles]
        if lacking:
            raise InputError(
                f"{setup.rig}: this chemistry makes Cs3Cu2I5 from the streams CuI, ZnI2 and CsOA; "
                f"the profile lacks {', '.join(lacking)}; simulate another rig with its own "
                'chemistry, or with invented numbers: chemistry = "stand-in"'
            )
        for name in STOCKS:
            if setup.roles[name] == "carrier":
                raise InputError(
                    f"{setup.rig}: {name} has the role 'carrier'; in this chemistry it is a reagent"
                )
        if setup.examples and not any(_heated(parcel) for parcel in setup.examples):
            raise InputError(
                f"{setup.rig}: this chemistry needs a heated reactor between the junction of its "
                "streams and the flow cell"
            )
        self._formulation = FORMULATIONS[settings.formulation]
        self._heat_up = lru_cache(maxsize=16)(HeatUp)
        self._newest: tuple[NDArray[np.float64], HeatUp, float, float] | None = None

    def product(self, parcel: Parcel) -> Product:
        """Absorbance and emission of the crystals; see `Formulation`."""
        formulation = self._formulation
        reactive = self._reactive(parcel)
        heated = _heated(parcel)
        if not heated:
            return cs3cu2i5(
                formulation.absorbance(reactive, published_c(25.0), 0.0),
                0.0,
                formulation.background_percent,
            )
        grown = [
            (share, *self._crystals(one, reactive if one is parcel else self._reactive(one)))
            for share, one in heated
        ]
        total = sum(share for share, *_ in heated)
        crystals = sum(share * percent for share, percent, _ in grown)
        mean_c = sum(share * at_c for share, _, at_c in grown) / total
        absorbance = formulation.absorbance(reactive, mean_c, crystals)
        return cs3cu2i5(absorbance, crystals, formulation.background_percent)

    def _reactive(self, parcel: Parcel) -> Concentrations:
        shares = parcel.shares
        return self._formulation.concentrations(*[shares[name] for name in STOCKS])

    def _crystals(self, parcel: Parcel, reactive: Concentrations) -> tuple[float, float]:
        """Yield [%] of crystals in a parcel that was heated, and its temperature [°C]."""
        leg = max(parcel.heated_legs(), key=lambda one: one.seconds)
        heat_up = self._heat_up(leg.inner_diameter_mm)
        mean_c, rate_per_s = self._during(leg, heat_up)
        crystals = self._formulation.crystal_yield_percent(reactive, mean_c)
        crystals *= heat_up.relative_signal(
            leg.flow_ul_min, parcel.reactive_share, rate_per_s, leg.seconds, published_c(mean_c)
        )
        return crystals, mean_c

    def _during(self, leg: Leg, heat_up: HeatUp) -> tuple[float, float]:
        """Mean temperature [°C] and mean rate constant [1/s] during a stay."""
        # Frames that follow each other see liquid with one history, the same array.
        newest = self._newest
        if newest is None or newest[0] is not leg.temperature_c or newest[1] is not heat_up:
            means = mean_of(leg.temperature_c), heat_up.mean_rate_per_s(leg.temperature_c)
            self._newest = newest = (leg.temperature_c, heat_up, *means)
        return newest[2:]


def _heated(parcel: Parcel) -> list[tuple[float, Parcel]]:
    """The parcels in which crystals grew, with their shares: this one, or branches that join."""
    if parcel.heated_legs():
        return [(1.0, parcel)]
    return [
        (share * part, one)
        for share, parent in parcel.parents
        if all(parent.shares.get(name, 0.0) > 0.0 for name in STOCKS)
        for part, one in _heated(parent)
    ]


def cs3cu2i5(absorbance: float, crystal_percent: float, background_percent: float) -> Product:
    """A suspension of Cs3Cu2I5 nanocrystals with ligands.

    Args:
        absorbance: decadic absorbance at 300 nm in the published cell.
        crystal_percent: quantum yield proxy [%] of the nanocrystals.
        background_percent: quantum yield proxy [%] of ligands and scattered light.
    """
    return Product(
        absorbers=(Absorber(absorbance=absorbance, shape=absorption, path_mm=PUBLISHED_CELL_MM),),
        emitters=(
            Emitter(
                quantum_yield=crystal_percent / 100.0,
                shape=CRYSTALS,
                window_nm=PUBLISHED_WINDOW_NM,
            ),
            Emitter(
                quantum_yield=background_percent / 100.0,
                shape=LIGANDS,
                window_nm=PUBLISHED_WINDOW_NM,
                is_background=True,
            ),
        ),
    )


def absorption(wavelengths_nm: NDArray[np.float64]) -> NDArray[np.float64]:
    """Absorption relative to 300 nm: an onset near 330 nm, rising into the ultraviolet."""
    return np.asarray(_edge(wavelengths_nm) / _edge(np.array(ABSORBANCE_AT_NM)))


def _edge(wavelengths_nm: NDArray[np.float64]) -> NDArray[np.float64]:
    """Absorption edge and the exciton band at 286 nm, in arbitrary units (assumed)."""
    edge = 1.0 / (1.0 + np.exp((wavelengths_nm - 308.0) / 6.0))
    exciton = 0.35 * np.exp(-0.5 * ((wavelengths_nm - 286.0) / 9.0) ** 2)
    return np.asarray(edge * (1.0 + np.maximum(300.0 - wavelengths_nm, 0.0) / 150.0) + exciton)
