"""Spectral shapes: lamp, excitation LED, absorption and emission of the reactive phase.

None of the rig's raw spectra is published. Positions of bands and lines are literature values;
levels, widths and the shape of the absorption edge are assumed unless a line says otherwise.
"""

import math

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

__all__ = ["AbsorptionOptics", "EmissionOptics", "Light"]

Array = NDArray[np.float64]
Array32 = NDArray[np.float32]

REFERENCE_US = 8_000.0
"""Exposure [µs] at which lamp and LED have the levels below."""
LED_PEAK_COUNTS = 12_000.0
"""Scattered excitation light at 300 nm, carrier in the cell, above dark (assumed)."""
ABSORBANCE_AT_NM = 300.0
EMISSION_PEAK_NM, EMISSION_FWHM_NM = 445.0, 80.0
"""Cs3Cu2I5 nanocrystals: published peak (Sadeghi et al. 2025: 446 nm); width assumed."""
LIGAND_PEAK_NM, LIGAND_FWHM_NM = 380.0, 62.0
"""Ligand emission near 380 nm (Sadeghi et al., Nanoscale 2024, 16, 580); width assumed."""
HC_EV_NM = 1239.84
"""Photon energy [eV] times wavelength [nm]."""
_LED_OFFSET_NM = (-60.0, -19.0, -12.0, -6.2, 0.0, 7.3, 19.0, 48.0, 106.0)
_LED_DECADES = (-6.0, -2.0, -1.0, -0.30103, 0.0, -0.30103, -1.0, -2.0, -4.0)
"""Shape of a real UV LED seen by an HDX: FWHM 13.5 nm, with a red tail.

Measured on the raw spectra published with Volk et al., Nat. Commun. 2023, 14, 1403 (AlphaFlow),
whose LED peaks at 385 nm; assumed the same at 300 nm, and to fall on at the tail's slope.
"""


@frozen
class Light:
    """What the reactive phase does to light at one moment.

    Attributes:
        absorbance: decadic absorbance at 300 nm.
        crystals: emission area of the nanocrystals [counts·nm at the dye's exposure].
        background: emission area of everything else, scattered excitation included.
    """

    absorbance: float
    crystals: float
    background: float


class AbsorptionOptics:
    """Deuterium-halogen light through the flow cell.

    Args:
        wavelengths_nm: wavelength [nm] of every pixel, shape `p`.
    """

    def __init__(self, wavelengths_nm: Array) -> None:
        self._lamp = _lamp_counts(wavelengths_nm).astype(np.float32)
        self._decades = _as_powers(_absorption(wavelengths_nm))

    def counts(
        self, light: Light | None, excitation: float, reactive: float, exposure_us: float
    ) -> Array32:
        """Expected counts above dark, shape `p`; see `flowrig_sim.bodies.Optics`."""
        lamp = self._lamp * np.float32(exposure_us / REFERENCE_US)
        if light is None or reactive <= 0.0:
            return lamp
        passed = np.exp(np.float32(light.absorbance) * self._decades)
        return np.asarray(lamp * (np.float32(1.0 - reactive) + np.float32(reactive) * passed))


class EmissionOptics:
    """Emission at right angles to the LED, with the excitation light that plugs scatter.

    Band areas are normalized by the trapezoid rule over the pixels of the area window, as the
    published processing takes them.

    Args:
        wavelengths_nm: wavelength [nm] of every pixel, shape `p`.
        area_window_nm: window of the photoluminescence area [nm].
        dye_exposure_us: exposure [µs] at which areas are on the dye's scale.
    """

    def __init__(
        self, wavelengths_nm: Array, area_window_nm: tuple[float, float], dye_exposure_us: float
    ) -> None:
        inside = (wavelengths_nm >= area_window_nm[0]) & (wavelengths_nm <= area_window_nm[1])
        # The trapezoid rule over the window as one weight per pixel.
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
        self._decades = _as_powers(_absorption(wavelengths_nm))
        self._crystals = (crystals / (crystals * weights).sum()).astype(np.float32)
        self._ligands = (ligands / (ligands * weights).sum()).astype(np.float32)
        self._dye_exposure_us = dye_exposure_us

    def counts(
        self, light: Light | None, excitation: float, reactive: float, exposure_us: float
    ) -> Array32:
        """Expected counts above dark, shape `p`; see `flowrig_sim.bodies.Optics`."""
        led = self._led * np.float32(excitation * exposure_us / REFERENCE_US)
        if light is None or reactive <= 0.0:
            return led
        scattered = np.exp(np.float32(light.absorbance) * self._decades)
        tail = float((self._led_area * scattered).sum()) * self._dye_exposure_us / REFERENCE_US
        emitted = np.float32(light.crystals) * self._crystals
        emitted += np.float32(max(light.background - tail, 0.0)) * self._ligands
        emitted *= np.float32(excitation * reactive * exposure_us / self._dye_exposure_us)
        return np.asarray(
            emitted + led * (np.float32(1.0 - reactive) + np.float32(reactive) * scattered)
        )


def _as_powers(absorption: Array) -> Array32:
    """Exponents such that `exp(absorbance * exponent)` is the transmission."""
    return (-math.log(10) * absorption).astype(np.float32)


def _absorption(wavelengths_nm: Array) -> Array:
    """Absorption relative to 300 nm: onset near 330 nm, rising into the ultraviolet."""
    return np.asarray(_edge(wavelengths_nm) / _edge(np.array(ABSORBANCE_AT_NM)))


def _edge(wavelengths_nm: Array) -> Array:
    edge = 1.0 / (1.0 + np.exp((wavelengths_nm - 308.0) / 6.0))
    exciton = 0.35 * np.exp(-0.5 * ((wavelengths_nm - 286.0) / 9.0) ** 2)
    return np.asarray(edge * (1.0 + np.maximum(300.0 - wavelengths_nm, 0.0) / 150.0) + exciton)


def _gaussian_in_energy(wavelengths_nm: Array, peak_nm: float, fwhm_nm: float) -> Array:
    """A band that is Gaussian in photon energy, 1 at its peak."""
    fwhm_ev = HC_EV_NM * fwhm_nm / peak_nm**2
    offset_ev = HC_EV_NM / wavelengths_nm - HC_EV_NM / peak_nm
    return np.asarray(np.exp(-4 * math.log(2) * (offset_ev / fwhm_ev) ** 2))


def _lamp_counts(wavelengths_nm: Array) -> Array:
    """A balanced deuterium-halogen lamp through a 5 µm slit [counts above dark].

    Deuterium continuum, halogen at 2900 K, the deuterium lines at 486 and 656.1 nm and the Fulcher
    band at 560 to 640 nm; solarized fibre below 205 nm.
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
    return np.asarray(wavelengths_nm**-5.0 / np.expm1(1.4388e7 / (wavelengths_nm * kelvin)))
