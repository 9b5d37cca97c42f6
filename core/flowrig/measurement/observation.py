"""Frames of one experiment as the spectrometers deliver them."""

from collections.abc import Callable, Mapping

import numpy as np
from attrs import field, frozen
from numpy.typing import NDArray

from flowrig.interfaces import Frames
from flowrig.measurement.stationarity import Steadiness

__all__ = ["FeatureProbe", "Observation"]


Array = NDArray[np.float64]


@frozen(eq=False)
class Observation:
    """Spectra of one condition.

    Attributes:
        dark: averaged dark counts, by spectrometer, each of shape `n_pixels`.
        frames: raw frames, by spectrometer.
        steadiness: whether the features were stationary before these frames were taken; None if
            the profile does not ask for it.
        changed: settings that somebody else has changed meanwhile, one clause each.
        readings: mean of what devices reported while the frames were taken, by DEVICE.QUANTITY;
            not a number where there was no value.
        to_come: at a simulated rig, what off-line analyses will find, by CHANNEL.QUANTITY.
        not_kept: of control loops that did not have their reading at its value, one sentence each.
        flowing_s: of a point of a study: how long [s] its liquid had flowed when the frames began.
        interrupted: of a point that was to continue: whether it had to settle first.
    """

    dark: Mapping[str, Array]
    frames: Mapping[str, Frames]
    steadiness: Steadiness | None = None
    changed: tuple[str, ...] = ()
    readings: Mapping[str, float] = field(factory=dict)
    to_come: Mapping[str, float] = field(factory=dict)
    not_kept: tuple[str, ...] = ()
    flowing_s: float | None = None
    interrupted: bool = False


FeatureProbe = Callable[[Observation], Mapping[str, float]]
"""Computes the features of a look, a short observation; `nan` where there is no value."""
