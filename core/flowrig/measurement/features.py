"""From the spectra of a sample to its features and flags."""

import numpy as np
from numpy.typing import NDArray

from flowrig.errors import InputError
from flowrig.interfaces.device import Quality
from flowrig.measurement.emission_peak import find_peak, photon_energy_ev
from flowrig.measurement.light_check import LIGHT_LEFT
from flowrig.measurement.sample import Features, Flag, Sample, Spectrum
from flowrig.measurement.spectra import (
    absorbance,
    area,
    interpolate_at,
    photoluminescence,
    reactive_frames,
    reactive_spectrum,
    window_slice,
)
from flowrig.profile.model import AbsorbanceAnalysis, Analysis, PhotoluminescenceAnalysis, Window

__all__ = ["EMISSION_SHAPE", "extract_features"]

Array = NDArray[np.float64]


DARK_SDS = 5.0
"""Standard deviations of the noise below which an area is no emission."""


PLUG_CONTRAST = 0.05
"""Smallest difference of plugs and carrier, as a share of the light, that tells them apart
(assumed)."""


PLUG_SPREAD = 0.2
"""Largest difference among the frames of plugs, as a share of that between plugs and carrier
(assumed)."""


EMISSION_SHAPE = ("peak_nm", "peak_ev", "fwhm_nm")
"""Features of the shape of the emission spectrum."""


def extract_features(
    analysis: Analysis,
    absorbance_sample: Sample,
    photoluminescence_sample: Sample,
    *,
    lamp_counts_min: float = 200.0,
) -> Features:
    """The features of one experiment, with flags.

    Args:
        analysis: windows, wavelengths and number of frames, from the profile.
        absorbance_sample: frames of the absorbance spectrometer, with its lamp reference.
        photoluminescence_sample: frames of the photoluminescence spectrometer.
        lamp_counts_min: lamp counts above dark at the wavelength of the absorbance below which the
            value is doubtful; the default is assumed, far above a detector's read noise.

    Raises:
        InputError: a window or wavelength is outside what a spectrometer sees, there are fewer
            frames than count as reactive, or the lamp reference is missing.
    """
    absorbed, absorbed_values, absorbed_flags = _absorbance_features(
        analysis, absorbance_sample, lamp_counts_min
    )
    emitted, emitted_values, emitted_flags = _photoluminescence_features(
        analysis, photoluminescence_sample, lamp_counts_min
    )
    values = absorbed_values | emitted_values
    missing = tuple(
        Flag(Quality.BAD, f"{name} has no finite value")
        for name, value in values.items()
        if not np.isfinite(value)
    )
    shape, shape_flags = _emission_shape(analysis, emitted)
    return Features(
        values=values | shape,
        absorbance=absorbed,
        photoluminescence=emitted,
        flags=(*absorbed_flags, *emitted_flags, *missing, *shape_flags),
    )


def _absorbance_features(
    analysis: Analysis, sample: Sample, lamp_counts_min: float
) -> tuple[Spectrum, dict[str, float], list[Flag]]:
    settings: AbsorbanceAnalysis = analysis.absorbance
    if sample.lamp is None:
        raise InputError(f"{settings.spectrometer}: absorbance needs a lamp reference")
    used, mean = _reactive(analysis, sample)
    values = absorbance(
        mean, sample.dark, sample.lamp, sample.wavelengths_nm, settings.baseline_window_nm
    )
    at_nm = settings.wavelength_nm
    lamp = interpolate_at(sample.lamp - sample.dark, sample.wavelengths_nm, at_nm)
    flags = _frame_flags(
        settings.spectrometer,
        sample,
        used,
        [settings.baseline_window_nm, _neighbours_nm(sample.wavelengths_nm, at_nm)],
    )
    flags += _light_flags(analysis, settings.spectrometer, sample, used, lamp_counts_min)
    if lamp < lamp_counts_min:
        flags.append(
            Flag(
                Quality.DOUBTFUL,
                f"{settings.spectrometer}: the lamp gives {lamp:.0f} counts at {at_nm:g} nm",
            )
        )
    baseline = values[window_slice(sample.wavelengths_nm, settings.baseline_window_nm)]
    if np.isnan(baseline).any():
        flags.append(
            Flag(
                Quality.DOUBTFUL,
                f"{settings.spectrometer}: no light at {np.isnan(baseline).sum()} of "
                f"{baseline.size} baseline pixels",
            )
        )
    return (
        Spectrum(sample.wavelengths_nm, values, used),
        {settings.feature: interpolate_at(values, sample.wavelengths_nm, at_nm)},
        flags,
    )


def _photoluminescence_features(
    analysis: Analysis, sample: Sample, lamp_counts_min: float
) -> tuple[Spectrum, dict[str, float], list[Flag]]:
    settings: PhotoluminescenceAnalysis = analysis.photoluminescence
    used, mean = _reactive(analysis, sample)
    values = photoluminescence(
        mean, sample.dark, sample.wavelengths_nm, settings.baseline_window_nm
    )
    emitted = area(values, sample.wavelengths_nm, settings.area_window_nm)
    flags = _frame_flags(
        settings.spectrometer,
        sample,
        used,
        [
            settings.baseline_window_nm,
            settings.area_window_nm,
            _neighbours_nm(sample.wavelengths_nm, settings.peak_nm),
        ],
    )
    flags += _light_flags(analysis, settings.spectrometer, sample, used, lamp_counts_min)
    if emitted < DARK_SDS * _area_sd(values, sample.wavelengths_nm, settings):
        words = "no more light than in the dark: the excitation is out, or nothing emits"
        flags.append(Flag(Quality.DOUBTFUL, f"{settings.spectrometer}: {words}"))
    return (
        Spectrum(sample.wavelengths_nm, values, used),
        {
            "pli": interpolate_at(values, sample.wavelengths_nm, settings.peak_nm),
            "pla": emitted,
        },
        flags,
    )


