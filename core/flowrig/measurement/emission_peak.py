"""Peak position and width of an emission band.

Letters: `p` pixels. Wavelengths [nm] rise.
"""

import math

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

__all__ = ["HC_EV_NM", "Peak", "find_peak", "photon_energy_ev"]

Array = NDArray[np.float64]

HC_EV_NM = 1239.841984332
"""Planck constant times speed of light [eV·nm], from the exact values of the SI (2019)."""

SMOOTHED_OVER_NM = 3.0
"""Width of the moving average on which the band is found; far below the width of any band."""
TOP_SHARE = 0.8
"""The parabola is fitted to the part of the band above this share of its height."""
LEAST_HEIGHT_SD = 5.0
"""Smallest height of a peak, in standard deviations of the noise."""


@frozen
class Peak:
    """The highest band of a spectrum.

    Attributes:
        wavelength_nm: wavelength [nm] of its maximum.
        height: height of its maximum, in the unit of the spectrum.
        fwhm_nm: full width at half maximum [nm]; nan if it does not fall to half inside the window.
    """

    wavelength_nm: float
    height: float
    fwhm_nm: float


def photon_energy_ev(wavelength_nm: float) -> float:
    """Energy [eV] of a photon of a wavelength [nm] in vacuum."""
    return HC_EV_NM / wavelength_nm


def find_peak(values: Array, wavelengths_nm: Array) -> Peak | None:
    """The highest band, from a parabola through its top and the crossings of half its height.

    Args:
        values: the spectrum above its baseline, shape `p`.
        wavelengths_nm: wavelength [nm] of every pixel, shape `p`, at least 3.

    Returns:
        None if there is no maximum inside the spectrum, or none above the noise.
    """
    if len(values) < 3 or not np.isfinite(values).all():
        return None
    smooth = _moving_average(values, wavelengths_nm)
    at = int(np.argmax(smooth))
    noise = float((values - smooth).std())
    if not 0 < at < len(values) - 1 or not smooth[at] > max(0.0, LEAST_HEIGHT_SD * noise):
        return None
    wavelength_nm, height = _vertex(values, wavelengths_nm, _part_above(smooth, at, TOP_SHARE))
    return Peak(wavelength_nm, height, _width_nm(smooth, wavelengths_nm, at, height / 2))


def _moving_average(values: Array, wavelengths_nm: Array) -> Array:
    """Mean over `SMOOTHED_OVER_NM` around every pixel; ends are continued by their last value."""
    pitch_nm = float(wavelengths_nm[-1] - wavelengths_nm[0]) / (len(values) - 1)
    beside = min(int(SMOOTHED_OVER_NM / pitch_nm / 2), (len(values) - 1) // 2)
    padded = np.pad(values, beside, mode="edge")
    return np.convolve(padded, np.full(2 * beside + 1, 1.0 / (2 * beside + 1)), mode="valid")


def _part_above(smooth: Array, at: int, share: float) -> slice:
    """The pixels around a maximum down to a share of its height, at least one on either side."""
    low = np.flatnonzero(smooth < share * smooth[at])
    left = low[low < at].max(initial=-1) + 1
    right = low[low > at].min(initial=len(smooth))
    return slice(min(left, at - 1), max(right, at + 2))


def _vertex(values: Array, wavelengths_nm: Array, part: slice) -> tuple[float, float]:
    """Place and height of the top of the least-squares parabola through a part of a spectrum.

    The highest pixel, if the parabola has no top inside that part.
    """
    x, y = wavelengths_nm[part], values[part]
    center = float(x.mean())
    curvature, slope, level = np.polynomial.polynomial.polyfit(x - center, y, 2)[::-1]
    offset = -slope / (2 * curvature) if curvature < 0 else math.inf
    if not x[0] <= center + offset <= x[-1]:
        highest = int(np.argmax(y))
        return float(x[highest]), float(y[highest])
    return center + float(offset), float(level + slope * offset / 2)


def _width_nm(smooth: Array, wavelengths_nm: Array, at: int, half: float) -> float:
    """Distance [nm] of the first crossings of half the height on either side, nan without both."""
    below = np.flatnonzero(smooth < half)
    left, right = below[below < at], below[below > at]
    if not left.size or not right.size:
        return math.nan
    first, last = int(left[-1]), int(right[0])
    begin = np.interp(half, smooth[first : first + 2], wavelengths_nm[first : first + 2])
    end = np.interp(
        half, smooth[last - 1 : last + 1][::-1], wavelengths_nm[last - 1 : last + 1][::-1]
    )
    return float(end - begin)
