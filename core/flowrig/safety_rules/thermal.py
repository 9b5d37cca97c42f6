"""How fast a heater is, and from where on it behaves as a healthy one does not."""

from dataclasses import dataclass, replace

__all__ = ["NOISE_SDS", "ThermalModel", "Thresholds", "thresholds_of"]

SHORTEST_FROZEN_S = 30.0
"""Shortest time [s] after which a reading that stands still counts as frozen."""

SHORTEST_PROGRESS_S = 20.0
"""Shortest time [s] in which the temperature has to rise by `Thresholds.progress_c`."""

SAFETY_FACTOR = 3.0
"""How many times slower than at its commissioning a heater may be before it counts as broken."""

STILL_FACTOR = 10.0
"""How many times longer than at its commissioning a reading may stand still at its set point."""

NOISE_SDS = 6.0
"""Noise [standard deviations] that thresholds stay away from."""


@dataclass(frozen=True, kw_only=True)
class ThermalModel:
    """What a commissioning ramp told about a heater and its control loop.

    Attributes:
        gain: change of the temperature at rest for a change of the set point; 1 is ideal.
        dead_time_s: time [s] from a new set point to the first rise.
        time_constant_s: time constant [s] of the last degrees.
        heating_c_min: fastest rise [°C/min].
        overshoot_c: how far [°C] it went above the set point.
        noise_c: standard deviation [°C] of the reading at rest.
        still_s: longest time [s] for which the reading did not change at all at rest.
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
    """From where on a heater counts as broken.

    Attributes:
        above_c: no reading is higher [°C].
        below_c: no reading is lower [°C].
        near_c: so near [°C] to its set point no progress is asked for.
        progress_c: progress [°C] that is asked for farther away …
        rise_s: … within this time [s] while it heats …
        fall_s: … and within this time [s] while it cools …
        warm_c: … above this temperature [°C].
        runaway_c: how far [°C] above its set point it may be, or above the lowest reading since
            it began to cool.
        jump_c: largest step [°C] between two looks, besides what heating explains.
        frozen_s: how long [s] a reading may stand still while it heats.
        still_s: how long [s] it may stand still at the set point; None if not known.
        look_s: longest time [s] between two looks.
        heating_c_min: fastest rise [°C/min].
        overshoot_c: how far [°C] it goes above its set point when it is healthy.
        never_above_c: what the rig must never reach [°C]; None if not known.
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
        """Longest time [s] until a sensor that no longer tells the truth is noticed."""
        return self.look_s + max(self.frozen_s, self.rise_s, self.still_s or 0.0)

    @property
    def margin_c(self) -> float:
        """How far [°C] above its set point a heater with such a sensor can get."""
        return self.detection_s * self.heating_c_min / 60.0 + self.overshoot_c

    def highest_set_point_c(self) -> float:
        """From where on [°C] a set point leaves no time to notice a broken sensor."""
        if self.never_above_c is None:
            return float("inf")
        return self.never_above_c - self.margin_c


def thresholds_of(assumed: Thresholds, model: ThermalModel) -> Thresholds:
    """Thresholds that fit one heater.

    Args:
        assumed: those without a commissioning; its limits and times between looks are kept.
        model: what the ramp told.
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
    """A reading without noise stands still when all is well, and tells nothing by it."""
    if model.noise_c == 0.0:
        return None
    return max(SHORTEST_FROZEN_S, STILL_FACTOR * model.still_s)
