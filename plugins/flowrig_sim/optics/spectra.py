"""Spectra of the lamp, the excitation LED, and absorption and emission of the reactive phase.

No raw spectra of the rig are published. The positions of bands and lines are literature values.
Levels, widths and the shape of the absorption edge are assumed, unless the comment on a constant
names a source.
"""

import math

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

__all__ = ["AbsorptionOptics", "EmissionOptics", "OpticalResponse"]

Array = NDArray[np.float64]
Array32 = NDArray[np.float32]

REFERENCE_US = 8_000.0
"""Exposure [µs] for which the levels of lamp and LED below hold."""
LED_PEAK_COUNTS = 12_000.0
"""Scattered excitation light [counts above dark] at 300 nm, carrier in the cell (assumed)."""
ABSORBANCE_AT_NM = 300.0
EMISSION_PEAK_NM, EMISSION_FWHM_NM = 445.0, 80.0
"""Emission of Cs3Cu2I5 nanocrystals: published peaks lie at 440 to 450 nm, 446 nm in Sadeghi et
al., Digital Discovery 2025, 4, 1722; the width is assumed."""
LIGAND_PEAK_NM, LIGAND_FWHM_NM = 380.0, 62.0
"""Ligand emission near 380 nm (Sadeghi et al., Nanoscale 2024, 16, 580); the width is assumed."""
HC_EV_NM = 1239.84
"""Photon energy [eV] times wavelength [nm]."""
_LED_OFFSET_NM = (-60.0, -19.0, -12.0, -6.2, 0.0, 7.3, 19.0, 48.0, 106.0)
_LED_DECADES = (-6.0, -2.0, -1.0, -0.30103, 0.0, -0.30103, -1.0, -2.0, -4.0)
"""Shape of a UV LED measured with an HDX: FWHM 13.5 nm, with a red tail.

From the raw spectra published with Volk et al., Nat. Commun. 2023, 14, 1403 (AlphaFlow), whose LED
peaks at 385 nm. Assumed: the same shape at 300 nm, and a tail that continues at its slope.
"""


@frozen
class OpticalResponse:
    """Absorbance and emission of the reactive phase at one moment.

    Attributes:
        absorbance: decadic absorbance at 300 nm.
        crystals: emission area [counts·nm at the exposure of the dye's scale] of the nanocrystals.
        background: emission area of everything else, scattered excitation included.
    """

    absorbance: float
    crystals: float
    background: float


class AbsorptionOptics:
    """Light of the deuterium-halogen lamp through the flow cell.

    Args:
        wavelengths_nm: wavelength [nm] of every pixel, shape `p`.
    """

    def __init__(self, wavelengths_nm: Array) -> None:
        self._lamp = _lamp_counts(wavelengths_nm).astype(np.float32)
        self._exponents = _exponents(_absorption(wavelengths_nm))

    def counts(
        self,
        response: OpticalResponse | None,
        excitation: float,
        reactive: float,
        exposure_us: float,
    ) -> Array32:
        """Expected counts above dark, shape `p`; see `flowrig_sim.instruments.Optics`."""
        lamp = self._lamp * np.float32(exposure_us / REFERENCE_US)
        if response is None or reactive <= 0.0:
            return lamp
        passed = np.exp(np.float32(response.absorbance) * self._exponents)
        return np.asarray(lamp * (np.float32(1.0 - reactive) + np.float32(reactive) * passed))


