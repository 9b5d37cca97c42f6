"""The thermal model of a heater, and thresholds beyond which the heater counts as broken."""

from dataclasses import dataclass, replace

__all__ = ["NOISE_SDS", "ThermalModel", "Thresholds", "thresholds_of"]

SHORTEST_FROZEN_S = 30.0
"""Shortest time [s] without a change after which a reading counts as frozen."""

SHORTEST_PROGRESS_S = 20.0
"""Shortest time [s] in which the temperature has to rise by `Thresholds.progress_c`."""

SAFETY_FACTOR = 3.0
"""Ratio to the times of its commissioning up to which a slower heater is not broken."""

STILL_FACTOR = 10.0
"""Ratio to the longest time without a change of the reading that was seen at commissioning."""

NOISE_SDS = 6.0
"""Distance of thresholds from a healthy reading, in standard deviations of its noise."""


@dataclass(frozen=True, kw_only=True)
class ThermalModel:
    """A heater and its control loop, as a commissioning ramp shows them.

    Attributes:
        gain: change of the temperature at rest for a change of the set point; 1 is ideal.
        dead_time_s: time [s] from a new set point to the first rise.
        time_constant_s: time constant [s] of the last degrees.
        heating_c_min: fastest rise [°C/min].
        overshoot_c: largest distance [°C] above the set point.
        noise_c: standard deviation [°C] of the reading at rest.
        still_s: longest time [s] for which the reading did not change at rest.
        set_point_c: the set point [°C] of the ramp.
    """

    gain: float
    dead_time_s: float
    time_constant_s: float
    heating_c_min: float
    overshoot_c: float
    noise_c: float
    still_s: float
    set_point_c: float


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


def thresholds_of(assumed: Thresholds, model: ThermalModel) -> Thresholds:
    """Thresholds that fit one heater.

    Args:
        assumed: thresholds without a commissioning; limits and times between readings are kept.
        model: the heater, by its commissioning.
    """
    noise_c = NOISE_SDS * model.noise_c
    heating_c_s = model.heating_c_min / 60.0
    progress_c = max(assumed.progress_c, noise_c)
    near_c = max(assumed.near_c, noise_c, 2.0 * model.overshoot_c)
    slowest_c_s = min(heating_c_s, near_c / model.time_constant_s)
    rise_s = SAFETY_FACTOR * (model.dead_time_s + progress_c / slowest_c_s)
    return replace(
        assumed,
        near_c=near_c,
        progress_c=progress_c,
        rise_s=max(rise_s, SHORTEST_PROGRESS_S, 2.0 * assumed.look_s),
        runaway_c=max(5.0, 2.0 * model.overshoot_c + noise_c, model.dead_time_s * heating_c_s),
        frozen_s=max(SHORTEST_FROZEN_S, 2.0 * model.dead_time_s),
        still_s=_still_s(model),
        heating_c_min=model.heating_c_min,
        overshoot_c=max(model.overshoot_c, noise_c),
    )


def _still_s(model: ThermalModel) -> float | None:
    """None without noise: a healthy reading without noise does not change either."""
    if model.noise_c == 0.0:
        return None
    return max(SHORTEST_FROZEN_S, STILL_FACTOR * model.still_s)
