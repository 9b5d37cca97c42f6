"""What is doubtful about the frames of a channel and about its light."""

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from flowrig.interfaces.device import Quality
from flowrig.measurement.light_check import (
    LEAST_LIGHT_COUNTS,
    LIGHT_LEFT,
    LIT_SHARE,
    highest_counts,
    share_of_light,
)
from flowrig.measurement.light_reference import LightReference
from flowrig.measurement.sample import Flag, Sample, Spectrum
from flowrig.measurement.spectra import area, interpolate_at, window_slice
from flowrig.profile.model import Channel, Reading, Window

__all__ = [
    "dimmed_flags",
    "excitation_flags",
    "frame_flags",
    "lamp_flags",
    "passing_flags",
    "plug_flags",
]

Array = NDArray[np.float64]

DARK_SDS = 5.0
"""Standard deviations of the noise below which an area is no emission."""


PLUG_CONTRAST = 0.05
"""Smallest difference of plugs and carrier, as a share of the light, that tells them apart
(assumed)."""


PLUG_SPREAD = 0.2
"""Largest difference among the frames of plugs, as a share of that between plugs and carrier
(assumed)."""


PLUG_LOSS = 0.1
"""Largest share of the absorbance of whole plugs that frames of parts may take (assumed)."""


DEEPEST = 0.01
"""Share of the light below which whole plugs all count as black: noise is of that size."""


def frame_flags(
    channel: Channel, sample: Sample, used: NDArray[np.intp], wanted: Sequence[Reading]
) -> list[Flag]:
    """Flags of the used frames: quality of their reading, repeated exposures, saturation.

    A clipped pixel reads its frame's maximum; one outside the windows, for instance at the peak of
    the excitation source, does no harm. No detector shows the same counts in every pixel of several
    exposures: its noise is several counts.

    Args:
        channel: the channel.
        sample: its frames.
        used: indices of those that show the reactive phase.
        wanted: what features read from its spectrum.
    """
    device, flags = channel.device, []
    if sample.frames.quality is not Quality.GOOD:
        words = f"{device}: the frames are {sample.frames.quality.value}"
        flags.append(Flag(sample.frames.quality, words))
    frames = sample.frames.counts
    is_light = "nm" in channel.offer.detector_units
    # A counter of single events may count none in each frame; a pixel has noise in the dark too.
    if len(frames) > 1 and (is_light or frames.any()) and (frames == frames[0]).all():
        words = f"{device}: all {len(frames)} frames are one and the same exposure"
        flags.append(Flag(Quality.BAD, words))
    saturated = used[sample.frames.saturated[used]]
    if saturated.size:
        counts = sample.frames.counts[saturated]
        clipped = counts == counts.max(axis=1, keepdims=True)
        # Features of an analysis with an axis of its own tell nothing about pixels.
        read = wanted if channel.offer.axis_unit in channel.offer.detector_units else ()
        slices = [
            window_slice(sample.wavelengths_nm, window)
            for window in _windows_nm(channel, sample.wavelengths_nm, read)
        ]
        hit = np.any([clipped[:, pixels].any(axis=1) for pixels in slices], axis=0)
        if hit.any():
            words = f"{device}: {hit.sum()} of {used.size} used frames are saturated"
            flags.append(Flag(Quality.DOUBTFUL, words))
    return flags


def plug_flags(
    channel: Channel, sample: Sample, used: NDArray[np.intp], lamp_counts_min: float
) -> list[Flag]:
    """Flags of the light through plugs and carrier.

    None if all frames count as reactive, if they are not picked as the darkest ones, or if the
    source gives no light in the window in which frames are compared.

    Args:
        channel: the channel.
        sample: its frames, with the lamp reference if there is one.
        used: indices of the frames that show the reactive phase.
        lamp_counts_min: least light [counts] in the window.
    """
    counts, pick = sample.frames.counts, channel.picked
    if sample.lamp is None or used.size == len(counts) or pick is None or not pick.darkest_nm:
        return []
    window = window_slice(sample.wavelengths_nm, pick.darkest_nm)
    given = float((sample.lamp - sample.shut)[window].mean())
    if given < lamp_counts_min:
        return []
    left = (counts[:, window].mean(axis=1) - sample.shut[window].mean()) / given
    brightest, darkest = float(left.max()), float(left[used].mean())
    flags = []
    if not LIGHT_LEFT[0] <= brightest <= LIGHT_LEFT[1]:
        words = (
            f"the brightest frame has {brightest:.0%} of the reference's light: the source has "
            "changed, or a bubble sits in the cell"
        )
        flags.append(Flag(Quality.DOUBTFUL, f"{channel.device}: {words}"))
    if brightest - darkest < PLUG_CONTRAST:
        words = "plugs cannot be told from the carrier: none passed, or they let all light through"
        flags.append(Flag(Quality.DOUBTFUL, f"{channel.device}: {words}"))
    elif (
        np.ptp(left[used]) > PLUG_SPREAD * (brightest - left.min())
        or _lost_to_carrier(left[used], brightest) > PLUG_LOSS
    ):
        words = "some of the used frames caught only a part of a plug; take more frames"
        flags.append(Flag(Quality.DOUBTFUL, f"{channel.device}: {words}"))
    return flags


