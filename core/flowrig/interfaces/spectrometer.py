"""Array spectrometers."""

from abc import abstractmethod

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from flowrig.errors import NotReadyError, OutOfRangeError, UnsupportedError
from flowrig.interfaces.device import Device, Reading
from flowrig.interfaces.exposure import Exposure, ExposureSearch

__all__ = ["Frames", "Spectrometer", "SpectrometerLimits"]


@frozen
class SpectrometerLimits:
    """What a spectrometer can do.

    Attributes:
        integration_time_min_us: shortest integration time [µs].
        integration_time_max_us: longest integration time [µs].
        saturation_counts: counts at which a pixel is saturated.
    """

    integration_time_min_us: int
    integration_time_max_us: int
    saturation_counts: int


@frozen(kw_only=True, eq=False)
class Frames(Reading):
    """Raw spectra taken one after the other with the same settings.

    Attributes:
        counts: raw counts, shape `n_frames x n_pixels`, uint16, as the detector gave them.
        times_s: rig time [s] at which each frame was asked for, shape `n_frames`.
        integration_time_us: integration time [µs] of every frame.
        saturated: which frames hold a saturated pixel, shape `n_frames`.
    """

    counts: NDArray[np.uint16]
    times_s: NDArray[np.float64]
    integration_time_us: int
    saturated: NDArray[np.bool_]

    def mean_counts(self) -> NDArray[np.float64]:
        """Counts averaged over all frames, shape `n_pixels`."""
        return np.asarray(self.counts.mean(axis=0, dtype=np.float64))


