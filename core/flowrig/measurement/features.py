"""From the spectra of a sample to its features and flags."""

from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Any

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from flowrig.errors import FlowrigError, PluginError
from flowrig.interfaces.analysis import Analysis as Reduction
from flowrig.interfaces.analysis import Looked
from flowrig.interfaces.device import Quality
from flowrig.measurement.emission_peak import Peak, find_peak, photon_energy_ev
from flowrig.measurement.frame_checks import excitation_flags, frame_flags, lamp_flags, plug_flags
from flowrig.measurement.sample import Features, Flag, Sample, Spectrum
from flowrig.measurement.spectra import (
    area,
    interpolate_at,
    reactive_frames,
    window_slice,
)
from flowrig.plugins.contained import one_line
from flowrig.plugins.offers import import_target
from flowrig.profile.model import Analysis, Channel, Feature

__all__ = ["extract_features", "used_frames"]

Array = NDArray[np.float64]


def extract_features(
    analysis: Analysis, samples: Mapping[str, Sample], *, lamp_counts_min: float = 200.0
) -> Features:
    """The features of one experiment, with flags.

    Args:
        analysis: channels, windows, wavelengths and number of frames, from the profile.
        samples: frames by detector, with dark and lamp reference.
        lamp_counts_min: lamp counts above dark where an absorbance is read below which the value is
            doubtful; the default is assumed, far above a detector's read noise.

    Raises:
        InputError: a window or wavelength is outside what a spectrometer sees, there are fewer
            frames than count as reactive, or the lamp reference is missing.
    """
    readings = analysis.readings
    flags: list[Flag] = []
    spectra: dict[str, Spectrum] = {}
    for name, channel in analysis.channels.items():
        wanted = [feature for feature in readings if feature.channel == name]
        sample = samples[channel.device]
        spectra[name], doubts = _look(channel, sample, wanted, lamp_counts_min)
        flags += doubts
    values, lacking = _read(readings, analysis.channels, spectra)
    return Features(values=values, spectra=spectra, flags=(*dict.fromkeys([*flags, *lacking]),))


def used_frames(channel: Channel, counts: NDArray[Any], axis: Array) -> NDArray[np.intp]:
    """Indices of the frames that show the reactive phase in a channel, in the order of time.

    Raises:
        InputError: there are too few frames, or no pixel lies in the window.
    """
    pick = channel.picked
    if pick is None:
        return np.arange(len(counts))
    return reactive_frames(
        counts, axis, pick.window_nm, pick.frames, brightest=pick.brightest_nm is not None
    )


def _look(
    channel: Channel, sample: Sample, wanted: list[Feature], lamp_counts_min: float
) -> tuple[Spectrum, list[Flag]]:
    """The spectrum of a channel, and what is doubtful about it."""
    axis, device = sample.wavelengths_nm, channel.device
    if channel.dark == "none":
        sample = sample.without_dark()
    used = used_frames(channel, sample.frames.counts, axis)
    looked, broken = _reduced(channel, sample, used)
    own_axis = not np.array_equal(looked.axis, axis)
    spectrum = Spectrum(looked.axis, looked.values, used, own_axis)
    flags = [*broken, *frame_flags(channel, sample, used, wanted)]
    flags += plug_flags(channel, sample, used, lamp_counts_min)
    if channel.offer.needs_light:
        flags += lamp_flags(channel, sample, wanted, lamp_counts_min)
    else:
        flags += excitation_flags(channel, sample, spectrum, wanted)
    flags += [Flag(Quality.DOUBTFUL, f"{device}: {reason}") for reason in looked.flags]
    return spectrum, flags


