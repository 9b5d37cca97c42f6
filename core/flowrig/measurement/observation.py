"""Frames and references of one experiment as the spectrometers deliver them."""

from collections.abc import Callable, Mapping

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from flowrig.interfaces import Frames
from flowrig.measurement.stationarity import Steadiness

__all__ = ["CalibrationReference", "FeatureProbe", "Observation"]


Array = NDArray[np.float64]


@frozen(eq=False)
class CalibrationReference:
    """What every later absorbance is measured against.

    Attributes:
        dark: averaged counts with the light shut, by spectrometer, each of shape `n_pixels`.
        lamp: averaged counts with the light open on a transparent cell, by spectrometer.
        doubts: what is to be said against every measurement that goes by it.
    """

    dark: Mapping[str, Array]
    lamp: Mapping[str, Array]
    doubts: tuple[str, ...] = ()


@frozen(eq=False)
class Observation:
    """What one condition gave.

    Attributes:
        dark: averaged dark counts, by spectrometer, each of shape `n_pixels`.
        frames: raw frames, by spectrometer.
        steadiness: whether it stood still before, where the profile wants to know.
    """

    dark: Mapping[str, Array]
    frames: Mapping[str, Frames]
    steadiness: Steadiness | None = None


FeatureProbe = Callable[[Observation], Mapping[str, float]]
"""Features of a look; `nan` where there is no value."""
