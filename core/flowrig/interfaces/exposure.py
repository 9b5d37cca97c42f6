"""Automatic exposure: the search for the integration time of a given brightness."""

import math
from enum import Enum

from attrs import define, field, frozen

__all__ = ["Exposure", "ExposureSearch", "ExposureVerdict"]

STEP_MAX = 64.0
"""Largest factor between one integration time and the next; 6 ms to 10 s take two such steps."""

APART = 1.3
"""Smallest factor between two integration times whose frames are compared."""

ANCHOR = (0.05, 0.2)
"""Brightness of a frame that is well above the noise, and below any plateau that is looked for."""

OFFSET_MAX = 0.1
"""Brightness without light that is assumed where no frame is dark enough to tell."""

STRAIGHT = 0.92
"""A frame with this fraction of the brightness that shorter frames predict still belongs to a
linear detector; real ones lose some per cent near the top."""


class ExposureVerdict(Enum):
    """The result of automatic exposure.

    Attributes:
        ON_TARGET: the brightest pixel has the requested brightness.
        TOO_WEAK: the brightest pixel is too dark even at the longest allowed integration time.
        TOO_STRONG: the brightest pixel is too bright even at the shortest allowed integration time,
            or saturated there.
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
            counts that the driver declares; saturated from 1 on.
        verdict: whether the brightness is the requested one.
        frames_taken: number of frames that the search took.
        saturation_counts: counts at which the brightest pixel stops to grow: those that the driver
            declares, or fewer if the search met a plateau below them. The wanted brightness is
            then a fraction of this number; it belongs into the settings of the driver.
    """

    integration_time_us: int
    peak_fraction: float
    verdict: ExposureVerdict
    frames_taken: int
    saturation_counts: int