class EmissionOptics:
    """Emission at right angles to the LED, with scattered excitation light.

    Bands are normalized to unit area with the trapezoid rule over the pixels of the area window,
    because the published processing computes areas with that rule.

    Args:
        wavelengths_nm: wavelength [nm] of every pixel, shape `p`.
        area_window_nm: window [nm] of the photoluminescence area.
        dye_exposure_us: exposure [µs] at which areas are on the scale of the reference dye.
    """

    def __init__(
        self, wavelengths_nm: Array, area_window_nm: tuple[float, float], dye_exposure_us: float
    ) -> None:
        inside = (wavelengths_nm >= area_window_nm[0]) & (wavelengths_nm <= area_window_nm[1])
        # The trapezoid rule over the window, as one weight per pixel.
        widths = np.diff(wavelengths_nm[inside])
        weights = np.zeros_like(wavelengths_nm)
        weights[inside] = 0.5 * (np.append(widths, 0.0) + np.insert(widths, 0, 0.0))
        led = LED_PEAK_COUNTS * 10 ** np.interp(
            wavelengths_nm - ABSORBANCE_AT_NM, _LED_OFFSET_NM, _LED_DECADES, left=-9.0, right=-9.0
        )
        crystals = _gaussian_in_energy(wavelengths_nm, EMISSION_PEAK_NM, EMISSION_FWHM_NM)
        ligands = _gaussian_in_energy(wavelengths_nm, LIGAND_PEAK_NM, LIGAND_FWHM_NM)
        self._led = led.astype(np.float32)
        self._led_area = (led * weights).astype(np.float32)
        self._exponents = _exponents(_absorption(wavelengths_nm))
        self._crystals = (crystals / (crystals * weights).sum()).astype(np.float32)
        self._ligands = (ligands / (ligands * weights).sum()).astype(np.float32)
        self._dye_exposure_us = dye_exposure_us

    def counts(
        self,
        response: OpticalResponse | None,
        excitation: float,
        reactive: float,
        exposure_us: float,
    ) -> Array32:
        """Expected counts above dark, shape `p`; see `flowrig_sim.instruments.Optics`."""
        led = self._led * np.float32(excitation * exposure_us / REFERENCE_US)
        if response is None or reactive <= 0.0:
            return led
        scattered = np.exp(np.float32(response.absorbance) * self._exponents)
        # The published background area includes the LED's tail in the window: not counted twice.
        tail = float((self._led_area * scattered).sum()) * self._dye_exposure_us / REFERENCE_US
        emitted = np.float32(response.crystals) * self._crystals
        emitted += np.float32(max(response.background - tail, 0.0)) * self._ligands
        emitted *= np.float32(excitation * reactive * exposure_us / self._dye_exposure_us)
        return np.asarray(
            emitted + led * (np.float32(1.0 - reactive) + np.float32(reactive) * scattered)
        )


def _exponents(absorption: Array) -> Array32:
    """Exponents with which `exp(absorbance * exponent)` is the transmission."""
    return (-math.log(10) * absorption).astype(np.float32)


def _absorption(wavelengths_nm: Array) -> Array:
    """Absorption relative to 300 nm: an onset near 330 nm, rising into the ultraviolet."""
    return np.asarray(_edge(wavelengths_nm) / _edge(np.array(ABSORBANCE_AT_NM)))


def _edge(wavelengths_nm: Array) -> Array:
    """Absorption edge and the exciton band at 286 nm, in arbitrary units (assumed)."""
    edge = 1.0 / (1.0 + np.exp((wavelengths_nm - 308.0) / 6.0))
    exciton = 0.35 * np.exp(-0.5 * ((wavelengths_nm - 286.0) / 9.0) ** 2)
    return np.asarray(edge * (1.0 + np.maximum(300.0 - wavelengths_nm, 0.0) / 150.0) + exciton)


def _gaussian_in_energy(wavelengths_nm: Array, peak_nm: float, fwhm_nm: float) -> Array:
    """A band that is Gaussian in photon energy, 1 at its peak."""
    fwhm_ev = HC_EV_NM * fwhm_nm / peak_nm**2
    offset_ev = HC_EV_NM / wavelengths_nm - HC_EV_NM / peak_nm
    return np.asarray(np.exp(-4 * math.log(2) * (offset_ev / fwhm_ev) ** 2))


def _lamp_counts(wavelengths_nm: Array) -> Array:
    """Counts above dark of a balanced deuterium-halogen lamp (assumed levels), shape `p`.

    Deuterium continuum, halogen lamp at 2900 K, the deuterium lines at 486 and 656.1 nm and the
    Fulcher band at 560 to 640 nm; a solarized fibre cuts off below 205 nm.
    """
    nm = wavelengths_nm
    deuterium = 40_000.0 * np.exp(-(nm - 240.0) / 75.0)
    halogen = 14_000.0 * _planck(nm, 2900.0) / _planck(np.array(750.0), 2900.0)
    lines = 5_000.0 * np.exp(-0.5 * ((nm - 486.0) / 0.8) ** 2)
    lines += 12_000.0 * np.exp(-0.5 * ((nm - 656.1) / 0.8) ** 2)
    fulcher = 1_500.0 * np.exp(-0.5 * ((nm - 605.0) / 20.0) ** 2)
    fibre = 1.0 / (1.0 + np.exp(-(nm - 205.0) / 6.0))
    return np.asarray((deuterium + halogen + lines + fulcher) * fibre)


def _planck(wavelengths_nm: Array, kelvin: float) -> Array:
    """Planck's law in arbitrary units; 1.4388e7 nm K is `hc / k_B`."""
    return np.asarray(wavelengths_nm**-5.0 / np.expm1(1.4388e7 / (wavelengths_nm * kelvin)))
