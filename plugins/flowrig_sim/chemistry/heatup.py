"""Mixing, heating and conversion of slugs in the hot reactor tubing.

Constants marked *assumed* are not in the paper (Sadeghi et al., Digital Discovery 2025, 4, 1722).
The rate constant is fitted: the conversion reaches 98 % after 40 s at 150 °C, where the
reaction-time study of the paper becomes flat. The rise of the signal with the total flow rate is
not fitted; it follows from mixing and heating.
"""

import math
from collections.abc import Callable
from functools import lru_cache

import numpy as np
from attrs import field, frozen
from numpy.typing import NDArray

from flowrig_sim.flow.slugs import slug_length_in_diameters

__all__ = ["HeatUp", "mean_of"]

Array = NDArray[np.float64]

GAS_CONSTANT_J_MOL_K = 8.314
DIFFUSIVITY_M2_S = 1.4e-10
"""Diffusivity of the precursor in cold 1-octadecene (Stokes-Einstein, radius 0.4 nm; assumed)."""
OUTER_DIAMETER_MM = 1.5875
"""Outer diameter of the reactor tubing: 1/16 in (published)."""
WALL_CONDUCTIVITY_W_M_K = 0.195
"""Thermal conductivity of the PFA tubing (assumed)."""
CONTACT_RESISTANCE_M_K_W = 0.15
"""Thermal resistance between tubing and plate, per length of tubing (assumed)."""
LIQUID_CONDUCTIVITY_W_M_K = 0.11
"""Thermal conductivity of two parts of 1-octadecene and one part of perfluorinated oil (assumed).

The value lies between those of layers in series and layers in parallel.
"""
HEAT_CAPACITY_J_M3_K = 1.76e6
"""Heat capacity per volume: 1-octadecene and perfluorinated oil hardly differ (property tables)."""
CYLINDER_EIGENVALUE = 5.783
"""First eigenvalue of transient heat conduction in a cylinder: the square of J0's first zero."""
ACTIVATION_ENERGY_J_MOL = 25_000.0
"""Activation energy of the conversion (assumed)."""
REFERENCE_K = 423.15
"""Temperature of the fitted conversion: 150 °C."""
NEARLY_COMPLETE_S = 40.0
"""Reaction time after which conversion is 98 % (fitted to the published plateau above 40 s)."""
SURFACE_FLOW_UL_MIN, SURFACE_REACTIVE_SHARE, SURFACE_TIME_S = 750.0, 2 / 3, 48.0
"""Total flow rate, share of the reactive phase and reaction time of the published experiments.

They are those of the middle of the search space; the fitted yields already contain the mixing and
conversion there, so signals are relative to this point.
"""


def mean_of(values: Array) -> float:
    """The mean of an array, as `values.mean()`, which takes much longer for a short one."""
    return float(np.add.reduce(values)) / values.size


