"""One experiment's result: from raw frames to features and figure of merit."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from flowrig import spectra
from flowrig.interfaces import Quality
from flowrig.procedures import Observation, Reference
from flowrig.profile import Profile

__all__ = ["Measurement", "evaluate", "measured_arrays"]

Array = NDArray[np.float64]


@frozen(eq=False)
class Measurement:
    """What one experiment amounts to.

    Attributes:
        features: by name, see `flowrig.spectra`.
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
    reference: Reference,
    observation: Observation,
) -> tuple[Measurement, spectra.Features]:
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
    looking = analysis.absorbance.spectrometer
    glowing = analysis.photoluminescence.spectrometer
    features = spectra.features(
        analysis,
        spectra.Sample(
            frames=observation.frames[looking],
            wavelengths_nm=wavelengths_nm[looking],
            dark=observation.dark[looking],
            lamp=reference.lamp[looking],
        ),
        spectra.Sample(
            frames=observation.frames[glowing],
            wavelengths_nm=wavelengths_nm[glowing],
            dark=observation.dark[glowing],
            lamp=reference.lamp[glowing],
        ),
    )
    responses = np.array([features.values[name] for name in profile.objective.responses])
    value = profile.objective.value(responses) if np.isfinite(responses).all() else np.nan
    quality = features.quality if np.isfinite(value) else Quality.BAD
    # What is no fault of the sample is told only where the figure of merit lacks it.
    told = [f for f in features.flags if f.quality is not Quality.GOOD or quality is Quality.BAD]
    measurement = Measurement(
        features.values, float(value), quality, tuple(flag.reason for flag in told)
    )
    return measurement, features


def measured_arrays(
    observation: Observation, features: spectra.Features
) -> dict[str, NDArray[Any]]:
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
