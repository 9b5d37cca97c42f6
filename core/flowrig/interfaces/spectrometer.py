"""Array spectrometers."""

from abc import abstractmethod

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from flowrig.errors import NotReadyError, OutOfRangeError, UnsupportedError
from flowrig.interfaces.device import Device, Reading

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
        limits = self.limits
        if not (
            limits.integration_time_min_us <= integration_time_us <= limits.integration_time_max_us
        ):
            raise OutOfRangeError(
                f"{self.name}: an integration time of {integration_time_us} µs is outside "
                f"{limits.integration_time_min_us} to {limits.integration_time_max_us} µs"
            )
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
            if self._abandoned:
                raise NotReadyError("the acquisition was abandoned", device=self.name)
            times_s.append(self.clock.now_s())
            frames.append(self._do_acquire_frame())
            self.clock.sleep_until(start_s + (index + 1) * period_s)
        counts = np.stack(frames)
        return Frames(
            time_s=self.clock.now_s(),
            counts=counts,
            times_s=np.array(times_s),
            integration_time_us=integration_time_us,
            saturated=counts.max(axis=1) >= self.limits.saturation_counts,
        )

    def abandon(self) -> None:
        """End an `acquire` that is under way in another thread before its next frame."""
        self._abandoned = True

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
