"""From the spectra of a sample to its features and flags."""

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np
from attrs import evolve, frozen
from numpy.typing import NDArray

from flowrig.errors import FlowrigError, PluginError
from flowrig.interfaces.analysis import Analysis as Reduction
from flowrig.interfaces.analysis import Looked, SeriesAnalysis, require_sound
from flowrig.interfaces.device import Quality
from flowrig.measurement.frame_checks import (
    dimmed_flags,
    excitation_flags,
    frame_flags,
    lamp_flags,
    passing_flags,
    plug_flags,
)
from flowrig.measurement.read_features import read_features
from flowrig.measurement.sample import Features, Flag, Sample, Spectrum
from flowrig.measurement.scans import flags_of_lines, flags_of_scan, mean_of, parts_of_scan
from flowrig.measurement.spectra import reactive_frames
from flowrig.plugins.contained import one_line
from flowrig.plugins.offers import AnalysisOffer, import_target
from flowrig.problem.objective import Objective
from flowrig.profile.model import Analysis, Channel, Feature, Reading
from flowrig.profile.model.channels import ABSORBANCE, EMISSION

__all__ = ["extract_features", "used_frames"]

Array = NDArray[np.float64]


def extract_features(
    analysis: Analysis,
    samples: Mapping[str, Sample],
    features: Iterable[Feature],
    *,
    readings: Mapping[str, float] | None = None,
    objective: Objective | None = None,
    lamp_counts_min: float = 200.0,
) -> Features:
    """The features of one experiment, with flags.

    Args:
        analysis: channels, windows, wavelengths and number of frames, from the profile.
        samples: frames by detector, with dark and lamp reference.
        features: what is read from the spectra; features may use each other, in any order.
        readings: what devices reported meanwhile, by DEVICE.QUANTITY.
        objective: what computes features from whole spectra, if one does.
        lamp_counts_min: lamp counts above dark where an absorbance is read below which the value is
            doubtful; the default is assumed, far above a detector's read noise.

    Raises:
        InputError: a window or wavelength is outside what a spectrometer sees, there are fewer
            frames than count as reactive, or the lamp reference is missing.
    """
    features = list(features)
    looks_at = dict.fromkeys(one for feature in features for one in feature.readings)
    flags: list[Flag] = []
    spectra: dict[str, Spectrum] = {}
    scans: dict[str, tuple[Spectrum, ...]] = {}
    quantities: dict[str, Any] = dict(readings or {})
    for name, channel in analysis.channels.items():
        wanted = [reading for reading in looks_at if reading.channel == name]
        looks = _looks(channel, samples[channel.device], wanted, lamp_counts_min)
        spectra[name] = mean_of([look.spectrum for look in looks])
        flags += flags_of_scan(channel, [look.flags for look in looks])
        flags += flags_of_lines(channel, [look.spectrum for look in looks])
        quantities |= _quantities(channel, looks)
        if channel.scan is not None:
            scans[name] = tuple(look.spectrum for look in looks)
    absorbances = [spectra[n] for n, one in analysis.channels.items() if _is(one, ABSORBANCE)]
    for name, channel in analysis.channels.items():
        if _is(channel, EMISSION) and channel.scan is None:
            dimmed = dimmed_flags(channel, samples[channel.device], absorbances, lamp_counts_min)
            flags += [evolve(flag, channel=name) for flag in dimmed]
    if objective is not None and objective.spectra:
        quantities |= _computed(objective, spectra, flags)
    read = read_features(features, analysis.channels, spectra, quantities, scans)
    every = tuple(dict.fromkeys([*flags, *read.flags]))
    return Features(read.values, spectra, every, scans, read.series)


def _quantities(channel: Channel, looks: "Sequence[_Look]") -> dict[str, Any]:
    """The numbers of a channel's analysis, by CHANNEL.QUANTITY; arrays where it scans."""
    found: dict[str, Any] = {}
    for quantity in channel.offer.quantities:
        values = [float(look.quantities.get(quantity, np.nan)) for look in looks]
        found[f"{channel.name}.{quantity}"] = np.array(values) if channel.scan else values[0]
    return found


def _is(channel: Channel, analysis: AnalysisOffer) -> bool:
    return channel.offer.target == analysis.target


def _computed(
    objective: Objective, spectra: Mapping[str, Spectrum], flags: list[Flag]
) -> dict[str, float]:
    """What an objective computes from spectra; a failure spoils the experiment, not the run."""
    seen = {n: (spectra[n].wavelengths_nm, spectra[n].values) for n in objective.spectra}
    try:
        found = objective.compute(seen)
        return {name: float(found[name]) for name in objective.computed}
    except Exception as error:  # whatever the code of a plugin raises
        words = f"the objective {objective.name!r} fails: {type(error).__name__}: {one_line(error)}"
        flags.append(Flag(Quality.BAD, words))
        return dict.fromkeys(objective.computed, np.nan)


@frozen(eq=False)
class _Look:
    """What one channel makes of a sample."""

    spectrum: Spectrum
    quantities: Mapping[str, float]
    flags: list[Flag]


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


def _looks(
    channel: Channel, sample: Sample, wanted: list[Reading], lamp_counts_min: float
) -> list[_Look]:
    """What a channel makes of a sample; of one that scans, at each position."""
    if channel.scan is None:
        return [_look(channel, sample, wanted, lamp_counts_min)]
    parts = parts_of_scan(sample, channel.scan.count)
    return [_look(channel, part, wanted, lamp_counts_min) for part in parts]


def _look(channel: Channel, sample: Sample, wanted: list[Reading], lamp_counts_min: float) -> _Look:
    """The spectrum of a channel, and what is doubtful about it."""
    axis, device = sample.wavelengths_nm, channel.device
    if channel.dark != "shutter":
        sample = sample.with_dark(np.array(channel.stored_dark) if channel.stored_dark else None)
    used = used_frames(channel, sample.frames.counts, axis)
    looked, broken = _reduced(channel, sample, used)
    own_axis = not np.array_equal(looked.axis, axis)
    spectrum = Spectrum(looked.axis, looked.values, used, own_axis)
    flags = [*broken, *frame_flags(channel, sample, used, wanted)]
    flags += plug_flags(channel, sample, used, lamp_counts_min)
    if channel.offer.needs_light:
        flags += lamp_flags(channel, sample, wanted, lamp_counts_min)
        flags += passing_flags(channel, sample, lamp_counts_min)
    else:
        flags += excitation_flags(channel, sample, spectrum, wanted)
    flags += [Flag(Quality.DOUBTFUL, f"{device}: {reason}") for reason in looked.flags]
    flags = [evolve(flag, channel=channel.name) for flag in flags]
    return _Look(spectrum, looked.quantities, flags)


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
        if isinstance(analysis, SeriesAnalysis):
            times_s = sample.frames.times_s[used]
            looked = analysis.reduce_series(frames, times_s, axis, sample.dark, sample.lamp)
        else:
            looked = analysis.reduce(frames, axis, sample.dark, sample.lamp)
        require_sound(looked)
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
