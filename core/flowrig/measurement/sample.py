"""Values of the analysis: spectra, samples, flags and features."""

from collections.abc import Iterable, Mapping

import numpy as np
from attrs import evolve, field, frozen
from numpy.typing import NDArray

from flowrig.errors import InputError
from flowrig.interfaces.device import Quality
from flowrig.interfaces.spectrometer import Frames

__all__ = ["Features", "Flag", "Sample", "Spectrum", "worst_quality"]

Array = NDArray[np.float64]


@frozen
class Flag:
    """Why some features cannot be trusted fully.

    Attributes:
        quality: DOUBTFUL or BAD; GOOD if only the shape of the emission is missing, which matters
            only to an objective that needs it.
        reason: one phrase for people.
        channel: the channel that it is about; "" if it is about all of them.
    """

    quality: Quality
    reason: str
    channel: str = ""


@frozen(eq=False)
class Spectrum:
    """One averaged spectrum.

    Attributes:
        wavelengths_nm: wavelength [nm] of every pixel, shape `p`.
        values: in the unit of the channel's analysis, shape `p`; nan where it has no value.
        frames: indices of the frames that were averaged, in the order of time.
        has_own_axis: whether its analysis gave it another axis than that of the detector.
    """

    wavelengths_nm: Array
    values: Array
    frames: NDArray[np.intp]
    has_own_axis: bool = False


@frozen(kw_only=True, eq=False)
class Sample:
    """Frames of one spectrometer and one experiment, with their dark and lamp spectra.

    Attributes:
        frames: the raw frames, `n x p` counts.
        wavelengths_nm: wavelength [nm] of every pixel, rising, shape `p`.
        dark: mean counts with the light source shut, shape `p`; None if no dark was taken.
        lamp: mean counts of the light source through something transparent, dark included, shape
            `p`; absorbance needs it.
    """

    frames: Frames
    wavelengths_nm: Array
    dark: Array | None = None
    lamp: Array | None = None

    def __attrs_post_init__(self) -> None:
        pixels = self.frames.counts.shape[1]
        for what, array in (
            ("wavelengths", self.wavelengths_nm),
            ("dark", self.dark),
            ("lamp", self.lamp),
        ):
            if array is not None and array.shape != (pixels,):
                raise InputError(
                    f"{what}: expected {pixels} pixels as in the frames, got {array.shape}"
                )

    @property
    def shut(self) -> Array:
        """The dark, or zeros where none was taken, shape `p`."""
        return np.zeros_like(self.wavelengths_nm) if self.dark is None else self.dark

    def with_dark(self, dark: Array | None) -> "Sample":
        """The same frames as a channel sees them that has another dark, or none.

        Raises:
            InputError: it has not as many pixels as the frames.
        """
        return evolve(self, dark=dark)


@frozen(eq=False)
class Features:
    """The features of one experiment, with the averaged spectra.

    Attributes:
        values: by name, for instance "a300" [absorbance units], "pli" [counts], "pla" [counts·nm],
            "peak_nm", "peak_ev" and "fwhm_nm"; nan where there is no value.
        spectra: the averaged spectrum of every channel, by its name.
        flags: reasons why features cannot be trusted; empty if there is none.
        scans: by channel that scans, its averaged spectrum at each position; `spectra` has their
            mean.
        series: by name, what has a value at each position of a scan, of shape `positions`.
    """

    values: Mapping[str, float]
    spectra: Mapping[str, Spectrum]
    flags: tuple[Flag, ...] = field(default=())
    scans: Mapping[str, tuple[Spectrum, ...]] = field(factory=dict)
    series: Mapping[str, Array] = field(factory=dict)

    @property
    def quality(self) -> Quality:
        """The worst quality of the flags."""
        return worst_quality(self.flags)


def worst_quality(flags: Iterable[Flag]) -> Quality:
    """BAD, DOUBTFUL or GOOD, whichever is the worst of some flags; GOOD without a flag."""
    return Quality.worst(flag.quality for flag in flags)
