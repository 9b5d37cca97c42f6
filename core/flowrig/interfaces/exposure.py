"""Automatic exposure: which integration time brings the brightest pixel to a given brightness."""

import math
from enum import Enum

from attrs import define, field, frozen

__all__ = ["Exposure", "ExposureSearch", "ExposureVerdict"]

STEP_MAX = 64.0
"""Largest factor between one integration time and the next; 6 ms to 10 s are two such steps."""


class ExposureVerdict(Enum):
    """What came out of automatic exposure.

    Attributes:
        ON_TARGET: the brightest pixel is as bright as was asked for.
        TOO_WEAK: it stays darker at the longest integration time that is allowed.
        TOO_STRONG: it stays brighter at the shortest integration time that is allowed.
        UNSTEADY: the light changes from frame to frame, or in steps, so that no integration time
            was found; the longest one that was too dark is set.
    """

    ON_TARGET = "on target"
    TOO_WEAK = "too weak"
    TOO_STRONG = "too strong"
    UNSTEADY = "unsteady"


@frozen(kw_only=True)
class Exposure:
    """The integration time that automatic exposure has set.

    Attributes:
        integration_time_us: integration time [µs].
        peak_fraction: counts of the brightest pixel at that time, as a fraction of the counts at
            which a pixel is saturated; 1 and above is saturated.
        verdict: whether that is what was asked for.
        frames_taken: how many frames it took.
    """

    integration_time_us: int
    peak_fraction: float
    verdict: ExposureVerdict
    frames_taken: int


@define
class ExposureSearch:
    """Proposes integration times for a detector that is linear up to saturation.

    A pixel counts `offset + slope * time`, up to saturation; neither number is known. The first
    proposal takes the offset for zero and therefore never overshoots; later ones lie on the line
    through two frames. Frames that are too dark and too bright bracket the answer, and where the
    line leads out of the bracket, for instance because of noise, it is halved on a logarithmic
    scale.

    Attributes:
        target: wanted brightness of the brightest pixel, as a fraction of saturation.
        tolerance: how far from the target is near enough, as a fraction of it.
        shortest_us: shortest integration time [µs] to propose.
        longest_us: longest integration time [µs] to propose.
        proposal_us: the integration time [µs] to try next, or the answer.
        verdict: the verdict, as soon as there is one.
        peak_fraction: what was seen at `proposal_us`, once there is a verdict.
    """

    target: float
    tolerance: float
    shortest_us: int
    longest_us: int
    proposal_us: int
    verdict: ExposureVerdict | None = field(default=None, init=False)
    peak_fraction: float = field(default=0.0, init=False)
    _seen: dict[int, float] = field(factory=dict, init=False)

    def learn(self, fraction: float) -> None:
        """Take the brightness that was seen at the proposal; propose another time, or a verdict.

        Args:
            fraction: counts of the brightest pixel, as a fraction of saturation.
        """
        time_us = self.proposal_us
        self._seen[time_us] = self.peak_fraction = fraction
        if abs(fraction - self.target) <= self.tolerance * self.target:
            self.verdict = ExposureVerdict.ON_TARGET
        elif fraction > self.target and time_us == self.shortest_us:
            self.verdict = ExposureVerdict.TOO_STRONG
        elif fraction < self.target and time_us == self.longest_us:
            self.verdict = ExposureVerdict.TOO_WEAK
        elif self._shortest_bright_us() - self._longest_dark_us() <= 1:
            self.give_up()
        else:
            self.proposal_us = self._inside(self._on_the_line())

    def give_up(self) -> None:
        """Settle for the longest time that was too dark, else for the shortest seen."""
        dark_us = self._longest_dark_us()
        self.proposal_us = dark_us if dark_us in self._seen else min(self._seen)
        self.peak_fraction = self._seen[self.proposal_us]
        self.verdict = ExposureVerdict.UNSTEADY

    def _longest_dark_us(self) -> int:
        dark = [time_us for time_us, fraction in self._seen.items() if fraction < self.target]
        return max(dark, default=self.shortest_us - 1)

    def _shortest_bright_us(self) -> int:
        bright = [time_us for time_us, fraction in self._seen.items() if fraction > self.target]
        return min(bright, default=self.longest_us + 1)

    def _on_the_line(self) -> float:
        """Where the line through what was seen reaches the target [µs]."""
        on_scale = {time_us: seen for time_us, seen in self._seen.items() if seen < 1.0}
        if not on_scale:
            return self.proposal_us / STEP_MAX
        near_us = min(on_scale, key=lambda time_us: abs(on_scale[time_us] - self.target))
        far_us = max(on_scale, key=lambda time_us: abs(time_us - near_us))
        near, far = on_scale[near_us], on_scale[far_us]
        if far_us == near_us:
            far_us, far = 0, 0.0
        slope = (near - far) / (near_us - far_us)
        longest_us = max(on_scale) * STEP_MAX
        if slope <= 0.0:
            return longest_us
        time_us = near_us + (self.target - near) / slope
        return min(max(time_us, near_us / STEP_MAX), longest_us)

    def _inside(self, time_us: float) -> int:
        """The nearest whole time [µs] that is allowed, or the middle of the bracket."""
        low_us, high_us = self._longest_dark_us(), self._shortest_bright_us()
        if low_us in self._seen and high_us in self._seen and not low_us < time_us < high_us:
            time_us = math.sqrt(low_us * high_us)
        return min(max(round(time_us), low_us + 1), high_us - 1)
