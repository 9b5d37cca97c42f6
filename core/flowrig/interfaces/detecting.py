"""Detectors: devices that take frames over an axis of any unit."""

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from flowrig.clock import Alarm
from flowrig.errors import NotReadyError, OutOfRangeError, UnsupportedError
from flowrig.interfaces import returned
from flowrig.interfaces.capabilities import Capability
from flowrig.interfaces.device import Reading

__all__ = ["Detecting", "Frames"]


@frozen(kw_only=True, eq=False)
class Frames(Reading):
    """Raw frames that were taken one after the other with the same settings.

    Attributes:
        counts: raw counts of the detector, shape `n_frames x n_pixels`: uint16 from a spectrometer,
            unsigned integers of up to 32 bits or float64 from another detector.
        times_s: rig time [s] at which each frame was requested, shape `n_frames`.
        integration_time_us: integration time [µs] of every frame.
        saturated: whether each frame has a saturated pixel, shape `n_frames`.
    """

    counts: NDArray[Any]
    times_s: NDArray[np.float64]
    integration_time_us: int
    saturated: NDArray[np.bool_]

    def mean_counts(self) -> NDArray[np.float64]:
        """Counts averaged over all frames, shape `n_pixels`."""
        return np.asarray(self.counts.mean(axis=0, dtype=np.float64))


class Detecting(Capability, ABC):
    """A device that takes frames over an axis, which a channel of the analysis reduces to numbers.

    A driver adds `_do_axis` and `_do_acquire_frame`, `_do_set_light` where it controls a light, and
    `_do_acquire_series` where the detector itself takes many frames in a row.
    It is neither read nor set besides: frames are taken while everything else is watched. A
    spectrometer is a case of it, with an axis in nm and an integration time that can be changed.

    Attributes:
        saturation_counts: counts from which on a value is saturated.
    """

    saturation_counts: float = math.inf
    _abandoned: Alarm | None = None
    """Rings when the acquisition under way is abandoned."""
    _points: int | None = None

    @property
    def axis_unit(self) -> str:
        """Unit of the axis, for instance "ns"; by default that of the settings."""
        return self._as_device.settings.axis_unit  # type: ignore[attr-defined,no-any-return]

    @property
    def controls_light(self) -> bool:
        """Whether `set_light` opens and shuts a light source; drivers that can override this."""
        return False

    def axis(self) -> NDArray[np.float64]:
        """Place of every value of a frame on the axis, in ascending order, shape `n_pixels`."""
        device = self._as_device
        device._require_open()
        axis = returned.axis(device, self._do_axis(), self.axis_unit)
        self._points = axis.size
        return axis

    def integration_time_us(self) -> int:
        """Integration time [µs] of every frame: that of the settings, 0 where they have none."""
        return round(getattr(self._as_device.settings, "integration_time_us", 0))

    def set_light(self, on: bool) -> None:
        """Open or shut the light source that the detector controls.

        Raises:
            UnsupportedError: the detector controls no light source.
        """
        self._as_device._require_open()
        self._do_set_light(on)

    def acquire(self, count: int, interval_s: float = 0.0) -> Frames:
        """Take frames one after the other.

        Args:
            count: number of frames, at least 1.
            interval_s: time [s] from the start of one frame to the start of the next; if the
                integration time is longer, frames follow each other without a pause.

        Raises:
            OutOfRangeError: `count` is less than 1.
            ConnectionLostError: a frame did not arrive within the deadline.
            NotReadyError: another thread called `abandon`.
        """
        device = self._as_device
        device._require_open()
        if count < 1:
            raise OutOfRangeError(f"{device.name}: count must be at least 1, got {count}")
        self._abandoned = Alarm()
        integration_time_us = self.integration_time_us()
        period_s = max(interval_s, integration_time_us * 1e-6)
        start_s = device.clock.now_s()
        wakes_s = _wakes_s(start_s, period_s, count) if device.clock.is_virtual else ()
        device.clock.plan(wakes_s)
        try:
            frames, times_s = self._series(count, period_s, start_s)
        finally:
            device.clock.plan(())
        counts = np.stack(frames)
        return Frames(
            time_s=device.clock.now_s(),
            counts=counts,
            times_s=np.array(times_s),
            integration_time_us=integration_time_us,
            saturated=counts.max(axis=1) >= self._saturated_from(),
        )

    def _series(
        self, count: int, period_s: float, start_s: float
    ) -> tuple[Sequence[NDArray[Any]], Sequence[float]]:
        """Frames, and the rig time [s] of each; timed by the detector, or here one by one."""
        device = self._as_device
        taken = self._do_acquire_series(count, period_s)
        if taken is not None:
            frames = [self._known(frame) for frame in returned.series(device, taken, count)]
            return frames, [start_s + index * period_s for index in range(count)]
        frames, times_s = [], []
        # Each frame waits for its own grid time, so delays do not add up over many frames.
        for index in range(count):
            times_s.append(device.clock.now_s())
            frames.append(self._next_frame())
            device.clock.sleep_until(start_s + (index + 1) * period_s, self._abandoned)
        return frames, times_s

    def abandon(self) -> None:
        """Stop an acquisition in another thread before its next frame; it does not wait for it."""
        if self._abandoned is not None:
            self._as_device.clock.ring(self._abandoned)

    def _next_frame(self) -> NDArray[Any]:
        self._require_wanted()
        return self._known(self._do_acquire_frame())

    def _wait_until(self, time_s: float) -> None:
        """Wait until a rig time [s] while the detector takes a series by itself.

        Raises:
            NotReadyError: another thread called `abandon`.
        """
        self._as_device.clock.sleep_until(time_s, self._abandoned)
        self._require_wanted()

    def _require_wanted(self) -> None:
        if self._abandoned is not None and self._abandoned.rung:
            raise NotReadyError("the acquisition was abandoned", device=self._as_device.name)

    def _known(self, frame: Any) -> NDArray[Any]:
        """A frame of the driver, checked."""
        counts = self._checked_frame(frame)
        self._points = counts.size
        return counts

    def _checked_frame(self, frame: Any) -> NDArray[Any]:
        return returned.detected(self._as_device, frame, self._points)

    def _saturated_from(self) -> float:
        return self.saturation_counts

    def _do_set_light(self, on: bool) -> None:
        """Open or shut the light source; optional."""
        raise UnsupportedError(f"{self._as_device.name}: this detector controls no light source")

    @abstractmethod
    def _do_axis(self) -> NDArray[np.float64]:
        """Place of every value on the axis, in the unit of the axis."""

    @abstractmethod
    def _do_acquire_frame(self) -> NDArray[Any]:
        """Take one frame, shape `n_pixels`; it returns when the integration time is over."""

    def _do_acquire_series(self, count: int, period_s: float) -> Any:
        """Take frames that the detector times by itself, shape `count x n_pixels`; optional.

        The series begins now, with a frame every `period_s` [s], and the method returns when it is
        over; it waits with `_wait_until`. None takes the frames one by one.
        """
        return None


def _wakes_s(start_s: float, period_s: float, count: int) -> list[float]:
    """The rig times [s] of frames, to the last bit, if no frame takes longer than its period."""
    now_s, times_s = start_s, []
    for index in range(count):
        times_s.append(now_s)
        now_s += max(start_s + (index + 1) * period_s - now_s, 0.0)
    return times_s