def _area_sd(values: Array, wavelengths_nm: Array, settings: PhotoluminescenceAnalysis) -> float:
    """Standard deviation of the area that the noise of the baseline alone gives [counts·nm]."""
    noise = float(np.std(values[window_slice(wavelengths_nm, settings.baseline_window_nm)]))
    pixels_nm = np.diff(wavelengths_nm[window_slice(wavelengths_nm, settings.area_window_nm)])
    return noise * float(np.sqrt(np.square(pixels_nm).sum()))


def _emission_shape(analysis: Analysis, emitted: Spectrum) -> tuple[dict[str, float], list[Flag]]:
    """Peak and width of the emission inside the window of its area."""
    settings = analysis.photoluminescence
    window = window_slice(emitted.wavelengths_nm, settings.area_window_nm)
    peak = find_peak(emitted.values[window], emitted.wavelengths_nm[window])
    where = "{:g} to {:g} nm".format(*settings.area_window_nm)
    if peak is None:
        nothing = dict.fromkeys(EMISSION_SHAPE, np.nan)
        return nothing, [
            Flag(Quality.GOOD, f"{settings.spectrometer}: no emission peak in {where}")
        ]
    values = {
        "peak_nm": peak.wavelength_nm,
        "peak_ev": photon_energy_ev(peak.wavelength_nm),
        "fwhm_nm": peak.fwhm_nm,
    }
    if np.isfinite(peak.fwhm_nm):
        return values, []
    words = f"{settings.spectrometer}: the emission does not fall to half its height in {where}"
    return values, [Flag(Quality.GOOD, words)]


def _reactive(analysis: Analysis, sample: Sample) -> tuple[NDArray[np.intp], Array]:
    """Indices and mean of the reactive frames."""
    counts = sample.frames.counts
    used = reactive_frames(
        counts, sample.wavelengths_nm, analysis.reactive_window_nm, analysis.reactive_frames
    )
    return used, reactive_spectrum(counts, used)


def _frame_flags(
    spectrometer: str, sample: Sample, used: NDArray[np.intp], windows_nm: list[Window]
) -> list[Flag]:
    """Flags of the used frames: quality of their reading, repeated exposures, saturation.

    A clipped pixel reads its frame's maximum; one outside the windows, for instance at the peak of
    the excitation source, does no harm. No detector shows the same counts in every pixel of several
    exposures: its noise is several counts.
    """
    flags = []
    if sample.frames.quality is not Quality.GOOD:
        flags.append(
            Flag(
                sample.frames.quality,
                f"{spectrometer}: the frames are {sample.frames.quality.value}",
            )
        )
    frames = sample.frames.counts
    if len(frames) > 1 and (frames == frames[0]).all():
        words = f"{spectrometer}: all {len(frames)} frames are one and the same exposure"
        flags.append(Flag(Quality.BAD, words))
    saturated = used[sample.frames.saturated[used]]
    if saturated.size:
        counts = sample.frames.counts[saturated]
        clipped = counts == counts.max(axis=1, keepdims=True)
        slices = [window_slice(sample.wavelengths_nm, window) for window in windows_nm]
        hit = np.any([clipped[:, pixels].any(axis=1) for pixels in slices], axis=0)
        if hit.any():
            flags.append(
                Flag(
                    Quality.DOUBTFUL,
                    f"{spectrometer}: {hit.sum()} of {used.size} used frames are saturated",
                )
            )
    return flags


def _light_flags(
    analysis: Analysis,
    spectrometer: str,
    sample: Sample,
    used: NDArray[np.intp],
    lamp_counts_min: float,
) -> list[Flag]:
    """Flags of the light through plugs and carrier.

    None if all frames count as reactive, or if the source gives no light in the window in which
    frames are compared.
    """
    counts = sample.frames.counts
    if sample.lamp is None or used.size == len(counts):
        return []
    window = window_slice(sample.wavelengths_nm, analysis.reactive_window_nm)
    given = float((sample.lamp - sample.dark)[window].mean())
    if given < lamp_counts_min:
        return []
    left = (counts[:, window].mean(axis=1) - sample.dark[window].mean()) / given
    brightest, darkest = float(left.max()), float(left[used].mean())
    flags = []
    if not LIGHT_LEFT[0] <= brightest <= LIGHT_LEFT[1]:
        words = (
            f"the brightest frame has {brightest:.0%} of the reference's light: the source has "
            "changed, or a bubble sits in the cell"
        )
        flags.append(Flag(Quality.DOUBTFUL, f"{spectrometer}: {words}"))
    if brightest - darkest < PLUG_CONTRAST:
        words = "plugs cannot be told from the carrier: none passed, or they let all light through"
        flags.append(Flag(Quality.DOUBTFUL, f"{spectrometer}: {words}"))
    elif np.ptp(left[used]) > PLUG_SPREAD * (brightest - left.min()):
        words = "some of the used frames caught only a part of a plug; take more frames"
        flags.append(Flag(Quality.DOUBTFUL, f"{spectrometer}: {words}"))
    return flags


def _neighbours_nm(wavelengths_nm: Array, wavelength_nm: float) -> Window:
    """The wavelengths [nm] of the two pixels around a wavelength."""
    right = int(np.clip(np.searchsorted(wavelengths_nm, wavelength_nm), 1, wavelengths_nm.size - 1))
    return float(wavelengths_nm[right - 1]), float(wavelengths_nm[right])
