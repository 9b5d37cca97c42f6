"""From raw frames to features: reactive-phase frames, absorbance and photoluminescence.

In segmented flow each sample is a series of frames in which plugs of reactive phase and carrier
alternate. The frames that caught reactive phase are averaged and turned into an absorbance and a
photoluminescence spectrum, from which the features are read, as published with Sadeghi et al.,
Digital Discovery 2025, 4, 1722 (doi 10.1039/d5dd00062a; data doi 10.5281/zenodo.15283084).

Letters: `n` frames, `p` pixels. Wavelengths [nm] rise. Every constant is an argument.
"""

from collections.abc import Mapping

import numpy as np
from attrs import field, frozen
from numpy.typing import NDArray

from flowrig.emission import find_peak, photon_energy_ev
from flowrig.errors import InputError
from flowrig.interfaces.device import Quality
from flowrig.interfaces.spectrometer import Frames
from flowrig.profile.model import AbsorbanceAnalysis, Analysis, PhotoluminescenceAnalysis, Window

__all__ = [
    "EMISSION_SHAPE",
    "Features",
    "Flag",
    "Sample",
    "Spectrum",
    "absorbance",
    "area",
    "features",
    "interpolate_at",
    "photoluminescence",
    "reactive_frames",
    "reactive_spectrum",
    "window_slice",
]

Array = NDArray[np.float64]
Counts = NDArray[np.uint16] | Array

DARK_SDS = 5.0
"""An emission of fewer standard deviations of its noise is none."""

LIGHT_LEFT = (0.65, 1.25)
"""Share of its reference between which the light through the brightest frame must be (assumed).

Few frames may each hold a piece of a plug, so that a smaller change of the source is not seen.
"""

PLUG_CONTRAST = 0.05
"""Share of the light by which plugs must differ from the carrier to be told from it (assumed)."""

PLUG_SPREAD = 0.2
"""Share of that difference by which the frames of plugs may differ among themselves (assumed)."""

EMISSION_SHAPE = ("peak_nm", "peak_ev", "fwhm_nm")
"""Features of the shape of the emission spectrum."""


@frozen
class Flag:
    """Why some features cannot be trusted fully.

    Attributes:
        quality: DOUBTFUL or BAD; GOOD where only the shape of the emission is missing, which
            spoils nothing but a figure of merit that needs it.
        reason: one phrase for people.
    """

    quality: Quality
    reason: str


@frozen(eq=False)
class Spectrum:
    """One averaged spectrum.

    Attributes:
        wavelengths_nm: wavelength [nm] of every pixel, shape `p`.
        values: absorbance units, or counts of emission, shape `p`; nan where it has no value.
        frames: indices of the frames that were averaged, in the order of time.
    """

    wavelengths_nm: Array
    values: Array
    frames: NDArray[np.intp]


@frozen(kw_only=True, eq=False)
class Sample:
    """What one spectrometer saw of one experiment, with its references.

    Attributes:
        frames: the raw frames, `n x p` counts.
        wavelengths_nm: wavelength [nm] of every pixel, rising, shape `p`.
        dark: mean counts with the light source shut, shape `p`.
        lamp: mean counts of the light source through something transparent, dark included, shape
            `p`; absorbance needs it.
    """

    frames: Frames
    wavelengths_nm: Array
    dark: Array
    lamp: Array | None = None

    def __attrs_post_init__(self) -> None:
        pixels = self.frames.counts.shape[1]
        for what, array in (
            ("wavelengths", self.wavelengths_nm),
            ("dark", self.dark),
            ("lamp", self.lamp),
        ):
            if array is not None and array.shape != (pixels,):
                raise InputError(
                    f"{what}: expected {pixels} pixels as in the frames, got {array.shape}"
                )


