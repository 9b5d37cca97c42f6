"""Mixing, heating and conversion of plugs that run through the hot reactor.

Constants marked *assumed* are not in the paper (Sadeghi et al., Digital Discovery 2025, 4, 1722);
the one marked *fitted* puts the conversion at 98 % after 40 s at 150 °C, where the paper's
reaction-time study becomes flat.
"""

import math

import numpy as np
from attrs import field, frozen
from numpy.typing import NDArray

__all__ = ["HeatUp", "plug_length_in_diameters"]

Array = NDArray[np.float64]

GAS_CONSTANT_J_MOL_K = 8.314
SQUEEZING_ALPHA = 1.0
"""Slope of plug length over flow ratio (Garstecki et al., Lab Chip 2006, 6, 437; assumed 1)."""
LONGEST_PLUG_IN_DIAMETERS = 20.0
"""Cap on the plug length where hardly any carrier flows (assumed)."""
DIFFUSIVITY_M2_S = 1.4e-10
"""Precursor in cold 1-octadecene (Stokes-Einstein with a radius of 0.4 nm; assumed)."""
OUTER_DIAMETER_MM = 1.5875
"""1/16 in tubing (published)."""
WALL_CONDUCTIVITY_W_M_K = 0.195
"""PFA (assumed)."""
CONTACT_RESISTANCE_M_K_W = 0.15
"""Between tubing and plate (assumed)."""
LIQUID_CONDUCTIVITY_W_M_K = 0.11
"""1-octadecene and perfluorinated oil two to one, between series and parallel (assumed)."""
HEAT_CAPACITY_J_M3_K = 1.76e6
"""1-octadecene and perfluorinated oil per volume, which hardly differ (property tables)."""
CYLINDER_EIGENVALUE = 5.783
"""First eigenvalue of transient conduction in a cylinder, the square of the first zero of J0."""
ACTIVATION_ENERGY_J_MOL = 25_000.0
"""Of the conversion (assumed)."""
REFERENCE_K = 423.15
"""150 °C, the temperature at which the conversion is fitted."""
NEARLY_COMPLETE_S = 40.0
"""Reaction time after which conversion is 98 % (fitted to the published plateau above 40 s)."""
SURFACE_FLOW_UL_MIN, SURFACE_REACTIVE_SHARE, SURFACE_TIME_S = 750.0, 2 / 3, 48.0
"""Total flow, share of the plugs and reaction time in the middle of the published search space."""


def plug_length_in_diameters(reactive_share: float) -> float:
    """Length of a plug over the bore of the T-junction, squeezing regime.

    `L/d = 1 + alpha * Q_plug / Q_carrier` (Garstecki et al., Lab Chip 2006, 6, 437).

    Args:
        reactive_share: reactive phase in the total flow, 0 to 1.
    """
    carrier_share = 1.0 - reactive_share
    if carrier_share <= 0.0:
        return LONGEST_PLUG_IN_DIAMETERS
    return min(1.0 + SQUEEZING_ALPHA * reactive_share / carrier_share, LONGEST_PLUG_IN_DIAMETERS)


@frozen
class HeatUp:
    """The reactor tubing as mixer and heater.

    Plugs must be mixed before they are hot, and then need time.

    Attributes:
        inner_diameter_mm: bore of the reactor [mm].
        nucleation_time_s: time [s] until 99 % of the step to the plate's temperature.
    """

    inner_diameter_mm: float
    nucleation_time_s: float = field(init=False)
    _mixed_on_surface: float = field(init=False)

    def __attrs_post_init__(self) -> None:
        object.__setattr__(self, "nucleation_time_s", math.log(100) * self._time_constant_s())
        there = self.mixed(SURFACE_FLOW_UL_MIN, SURFACE_REACTIVE_SHARE)
        object.__setattr__(self, "_mixed_on_surface", there)

    def mixed(self, total_flow_ul_min: float, reactive_share: float) -> float:
        """Degree of mixing when the plug is hot, `1 - exp(-t_nuc / t_mix)`.

        `t_mix = (a d / u) ln(Pe)`, the scaling of chaotic advection in plugs with prefactor 1
        (Song, Ismagilov et al., Appl. Phys. Lett. 2003, 83, 4664), a the plug length in bores d,
        u the velocity and Pe = u d / D.
        """
        bore_m = self.inner_diameter_mm * 1e-3
        velocity_m_s = total_flow_ul_min / 60.0 * 1e-9 / (math.pi / 4 * bore_m**2)
        peclet = velocity_m_s * bore_m / DIFFUSIVITY_M2_S
        if peclet <= math.e:
            return 0.0
        length = plug_length_in_diameters(reactive_share)
        mixing_time_s = length * bore_m / velocity_m_s * math.log(peclet)
        return 1.0 - math.exp(-self.nucleation_time_s / mixing_time_s)

    def converted(self, plate_c: Array, residence_time_s: float) -> float:
        """Conversion after a time in the reactor, `1 - exp(-k (t - t_nuc / 2))`.

        Args:
            plate_c: temperature of the plate [°C] at regular times of the stay, shape `n`.
            residence_time_s: length of the stay [s].
        """
        hot_s = max(residence_time_s - self.nucleation_time_s / 2, 0.0)
        return 1.0 - math.exp(-float(self._rate_per_s(plate_c).mean()) * hot_s)

    def relative_signal(
        self,
        total_flow_ul_min: float,
        reactive_share: float,
        plate_c: Array,
        residence_time_s: float,
        surface_c: float,
    ) -> float:
        """Mixing times conversion, relative to the flow rates where yields were measured.

        Args:
            total_flow_ul_min: total flow rate at the reactor's inlet [µL/min].
            reactive_share: reactive phase in the total flow, 0 to 1.
            plate_c: temperature of the plate [°C] at regular times of the stay, shape `n`.
            residence_time_s: length of the stay [s].
            surface_c: temperature [°C] at which the yield was measured.
        """
        here = self.mixed(total_flow_ul_min, reactive_share)
        here *= self.converted(plate_c, residence_time_s)
        return here / (
            self._mixed_on_surface * self.converted(np.array([surface_c]), SURFACE_TIME_S)
        )

    def _rate_per_s(self, plate_c: Array) -> Array:
        fitted = math.log(50) / (NEARLY_COMPLETE_S - self.nucleation_time_s / 2)
        inverse = 1.0 / (plate_c + 273.15) - 1.0 / REFERENCE_K
        return np.asarray(
            fitted * np.exp(-ACTIVATION_ENERGY_J_MOL / GAS_CONSTANT_J_MOL_K * inverse)
        )

    def _time_constant_s(self) -> float:
        """Heat capacity of the liquid times the resistances of wall, contact and liquid [s]."""
        wall = math.log(OUTER_DIAMETER_MM / self.inner_diameter_mm)
        wall /= 2 * math.pi * WALL_CONDUCTIVITY_W_M_K
        liquid = 1.0 / (CYLINDER_EIGENVALUE * math.pi * LIQUID_CONDUCTIVITY_W_M_K)
        area_m2 = math.pi / 4 * (self.inner_diameter_mm * 1e-3) ** 2
        return HEAT_CAPACITY_J_M3_K * area_m2 * (wall + CONTACT_RESISTANCE_M_K_W + liquid)