@frozen
class HeatUp:
    """The reactor tubing as mixer and heater.

    A slug gives the full yield if it is mixed before it is hot, and then stays long enough.

    Attributes:
        inner_diameter_mm: bore [mm] of the reactor.
        nucleation_time_s: time [s] in which a slug makes 99 % of the step to the temperature of the
            plate.
    """

    inner_diameter_mm: float
    nucleation_time_s: float = field(init=False)
    _surface_mixing: float = field(init=False)
    _at_surface: Callable[[float], float] = field(init=False, eq=False)

    def __attrs_post_init__(self) -> None:
        object.__setattr__(self, "nucleation_time_s", math.log(100) * self._time_constant_s())
        mixing = self.mixing(SURFACE_FLOW_UL_MIN, SURFACE_REACTIVE_SHARE)
        object.__setattr__(self, "_surface_mixing", mixing)
        # The temperature of a plate that is controlled hardly changes from frame to frame.
        object.__setattr__(self, "_at_surface", lru_cache(maxsize=16)(self._surface_signal))

    def mixing(self, total_flow_ul_min: float, reactive_share: float) -> float:
        """Degree of mixing of a slug when it is hot: `1 - exp(-t_nuc / t_mix)`, 0 to 1.

        `t_mix = (a d / u) ln(Pe)` is the scaling of chaotic advection in slugs (Song et al., Appl.
        Phys. Lett. 2003, 83, 4664), with `a` the slug length in bores, `d` the bore, `u` the
        velocity and `Pe = u d / D`. The prefactor of 1 is assumed.

        Args:
            total_flow_ul_min: total flow rate [µL/min].
            reactive_share: share of the reactive phase in the total flow, 0 to 1.
        """
        bore_m = self.inner_diameter_mm * 1e-3
        velocity_m_s = total_flow_ul_min / 60.0 * 1e-9 / (math.pi / 4 * bore_m**2)
        peclet = velocity_m_s * bore_m / DIFFUSIVITY_M2_S
        if peclet <= math.e:  # the scaling holds for Pe >> 1 only; so slow a flow hardly mixes
            return 0.0
        length = slug_length_in_diameters(reactive_share)
        mixing_time_s = length * bore_m / velocity_m_s * math.log(peclet)
        return 1.0 - math.exp(-self.nucleation_time_s / mixing_time_s)

    def mean_rate_per_s(self, plate_c: Array) -> float:
        """Rate constant [1/s] of the conversion by Arrhenius, averaged over a stay in the reactor.

        Args:
            plate_c: temperature [°C] of the plate at regular times during the stay, shape `n`.
        """
        return mean_of(self._rate_per_s(plate_c))

    def conversion(self, rate_per_s: float, residence_time_s: float) -> float:
        """Conversion after a stay in the reactor: `1 - exp(-k (t - t_nuc / 2))`, 0 to 1.

        Args:
            rate_per_s: rate constant `k` [1/s] of first order.
            residence_time_s: residence time [s] in the reactor.
        """
        hot_s = max(residence_time_s - self.nucleation_time_s / 2, 0.0)
        return 1.0 - math.exp(-rate_per_s * hot_s)

    def relative_signal(
        self,
        total_flow_ul_min: float,
        reactive_share: float,
        rate_per_s: float,
        residence_time_s: float,
        surface_c: float,
    ) -> float:
        """Mixing times conversion, relative to the conditions of the fitted yields.

        Args:
            total_flow_ul_min: total flow rate [µL/min] at the reactor's inlet.
            reactive_share: share of the reactive phase in the total flow, 0 to 1.
            rate_per_s: rate constant [1/s] of the conversion, see `mean_rate_per_s`.
            residence_time_s: residence time [s] in the reactor.
            surface_c: temperature [°C] for which the yield is fitted.
        """
        signal = self.mixing(total_flow_ul_min, reactive_share)
        signal *= self.conversion(rate_per_s, residence_time_s)
        return signal / self._at_surface(surface_c)

    def _surface_signal(self, surface_c: float) -> float:
        """Mixing times conversion under the conditions of a fitted yield."""
        rate_per_s = float(self._rate_per_s(surface_c))
        return self._surface_mixing * self.conversion(rate_per_s, SURFACE_TIME_S)

    def _rate_per_s(self, plate_c: Array | float) -> Array:
        """Rate constant [1/s] at temperatures [°C], by Arrhenius; 98 % conversion is `ln 50`."""
        fitted = math.log(50) / (NEARLY_COMPLETE_S - self.nucleation_time_s / 2)
        inverse = 1.0 / (plate_c + 273.15) - 1.0 / REFERENCE_K
        return np.asarray(
            fitted * np.exp(-ACTIVATION_ENERGY_J_MOL / GAS_CONSTANT_J_MOL_K * inverse)
        )

    def _time_constant_s(self) -> float:
        """Time constant [s] of heating: heat capacity of the liquid times thermal resistances.

        The resistances of wall, contact and liquid, per length of tubing, are in series.
        """
        wall = math.log(OUTER_DIAMETER_MM / self.inner_diameter_mm)
        wall /= 2 * math.pi * WALL_CONDUCTIVITY_W_M_K
        liquid = 1.0 / (CYLINDER_EIGENVALUE * math.pi * LIQUID_CONDUCTIVITY_W_M_K)
        area_m2 = math.pi / 4 * (self.inner_diameter_mm * 1e-3) ** 2
        return HEAT_CAPACITY_J_M3_K * area_m2 * (wall + CONTACT_RESISTANCE_M_K_W + liquid)
