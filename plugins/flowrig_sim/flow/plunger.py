"""The plunger of a syringe pump, and the volume that it delivers."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from flowrig.errors import OutOfRangeError
from flowrig.interfaces.pump import Syringe

__all__ = ["LEAD_MM", "Plunger", "Plungers", "steady_source"]

Array = NDArray[np.float64]

LEAD_MM = 1.0
"""Travel [mm] per turn of the lead screw (assumed); the flow error repeats once a turn."""

STEADY_BORE_MM = 10.0
"""Bore [mm] of the plunger that stands for a steady source; it has no pitch error, so that the bore
has no effect."""

STILL_UL_MIN = 1e-12
"""Flow rate [µL/min] below which nothing is lost at a seal."""


class Plunger:
    """A plunger on a lead screw, as a function of time.

    The pitch error of the screw makes the flow rate oscillate by `ripple` once a turn (at 100
    µL/min from a 50 mL syringe: every 6.4 minutes), so the delivered volume differs a little from
    the commanded one. Every value follows from the last command alone, so reading changes nothing.

    Withdrawing fills the syringe from the line until the syringe is full. The model holds the line
    still during that time, and lets it move again when the plunger has pushed back the withdrawn
    volume: slugs that run backwards through junctions are not modelled.

    A valve may lead the plunger to a reservoir, which has no end: what it draws there fills the
    syringe with fresh liquid, and what it pushes there never enters the line.

    A worn seal loses a share of what the plunger pushes, which grows in proportion to time; the
    motor moves as commanded.

    Args:
        syringe: true dimensions of the syringe.
        fill_ul: liquid [µL] in the syringe when the world begins.
        ripple: amplitude of the flow error, as a fraction of the flow rate.
        phase: angle [rad] of the screw when the world begins.
        start_s: rig time [s] when the world begins.
        loss_per_h: share of the pushed volume that is lost more with every hour.

    Attributes:
        commands: number of commands so far, to move or to stand still, or to a valve.
        is_aside: whether a valve leads the plunger to its reservoir.
    """

    def __init__(
        self,
        syringe: Syringe,
        fill_ul: float,
        ripple: float,
        phase: float,
        start_s: float,
        *,
        loss_per_h: float = 0.0,
    ) -> None:
        self.inner_diameter_mm = syringe.inner_diameter_mm
        self._empty_at_ul = fill_ul
        has_end = math.isfinite(syringe.volume_ul)
        self._full_at_ul = fill_ul - syringe.volume_ul if has_end else -math.inf
        self._capacity_ul = syringe.volume_ul
        self._turn_ul = LEAD_MM * math.pi / 4 * syringe.inner_diameter_mm**2
        self._ripple_ul = ripple * self._turn_ul / (2 * math.pi)
        self._phase = phase
        self._since_s = start_s
        self._since_ul = 0.0
        self._furthest_ul = 0.0
        self._rate_ul_min = 0.0
        self._end_ul: float | None = None
        self._aside_ul = 0.0
        self._from_reservoir_ul = self._to_reservoir_ul = self._from_line_ul = 0.0
        self._start_s, self._loss_per_s, self._lost_ul = start_s, loss_per_h / 3600.0, 0.0
        self.is_aside = False
        self.commands = 0

    @property
    def rate_ul_min(self) -> float:
        """Flow rate [µL/min] of the newest command."""
        return self._rate_ul_min

    def push(self, rate_ul_min: float, time_s: float) -> None:
        """Move at a flow rate [µL/min] from a rig time [s] on; a negative one withdraws.

        Raises:
            OutOfRangeError: the rate is not finite.
        """
        if not math.isfinite(rate_ul_min):
            raise OutOfRangeError(f"a plunger moves at a finite rate, got {rate_ul_min} µL/min")
        self._settle(time_s)
        self._rate_ul_min = rate_ul_min
        self._end_ul = None
        self.commands += 1

    def stop_after(self, volume_ul: float, time_s: float) -> None:
        """Stand still after another volume [µL], counted from a rig time [s] on.

        A plunger that stands still already stays where it is.
        """
        if self._rate_ul_min == 0.0:
            return
        self._end_ul = self.moved_ul(time_s) + math.copysign(volume_ul, self._rate_ul_min)

    def lead(self, aside: bool, time_s: float) -> None:
        """Lead to the reservoir, or to the line, from a rig time [s] on."""
        if aside != self.is_aside:
            self._settle(time_s)
            self.is_aside = aside
            self.commands += 1

    def from_reservoir_ul(self, time_s: float) -> float:
        """Volume [µL] drawn from the reservoir."""
        drawn_ul = max(-self._since_command_ul(time_s), 0.0) if self.is_aside else 0.0
        return self._from_reservoir_ul + drawn_ul

    def to_reservoir_ul(self, time_s: float) -> float:
        """Volume [µL] pushed into the reservoir."""
        pushed_ul = max(self._since_command_ul(time_s), 0.0) if self.is_aside else 0.0
        return self._to_reservoir_ul + pushed_ul

    def from_line_ul(self, time_s: float) -> float:
        """Volume [µL] drawn from the line."""
        drawn_ul = 0.0 if self.is_aside else max(-self._since_command_ul(time_s), 0.0)
        return self._from_line_ul + drawn_ul

    def _since_command_ul(self, time_s: float) -> float:
        return self.moved_ul(time_s) - self._since_ul

    def _settle(self, time_s: float) -> None:
        """Count the motion since the last command, which ends at a rig time [s]."""
        if self._loss_per_s:
            course = np.array(self.course)[:, None]
            self._lost_ul = float(_lost_ul(course, _position_ul(course, np.array([time_s])))[0])
        moved_ul = self.moved_ul(time_s)
        self._from_reservoir_ul = self.from_reservoir_ul(time_s)
        self._to_reservoir_ul = self.to_reservoir_ul(time_s)
        self._from_line_ul = self.from_line_ul(time_s)
        if self.is_aside:
            self._aside_ul += moved_ul - self._since_ul
        self._since_ul, self._since_s = moved_ul, time_s
        if not self.is_aside:
            self._furthest_ul = max(self._furthest_ul, moved_ul - self._aside_ul)

    def refill(self, time_s: float) -> None:
        """Replace the syringe by a full one at a rig time [s]."""
        moved_ul = self.moved_ul(time_s)
        self._empty_at_ul, self._full_at_ul = moved_ul + self._capacity_ul, moved_ul

    def moved_ul(self, time_s: float) -> float:
        """Net volume [µL] by which the motor has pushed since the world began, without ripple.

        Withdrawn volume counts as negative.
        """
        return min(max(self._unobstructed_ul(time_s), self._full_at_ul), self._empty_at_ul)

    def fill_ul(self, time_s: float) -> float:
        """Liquid left [µL]."""
        return self._empty_at_ul - self.moved_ul(time_s)

    def stalled(self, time_s: float) -> bool:
        """Whether the motor drives the plunger against an end stop."""
        aim_ul = self._unobstructed_ul(time_s)
        if self._rate_ul_min > 0.0:
            return aim_ul >= self._empty_at_ul
        return self._rate_ul_min < 0.0 and aim_ul <= self._full_at_ul

    @property
    def course(self) -> tuple[float, ...]:
        """The twelve numbers that give the volume delivered to the line until the next command.

        Of the motion: rig time [s] and position [µL] at the last command, flow rate [µL/min],
        furthest position so far [µL] and end stop [µL]. Of the screw: angle per volume [rad/µL],
        phase [rad], cosine of the phase and amplitude [µL] of the volume error. Of the seal: share
        lost more per second [1/s], volume [µL] lost before the last command and rig time [s] at
        which nothing was lost.
        """
        last_ul = self._empty_at_ul
        if self._end_ul is not None and self._rate_ul_min > 0.0:
            last_ul = min(last_ul, self._end_ul)
        return (
            self._since_s,
            self._since_ul - self._aside_ul,
            0.0 if self.is_aside else self._rate_ul_min,
            self._furthest_ul,
            last_ul - self._aside_ul,
            2 * math.pi / self._turn_ul,
            self._phase,
            math.cos(self._phase),
            self._ripple_ul,
            self._loss_per_s,
            self._lost_ul,
            self._start_s,
        )

    def _unobstructed_ul(self, time_s: float) -> float:
        aim_ul = self._since_ul + self._rate_ul_min * (time_s - self._since_s) / 60.0
        if self._end_ul is None:
            return aim_ul
        return min(aim_ul, self._end_ul) if self._rate_ul_min > 0.0 else max(aim_ul, self._end_ul)


def steady_source(
    volume_ul: float, fill_ul: float, start_s: float, loss_per_h: float = 0.0
) -> Plunger:
    """What drives a stream without a syringe, as a plunger without pitch error.

    Args:
        volume_ul: volume [µL] of a full supply; infinite for a supply without an end.
        fill_ul: what is in the supply [µL] when the world begins.
        start_s: rig time [s] when the world begins.
        loss_per_h: share of what it delivers that is lost more with every hour.
    """
    return Plunger(
        Syringe(volume_ul, STEADY_BORE_MM), fill_ul, 0.0, 0.0, start_s, loss_per_h=loss_per_h
    )


def _position_ul(courses: Array, times_s: Array) -> Array:
    """Volume [µL] that plungers have pushed towards the line; see `Plunger.course`."""
    since_s, since_ul, rate_ul_min, furthest_ul, empty_at_ul = courses[:5]
    moved = since_ul + rate_ul_min * (times_s - since_s) / 60.0
    # Not below the furthest position: the line stands still while a plunger withdraws.
    return np.asarray(np.minimum(np.maximum(moved, furthest_ul), empty_at_ul))


def _lost_ul(courses: Array, moved_ul: Array) -> Array:
    """Volume [µL] that was lost at the seal, where plungers have pushed so far [µL]."""
    since_s, since_ul, rate_ul_min, furthest_ul = courses[:4]
    loss_per_s, lost_ul, start_s = courses[9:]
    first_ul = np.maximum(since_ul, furthest_ul)
    pushed_ul = np.maximum(moved_ul - first_ul, 0.0)
    s_per_ul = 60.0 / np.where(rate_ul_min > STILL_UL_MIN, rate_ul_min, np.inf)
    middle_s = since_s + (first_ul - since_ul + 0.5 * pushed_ul) * s_per_ul
    return np.asarray(lost_ul + pushed_ul * np.minimum(loss_per_s * (middle_s - start_s), 1.0))


class Plungers:
    """Several plungers, computed together in one array.

    Args:
        plungers: the plungers, in the order of the rows of the results.
    """

    def __init__(self, plungers: Sequence[Plunger]) -> None:
        self._plungers = tuple(plungers)
        self._commands = -1
        self._courses = np.empty((12, len(self._plungers), 1))
        self._loses = False

    @property
    def commands(self) -> int:
        """Number of commands to all of them so far."""
        return sum([plunger.commands for plunger in self._plungers])

    def delivered_ul(self, times_s: Array) -> Array:
        """Volume [µL] delivered since the world began, pitch errors included.

        Args:
            times_s: rig times [s] since the last command, shape `n`.

        Returns:
            volumes, shape `plungers x n`.
        """
        # The courses are gathered again only after a command: this runs at every exposure.
        commands = self.commands
        if commands != self._commands:
            self._courses = np.array([p.course for p in self._plungers]).T[:, :, None]
            self._loses = bool(self._courses[9].any())
            self._commands = commands
        turns, phase, cosine, ripple_ul = self._courses[5:9]
        moved = _position_ul(self._courses, times_s)
        angle = turns * moved + phase
        delivered = np.asarray(moved + ripple_ul * (cosine - np.cos(angle)))
        return delivered - _lost_ul(self._courses, moved) if self._loses else delivered
