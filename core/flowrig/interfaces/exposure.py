"""Automatic exposure: the search for the integration time of a given brightness."""

import math
from enum import Enum

from attrs import define, field, frozen

__all__ = ["Exposure", "ExposureSearch", "ExposureVerdict"]

STEP_MAX = 64.0
"""Largest factor between one integration time and the next; 6 ms to 10 s take two such steps."""


class ExposureVerdict(Enum):
    """The result of automatic exposure.

    Attributes:
        ON_TARGET: the brightest pixel has the requested brightness.
        TOO_WEAK: the brightest pixel is too dark even at the longest allowed integration time.
        TOO_STRONG: the brightest pixel is too bright even at the shortest allowed integration time.
        UNSTEADY: the light changes from frame to frame, or in steps, so the search found no
            integration time; the longest one that was too dark is set.
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
        peak_fraction: counts of the brightest pixel at that time, as a fraction of the saturation
            counts; saturated from 1 on.
        verdict: whether the brightness is the requested one.
        frames_taken: number of frames that the search took.
    """

    integration_time_us: int
    peak_fraction: float
    verdict: ExposureVerdict
    frames_taken: int


@define
class ExposureSearch:
    """Search for an integration time, for a detector that is linear up to saturation.

    The counts of a pixel are `offset + slope * time` up to saturation, with both numbers unknown.
    The first proposal assumes an offset of zero; as real offsets are positive, it does not
    overshoot. Later proposals are where the line through two frames reaches the target. Frames that
    are too dark and too bright form a bracket around the answer. Where the line leads out of the
    bracket, for instance because of noise, the bracket is bisected on a logarithmic scale.

    Attributes:
        target: wanted brightness of the brightest pixel, as a fraction of saturation.
        tolerance: accepted deviation from the target, as a fraction of the target.
        shortest_us: shortest integration time [µs] to propose.
        longest_us: longest integration time [µs] to propose.
        proposal_us: next integration time [µs] to try; with a verdict, the answer.
        verdict: the verdict; None during the search.
        peak_fraction: measured brightness at `proposal_us`; valid with a verdict.
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
        """Take the brightness measured at the proposal; sets the next proposal, or the verdict.

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
        """End the search at the longest time that was too dark, else at the shortest tried."""
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
        """Integration time [µs] at which the line through two frames reaches the target."""
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
        """The nearest whole time [µs] inside the bracket, or the middle of the bracket."""
        low_us, high_us = self._longest_dark_us(), self._shortest_bright_us()
        if low_us in self._seen and high_us in self._seen and not low_us < time_us < high_us:
            time_us = math.sqrt(low_us * high_us)
        return min(max(round(time_us), low_us + 1), high_us - 1)
