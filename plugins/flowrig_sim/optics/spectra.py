"""Light of the lamp and of the excitation LED, and what a product makes of it.

No raw spectra of the rig are published. The positions of bands and lines are literature values.
Levels, widths and the shape of the absorption edge are assumed, unless the comment on a constant
names a source.
"""

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from flowrig.emulation import Absorber, Emitter, Product, Shape

__all__ = ["Absorption", "AbsorptionOptics", "Drift", "EmissionOptics", "View", "dye_area"]

Array = NDArray[np.float64]
Array32 = NDArray[np.float32]

REFERENCE_US = 8_000.0
"""Exposure [µs] for which the levels of lamp and LED below hold."""
LED_PEAK_COUNTS = 12_000.0
"""Scattered excitation light [counts above dark] at its peak, carrier in the cell (assumed)."""
DYE_YIELD, DYE_ABSORBANCE, DYE_AREA = 0.1336, 0.9115, 198_493.1521
"""Quantum yield, absorbance and emission area [counts·nm] of the published reference dye (Sadeghi
et al., Digital Discovery 2025, 4, 1722)."""
_LED_OFFSET_NM = (-60.0, -19.0, -12.0, -6.2, 0.0, 7.3, 19.0, 48.0, 106.0)
_LED_DECADES = (-6.0, -2.0, -1.0, -0.30103, 0.0, -0.30103, -1.0, -2.0, -4.0)
"""Shape of a UV LED measured with an HDX: FWHM 13.5 nm, with a red tail.

From the raw spectra published with Volk et al., Nat. Commun. 2023, 14, 1403 (AlphaFlow), whose LED
peaks at 385 nm. Assumed: the same shape at 300 nm, and a tail that continues at its slope.
"""


@frozen
class Drift:
    """How absorption, emission and light differ from their means at one moment, as factors.

    Attributes:
        absorption: of the absorbance.
        emission: of the emission of the product.
        excitation: of the excitation light.
        lamp: of the lamp behind the sample.
    """

    absorption: float
    emission: float
    excitation: float
    lamp: float = 1.0


@frozen
class View:
    """What a detector sees in one exposure.

    Attributes:
        product: optics of the reactive phase; None for carrier alone.
        drift: of absorption, emission and light.
        reactive: fraction of the exposure that sees reactive phase, 0 to 1.
    """

    product: Product | None
    drift: Drift
    reactive: float

    @property
    def shapes(self) -> tuple[Any, ...] | None:
        """Equal for views whose spectra differ in nothing but their heights; None for carrier."""
        if self.product is None:
            return None
        return (
            *[one.shape for one in self.product.absorbers],
            *[(one.shape, one.window_nm, one.is_background) for one in self.product.emitters],
        )


def _products(views: Sequence[View]) -> list[Product]:
    return [one.product for one in views if one.product is not None]


def _yields(part: Sequence[Emitter]) -> list[float]:
    return [one.quantum_yield for one in part]


def _column(values: Sequence[float]) -> Array32:
    """One number a row, shape `n x 1`."""
    return np.array(values, np.float32)[:, None]


def _mixed(views: Sequence[View], passed: Array32) -> Array32:
    """Share of the light that passes carrier and reactive phase in turn, shape `n x p`."""
    carrier = _column([1.0 - one.reactive for one in views])
    return np.asarray(carrier + _column([one.reactive for one in views]) * passed)


class Absorption:
    """Absorbance of products at the pixels of a detector behind a light path.

    Args:
        wavelengths_nm: wavelength [nm] of every pixel, shape `p`.
        path_mm: light path [mm].
    """

    def __init__(self, wavelengths_nm: Array, path_mm: float) -> None:
        self._path_mm = path_mm

        def exponents(shape: Shape) -> Array32:
            return (-math.log(10) * shape(wavelengths_nm)).astype(np.float32)

        # Most chemistries have one shape for all parcels; one whose edge moves has many.
        self._exponents = lru_cache(maxsize=64)(exponents)
        self._at = lru_cache(maxsize=256)(_value_at)

    def transmission(self, products: Sequence[Product], factors: Sequence[float]) -> Array32:
        """Transmission at every pixel, shape `n x p`.

        Args:
            products: what absorbs, `n` products with the same shapes.
            factors: on the absorbance of each.
        """
        exponent: Array32 | None = None
        for part in zip(*(product.absorbers for product in products), strict=True):
            absorbances = [self._absorbance(*one) for one in zip(part, factors, strict=True)]
            term = _column(absorbances) * self._exponents(part[0].shape)
            exponent = term if exponent is None else exponent + term
        if exponent is None:
            return np.ones((len(products), 1), np.float32)
        return np.asarray(np.exp(exponent))

    def at(self, product: Product, wavelength_nm: float, factor: float = 1.0) -> float:
        """Decadic absorbance at a wavelength [nm]."""
        return sum(
            self._absorbance(one, factor) * self._at(one.shape, wavelength_nm)
            for one in product.absorbers
        )

    def _absorbance(self, one: Absorber, factor: float) -> float:
        return one.absorbance * (self._path_mm / one.path_mm) * factor


