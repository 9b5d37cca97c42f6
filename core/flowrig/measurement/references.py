"""Dark and lamp references, for who measures with one spectrometer and no campaign.

A campaign takes its references itself; this is for a person at a notebook or a driver of one's own.
"""

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from flowrig.errors import InputError
from flowrig.interfaces.spectrometer import Frames, Spectrometer
from flowrig.measurement import spectra
from flowrig.profile.model import Window

__all__ = ["References", "take_references"]

Array = NDArray[np.float64]


@frozen(kw_only=True, eq=False)
class References:
    """What later frames of one spectrometer are measured against.

    Attributes:
        wavelengths_nm: wavelength [nm] of every pixel, rising, shape `n_pixels`.
        integration_time_us: integration time [µs] of the references, and of every frame that may
            be measured against them.
        dark: mean counts with the light shut, shape `n_pixels`.
        lamp: mean counts of the light through something transparent, dark included, shape
            `n_pixels`; None where there is no transmitted light, as for photoluminescence.
    """

    wavelengths_nm: Array
    integration_time_us: int
    dark: Array
    lamp: Array | None = None

    @classmethod
    def of(cls, wavelengths_nm: Array, dark: Frames, lamp: Frames | None = None) -> "References":
        """References from frames, for a light that is switched by hand.

        Args:
            wavelengths_nm: wavelength [nm] of every pixel, shape `n_pixels`.
            dark: frames with the light shut.
            lamp: frames with the light open and something transparent in the cell.

        Raises:
            InputError: the two have different integration times, or a lamp frame is saturated.
        """
        if lamp is not None:
            _require_same_time(dark.integration_time_us, lamp)
            if lamp.saturated.any():
                raise InputError(
                    f"{lamp.saturated.sum()} of {lamp.saturated.size} lamp frames are saturated; "
                    "shorten the integration time"
                )
        return cls(
            wavelengths_nm=wavelengths_nm,
            integration_time_us=dark.integration_time_us,
            dark=dark.mean_counts(),
            lamp=None if lamp is None else lamp.mean_counts(),
        )

    def absorbance(self, frames: Frames, baseline_window_nm: Window) -> Array:
        """Decadic absorbance of the mean of some frames.

        See `flowrig.measurement.spectra.absorbance`.

        Args:
            frames: frames of the sample, light open.
            baseline_window_nm: where the mean absorbance is set to zero [nm].

        Returns:
            absorbance, shape `n_pixels`; nan where no light passed.

        Raises:
            InputError: another integration time, no lamp reference, or no pixel in the window.
        """
        if self.lamp is None:
            raise InputError("absorbance needs a lamp reference")
        _require_same_time(self.integration_time_us, frames)
        return spectra.absorbance(
            frames.mean_counts(), self.dark, self.lamp, self.wavelengths_nm, baseline_window_nm
        )

    def photoluminescence(self, frames: Frames, baseline_window_nm: Window) -> Array:
        """Emission [counts] of the mean of some frames.

        See `flowrig.measurement.spectra.photoluminescence`.

        Args:
            frames: frames of the sample, excitation open.
            baseline_window_nm: where the mean emission is set to zero [nm].

        Returns:
            emission [counts], shape `n_pixels`.

        Raises:
            InputError: another integration time, or no pixel in the window.
        """
        _require_same_time(self.integration_time_us, frames)
        return spectra.photoluminescence(
            frames.mean_counts(), self.dark, self.wavelengths_nm, baseline_window_nm
        )


def take_references(
    spectrometer: Spectrometer, count: int = 20, *, lamp: bool = True
) -> References:
    """Shut the light for the dark reference, then open it for the lamp reference.

    Choose the integration time first, for instance with `auto_expose`. The light stays open.

    Args:
        spectrometer: an open spectrometer that controls its light, with something transparent in
            its cell.
        count: frames for each reference, at least 1.
        lamp: whether to take a lamp reference; not for photoluminescence.

    Raises:
        UnsupportedError: the light is not under its control; switch it by hand and use
            `References.of`.
        OutOfRangeError: `count` is below 1.
        InputError: a lamp frame is saturated.
        DeviceError: see `Spectrometer.set_light` and `Spectrometer.acquire`.
    """
    spectrometer.set_light(False)
    dark = spectrometer.acquire(count)
    spectrometer.set_light(True)
    bright = spectrometer.acquire(count) if lamp else None
    return References.of(spectrometer.wavelengths_nm(), dark, bright)


def _require_same_time(integration_time_us: int, frames: Frames) -> None:
    if frames.integration_time_us != integration_time_us:
        raise InputError(
            f"the dark reference was taken with {integration_time_us} µs, these frames with "
            f"{frames.integration_time_us} µs; take the references anew"
        )
