"""Array spectrometers."""

from abc import abstractmethod
from typing import Any

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from flowrig.clock import Alarm
from flowrig.errors import OutOfRangeError, UnsupportedError
from flowrig.interfaces import returned
from flowrig.interfaces.detecting import Detecting, Frames
from flowrig.interfaces.device import Device, Reading
from flowrig.interfaces.exposure import Exposure, ExposureSearch

__all__ = ["Frames", "Spectrometer", "SpectrometerLimits", "SpectrometerReadBack"]


@frozen
class SpectrometerLimits:
    """Limits of a spectrometer.

    Attributes:
        integration_time_min_us: shortest integration time [µs].
        integration_time_max_us: longest integration time [µs].
        saturation_counts: counts from which on a pixel is saturated.
    """

    integration_time_min_us: int
    integration_time_max_us: int
    saturation_counts: int


@frozen(kw_only=True)
class SpectrometerReadBack(Reading):
    """What a spectrometer reports that it is set to, which another program may have changed.

    Attributes:
        integration_time_us: integration time [µs]; None where the spectrometer cannot be asked.
        exposures_averaged: exposures that it averages for one frame; None likewise.
        trigger_mode: number of its trigger mode, in its own protocol; None likewise.
        boxcar_width: neighbours on each side over which it smooths a pixel; None likewise.
        is_light_on: whether its control line opens the light source; None likewise.
    """

    integration_time_us: int | None = None
    exposures_averaged: int | None = None
    trigger_mode: int | None = None
    boxcar_width: int | None = None
    is_light_on: bool | None = None


