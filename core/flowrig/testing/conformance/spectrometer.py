"""Checks of spectrometers."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any
from unittest import SkipTest

import numpy as np

from flowrig.emulation import Mute
from flowrig.errors import UnsupportedError
from flowrig.interfaces import Frames, SpectrometerReadBack
from flowrig.testing.bench.bench import SpectrometerBench
from flowrig.testing.conformance.checks import TRIES, Level, Live, earns, require
from flowrig.testing.conformance.device import Command, DeviceConformance

__all__ = ["SpectrometerConformance"]

INTERVAL_S = 0.5
"""Time [s] from one frame to the next."""

JITTER_S = 0.1
"""Largest error [s] of the interval between frames where real time passes."""


class SpectrometerConformance(DeviceConformance[SpectrometerBench]):
    """The conformance suite of spectrometers; a test class adds the fixture `bench`."""

    def ready(self, bench: SpectrometerBench) -> None:
        """Set twice the shortest integration time."""
        shortest_us = bench.driver.limits.integration_time_min_us
        bench.call(lambda: bench.driver.set_integration_time(2 * shortest_us))

    def ask(self, bench: SpectrometerBench) -> Frames:
        """Acquire one frame."""
        return bench.driver.acquire(1)

    def is_true(self, bench: SpectrometerBench, answer: Any) -> bool:
        """Whether every frame has the detector's counts at this integration time.

        Beyond saturation counts differ, because a converter ends at a number of its own.
        """
        seen = bench.detector.counts(answer.integration_time_us)
        full = bench.driver.limits.saturation_counts
        return bool(((answer.counts == seen) | (np.minimum(answer.counts, seen) >= full)).all())

    def disturb(self, bench: SpectrometerBench) -> None:
        """Make the light brighter."""
        bench.detector.brightness *= 1.5

    def is_at_rest(self, bench: SpectrometerBench) -> bool:
        """Whether the light is off."""
        return not bench.detector.lit

    def detects_single_bytes(self) -> bool:
        """No: counts without a checksum show no wrong byte."""
        return False

    def out_of_range(self, bench: SpectrometerBench) -> Sequence[tuple[str, Callable[[], Any]]]:
        """Integration times beyond the limits, and zero frames."""
        driver, limits = bench.driver, bench.driver.limits
        times_us = (limits.integration_time_min_us - 1, limits.integration_time_max_us + 1, 0, -1)
        return [
            *(
                (f"set_integration_time({us})", partial(driver.set_integration_time, us))
                for us in times_us
            ),
            ("acquire(0)", partial(driver.acquire, 0)),
        ]

    def commands(self, bench: SpectrometerBench) -> Sequence[Command]:
        """Switch the light on and off, if the spectrometer controls one."""
        if not bench.driver.controls_light:
            return []
        driver, detector = bench.driver, bench.detector

        def switch(on: bool) -> Command:
            return Command(
                f"set_light({on})",
                lambda: bench.call(lambda: driver.set_light(not on)),
                lambda: driver.set_light(on),
                done=lambda: detector.lit is on,
                untouched=lambda: detector.lit is not on,
                once=lambda: True,
            )

        return [switch(True), switch(False)]

    def safe_action(self, bench: SpectrometerBench) -> Command | None:
        """Shut the light, if the spectrometer controls one."""
        commands = self.commands(bench)
        return commands[-1] if commands else None

    @earns(Level.BRONZE, Live("asks for its wavelengths"))
    def test_wavelengths_are_those_of_the_detector(self, bench: SpectrometerBench) -> None:
        """Every pixel has a wavelength [nm], in rising order."""
        bench.open()
        read_nm = bench.call(bench.driver.wavelengths_nm)
        require(
            read_nm.ndim == 1 and np.isfinite(read_nm).all() and (np.diff(read_nm) > 0).all(),
            f"wavelengths_nm() has the shape {read_nm.shape} and begins with {read_nm[:3]}; return "
            "one number for each pixel, in rising order",
        )
        if bench.is_live:
            return
        true_nm = bench.detector.wavelengths_nm()
        require(
            read_nm.shape == true_nm.shape and np.allclose(read_nm, true_nm, atol=0.01),
            f"wavelengths_nm() begins with {read_nm[:3]} nm, the detector with {true_nm[:3]} nm; "
            "read the coefficients from the instrument, lowest order first",
        )

    @earns(Level.BRONZE, Live("sets short integration times, and takes a frame with each"))
    def test_the_integration_time_reaches_the_detector(self, bench: SpectrometerBench) -> None:
        """The next frame has the integration time that was set [µs], limits included."""
        bench.open()
        limits = bench.driver.limits
        longest = () if bench.is_live else (limits.integration_time_max_us,)
        if not bench.is_live:
            bench.detector.brightness = 0.5
        for wanted_us in (
            3 * limits.integration_time_min_us, *longest, limits.integration_time_min_us,
        ):  # fmt: skip
            bench.call(lambda: bench.driver.set_integration_time(wanted_us))  # noqa: B023
            frames = bench.call(lambda: bench.driver.acquire(1))
            exposed_us = (
                bench.call(bench.driver.integration_time_us)
                if bench.is_live
                else bench.detector.exposures_us[-1]
            )
            require(
                frames.integration_time_us == wanted_us == exposed_us
                and (bench.is_live or self.is_true(bench, frames)),
                f"after set_integration_time({wanted_us}) a frame was exposed for {exposed_us} µs "
                f"and reports {frames.integration_time_us} µs; convert to the instrument's unit, "
                "and discard the frame during which the time changed",
            )

    @earns(
        Level.BRONZE,
        Live("sets a short integration time, and takes three frames, up to three times"),
    )
    def test_frames_come_as_one_array(self, bench: SpectrometerBench) -> None:
        """Frames are `n x pixels` of 16 bit, each with its time, at the requested interval."""
        self._open_ready(bench)
        frames = bench.call(lambda: bench.driver.acquire(3, interval_s=INTERVAL_S))
        pixels = len(bench.call(bench.driver.wavelengths_nm))
        require(
            frames.counts.shape == (3, pixels) and frames.counts.dtype == np.uint16,
            f"three frames are {frames.counts.dtype} of shape {frames.counts.shape}; return one "
            "frame of uint16, shape `n_pixels`, from _do_acquire_frame",
        )
        for _ in range(TRIES - 1):
            if not bench.is_live or _is_regular(frames, JITTER_S):
                break
            frames = bench.call(lambda: bench.driver.acquire(3, interval_s=INTERVAL_S))
        require(
            _is_regular(frames, JITTER_S if bench.is_live else 1e-8),
            f"three frames at an interval of {INTERVAL_S:g} s have the times {frames.times_s}; "
            "leave the timing to acquire(), and wait on self.clock only",
            timed=bench.is_live,
        )

    @earns(Level.BRONZE)
    def test_saturation_is_marked(self, bench: SpectrometerBench) -> None:
        """A frame with a saturated pixel is marked, and no other frame."""
        self._open_ready(bench)
        dim = bench.call(lambda: bench.driver.acquire(1))
        bench.detector.brightness = 1e6
        bright = bench.call(lambda: bench.driver.acquire(1))
        require(
            not dim.saturated.any() and bright.saturated.all(),
            f"a dim frame has saturated={dim.saturated}, a bright one {bright.saturated}; return "
            "limits.saturation_counts as the counts of a saturated pixel",
        )

    @earns(Level.BRONZE)
    def test_the_light_is_switched_or_unsupported(self, bench: SpectrometerBench) -> None:
        """set_light() switches the light or raises UnsupportedError; close() does not change it."""
        self._open_ready(bench)
        if not bench.driver.controls_light:
            outcome = bench.attempt(lambda: bench.driver.set_light(True))
            require(
                isinstance(outcome, UnsupportedError),
                f"set_light(True) gave {outcome!r}, and controls_light is False; override both "
                "controls_light and _do_set_light, or neither",
            )
            raise SkipTest("this spectrometer controls no light")
        for on in (True, False, True):
            bench.call(lambda: bench.driver.set_light(on))  # noqa: B023
            require(
                bench.detector.lit is on,
                f"after set_light({on}) the light is {'off' if on else 'on'}; send the command",
            )
        bench.call(bench.driver.close)
        bench.open(bench.another_driver())
        require(
            bench.detector.lit,
            "closing or opening switches the light off; only connect and query in _do_open, and "
            "only disconnect in _do_close",
        )

    @earns(Level.SILVER)
    def test_a_read_back_comes_from_the_instrument(self, bench: SpectrometerBench) -> None:
        """Integration time and light that it reads back are those that are set; not from memory."""
        self._open_ready(bench)
        driver = bench.driver
        if driver.controls_light:
            bench.call(lambda: driver.set_light(True))
        found = bench.call(driver.read_back)
        if found == SpectrometerReadBack(time_s=found.time_s):
            raise SkipTest("this spectrometer cannot be asked what it is set to")
        wanted_us = bench.call(driver.integration_time_us)
        require(
            found.integration_time_us in (None, wanted_us)
            and found.is_light_on in (None, driver.controls_light),
            f"read_back() gave {found} at {wanted_us} µs with the light "
            f"{'on' if driver.controls_light else 'off'}; check the unit of the integration time",
        )
        with bench.tap.through(Mute()):
            outcome = bench.attempt_with_fault(driver.read_back, "read_back()")
        require(
            isinstance(outcome, Exception),
            f"read_back() gave {outcome} on a silent link; ask the spectrometer, so that a change "
            "by another program is found",
        )


def _is_regular(frames: Frames, tolerance_s: float) -> bool:
    """Whether frames are `INTERVAL_S` apart, within a tolerance [s]."""
    return np.allclose(np.diff(frames.times_s), INTERVAL_S, atol=tolerance_s)
