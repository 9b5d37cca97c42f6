"""A controller that keeps a reading at a value by few, limited corrections."""

import math
from collections.abc import Sequence

from attrs import define, field, frozen

__all__ = ["Controller", "Settings"]

LARGEST_STEP = 0.2
"""Largest correction, as a share of the window."""

SHRINKS = 0.7
"""A swing has to be smaller than the one before, on the other side of the value, by this factor."""

LEAST_SHARE = 1.0 / 16.0
"""Least share to which corrections are reduced where the reading swings."""


@frozen(kw_only=True)
class Settings:
    """What a controller knows of its loop.

    Attributes:
        at: value at which the reading is kept.
        gain: by how much the reading changes for one unit of the output.
        low: lowest output.
        high: highest output.
        integral: share of the error that a correction takes away.
        proportional: share of a change of the error that a correction answers.
        tolerance: largest error, as a fraction of `at`, that is not corrected.
    """

    at: float
    gain: float
    low: float
    high: float
    integral: float
    proportional: float
    tolerance: float

    @property
    def small(self) -> float:
        """Largest error that is not corrected, in the unit of the reading.

        Around a value of 0 it is what the tolerance makes of the whole window.
        """
        return self.tolerance * (abs(self.at) or abs(self.gain) * (self.high - self.low))


@define
class Controller:
    """A PI controller in its incremental form, with as few corrections as it needs.

    A correction is Δu = (K_P (e - e') + K_I e) / gain, with the error e = value - reading and the
    one at the correction before, e'. The sum of the corrections is the integral, and it never
    leaves the window: nothing winds up at a limit (Åström and Hägglund, Advanced PID Control, 2006,
    section 3.5). A correction is no larger than `LARGEST_STEP` of the window.

    Of a reading that follows its output at once, between two corrections, an error shrinks to
    |1 - K_I r| at each, where r is the true gain over the known one: it does not swing for r below
    1/K_I, and is damped for r below 2/K_I. With a dead time of d further corrections it is damped
    for K_I r < 2 sin(π / (2 (2d + 1))), the limit of an integrator with a dead time. Where the
    rig is farther from its model, swings to both sides of the value do not shrink: then all
    corrections are halved, down to `LEAST_SHARE`.

    Attributes:
        settings: what is known of the loop.
        output: the newest output.
        share: factor of all corrections; below 1 where the reading has swung.
    """

    settings: Settings
    output: float
    share: float = 1.0
    _before: float | None = field(default=None, init=False)
    _swing: float = field(default=0.0, init=False)
    _swing_before: float = field(default=math.inf, init=False)

    @property
    def at_limit(self) -> bool:
        """Whether the output is at an end of the window."""
        return not self.settings.low < self.output < self.settings.high

    def error(self, readings: Sequence[float]) -> float:
        """The value less the mean of readings."""
        return self.settings.at - math.fsum(readings) / len(readings)

    def correct(self, readings: Sequence[float]) -> float:
        """The next output.

        Args:
            readings: since the last correction took effect, at least one, all of them finite.
        """
        known, error = self.settings, self.error(readings)
        if abs(error) <= known.small:
            return self.output
        before, self._before = self._before, error
        change = 0.0 if before is None else error - before
        self._follow_swing(error, is_other_side=before is not None and error * before < 0.0)
        wanted = self.share * (known.proportional * change + known.integral * error) / known.gain
        most = LARGEST_STEP * (known.high - known.low)
        step = min(max(wanted, -most), most)
        self.output = min(max(self.output + step, known.low), known.high)
        return self.output

    def _follow_swing(self, error: float, *, is_other_side: bool) -> None:
        if not is_other_side:
            self._swing = max(self._swing, abs(error))
            return
        if self._swing > SHRINKS * self._swing_before:
            self.share = max(self.share / 2.0, LEAST_SHARE)
        self._swing_before, self._swing = self._swing, abs(error)