def _reduced(
    channel: Channel, sample: Sample, used: NDArray[np.intp]
) -> tuple[Looked, Iterable[Flag]]:
    """What the analysis of a channel makes of some frames; nothing if it fails.

    A failure spoils the experiment, and not the run: the raw frames are kept.
    """
    axis = sample.wavelengths_nm
    frames = sample.frames.counts[used].astype(np.float64)
    try:
        analysis: Reduction = _class_of(channel.offer.target, channel.offer.name)(channel.settings)
        looked = analysis.reduce(frames, axis, sample.dark, sample.lamp)
        _require_sound(looked)
    except PluginError as error:
        reason = str(error)
    except FlowrigError:
        raise
    except Exception as error:  # whatever the code of a plugin raises
        reason = f"{type(error).__name__}: {one_line(error)}"
    else:
        return looked, ()
    words = f"{channel.name}: the analysis {channel.offer.name!r} fails: {reason}"
    return Looked(axis, np.full_like(axis, np.nan)), [Flag(Quality.BAD, words)]


@cache
def _class_of(target: str, name: str) -> Any:
    """The class of an analysis; imported once, not for every sample."""
    return import_target(target, f"the analysis {name!r}")


def _require_sound(looked: object) -> None:
    """Refuse what no feature could be read from.

    Raises:
        PluginError: the message says what is wrong.
    """
    if not isinstance(looked, Looked):
        raise PluginError(f"it returns {one_line(repr(looked))}; expected a Looked")
    for what, array in (("axis", looked.axis), ("values", looked.values)):
        if not (isinstance(array, np.ndarray) and array.dtype == np.float64 and array.ndim == 1):
            raise PluginError(f"its {what} are {one_line(repr(array))}; expected float64, shape p")
    if len(looked.axis) != len(looked.values) or len(looked.axis) == 0:
        sizes = f"{len(looked.axis)} places and {len(looked.values)} values"
        raise PluginError(f"it returns {sizes}; expected as many, and at least one")
    if not (np.isfinite(looked.axis).all() and (np.diff(looked.axis) > 0).all()):
        raise PluginError("its axis does not rise")


@frozen
class _Band:
    """The highest band of a channel in a window, as several features read it."""

    peak: Peak | None

    def value(self, feature: Feature) -> float:
        if self.peak is None:
            return np.nan
        if feature.how == "fwhm":
            return self.peak.fwhm_nm
        at_nm = self.peak.wavelength_nm
        return photon_energy_ev(at_nm) if feature.how == "energy" else at_nm


def _read(
    readings: Iterable[Feature], channels: Mapping[str, Channel], spectra: Mapping[str, Spectrum]
) -> tuple[dict[str, float], list[Flag]]:
    """Values of features, and flags of those that have none."""
    values: dict[str, float] = {}
    bands: dict[tuple[str, float, float], _Band] = {}
    for feature in readings:
        spectrum = spectra[feature.channel]
        if feature.how == "at":
            at_nm = feature.window_nm[0]
            values[feature.name] = interpolate_at(spectrum.values, spectrum.wavelengths_nm, at_nm)
        elif feature.how == "area":
            values[feature.name] = area(spectrum.values, spectrum.wavelengths_nm, feature.window_nm)
        else:
            key = (feature.channel, *feature.window_nm)
            if key not in bands:
                bands[key] = _band(spectrum, feature)
            values[feature.name] = bands[key].value(feature)
    missing = [
        Flag(Quality.BAD, f"{feature.name} has no finite value")
        for feature in readings
        if not feature.is_shape and not np.isfinite(values[feature.name])
    ]
    return values, [*missing, *_shapeless(bands, channels)]


def _band(spectrum: Spectrum, feature: Feature) -> _Band:
    window = window_slice(spectrum.wavelengths_nm, feature.window_nm)
    return _Band(find_peak(spectrum.values[window], spectrum.wavelengths_nm[window]))


def _shapeless(
    bands: Mapping[tuple[str, float, float], _Band], channels: Mapping[str, Channel]
) -> Iterator[Flag]:
    """Flags of bands that are not there or not whole; no fault unless the objective needs them."""
    for (name, low, high), band in bands.items():
        device, where = channels[name].device, f"{low:g} to {high:g} nm"
        if band.peak is None:
            yield Flag(Quality.GOOD, f"{device}: no emission peak in {where}")
        elif not np.isfinite(band.peak.fwhm_nm):
            words = f"{device}: the emission does not fall to half its height in {where}"
            yield Flag(Quality.GOOD, words)