def _lost_to_carrier(left: Array, brightest: float) -> float:
    """The share of the absorbance of whole plugs that a mean over frames lacks.

    Where few plugs pass, frames of plug and carrier are among the darkest ones, and the carrier in
    them lets light through. For an absorbance near 0 this is the share of carrier, and more for a
    larger one.

    Args:
        left: light in each frame that is used, as a share of the reference's, shape `n`.
        brightest: light in the brightest frame, the carrier.
    """
    # The lower quartile, so that one odd frame among many is not taken for all plugs.
    whole = max(float(np.quantile(left, 0.25, method="lower")), DEEPEST)
    mean = max(float(left.mean()), DEEPEST)
    return float(np.log10(mean / whole) / np.log10(brightest / whole)) if brightest > whole else 0.0


def passing_flags(channel: Channel, sample: Sample, lamp_counts_min: float) -> list[Flag]:
    """A flag if the light where nothing absorbs is not that of the lamp reference.

    Only where every frame counts as sample: frames of a carrier show the same, see `plug_flags`.

    Args:
        channel: a channel that compares the sample with the lamp.
        sample: its frames.
        lamp_counts_min: least light [counts] in the baseline window.
    """
    if channel.picked is not None or channel.baseline_nm is None or sample.lamp is None:
        return []
    window = window_slice(sample.wavelengths_nm, channel.baseline_nm)
    given = float((sample.lamp - sample.shut)[window].mean())
    if given < lamp_counts_min:
        return []
    left = float((sample.frames.mean_counts() - sample.shut)[window].mean()) / given
    if LIGHT_LEFT[0] <= left <= LIGHT_LEFT[1]:
        return []
    words = (
        f"{left:.0%} of the reference's light passes where nothing should absorb: the source has "
        "changed, a bubble sits in the cell, or the sample scatters"
    )
    return [Flag(Quality.DOUBTFUL, f"{channel.device}: {words}")]


def dimmed_flags(
    channel: Channel, sample: Sample, absorbances: Iterable[Spectrum], lamp_counts_min: float
) -> list[Flag]:
    """A flag if less excitation is scattered than the absorbance of the sample explains.

    Only where every frame counts as sample: frames of a carrier show the same, see `plug_flags`.
    More light than expected is no sign, because particles scatter.

    Args:
        channel: a channel of emission.
        sample: its frames, with the light through something transparent.
        absorbances: spectra of absorbance of the same experiment; the highest one counts.
        lamp_counts_min: least light [counts] at the peak of the source.
    """
    if channel.picked is not None or sample.lamp is None:
        return []
    light = sample.lamp - sample.shut
    if light.max() < lamp_counts_min:
        return []
    source = light > 0.5 * light.max()
    passing = [
        np.interp(sample.wavelengths_nm[source], one.wavelengths_nm, one.values, np.nan, np.nan)
        for one in absorbances
    ]
    expected = [float((10.0**-one * light[source]).sum()) for one in passing]
    known = [counts for counts in expected if np.isfinite(counts)]
    left = float((sample.frames.mean_counts() - sample.shut)[source].sum())
    if not known or left >= LIGHT_LEFT[0] * min(known):
        return []
    words = (
        f"{left / min(known):.0%} of the excitation's light is left, with what the sample absorbs "
        "taken into account: the source has changed, or a bubble sits in the cell"
    )
    return [Flag(Quality.DOUBTFUL, f"{channel.device}: {words}")]