class AbsorptionOptics:
    """Light of the deuterium-halogen lamp through the flow cell.

    Args:
        wavelengths_nm: wavelength [nm] of every pixel, shape `p`.
        path_mm: light path [mm] in the cell.
    """

    def __init__(self, wavelengths_nm: Array, path_mm: float) -> None:
        self._lamp = _lamp_counts(wavelengths_nm).astype(np.float32)
        self.absorption = Absorption(wavelengths_nm, path_mm)

    def counts(self, views: Sequence[View], exposure_us: float) -> Array32:
        """Expected counts above dark, shape `n x p`; see `flowrig_sim.exposures.Optics`."""
        lamp = self._lamp * np.float32(exposure_us / REFERENCE_US)
        if any(one.drift.lamp != 1.0 for one in views):
            lamp = lamp * _column([one.drift.lamp for one in views])
        if views[0].product is None:
            return np.broadcast_to(lamp, (len(views), self._lamp.size))
        passed = self.absorption.transmission(
            _products(views), [one.drift.absorption for one in views]
        )
        return np.asarray(lamp * _mixed(views, passed))


class EmissionOptics:
    """Emission at right angles to the LED, with scattered excitation light.

    The emission area is proportional to the light that the parcel absorbs at the wavelength of the
    LED and to the quantum yield, on the scale of the published reference dye. Areas are computed
    with the trapezoid rule over the pixels, as in the published processing.

    Args:
        wavelengths_nm: wavelength [nm] of every pixel, shape `p`.
        path_mm: light path [mm] in the cell.
        excitation_nm: wavelength [nm] of the LED.
        dye_exposure_us: exposure [µs] at which areas are on the scale of the reference dye.
    """

    def __init__(
        self,
        wavelengths_nm: Array,
        path_mm: float,
        excitation_nm: float = 300.0,
        dye_exposure_us: float = REFERENCE_US,
    ) -> None:
        self.absorption = Absorption(wavelengths_nm, path_mm)
        self._excitation_nm = excitation_nm
        self._dye_exposure_us = dye_exposure_us
        led = LED_PEAK_COUNTS * 10 ** np.interp(
            wavelengths_nm - excitation_nm, _LED_OFFSET_NM, _LED_DECADES, left=-9.0, right=-9.0
        )
        self._led = led.astype(np.float32)

        def led_area(window_nm: tuple[float, float] | None) -> Array32:
            return (led * _weights(wavelengths_nm, window_nm)).astype(np.float32)

        def band(shape: Shape, window_nm: tuple[float, float] | None) -> Array32:
            values = shape(wavelengths_nm)
            area = float((values * _weights(wavelengths_nm, window_nm)).sum())
            return (values / (area or 1.0)).astype(np.float32)

        self._led_area = lru_cache(maxsize=16)(led_area)
        self._band = lru_cache(maxsize=64)(band)

    def counts(self, views: Sequence[View], exposure_us: float) -> Array32:
        """Expected counts above dark, shape `n x p`; see `flowrig_sim.exposures.Optics`."""
        lit = [one.drift.excitation * exposure_us / REFERENCE_US for one in views]
        led = self._led * _column(lit)
        if views[0].product is None:
            return led
        products = _products(views)
        drifts = [one.drift for one in views]
        scattered = self.absorption.transmission(products, [one.absorption for one in drifts])
        light = led * _mixed(views, scattered)
        absorbances = [
            self.absorption.at(product, self._excitation_nm, drift.absorption)
            for product, drift in zip(products, drifts, strict=True)
        ]
        emitted: Array32 | None = None
        for part in zip(*(product.emitters for product in products), strict=True):
            areas = [dye_area(*one) for one in zip(_yields(part), absorbances, strict=True)]
            if part[0].is_background:
                # The published background area includes the LED's tail in the window: not counted
                # twice.
                tails = (self._led_area(part[0].window_nm) * scattered).sum(axis=1)
                scale = self._dye_exposure_us / REFERENCE_US
                tailed = zip(areas, tails.tolist(), strict=True)
                areas = [max(area - tail * scale, 0.0) for area, tail in tailed]
            else:
                areas = [area * drift.emission for area, drift in zip(areas, drifts, strict=True)]
            term = _column(areas) * self._band(part[0].shape, part[0].window_nm)
            emitted = term if emitted is None else emitted + term
        if emitted is None:
            return np.asarray(light)
        emitted *= _column(
            [
                one.drift.excitation * one.reactive * exposure_us / self._dye_exposure_us
                for one in views
            ]
        )
        emitted += light
        return emitted

    def area(self, product: Product) -> float:
        """Emission area [counts·nm] of a product at the exposure of the dye's scale."""
        absorbance = self.absorption.at(product, self._excitation_nm)
        return sum(dye_area(one.quantum_yield, absorbance) for one in product.emitters)


def _value_at(shape: Shape, wavelength_nm: float) -> float:
    return float(shape(np.array(wavelength_nm)))


def dye_area(quantum_yield: float, absorbance: float) -> float:
    """Photoluminescence area [counts·nm] on the scale of the published reference dye.

    The published in-situ proxy of the quantum yield, `flowrig.problem.objective.plqy_proxy`, solved
    for the area.

    Args:
        quantum_yield: photons emitted for each photon absorbed.
        absorbance: decadic absorbance at the wavelength of the excitation.
    """
    absorbed = math.expm1(-math.log(10) * absorbance) / math.expm1(-math.log(10) * DYE_ABSORBANCE)
    return quantum_yield / DYE_YIELD * DYE_AREA * absorbed


def _weights(wavelengths_nm: Array, window_nm: tuple[float, float] | None) -> Array:
    """The trapezoid rule over a window, or over all pixels, as one weight per pixel."""
    low, high = window_nm or (-math.inf, math.inf)
    inside = (wavelengths_nm >= low) & (wavelengths_nm <= high)
    widths = np.diff(wavelengths_nm[inside])
    weights = np.zeros_like(wavelengths_nm)
    if widths.size:
        weights[inside] = 0.5 * (np.append(widths, 0.0) + np.insert(widths, 0, 0.0))
    return weights


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