@define
class ExposureSearch:
    """Search for an integration time, for a detector that is linear up to saturation.

    The counts of a pixel are `offset + slope * time` up to saturation, with both numbers unknown.
    The first proposal assumes an offset of zero; as real offsets are positive, it does not
    overshoot. Later proposals are where the line through two frames reaches the target. Frames that
    are too dark and too bright form a bracket around the answer. Where the line leads out of the
    bracket, for instance because of noise, the bracket is bisected on a logarithmic scale.

    A detector may saturate below the top of its converter. Its brightest pixel then grows with the
    integration time up to a plateau. A bright frame is therefore compared with what one dim frame
    predicts without an offset, or two with it, and so is one longer exposure than that on target.
    A frame that falls short of the prediction is the plateau, of which the target is a fraction.

    Attributes:
        target: wanted brightness of the brightest pixel, as a fraction of saturation.
        tolerance: accepted deviation from the target, as a fraction of the target.
        shortest_us: shortest integration time [µs] to propose.
        longest_us: longest integration time [µs] to propose.
        proposal_us: next integration time [µs] to try; with a verdict, the answer.
        verdict: the verdict; None during the search.
        peak_fraction: measured brightness at `proposal_us`; valid with a verdict.
        ceiling: brightness of the plateau, as a fraction of saturation; 1 if none was met.
    """

    target: float
    tolerance: float
    shortest_us: int
    longest_us: int
    proposal_us: int
    verdict: ExposureVerdict | None = field(default=None, init=False)
    peak_fraction: float = field(default=0.0, init=False)
    ceiling: float = field(default=1.0, init=False)
    _seen: dict[int, float] = field(factory=dict, init=False)

    @property
    def aim(self) -> float:
        """Wanted brightness of the brightest pixel, where 1 is saturation as declared."""
        return self.target * self.ceiling

    def learn(self, fraction: float) -> None:
        """Take the brightness measured at the proposal; sets the next proposal, or the verdict.

        Args:
            fraction: counts of the brightest pixel, as a fraction of saturation.
        """
        self._seen[self.proposal_us] = self.peak_fraction = fraction
        check_us = self._check_us() if self.ceiling == 1.0 else None
        found_us = self._on_target_us()
        if check_us is not None:
            self.proposal_us = check_us
        elif found_us is not None:
            self._end(found_us, ExposureVerdict.ON_TARGET)
        elif self._shortest_bright_us() <= self.shortest_us:
            self._end(self.shortest_us, ExposureVerdict.TOO_STRONG)
        elif self._longest_dark_us() >= self.longest_us:
            self._end(self.longest_us, ExposureVerdict.TOO_WEAK)
        elif self._shortest_bright_us() - self._longest_dark_us() <= 1:
            self.give_up()
        else:
            self.proposal_us = self._inside(self._on_the_line())

    def give_up(self) -> None:
        """End the search with what is known: on target without a check, else the longest time that
        was too dark, else the shortest tried."""
        found_us, dark_us = self._on_target_us(), self._longest_dark_us()
        if found_us is not None:
            self._end(found_us, ExposureVerdict.ON_TARGET)
        else:
            fallback_us = dark_us if dark_us in self._seen else min(self._seen)
            self._end(fallback_us, ExposureVerdict.UNSTEADY)

    def _end(self, time_us: int, verdict: ExposureVerdict) -> None:
        self.proposal_us, self.peak_fraction = time_us, self._seen[time_us]
        self.verdict = verdict

    def _on_target_us(self) -> int | None:
        """The shortest integration time [µs] so far with a brightness on target."""
        slack = self.tolerance * self.aim
        fits = [time_us for time_us, seen in self._seen.items() if abs(seen - self.aim) <= slack]
        return min(fits, default=None)

    def _check_us(self) -> int | None:
        """Look for a plateau; returns an integration time [µs] that is missing for an answer."""
        found_us = self._on_target_us()
        for time_us in (self._longest_dark_us(), found_us, self._shortest_bright_us()):
            missing_us = self._compare(time_us)
            if missing_us is not None or self.ceiling < 1.0:
                return missing_us
        if found_us is None:
            return None
        beyond_us = min(math.ceil(found_us / self.target), self.longest_us)
        if beyond_us > (1.0 + self.tolerance) * found_us and beyond_us not in self._seen:
            return beyond_us
        return self._compare(beyond_us)

    def _compare(self, time_us: int | None) -> int | None:
        """Compare the brightness at an integration time [µs] with what dim frames predict, and set
        the ceiling where it falls short; returns a time that is missing for a prediction."""
        bright = self._seen.get(time_us or 0, 0.0)
        if time_us is None or not ANCHOR[1] < bright < 1.0:
            return None
        anchor_us = self._anchor_us(time_us)
        if anchor_us is None:
            return self._darker_us(time_us)
        anchor = self._seen[anchor_us]
        # Without an offset; with one the brightness grows less.
        if bright >= STRAIGHT * min(1.0, anchor * time_us / anchor_us):
            return None
        missing_us, slope = self._slope(anchor_us, time_us)
        if missing_us is None and bright < STRAIGHT * min(
            1.0, anchor + slope * (time_us - anchor_us)
        ):
            self.ceiling = bright
        return missing_us

    def _slope(self, anchor_us: int, time_us: int) -> tuple[int | None, float]:
        """Brightness per µs around an anchor, or the integration time [µs] that is missing for it.

        Args:
            anchor_us: integration time [µs] of a dim frame.
            time_us: that of a bright one.
        """
        anchor = self._seen[anchor_us]
        below_us = max((one for one in self._seen if APART * one <= anchor_us), default=None)
        if below_us is not None:
            return None, (anchor - self._seen[below_us]) / (anchor_us - below_us)
        if APART * self.shortest_us <= anchor_us:
            return max(self.shortest_us, anchor_us // 3), 0.0
        darker_us = self._darker_us(time_us)
        if darker_us is not None and darker_us >= APART * anchor_us:
            return darker_us, 0.0
        between = [one for one in self._seen if APART * anchor_us <= one < time_us]
        slopes = [(self._seen[one] - anchor) / (one - anchor_us) for one in between]
        return None, max([(anchor - min(OFFSET_MAX, anchor)) / anchor_us, *slopes])

    def _anchor_us(self, time_us: int) -> int | None:
        """The integration time [µs] of a dim frame, or of the shortest frame that is allowed."""
        earlier = [one for one in self._seen if APART * one <= time_us]
        dim = [one for one in earlier if ANCHOR[0] <= self._seen[one] <= ANCHOR[1]]
        return max(dim, default=self.shortest_us if self.shortest_us in earlier else None)

    def _darker_us(self, time_us: int) -> int | None:
        """A shorter integration time [µs] than one, to get a dim frame; None if there is none."""
        bright = {one: seen for one, seen in self._seen.items() if seen > ANCHOR[1]}
        least_us = min(bright)
        darker_us = round(least_us * 0.75 * ANCHOR[1] / bright[least_us])
        darker_us = max(darker_us, self.shortest_us)
        return darker_us if APART * darker_us <= time_us and darker_us not in self._seen else None

    def _longest_dark_us(self) -> int:
        dark = [time_us for time_us, fraction in self._seen.items() if fraction < self.aim]
        return max(dark, default=self.shortest_us - 1)

    def _shortest_bright_us(self) -> int:
        bright = [time_us for time_us, fraction in self._seen.items() if fraction > self.aim]
        return min(bright, default=self.longest_us + 1)

    def _on_the_line(self) -> float:
        """Integration time [µs] at which the line through two frames reaches the target."""
        full = 1.0 if self.ceiling == 1.0 else STRAIGHT * self.ceiling
        on_scale = {time_us: seen for time_us, seen in self._seen.items() if seen < full}
        if not on_scale:
            return min(self._seen) / STEP_MAX
        near_us = min(on_scale, key=lambda time_us: abs(on_scale[time_us] - self.aim))
        far_us = max(on_scale, key=lambda time_us: abs(time_us - near_us))
        near, far = on_scale[near_us], on_scale[far_us]
        if far_us == near_us:
            far_us, far = 0, 0.0
        slope = (near - far) / (near_us - far_us)
        longest_us = max(on_scale) * STEP_MAX
        if slope <= 0.0:
            return longest_us
        time_us = near_us + (self.aim - near) / slope
        return min(max(time_us, near_us / STEP_MAX), longest_us)

    def _inside(self, time_us: float) -> int:
        """The nearest whole time [µs] inside the bracket, or the middle of the bracket."""
        low_us, high_us = self._longest_dark_us(), self._shortest_bright_us()
        if low_us in self._seen and high_us in self._seen and not low_us < time_us < high_us:
            time_us = math.sqrt(low_us * high_us)
        return min(max(round(time_us), low_us + 1), high_us - 1)
