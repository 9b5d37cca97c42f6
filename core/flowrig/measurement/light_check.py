"""What a light source does: is it really out, and does it give what it gave?"""

from collections.abc import Mapping

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

__all__ = ["LightReference", "LightReferences", "light_seen", "share_of_light"]

SMOOTH_PIXELS = 15
"""Pixels that are averaged, so that noise makes no spectrum."""

FLOOR_PERCENT, TOP_PERCENT = 5.0, 99.0
"""Percentiles of a frame between which a spectrum stands out; an offset of all pixels is none."""

LIT_SHARE = 0.1
"""From this share of what the light gave when it was open on, it counts as open."""

LEAST_SHARE = 0.02
"""Share of the full scale that a spectrum must have to be told from a dark frame's pattern."""


@frozen(eq=False)
class LightReference:
    """What a spectrometer saw when its light was known.

    Attributes:
        dark: mean counts with the light shut, shape `n_pixels`.
        lamp: mean counts with the light open, shape `n_pixels`.
    """

    dark: NDArray[np.float64]
    lamp: NDArray[np.float64]


LightReferences = Mapping[str, LightReference]
"""By spectrometer."""


def light_seen(
    frame: NDArray[np.uint16], saturation_counts: int, reference: LightReference | None = None
) -> str:
    """What a frame says against a light that was shut.

    Args:
        frame: counts, shape `n_pixels`.
        saturation_counts: counts at which a pixel is saturated.
        reference: what the spectrometer saw before; without one, or if its light hardly showed,
            only a spectrum that stands out of any dark frame is seen.

    Returns:
        what is seen, in words; nothing if the frame is dark.
    """
    if (frame >= saturation_counts).mean() > 0.5:
        return "it sees nothing but full scale, so that nobody can say"
    least = LEAST_SHARE * saturation_counts
    if reference is not None and reference.dark.shape == reference.lamp.shape == frame.shape:
        given = _height(reference.lamp - reference.dark)
        seen = _height(frame - reference.dark)
        if given >= least:
            share = seen / given
            return f"it still sees {share:.0%} of its light" if share > LIT_SHARE else ""
    seen = _height(frame.astype(np.float64))
    return f"it still sees a spectrum of {seen:.0f} counts" if seen > least else ""


def share_of_light(
    before: LightReference, now: LightReference, least_counts: float
) -> float | None:
    """How much light a source gives, as a share of what it gave.

    Args:
        before: what a spectrometer saw.
        now: the same, later.
        least_counts: light before [counts] from which on this can be said.

    Returns:
        the share; None if the light hardly showed before, or the detectors are not the same.
    """
    if before.lamp.shape != now.lamp.shape:
        return None
    given = _height(before.lamp - before.dark)
    return _height(now.lamp - now.dark) / given if given >= least_counts else None


def _height(counts: NDArray[np.float64]) -> float:
    """How far [counts] a spectrum stands out."""
    smooth = np.convolve(counts, np.full(SMOOTH_PIXELS, 1.0 / SMOOTH_PIXELS), mode="valid")
    low, high = np.percentile(smooth, (FLOOR_PERCENT, TOP_PERCENT))
    return float(high - low)