class Spectrometer(Device, Detecting):
    """An array spectrometer, with or without control of a light source."""

    axis_unit = "nm"

    @property
    def limits(self) -> SpectrometerLimits:
        """Limits of the spectrometer."""
        return returned.spectrometer_limits(self, self._do_limits())

    def wavelengths_nm(self) -> NDArray[np.float64]:
        """Wavelength [nm] of every pixel in ascending order, shape `n_pixels`."""
        self._require_open()
        wavelengths_nm = returned.wavelengths_nm(self, self._do_wavelengths_nm())
        self._points = wavelengths_nm.size
        return wavelengths_nm

    def axis(self) -> NDArray[np.float64]:
        """As `wavelengths_nm`."""
        return self.wavelengths_nm()

    def integration_time_us(self) -> int:
        """Integration time [µs] of the next frame."""
        self._require_open()
        return self._returned_time_us()

    def _returned_time_us(self) -> int:
        method, expected = "_do_integration_time_us", "a whole number of µs, at least 1"
        time_us = self._do_integration_time_us()
        return returned.whole(self, method, time_us, expected, low=1, high=2**53)

    def set_integration_time(self, integration_time_us: int) -> None:
        """Set the integration time [µs] for the next frame and all later ones.

        Raises:
            OutOfRangeError: outside `limits`; nothing was sent.
        """
        self._require_open()
        self._require_in_limits(integration_time_us)
        self._do_set_integration_time(integration_time_us)

    def read_back(self) -> SpectrometerReadBack:
        """Read from the spectrometer what it is set to; values that it cannot report are None.

        A run asks for it before and after every acquisition, and compares it with its own commands.
        """
        self._require_open()
        return returned.spectrometer_read_back(self, self._do_read_back())

    def auto_expose(
        self,
        target_fraction: float = 0.8,
        *,
        tolerance: float = 0.05,
        shortest_us: int | None = None,
        longest_us: int | None = None,
        window_nm: tuple[float, float] | None = None,
        frames_max: int = 12,
    ) -> Exposure:
        """Find and set the integration time for a given brightness of the brightest pixel.

        Open the light first, and fill the cell with the liquid that transmits most light (for
        photoluminescence: that emits most). The detector is assumed to be linear with an unknown
        offset up to saturation, which may lie below `limits.saturation_counts`; the search usually
        ends after 3 to 6 frames, of which two check that the counts still grow above the target.
        The light keeps its state.

        Args:
            target_fraction: wanted counts of the brightest pixel, as a fraction of the saturation
                counts.
            tolerance: accepted deviation from the target, as a fraction of the target.
            shortest_us: shortest integration time [µs] to set; by default that of `limits`.
            longest_us: longest integration time [µs] to set, for instance the time that a slug
                takes to pass the cell; by default that of `limits`.
            window_nm: lower and upper wavelength [nm] of the pixels to use; by default all.
            frames_max: number of frames after which a search in unsteady light ends.

        Returns:
            the integration time that is now set, with the verdict; light that is too weak or too
            strong is a verdict and no error.

        Raises:
            OutOfRangeError: target, tolerance or frames are impossible, no pixel lies in the
                window, or a time is outside `limits`; no setting was changed.
            NotReadyError: the device is not open, or another thread called `abandon`.
        """
        self._require_open()
        if frames_max < 1:
            raise OutOfRangeError(f"{self.name}: frames_max must be at least 1, got {frames_max}")
        search = self._exposure_search(target_fraction, tolerance, shortest_us, longest_us)
        return self._carry_out(search, self._pixels_in(window_nm), frames_max)

    def _exposure_search(
        self,
        target_fraction: float,
        tolerance: float,
        shortest_us: int | None,
        longest_us: int | None,
    ) -> ExposureSearch:
        """A search that starts at the integration time that is set now."""
        limits = self.limits
        shortest_us = limits.integration_time_min_us if shortest_us is None else shortest_us
        longest_us = limits.integration_time_max_us if longest_us is None else longest_us
        self._require_in_limits(shortest_us)
        self._require_in_limits(longest_us)
        # The accepted range must end below saturation: a saturated pixel cannot be on target.
        if not (
            0.0 < target_fraction < target_fraction * (1.0 + tolerance) < 1.0
            and shortest_us <= longest_us
        ):
            raise OutOfRangeError(
                f"{self.name}: cannot expose to {target_fraction:g} (1 ± {tolerance:g}) of "
                f"saturation within {shortest_us} to {longest_us} µs"
            )
        begin_us = min(max(self._returned_time_us(), shortest_us), longest_us)
        return ExposureSearch(target_fraction, tolerance, shortest_us, longest_us, begin_us)

    def _carry_out(
        self, search: ExposureSearch, pixels: NDArray[np.bool_], frames_max: int
    ) -> Exposure:
        """Take frames until the search has a verdict, and set its answer."""
        self._abandoned = Alarm()
        frames_taken = 0
        while search.verdict is None:
            self._set_if_other(search.proposal_us)
            counts = self._next_frame()
            frames_taken += 1
            search.learn(float(counts[pixels].max()) / self.limits.saturation_counts)
            if frames_taken >= frames_max and search.verdict is None:
                search.give_up()
        self._set_if_other(search.proposal_us)
        return Exposure(
            integration_time_us=self._returned_time_us(),
            peak_fraction=search.peak_fraction,
            verdict=search.verdict,
            frames_taken=frames_taken,
            saturation_counts=round(search.ceiling * self.limits.saturation_counts),
        )

    def _set_if_other(self, integration_time_us: int) -> None:
        if integration_time_us != self._returned_time_us():
            self._do_set_integration_time(integration_time_us)

    def _pixels_in(self, window_nm: tuple[float, float] | None) -> NDArray[np.bool_]:
        wavelengths_nm = self.wavelengths_nm()
        low_nm, high_nm = window_nm or (-np.inf, np.inf)
        pixels = np.asarray((low_nm <= wavelengths_nm) & (wavelengths_nm <= high_nm))
        if not pixels.any():
            raise OutOfRangeError(
                f"{self.name}: no pixel lies between {low_nm:g} and {high_nm:g} nm"
            )
        return pixels

    def _require_in_limits(self, integration_time_us: int) -> None:
        limits = self.limits
        if not (
            limits.integration_time_min_us <= integration_time_us <= limits.integration_time_max_us
        ):
            raise OutOfRangeError(
                f"{self.name}: an integration time of {integration_time_us} µs is outside "
                f"{limits.integration_time_min_us} to {limits.integration_time_max_us} µs"
            )

    def _checked_frame(self, frame: Any) -> NDArray[np.uint16]:
        return returned.frame(self, frame, self._points)

    def _saturated_from(self) -> float:
        return self.limits.saturation_counts

    def _do_set_light(self, on: bool) -> None:
        """Open or shut the light source; optional."""
        raise UnsupportedError(f"{self.name}: this spectrometer controls no light source")

    def _do_read_back(self) -> SpectrometerReadBack:
        """Ask the spectrometer for what it is set to; optional.

        A value that this spectrometer cannot report is None, and no error.
        """
        return SpectrometerReadBack(time_s=self.clock.now_s())

    @abstractmethod
    def _do_limits(self) -> SpectrometerLimits:
        """Limits of the spectrometer."""

    def _do_axis(self) -> NDArray[np.float64]:
        return self._do_wavelengths_nm()

    @abstractmethod
    def _do_wavelengths_nm(self) -> NDArray[np.float64]:
        """Wavelength [nm] of every pixel."""

    @abstractmethod
    def _do_set_integration_time(self, integration_time_us: int) -> None:
        """Set the integration time [µs] and discard the frame that is already being exposed."""

    @abstractmethod
    def _do_integration_time_us(self) -> int:
        """Integration time [µs] that is set now."""

    @abstractmethod
    def _do_acquire_frame(self) -> NDArray[np.uint16]:
        """Take one frame, shape `n_pixels`."""