class Spectrometer(Device):
    """A spectrometer that returns whole spectra as counts."""

    _abandoned = False

    @property
    def controls_light(self) -> bool:
        """Whether `set_light` opens and shuts a light source; a driver that can says so."""
        return False

    @property
    def limits(self) -> SpectrometerLimits:
        """What the spectrometer can do."""
        return self._do_limits()

    def wavelengths_nm(self) -> NDArray[np.float64]:
        """Wavelength [nm] of every pixel, shape `n_pixels`, rising."""
        self._require_open()
        return self._do_wavelengths_nm()

    def integration_time_us(self) -> int:
        """The integration time [µs] of the next frame."""
        self._require_open()
        return self._do_integration_time_us()

    def set_integration_time(self, integration_time_us: int) -> None:
        """Set the integration time [µs]; the next frame already has it.

        Raises:
            OutOfRangeError: outside `limits`; nothing was sent.
        """
        self._require_open()
        self._require_in_limits(integration_time_us)
        self._do_set_integration_time(integration_time_us)

    def set_light(self, on: bool) -> None:
        """Open or shut the light source that the spectrometer controls.

        Raises:
            UnsupportedError: the light is not under this instrument's control.
        """
        self._require_open()
        self._do_set_light(on)

    def acquire(self, count: int, interval_s: float = 0.0) -> Frames:
        """Take frames one after the other.

        Args:
            count: number of frames, at least 1.
            interval_s: time [s] from the start of one frame to the start of the next; frames follow
                each other without pause where the integration time is longer than this.

        Raises:
            OutOfRangeError: no frame was asked for.
            ConnectionLostError: a frame did not arrive within the deadline.
            NotReadyError: another thread called `abandon`.
        """
        self._require_open()
        if count < 1:
            raise OutOfRangeError(f"{self.name}: at least 1 frame must be asked for, got {count}")
        self._abandoned = False
        integration_time_us = self._do_integration_time_us()
        period_s = max(interval_s, integration_time_us * 1e-6)
        start_s = self.clock.now_s()
        frames, times_s = [], []
        for index in range(count):
            times_s.append(self.clock.now_s())
            frames.append(self._next_frame())
            self.clock.sleep_until(start_s + (index + 1) * period_s)
        counts = np.stack(frames)
        return Frames(
            time_s=self.clock.now_s(),
            counts=counts,
            times_s=np.array(times_s),
            integration_time_us=integration_time_us,
            saturated=counts.max(axis=1) >= self.limits.saturation_counts,
        )

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
        """Find and set the integration time at which the brightest pixel is just bright enough.

        Open the light first, and fill the cell with what lets most light through (for
        photoluminescence: what shines most). The search takes the detector for linear with an
        unknown offset; it usually ends after 2 to 4 frames. The light is left as it is.

        Args:
            target_fraction: wanted counts of the brightest pixel, as a fraction of the counts at
                which it is saturated.
            tolerance: how far from the target is near enough, as a fraction of it.
            shortest_us: shortest integration time [µs] to set; by default what `limits` says.
            longest_us: longest integration time [µs] to set, for instance the time that a plug
                takes to pass the cell; by default what `limits` says.
            window_nm: lower and upper wavelength [nm] of the pixels that count; by default all do.
            frames_max: after how many frames a search in unsteady light is given up.

        Returns:
            the integration time, which is set, and whether it is what was asked for: a light that
            is too weak or too strong raises nothing.

        Raises:
            OutOfRangeError: an argument makes no sense, or a time is outside `limits`; nothing was
                sent.
            NotReadyError: the device is not open, or another thread called `abandon`.
        """
        self._require_open()
        limits = self.limits
        shortest_us = limits.integration_time_min_us if shortest_us is None else shortest_us
        longest_us = limits.integration_time_max_us if longest_us is None else longest_us
        self._require_in_limits(shortest_us)
        self._require_in_limits(longest_us)
        pixels = self._pixels_in(window_nm)
        if not (
            0.0 < target_fraction < target_fraction * (1.0 + tolerance) < 1.0
            and shortest_us <= longest_us
            and frames_max >= 1
        ):
            raise OutOfRangeError(
                f"{self.name}: cannot expose to {target_fraction:g} (1 ± {tolerance:g}) of "
                f"saturation within {shortest_us} to {longest_us} µs and {frames_max} frames"
            )
        begin_us = min(max(self._do_integration_time_us(), shortest_us), longest_us)
        search = ExposureSearch(target_fraction, tolerance, shortest_us, longest_us, begin_us)
        return self._carry_out(search, pixels, frames_max)

    def abandon(self) -> None:
        """End what takes frames in another thread before its next frame."""
        self._abandoned = True

    def _carry_out(
        self, search: ExposureSearch, pixels: NDArray[np.bool_], frames_max: int
    ) -> Exposure:
        self._abandoned = False
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
            integration_time_us=self._do_integration_time_us(),
            peak_fraction=search.peak_fraction,
            verdict=search.verdict,
            frames_taken=frames_taken,
        )

    def _set_if_other(self, integration_time_us: int) -> None:
        if integration_time_us != self._do_integration_time_us():
            self._do_set_integration_time(integration_time_us)

    def _next_frame(self) -> NDArray[np.uint16]:
        if self._abandoned:
            raise NotReadyError("the acquisition was abandoned", device=self.name)
        return self._do_acquire_frame()

    def _pixels_in(self, window_nm: tuple[float, float] | None) -> NDArray[np.bool_]:
        wavelengths_nm = self._do_wavelengths_nm()
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

    def _do_set_light(self, on: bool) -> None:
        """Open or shut the light source; leave as it is where the spectrometer controls none."""
        raise UnsupportedError(f"{self.name}: this spectrometer controls no light source")

    @abstractmethod
    def _do_limits(self) -> SpectrometerLimits:
        """What the spectrometer can do."""

    @abstractmethod
    def _do_wavelengths_nm(self) -> NDArray[np.float64]:
        """Wavelength [nm] of every pixel."""

    @abstractmethod
    def _do_set_integration_time(self, integration_time_us: int) -> None:
        """Set the integration time [µs] and discard the frame that was under way."""

    @abstractmethod
    def _do_integration_time_us(self) -> int:
        """The integration time [µs] that is set."""

    @abstractmethod
    def _do_acquire_frame(self) -> NDArray[np.uint16]:
        """One frame, shape `n_pixels`."""
