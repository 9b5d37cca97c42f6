"""Absorbance and quantum yield of Cs3Cu2I5 nanocrystals, fitted to published measurements.

Both are smooth surfaces in temperature and concentrations. Their coefficients are fitted to the 60
Latin-hypercube experiments per chemistry published with Sadeghi et al., Digital Discovery 2025, 4,
1722 (data: doi 10.5281/zenodo.15283084). For chem1, chem2 and chem3 the surfaces explain 93, 94 and
98 % of the variance of the quantum yield proxy, and 69, 77 and 79 % of the variance of the
absorbance. The saturation of the quantum yield is fitted to the published best results. The
surfaces are not extrapolated beyond the published ranges; see `Formulation`.
"""

import math
from collections.abc import Mapping

from attrs import frozen

__all__ = ["FORMULATIONS", "Concentrations", "Formulation", "published_c"]

CENTRE_CU_MM, CENTRE_ZN_MM, CENTRE_CS_MM = 0.37, 0.277, 5.1
"""Reference concentrations [mmol/L of reactive phase] of the fits."""
LOWEST_C, HIGHEST_C = 120.0, 180.0
"""Published temperature range [°C]; outside, the surfaces keep their values at its edges."""
LOWEST_REAGENT_SHARE = 180.0 / 460.0
"""Smallest share of reagent solutions in the reactive phase in the published search space."""
LOWEST_CS_SHARE = 20.0 / 540.0
"""Smallest share of CsOA solution in the reactive phase in the published search space."""


@frozen
class Concentrations:
    """Concentrations in the reactive phase, and the volume shares behind them.

    Attributes:
        cu_mm: copper [mmol/L].
        zn_mm: zinc [mmol/L].
        cs_mm: caesium [mmol/L].
        reagent_share: share of the reagent solutions in the reactive phase, 0 to 1.
        cs_share: share of the caesium oleate solution in the reactive phase, 0 to 1.
    """

    cu_mm: float
    zn_mm: float
    cs_mm: float
    reagent_share: float
    cs_share: float


@frozen(kw_only=True)
class Formulation:
    """Stock solutions and fitted surfaces of one published chemistry.

    A mixture with less reagent than any published one counts as a dilution of the leanest published
    mixture: the same yield, and less absorbance (Beer-Lambert). Below the published share of
    caesium oleate the yield falls in proportion, to 0 without caesium.

    Attributes:
        cu_stock_mm: copper in the CuI syringe [mmol/L] (published recipe).
        zn_stock_mm: zinc in the ZnI2 syringe [mmol/L] (published recipe).
        cs_stock_mm: caesium in the CsOA syringe [mmol/L] (published recipe).
        background_percent: quantum yield proxy [%] of ligands and scattered light.
        saturation_percent: largest quantum yield proxy [%] of the crystals.
        slope: intercept and coefficients of temperature, Cu, Zn, Cs and temperature x Cs in the
            argument `g` of the yield; see `crystal_yield_percent`.
        absorption: coefficients of 1, t, t², t³, Cu, Zn, Cs and the crystals' yield in the
            absorbance at 300 nm; see `absorbance`.
    """

    cu_stock_mm: float
    zn_stock_mm: float
    cs_stock_mm: float
    background_percent: float
    saturation_percent: float
    slope: tuple[float, float, float, float, float, float]
    absorption: tuple[float, float, float, float, float, float, float, float]

    def concentrations(self, cui: float, zni2: float, csoa: float) -> Concentrations:
        """Concentrations in a mixture.

        Args:
            cui: share of the CuI solution in the reactive phase by volume, 0 to 1.
            zni2: share of the ZnI2 solution, likewise.
            csoa: share of the caesium oleate solution, likewise.
        """
        return Concentrations(
            cu_mm=cui * self.cu_stock_mm,
            zn_mm=zni2 * self.zn_stock_mm,
            cs_mm=csoa * self.cs_stock_mm,
            reagent_share=cui + zni2 + csoa,
            cs_share=csoa,
        )

    def crystal_yield_percent(self, reactive: Concentrations, temperature_c: float) -> float:
        """Quantum yield proxy [%] of the crystals after complete mixing and conversion.

        `M (1 - exp(-3 softplus(g) / M))`, with `M` the saturation and `g` linear in the reciprocal
        temperature, in the logarithms of the concentrations, and in temperature x caesium. The
        background is not included.
        """
        strength = min(reactive.reagent_share / LOWEST_REAGENT_SHARE, 1.0)
        if strength <= 0.0:
            return 0.0
        caesium = min(reactive.cs_share / strength / LOWEST_CS_SHARE, 1.0)
        if caesium <= 0.0:
            return 0.0
        kelvin = published_c(temperature_c) + 273.15
        # The unit of `heat` is a step of 30 K at 150 °C, half of the published range.
        heat = (1 / 423.15 - 1 / kelvin) * 423.15**2 / 30.0
        cu = _log_ratio(reactive.cu_mm / strength, CENTRE_CU_MM)
        zn = _log_ratio(reactive.zn_mm / strength, CENTRE_ZN_MM)
        cs = _log_ratio(reactive.cs_mm / strength / caesium, CENTRE_CS_MM)
        b0, b_heat, b_cu, b_zn, b_cs, b_heat_cs = self.slope
        g = b0 + b_heat * heat + b_cu * cu + b_zn * zn + (b_cs + b_heat_cs * heat) * cs
        largest = self.saturation_percent
        return caesium * largest * (1.0 - math.exp(-3.0 * _softplus(g) / largest))

    def absorbance(
        self, reactive: Concentrations, temperature_c: float, crystal_yield_percent: float
    ) -> float:
        """Decadic absorbance at 300 nm in the published cell, never negative.

        A cubic polynomial in the temperature, linear in the concentrations and in the yield.
        """
        strength = min(reactive.reagent_share / LOWEST_REAGENT_SHARE, 1.0)
        if strength <= 0.0:
            return 0.0
        t = (published_c(temperature_c) - 150.0) / 30.0
        c0, c1, c2, c3, c_cu, c_zn, c_cs, c_yield = self.absorption
        value = c0 + t * (c1 + t * (c2 + t * c3))
        value += c_cu * (reactive.cu_mm / strength / CENTRE_CU_MM - 1.0)
        value += c_zn * (reactive.zn_mm / strength / CENTRE_ZN_MM - 1.0)
        value += c_cs * (reactive.cs_mm / strength / CENTRE_CS_MM - 1.0)
        value += c_yield * crystal_yield_percent / 10.0
        return max(value * strength, 0.0)


