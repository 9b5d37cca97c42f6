"""The result of one experiment: from raw frames to features, quality and objective."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
from attrs import evolve, frozen
from numpy.typing import NDArray

from flowrig.interfaces import Quality
from flowrig.measurement.features import extract_features
from flowrig.measurement.light_reference import LightCalibration, LightReference
from flowrig.measurement.observation import FeatureProbe, Observation
from flowrig.measurement.read_features import lacking
from flowrig.measurement.sample import Features, Flag, Sample, worst_quality
from flowrig.measurement.stationarity import Steadiness
from flowrig.problem.objective import Objective
from flowrig.profile import Profile

__all__ = ["Measurement", "calibration_arrays", "evaluate", "feature_probe", "measured_arrays"]

Array = NDArray[np.float64]

DARK_CHANGE_COUNTS = 500.0
"""Largest change [counts] of a dark since the lamp reference that raises no doubt (assumed)."""


@frozen(eq=False)
class Measurement:
    """The result of one experiment.

    Attributes:
        features: by name, see `flowrig.measurement.spectra`; nan where an off-line result is
            awaited.
        objective: value of the objective; nan if a feature that it needs has no value yet.
        quality: whether the result can be trusted.
        flags: reasons why it cannot, one phrase each.
    """

    features: Mapping[str, float]
    objective: float
    quality: Quality
    flags: tuple[str, ...]


def evaluate(
    profile: Profile,
    wavelengths_nm: Mapping[str, Array],
    calibration: LightCalibration,
    observation: Observation,
) -> tuple[Measurement, Features]:
    """Extract the features of an observation and compute the objective.

    Args:
        profile: analysis constants and objective.
        wavelengths_nm: by detector, the place of every pixel on its axis, shape `n_pixels`:
            wavelengths [nm] of a spectrometer.
        calibration: light references of the spectrometers.
        observation: spectra of one condition.

    Returns:
        the measurement, and the features with their averaged spectra.

    Raises:
        InputError: see `extract_features`.
    """
    samples = {
        name: Sample(
            frames=observation.frames[name],
            wavelengths_nm=wavelengths_nm[name],
            dark=observation.dark.get(name),
            lamp=calibration.references.get(name, LightReference(None)).lamp,
        )
        for name in profile.analysis.devices
    }
    later = profile.later_features
    nothing = dict.fromkeys((*profile.readings, *profile.analysis.off_line_units), float("nan"))
    features = extract_features(
        profile.analysis,
        samples,
        (*profile.series.values(), *profile.features.values()),
        readings={**nothing, **observation.readings},
        objective=profile.objective,
    )
    objective = _objective(profile, features)
    flags = [*features.flags, *_doubts(calibration, observation)]
    count = {"", *profile.channels_that_count}
    quality = worst_quality(flag for flag in flags if flag.channel in count)
    if not (np.isfinite(objective) or _may_come(profile.objective, features, later)):
        quality = Quality.BAD
    reported = _reported(flags, quality, later)
    return Measurement(features.values, objective, quality, reported), features


def _reported(flags: Iterable[Flag], quality: Quality, later: Iterable[str]) -> tuple[str, ...]:
    """The reasons of flags, each once.

    A GOOD flag reports a missing shape of a band: no fault unless the objective needs that shape.
    A feature that waits for a result lacks nothing.
    """
    to_come = set(map(lacking, later))
    shown = (f for f in flags if f.quality is not Quality.GOOD or quality is Quality.BAD)
    return tuple(dict.fromkeys(f.reason for f in shown if f.reason not in to_come))


def _objective(profile: Profile, features: Features) -> float:
    """Value of the objective; nan if a response has no finite value."""
    responses = np.array([features.values[name] for name in profile.objective.responses])
    if not np.isfinite(responses).all():
        return float("nan")
    return float(profile.objective.value(responses))


def _may_come(
    objective: Objective, features: Features, later: Mapping[str, tuple[str, ...]]
) -> bool:
    """Whether an objective without a value only waits for results."""
    missing = [one for one in objective.responses if not np.isfinite(features.values[one])]
    return bool(missing) and all(one in later for one in missing)


def _doubts(calibration: LightCalibration, observation: Observation) -> Iterator[Flag]:
    """Flags of the circumstances of a measurement, which its spectra alone do not show."""
    for changed in observation.changed:
        yield Flag(Quality.BAD, f"changed elsewhere: {changed}")
    for doubt in observation.not_kept:
        yield Flag(Quality.DOUBTFUL, doubt)
    for doubt in calibration.doubts:
        yield Flag(Quality.DOUBTFUL, doubt)
    for name, dark in observation.dark.items():
        reference = calibration.references.get(name)
        if reference is None or reference.dark is None:
            continue
        change = float(np.mean(dark - reference.dark))
        if abs(change) > DARK_CHANGE_COUNTS:
            yield Flag(
                Quality.DOUBTFUL,
                f"{name}: the dark has changed by {change:.0f} counts since the lamp reference: "
                "stray light, or a detector at another temperature",
            )
    steadiness = observation.steadiness
    if steadiness is not None and not steadiness.reached:
        yield Flag(Quality.DOUBTFUL, _not_stationary(steadiness))


def _not_stationary(steadiness: Steadiness) -> str:
    relative, _ = steadiness.drifts.get(steadiness.worst, (np.nan, np.nan))
    drifts = (
        f"{steadiness.worst} drifts by {abs(relative):.0%}" if np.isfinite(relative) else "no value"
    )
    return f"not-stationary: after {steadiness.residence_times:.2g} τ {drifts} over the last looks"


def feature_probe(
    profile: Profile, wavelengths_nm: Mapping[str, Array], calibration: LightCalibration
) -> FeatureProbe:
    """A function that computes the features of a look, which has fewer frames than a sample."""
    wanted = profile.residence_time.stationary
    if wanted is None:
        return lambda observation: {}
    # The same share of a look's frames counts as reactive as of a sample's frames.
    share = wanted.frames / profile.analysis.frames
    brief = evolve(profile, analysis=profile.analysis.with_picks(share))
    return lambda observation: evaluate(brief, wavelengths_nm, calibration, observation)[0].features


def calibration_arrays(
    profile: Profile, calibration: LightCalibration, axes: Mapping[str, Array]
) -> dict[str, NDArray[Any]]:
    """Arrays that a journal keeps with a calibration: dark, lamp and axis, by name."""
    arrays: dict[str, NDArray[Any]] = {}
    for name, axis in axes.items():
        reference = calibration.references.get(name, LightReference(None))
        for what, array in (("dark", reference.dark), ("lamp", reference.lamp)):
            if array is not None:
                arrays[f"{name}.{what}"] = array
        arrays[f"{name}.{profile.devices[name].axis_array}"] = axis
    return arrays


def measured_arrays(observation: Observation, features: Features) -> dict[str, NDArray[Any]]:
    """Arrays that a journal keeps with a measurement: raw frames, times, darks, mean spectra.

    Of a scan also the spectrum at each position, shape `positions x p`, and each series.
    """
    arrays: dict[str, NDArray[Any]] = {
        name: spectrum.values for name, spectrum in features.spectra.items()
    }
    arrays |= {
        f"{name}.axis": spectrum.wavelengths_nm
        for name, spectrum in features.spectra.items()
        if spectrum.has_own_axis
    }
    for name, spectra in features.scans.items():
        if len({len(one.values) for one in spectra}) == 1:
            arrays[f"{name}.scan"] = np.array([one.values for one in spectra])
    arrays |= {f"{name}.series": values for name, values in features.series.items()}
    for name, frames in observation.frames.items():
        arrays[f"{name}.counts"] = frames.counts
        arrays[f"{name}.times_s"] = frames.times_s
        if name in observation.dark:
            arrays[f"{name}.dark"] = observation.dark[name]
    return arrays
