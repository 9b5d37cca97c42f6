"""From raw frames to features: reactive-phase frames, absorbance and photoluminescence.

In segmented flow each sample is a series of frames in which plugs of reactive phase and carrier
alternate. The frames that caught reactive phase are averaged and turned into an absorbance and a
photoluminescence spectrum, from which the features are read, as published with Sadeghi et al.,
Digital Discovery 2025, 4, 1722 (doi 10.1039/d5dd00062a; data doi 10.5281/zenodo.15283084).

Letters: `n` frames, `p` pixels. Wavelengths [nm] rise. Every constant is an argument.
"""

import numpy as np
from numpy.typing import NDArray

from flowrig.errors import InputError
from flowrig.profile.model import Window

__all__ = [
    "absorbance",
    "area",
    "interpolate_at",
    "photoluminescence",
    "reactive_frames",
    "reactive_spectrum",
    "window_slice",
]

Array = NDArray[np.float64]
Counts = NDArray[np.uint16] | Array


def window_slice(wavelengths_nm: Array, window_nm: Window) -> slice:
    """The pixels inside a wavelength window [nm], both ends included.

    Raises:
        InputError: no pixel lies in the window.
    """
    low = int(np.searchsorted(wavelengths_nm, window_nm[0]))
    high = int(np.searchsorted(wavelengths_nm, window_nm[1], side="right"))
    if low >= high:
        raise InputError(
            f"no pixel lies between {window_nm[0]:g} and {window_nm[1]:g} nm; "
            f"the spectrometer sees {wavelengths_nm[0]:.1f} to {wavelengths_nm[-1]:.1f} nm"
        )
    return slice(low, high)


def reactive_frames(
    counts: Counts,
    wavelengths_nm: Array,
    window_nm: Window,
    count: int,
    *,
    brightest: bool = False,
) -> NDArray[np.intp]:
    """Which frames caught reactive phase: those that let least light through in a window.

    Args:
        counts: raw counts, shape `n x p`.
        wavelengths_nm: wavelength [nm] of every pixel, shape `p`.
        window_nm: where the mean counts of each frame are compared [nm]; published: 250 to 350.
        count: how many frames count as reactive; published: 50.
        brightest: take those with the most light instead, for a phase that glows or a carrier that
            absorbs.

    Returns:
        indices of shape `count`, in the order of time.

    Raises:
        InputError: there are fewer frames than `count`, or no pixel lies in the window.
    """
    if not 1 <= count <= len(counts):
        raise InputError(f"expected at least {max(count, 1)} frames, got {len(counts)}")
    window = counts[:, window_slice(wavelengths_nm, window_nm)]
    totals = window.sum(axis=1, dtype=np.int64 if window.dtype.kind in "iu" else np.float64)
    if brightest:
        totals = totals.max() - totals  # negated would wrap around in unsigned counts
    return np.sort(np.argsort(totals, kind="stable")[:count])


def reactive_spectrum(counts: Counts, frames: NDArray[np.intp]) -> Array:
    """Mean counts of some frames.

    Args:
        counts: raw counts, shape `n x p`.
        frames: indices of the frames, from `reactive_frames`.

    Returns:
        mean counts, shape `p`.
    """
    return np.asarray(counts[frames].mean(axis=0, dtype=np.float64))


def absorbance(
    sample: Array,
    dark: Array,
    lamp: Array,
    wavelengths_nm: Array,
    baseline_window_nm: Window | None,
) -> Array:
    """Decadic absorbance, `-log10((sample - dark) / (lamp - dark))`, zero in the baseline window.

    Args:
        sample: mean counts through the reactive phase, shape `p`.
        dark: mean counts with the light source shut, shape `p`.
        lamp: mean counts through something transparent, shape `p`.
        wavelengths_nm: wavelength [nm] of every pixel, shape `p`.
        baseline_window_nm: where the mean absorbance is set to zero [nm]; published: 700 to 800;
            None to set it to zero nowhere.

    Returns:
        absorbance, shape `p`; nan where no light passed or the lamp gives none, and everywhere if
        the baseline window holds no value.
    """
    transmitted, incident = sample - dark, lamp - dark
    valid = (transmitted > 0) & (incident > 0)
    raw = np.full(sample.shape, np.nan)
    raw[valid] = np.log10(incident[valid] / transmitted[valid])
    if baseline_window_nm is None:
        return raw
    return raw - _baseline(raw[window_slice(wavelengths_nm, baseline_window_nm)])


def photoluminescence(
    sample: Array, dark: Array, wavelengths_nm: Array, baseline_window_nm: Window | None
) -> Array:
    """Emission [counts], `sample - dark`, zero in the baseline window.

    Args:
        sample: mean counts of the reactive phase, shape `p`.
        dark: mean counts with the light source shut, shape `p`.
        wavelengths_nm: wavelength [nm] of every pixel, shape `p`.
        baseline_window_nm: where the mean emission is set to zero [nm]; published: 800 to 1000;
            None to set it to zero nowhere.

    Returns:
        emission [counts], shape `p`.
    """
    emission = sample - dark
    if baseline_window_nm is None:
        return emission
    return emission - _baseline(emission[window_slice(wavelengths_nm, baseline_window_nm)])


def interpolate_at(values: Array, wavelengths_nm: Array, wavelength_nm: float) -> float:
    """A spectrum at one wavelength [nm], linear between the two nearest pixels.

    Raises:
        InputError: the wavelength is outside what the spectrometer sees.
    """
    if not wavelengths_nm[0] <= wavelength_nm <= wavelengths_nm[-1]:
        raise InputError(
            f"{wavelength_nm:g} nm is outside the spectrometer's "
            f"{wavelengths_nm[0]:.1f} to {wavelengths_nm[-1]:.1f} nm"
        )
    return float(np.interp(wavelength_nm, wavelengths_nm, values))


def area(values: Array, wavelengths_nm: Array, window_nm: Window) -> float:
    """Area [unit of `values` times nm] of a spectrum by the trapezoid rule over a window's pixels.

    Args:
        values: the spectrum, shape `p`.
        wavelengths_nm: wavelength [nm] of every pixel, shape `p`.
        window_nm: lower and upper end [nm]; published: 345 to 700.

    Raises:
        InputError: no pixel lies in the window.
    """
    window = window_slice(wavelengths_nm, window_nm)
    heights = values[window]
    return float(0.5 * ((heights[1:] + heights[:-1]) * np.diff(wavelengths_nm[window])).sum())


def _baseline(values: Array) -> float:
    """Mean of the values that are there, nan if there is none."""
    present = values[~np.isnan(values)]
    return float(present.mean()) if present.size else float("nan")