def published_c(temperature_c: float) -> float:
    """The nearest temperature [°C] inside the published range."""
    return min(max(temperature_c, LOWEST_C), HIGHEST_C)


def _log_ratio(value: float, reference: float) -> float:
    return math.log(max(value / reference, 1e-6))  # a stock that is absent has no logarithm


def _softplus(value: float) -> float:
    return max(value, 0.0) + math.log1p(math.exp(-abs(value)))


def _molarity_mm(amount_mmol: float, volume_ml: float, dilution: float) -> float:
    return amount_mmol / volume_ml * 1e3 / dilution


FORMULATIONS: Mapping[str, Formulation] = {
    "chem1": Formulation(
        cu_stock_mm=_molarity_mm(0.48, 50.4, 5.0),
        zn_stock_mm=_molarity_mm(0.36, 50.4, 5.0),
        cs_stock_mm=_molarity_mm(2 * 2.024, 50.6, 1.5),
        background_percent=4.98,
        saturation_percent=27.0,
        slope=(1.493, -0.246, 6.715, 1.456, -5.281, -5.179),
        absorption=(0.459, -0.014, 0.072, 0.161, 0.173, 0.152, 0.137, 0.130),
    ),
    "chem2": Formulation(
        cu_stock_mm=_molarity_mm(0.48, 50.4, 5.0),
        zn_stock_mm=_molarity_mm(0.36, 50.4, 5.0),
        cs_stock_mm=_molarity_mm(2 * 2.024, 50.6, 1.5),
        background_percent=2.11,
        saturation_percent=33.0,
        slope=(-3.067, 5.418, 7.509, 8.943, -13.086, 7.422),
        absorption=(0.677, 0.009, 0.146, 0.047, 0.320, 0.207, -0.096, -0.028),
    ),
    "chem3": Formulation(
        cu_stock_mm=_molarity_mm(0.533, 50.4, 5.0),
        zn_stock_mm=_molarity_mm(0.4, 50.4, 5.0),
        cs_stock_mm=_molarity_mm(2 * 2.249, 50.6, 1.5),
        background_percent=1.84,
        saturation_percent=60.0,
        slope=(-2.562, 2.413, 5.643, 5.041, -11.234, -0.652),
        absorption=(0.653, -0.040, 0.124, 0.088, 0.342, 0.187, -0.061, -0.118),
    ),
}
"""The three published chemistries by name.

The stock solutions follow the published recipes; the Cu, Zn and Cs stocks are diluted 5, 5 and 1.5
times. The factor 2 counts the caesium atoms of the weighed salt.
"""
