"""Dark and lamp spectra of a spectrometer, which later frames are compared with.

The calibration of a campaign takes one `LightReference` for each spectrometer. At a notebook,
`take_reference` takes one.
"""

from collections.abc import Mapping

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from flowrig.errors import InputError
from flowrig.interfaces.spectrometer import Frames, Spectrometer
from flowrig.measurement import spectra
from flowrig.profile.model import Window

__all__ = ["LightCalibration", "LightReference", "take_reference"]

Array = NDArray[np.float64]


@frozen(eq=False)
class LightReference:
    """Mean spectra of one spectrometer with its light shut and with its light open.

    Attributes:
        dark: mean counts with the light shut, shape `n_pixels`; None if no dark was taken.
        lamp: mean counts with the light open and something transparent in the cell, dark included,
            shape `n_pixels`; None if only the dark was taken.
        integration_time_us: integration time [µs] of both; None if it was not recorded.
    """

    dark: Array | None
    lamp: Array | None = None
    integration_time_us: int | None = None

    @classmethod
    def of(cls, dark: Frames, lamp: Frames | None = None) -> "LightReference":
        """The reference from frames, for a light that is switched by hand.

        Args:
            dark: frames with the light shut.
            lamp: frames with the light open and something transparent in the cell.

        Raises:
            InputError: the two have different integration times, or a lamp frame is saturated.
        """
        time_us = dark.integration_time_us
        if lamp is None:
            return cls(dark.mean_counts(), integration_time_us=time_us)
        _require_same_time(time_us, lamp)
        if lamp.saturated.any():
            raise InputError(
                f"{lamp.saturated.sum()} of {lamp.saturated.size} lamp frames are saturated; "
                "shorten the integration time"
            )
        return cls(dark.mean_counts(), lamp.mean_counts(), time_us)

    def absorbance(
        self, frames: Frames, wavelengths_nm: Array, baseline_window_nm: Window
    ) -> Array:
        """Decadic absorbance of the mean of some frames.

        See `flowrig.measurement.spectra.absorbance`.

        Args:
            frames: frames of the sample, light open.
            wavelengths_nm: wavelength [nm] of every pixel, rising, shape `n_pixels`.
            baseline_window_nm: where the mean absorbance is set to zero [nm].

        Returns:
            absorbance, shape `n_pixels`; nan where no light passed.

        Raises:
            InputError: the integration times differ, there is no lamp spectrum, or no pixel lies in
                the window.
        """
        if self.lamp is None:
            raise InputError("absorbance needs a lamp reference")
        _require_same_time(self.integration_time_us, frames)
        return spectra.absorbance(
            frames.mean_counts(), self._shut(), self.lamp, wavelengths_nm, baseline_window_nm
        )

    def photoluminescence(
        self, frames: Frames, wavelengths_nm: Array, baseline_window_nm: Window
    ) -> Array:
        """Emission [counts] of the mean of some frames.

        See `flowrig.measurement.spectra.photoluminescence`.

        Args:
            frames: frames of the sample, excitation open.
            wavelengths_nm: wavelength [nm] of every pixel, rising, shape `n_pixels`.
            baseline_window_nm: where the mean emission is set to zero [nm].

        Returns:
            emission [counts], shape `n_pixels`.

        Raises:
            InputError: the integration times differ, or no pixel lies in the window.
        """
        _require_same_time(self.integration_time_us, frames)
        return spectra.photoluminescence(
            frames.mean_counts(), self._shut(), wavelengths_nm, baseline_window_nm
        )

    def light(self) -> Array:
        """Counts of the light above dark, shape `n_pixels`; dark included if none was taken.

        Raises:
            InputError: there is no lamp spectrum.
        """
        if self.lamp is None:
            raise InputError("there is no lamp reference")
        return self.lamp if self.dark is None else self.lamp - self.dark

    def _shut(self) -> Array:
        if self.dark is None:
            raise InputError("a dark reference is needed")
        return self.dark


@frozen(eq=False)
class LightCalibration:
    """The light references of a rig, which every later measurement is compared with.

    Attributes:
        references: by spectrometer.
        doubts: reasons why all measurements that use these references are doubtful; one phrase
            each.
    """

    references: Mapping[str, LightReference]
    doubts: tuple[str, ...] = ()


def take_reference(
    spectrometer: Spectrometer, count: int = 20, *, lamp: bool = True
) -> LightReference:
    """Shut the light for the dark spectrum, then open it for the lamp spectrum.

    Choose the integration time first, for instance with `auto_expose`. The light stays open.

    Args:
        spectrometer: an open spectrometer that controls its light, with something transparent in
            its cell.
        count: frames for each spectrum, at least 1.
        lamp: whether to take the lamp spectrum; photoluminescence does not need it.

    Raises:
        UnsupportedError: the spectrometer does not control its light; switch it by hand and use
            `LightReference.of`.
        OutOfRangeError: `count` is below 1.
        InputError: a lamp frame is saturated.
        DeviceError: see `Spectrometer.set_light` and `Spectrometer.acquire`.
    """
    spectrometer.set_light(False)
    dark = spectrometer.acquire(count)
    spectrometer.set_light(True)
    bright = spectrometer.acquire(count) if lamp else None
    return LightReference.of(dark, bright)


def _require_same_time(integration_time_us: int | None, frames: Frames) -> None:
    if integration_time_us not in (None, frames.integration_time_us):
        raise InputError(
            f"the dark reference was taken with {integration_time_us} µs, these frames with "
            f"{frames.integration_time_us} µs; take the reference again"
        )