def lamp_flags(
    channel: Channel, sample: Sample, wanted: Sequence[Reading], lamp_counts_min: float
) -> list[Flag]:
    """A flag of each wavelength or window that a feature reads and where the lamp gives no light.

    Args:
        channel: a channel that compares the sample with the lamp.
        sample: its frames.
        wanted: what features read from its spectrum.
        lamp_counts_min: least light [counts] there.
    """
    flags = []
    for reading in wanted:
        if sample.lamp is None:
            break
        light, (low, high) = sample.lamp - sample.shut, reading.window_nm
        if reading.how == "at":
            given = interpolate_at(light, sample.wavelengths_nm, low)
            where = f"at {low:g} nm"
        else:
            given = float(light[window_slice(sample.wavelengths_nm, (low, high))].mean())
            where = f"from {low:g} to {high:g} nm"
        if given < lamp_counts_min:
            words = f"{channel.device}: the lamp gives {given:.0f} counts {where}"
            flags.append(Flag(Quality.DOUBTFUL, words))
    return flags


def excitation_flags(
    channel: Channel, sample: Sample, spectrum: Spectrum, wanted: Sequence[Reading]
) -> list[Flag]:
    """A flag if a sample shows no emission and nothing shows that the excitation is on.

    A sample that does not glow is a result: where the frames still hold scattered light of the
    source, as the lamp reference does, its area near zero is a value. Where the source is not seen
    in the lamp reference, because it was out then or is behind a filter, nobody can tell the two
    apart; without a lamp reference, the frames themselves must show a source.

    Args:
        channel: a channel of emission.
        sample: its frames.
        spectrum: the averaged emission.
        wanted: what features read from its spectrum.
    """
    if channel.baseline_nm is None:
        return []
    areas = [reading.window_nm for reading in wanted if reading.how == "area"]
    noise = _noise(spectrum, channel.baseline_nm)
    dark = any(
        area(spectrum.values, spectrum.wavelengths_nm, window)
        < DARK_SDS * noise * _root_width_nm(spectrum.wavelengths_nm, window)
        for window in areas
    )
    if not dark:
        return []
    now = LightReference(sample.shut, sample.frames.mean_counts())
    if sample.lamp is None:
        left = LIGHT_LEFT[1] if highest_counts(now) >= LEAST_LIGHT_COUNTS else None
    else:
        left = share_of_light(LightReference(sample.shut, sample.lamp), now, LEAST_LIGHT_COUNTS)
    if left is not None and left > LIT_SHARE:
        return []
    words = f"{channel.device}: no more light than in the dark: the excitation is out"
    if left is None:
        words += ", or nothing emits"
    return [Flag(Quality.DOUBTFUL, words)]


def _noise(spectrum: Spectrum, baseline_nm: Window) -> float:
    """Standard deviation of the values in the baseline window."""
    return float(np.std(spectrum.values[window_slice(spectrum.wavelengths_nm, baseline_nm)]))


def _root_width_nm(wavelengths_nm: Array, window_nm: Window) -> float:
    """What the standard deviation of a pixel is multiplied by to give that of an area [nm]."""
    pixels_nm = np.diff(wavelengths_nm[window_slice(wavelengths_nm, window_nm)])
    return float(np.sqrt(np.square(pixels_nm).sum()))


def _windows_nm(channel: Channel, wavelengths_nm: Array, wanted: Sequence[Reading]) -> list[Window]:
    """The wavelengths [nm] that a channel's analysis and features read; all if none is named."""
    windows = [] if channel.baseline_nm is None else [channel.baseline_nm]
    for reading in wanted:
        at_nm = reading.window_nm[0]
        one = _neighbours_nm(wavelengths_nm, at_nm) if reading.how == "at" else reading.window_nm
        windows.append(one)
    return windows or [(float(wavelengths_nm[0]), float(wavelengths_nm[-1]))]


def _neighbours_nm(wavelengths_nm: Array, wavelength_nm: float) -> Window:
    """The wavelengths [nm] of the two pixels around a wavelength."""
    right = int(np.clip(np.searchsorted(wavelengths_nm, wavelength_nm), 1, wavelengths_nm.size - 1))
    return float(wavelengths_nm[right - 1]), float(wavelengths_nm[right])
