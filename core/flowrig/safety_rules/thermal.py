"""Thresholds beyond which a heater counts as broken."""

from dataclasses import dataclass

__all__ = ["SHORTEST_FROZEN_S", "Thresholds"]

SHORTEST_FROZEN_S = 30.0
"""Shortest time [s] without a change after which a reading counts as frozen."""


@dataclass(frozen=True, kw_only=True)
class Thresholds:
    """Limits beyond which a heater counts as broken.

    Attributes:
        above_c: highest valid reading [°C].
        below_c: lowest valid reading [°C].
        near_c: distance [°C] from the set point within which no progress is required.
        progress_c: progress [°C] that is required farther away …
        rise_s: … within this time [s] while it heats …
        fall_s: … and within this time [s] while it cools …
        warm_c: … above this temperature [°C].
        runaway_c: largest distance [°C] above the set point, or above the lowest reading since it
            began to cool.
        jump_c: largest step [°C] between two readings, in addition to what heating explains.
        frozen_s: longest time [s] without a change of the reading while it heats.
        still_s: longest time [s] without a change at the set point; None if not known.
        look_s: longest time [s] between two readings.
        heating_c_min: fastest rise [°C/min].
        overshoot_c: distance [°C] by which a healthy heater exceeds its set point.
        never_above_c: temperature [°C] that the rig must never reach; None if not known.
    """

    above_c: float
    below_c: float = -50.0
    near_c: float = 8.0
    progress_c: float = 2.0
    rise_s: float = 120.0
    fall_s: float = 600.0
    warm_c: float = 60.0
    runaway_c: float = 10.0
    jump_c: float = 25.0
    frozen_s: float = SHORTEST_FROZEN_S
    still_s: float | None = None
    look_s: float = 5.0
    heating_c_min: float = 30.0
    overshoot_c: float = 3.0
    never_above_c: float | None = None

    @property
    def detection_s(self) -> float:
        """Longest time [s] until a sensor that reads wrongly is noticed."""
        return self.look_s + max(self.frozen_s, self.rise_s, self.still_s or 0.0)

    @property
    def margin_c(self) -> float:
        """Distance [°C] above its set point that a heater with such a sensor can reach."""
        return self.detection_s * self.heating_c_min / 60.0 + self.overshoot_c

    def highest_set_point_c(self) -> float:
        """Set point [°C] from which on a broken sensor would be noticed too late."""
        if self.never_above_c is None:
            return float("inf")
        return self.never_above_c - self.margin_c
