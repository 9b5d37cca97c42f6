"""One experiment's result: from raw frames to features and figure of merit."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from attrs import evolve, frozen
from numpy.typing import NDArray

from flowrig.interfaces import Quality
from flowrig.measurement.features import extract_features
from flowrig.measurement.observation import CalibrationReference, FeatureProbe, Observation
from flowrig.measurement.sample import Features, Flag, Sample
from flowrig.measurement.stationarity import Steadiness
from flowrig.profile import Profile

__all__ = ["Measurement", "evaluate", "feature_probe", "measured_arrays"]

Array = NDArray[np.float64]

DARK_CHANGE_COUNTS = 500.0
"""By how much [counts] a dark may differ from that of the lamp reference (assumed)."""


@frozen(eq=False)
class Measurement:
    """What one experiment amounts to.

    Attributes:
        features: by name, see `flowrig.measurement.spectra`.
        objective: the figure of merit; nan where a feature it needs has no value.
        quality: how far it can be trusted.
        flags: why not.
    """

    features: Mapping[str, float]
    objective: float
    quality: Quality
    flags: tuple[str, ...]


def evaluate(
    profile: Profile,
    wavelengths_nm: Mapping[str, Array],
    reference: CalibrationReference,
    observation: Observation,
) -> tuple[Measurement, Features]:
    """Extract features and figure of merit.

    Args:
        profile: analysis constants and objective.
        wavelengths_nm: by spectrometer, each of shape `n_pixels`.
        reference: dark and lamp spectra.
        observation: what one condition gave.

    Returns:
        the measurement, and the features with their averaged spectra.
    """
    analysis = profile.analysis
    absorbance_name = analysis.absorbance.spectrometer
    pl_name = analysis.photoluminescence.spectrometer
    features = extract_features(
        analysis,
        Sample(
            frames=observation.frames[absorbance_name],
            wavelengths_nm=wavelengths_nm[absorbance_name],
            dark=observation.dark[absorbance_name],
            lamp=reference.lamp[absorbance_name],
        ),
        Sample(
            frames=observation.frames[pl_name],
            wavelengths_nm=wavelengths_nm[pl_name],
            dark=observation.dark[pl_name],
            lamp=reference.lamp[pl_name],
        ),
    )
    steadiness = observation.steadiness
    flags, quality = list(features.flags), features.quality
    doubts = [*reference.doubts, *_changes_of_dark(observation, reference)]
    if steadiness is not None and not steadiness.reached:
        doubts.append(_not_stationary(steadiness))
    if doubts:
        flags += [Flag(Quality.DOUBTFUL, doubt) for doubt in doubts]
        quality = Quality.DOUBTFUL if quality is Quality.GOOD else quality
    responses = np.array([features.values[name] for name in profile.objective.responses])
    value = profile.objective.value(responses) if np.isfinite(responses).all() else np.nan
    quality = quality if np.isfinite(value) else Quality.BAD
    # What is no fault of the sample is told only where the figure of merit lacks it.
    told = [f for f in flags if f.quality is not Quality.GOOD or quality is Quality.BAD]
    measurement = Measurement(
        features.values, float(value), quality, tuple(flag.reason for flag in told)
    )
    return measurement, features


def _changes_of_dark(observation: Observation, reference: CalibrationReference) -> list[str]:
    """What is to be said of darks that are not what they were beside the lamp reference."""
    changes = {
        name: float(np.mean(dark - reference.dark[name])) for name, dark in observation.dark.items()
    }
    return [
        f"{name}: the dark has changed by {change:.0f} counts since the lamp reference: stray "
        "light, or a detector at another temperature"
        for name, change in changes.items()
        if abs(change) > DARK_CHANGE_COUNTS
    ]


def feature_probe(
    profile: Profile, wavelengths_nm: Mapping[str, Array], reference: CalibrationReference
) -> FeatureProbe:
    """What tells the features of a look, whose frames are fewer than those of a sample."""
    wanted = profile.residence_time.stationary
    if wanted is None:
        return lambda observation: {}
    share = wanted.frames / profile.analysis.frames
    reactive = max(round(profile.analysis.reactive_frames * share), 1)
    brief = evolve(profile, analysis=evolve(profile.analysis, reactive_frames=reactive))
    return lambda observation: evaluate(brief, wavelengths_nm, reference, observation)[0].features


def _not_stationary(found: Steadiness) -> str:
    relative, _ = found.drifts.get(found.worst, (np.nan, np.nan))
    drifts = f"{found.worst} drifts by {abs(relative):.0%}" if np.isfinite(relative) else "no value"
    return f"not-stationary: after {found.residence_times:.2g} τ {drifts} over the last looks"


def measured_arrays(observation: Observation, features: Features) -> dict[str, NDArray[Any]]:
    """The arrays that are kept with a measurement: raw frames, their times, darks, mean spectra."""
    arrays: dict[str, NDArray[Any]] = {
        "absorbance": features.absorbance.values,
        "photoluminescence": features.photoluminescence.values,
    }
    for name, frames in observation.frames.items():
        arrays[f"{name}.counts"] = frames.counts
        arrays[f"{name}.times_s"] = frames.times_s
        arrays[f"{name}.dark"] = observation.dark[name]
    return arrays
