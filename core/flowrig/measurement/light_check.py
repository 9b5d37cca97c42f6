"""Checks of a light source: whether it is out, and whether it is as bright as it was."""

from collections.abc import Mapping

import numpy as np
from attrs import evolve
from numpy.typing import NDArray

from flowrig.measurement.light_reference import LightCalibration, LightReference
from flowrig.profile.model import Analysis

__all__ = [
    "LIGHT_LEFT",
    "LightReferences",
    "brightness_change",
    "highest_counts",
    "light_seen",
    "share_of_light",
    "with_changed_lights",
]

SMOOTH_PIXELS = 15
"""Width [pixels] of the moving average, so that noise does not count as a spectrum."""

FLOOR_PERCENT, TOP_PERCENT = 5.0, 99.0
"""Percentiles of a frame between which the height of a spectrum is taken. A difference of
percentiles does not change with an offset of all pixels."""

LIT_SHARE = 0.1
"""The light counts as open from this share of the height that it had when it was open."""

LEAST_SHARE = 0.02
"""Height of the smallest spectrum, as a share of the full scale, that cannot be the fixed pattern
of a dark frame."""

LIGHT_LEFT = (0.65, 1.25)
"""Limits of the light, as a share of its reference, between which a source counts as unchanged
(assumed).

If there are few frames, each of them may hold a piece of a plug, so that a smaller change of the
source cannot be seen.
"""

LEAST_LIGHT_COUNTS = 100.0
"""Height [counts] of the smallest first lamp spectrum that later ones are compared with."""


LightReferences = Mapping[str, LightReference]
"""By spectrometer."""


def light_seen(
    frame: NDArray[np.uint16], saturation_counts: int, reference: LightReference | None = None
) -> str:
    """Signs in a frame that a light is still on after it was shut.

    Args:
        frame: counts, shape `n_pixels`.
        saturation_counts: counts at which a pixel is saturated.
        reference: an earlier dark and lamp spectrum. Without one, or if its lamp spectrum hardly
            differs from its dark, only a spectrum higher than any dark frame's pattern is found.

    Returns:
        what the spectrometer sees, in words; "" if the frame is dark.
    """
    if (frame >= saturation_counts).mean() > 0.5:
        return "it sees nothing but full scale, so that nobody can say"
    least = LEAST_SHARE * saturation_counts
    if (
        reference is not None
        and reference.lamp is not None
        and reference.dark is not None
        and reference.dark.shape == reference.lamp.shape == frame.shape
    ):
        open_counts = _height(reference.lamp - reference.dark)
        if open_counts >= least:
            share = _height(frame - reference.dark) / open_counts
            return f"it still sees {share:.0%} of its light" if share > LIT_SHARE else ""
    seen_counts = _height(frame.astype(np.float64))
    if seen_counts > least:
        return f"it still sees a spectrum of {seen_counts:.0f} counts"
    return ""


def brightness_change(spectrometer: str, first: LightReference, now: LightReference) -> str:
    """The doubt about photoluminescence that a change of its excitation causes.

    Photoluminescence is in counts and changes with the light. Absorbance is a ratio to the newest
    lamp spectrum, so that it does not.

    Args:
        spectrometer: its name.
        first: reference of the first calibration of the run.
        now: reference of the newest calibration.

    Returns:
        one phrase; "" if the light is as it was, or if that cannot be compared.
    """
    share = share_of_light(first, now, LEAST_LIGHT_COUNTS)
    if share is None or LIGHT_LEFT[0] <= share <= LIGHT_LEFT[1]:
        return ""
    return (
        f"{spectrometer}: the light gives {share:.0%} of what it gave when the run began, so that "
        "photoluminescence cannot be compared; put it back as it was, or start a new run"
    )


def with_changed_lights(
    taken: LightCalibration, first: LightReferences, analysis: Analysis
) -> LightCalibration:
    """A calibration with the doubts that changed lights cause.

    Args:
        taken: the newest calibration.
        first: references of the first calibration of the run.
        analysis: its channels whose values change with the light are compared.
    """
    names = dict.fromkeys(
        one.device for one in analysis.channels.values() if not one.offer.needs_light
    )
    doubts = [
        brightness_change(name, first[name], taken.references[name])
        for name in names
        if name in first and name in taken.references
    ]
    return evolve(taken, doubts=(*taken.doubts, *filter(None, doubts)))


def share_of_light(
    before: LightReference, now: LightReference, least_counts: float
) -> float | None:
    """Light of a source as a share of its earlier light.

    Args:
        before: earlier reference of the spectrometer.
        now: later reference of the same spectrometer.
        least_counts: height [counts] of the earlier spectrum from which on the two are compared.

    Returns:
        the share; None if the earlier light is too weak, a lamp spectrum is missing, or the
        detectors differ.
    """
    if before.lamp is None or now.lamp is None or before.lamp.shape != now.lamp.shape:
        return None
    before_counts = _height(before.light())
    return _height(now.light()) / before_counts if before_counts >= least_counts else None


def highest_counts(light: LightReference) -> float:
    """Height [counts] of the highest line of a light above its floor, however narrow it is.

    Raises:
        InputError: there is no lamp spectrum.
    """
    smooth = _smoothed(light.light())
    return float(smooth.max() - np.percentile(smooth, FLOOR_PERCENT))


def _smoothed(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.convolve(counts, np.full(SMOOTH_PIXELS, 1.0 / SMOOTH_PIXELS), mode="valid")


def _height(counts: NDArray[np.float64]) -> float:
    """Height [counts] of a spectrum above its floor."""
    low, high = np.percentile(_smoothed(counts), (FLOOR_PERCENT, TOP_PERCENT))
    return float(high - low)