@frozen(kw_only=True, eq=False)
class Features:
    """What one experiment amounts to.

    Attributes:
        values: by name, for instance "a300" [absorbance units], "pli" [counts], "pla" [counts·nm],
            "peak_nm", "peak_ev" and "fwhm_nm"; nan where there is no value.
        absorbance: the averaged absorbance spectrum.
        photoluminescence: the averaged emission spectrum [counts].
        flags: why some of it cannot be trusted; empty when all is well.
    """

    values: Mapping[str, float]
    absorbance: Spectrum
    photoluminescence: Spectrum
    flags: tuple[Flag, ...] = field(default=())

    @property
    def quality(self) -> Quality:
        """The worst of the flags, GOOD without any."""
        raised = {flag.quality for flag in self.flags}
        return next((q for q in (Quality.BAD, Quality.DOUBTFUL) if q in raised), Quality.GOOD)


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
    counts: Counts, wavelengths_nm: Array, window_nm: Window, count: int
) -> NDArray[np.intp]:
    """Which frames caught reactive phase: those that let least light through in a window.

    Args:
        counts: raw counts, shape `n x p`.
        wavelengths_nm: wavelength [nm] of every pixel, shape `p`.
        window_nm: where the mean counts of each frame are compared [nm]; published: 250 to 350.
        count: how many frames count as reactive; published: 50.

    Returns:
        indices of shape `count`, in the order of time.

    Raises:
        InputError: there are fewer frames than `count`, or no pixel lies in the window.
    """
    if not 1 <= count <= len(counts):
        raise InputError(f"expected at least {max(count, 1)} frames, got {len(counts)}")
    window = counts[:, window_slice(wavelengths_nm, window_nm)]
    totals = window.sum(axis=1, dtype=np.int64 if window.dtype.kind in "iu" else np.float64)
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
    baseline_window_nm: Window,
) -> Array:
    """Decadic absorbance, `-log10((sample - dark) / (lamp - dark))`, zero in the baseline window.

    Args:
        sample: mean counts through the reactive phase, shape `p`.
        dark: mean counts with the light source shut, shape `p`.
        lamp: mean counts through something transparent, shape `p`.
        wavelengths_nm: wavelength [nm] of every pixel, shape `p`.
        baseline_window_nm: where the mean absorbance is set to zero [nm]; published: 700 to 800.

    Returns:
        absorbance, shape `p`; nan where no light passed or the lamp gives none, and everywhere if
        the baseline window holds no value.
    """
    transmitted, incident = sample - dark, lamp - dark
    valid = (transmitted > 0) & (incident > 0)
    raw = np.full(sample.shape, np.nan)
    raw[valid] = np.log10(incident[valid] / transmitted[valid])
    return raw - _baseline(raw[window_slice(wavelengths_nm, baseline_window_nm)])


def photoluminescence(
    sample: Array, dark: Array, wavelengths_nm: Array, baseline_window_nm: Window
) -> Array:
    """Emission [counts], `sample - dark`, zero in the baseline window.

    Args:
        sample: mean counts of the reactive phase, shape `p`.
        dark: mean counts with the light source shut, shape `p`.
        wavelengths_nm: wavelength [nm] of every pixel, shape `p`.
        baseline_window_nm: where the mean emission is set to zero [nm]; published: 800 to 1000.

    Returns:
        emission [counts], shape `p`.
    """
    emission = sample - dark
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


def features(
    analysis: Analysis,
    absorbance_sample: Sample,
    photoluminescence_sample: Sample,
    *,
    lamp_counts_min: float = 200.0,
) -> Features:
    """The features of one experiment, with what is known against them.

    Args:
        analysis: windows, wavelengths and number of frames, as the profile says.
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
    """What speaks against the used frames: their reading's quality, saturation where it is read.

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
    """What the light through plugs and carrier says against them.

    Nothing where all frames count as reactive, or where the source gives no light in the window in
    which they are compared.
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


def _baseline(values: Array) -> float:
    """Mean of the values that are there, nan if there is none."""
    present = values[~np.isnan(values)]
    return float(present.mean()) if present.size else float("nan")
