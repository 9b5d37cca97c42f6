"""Times for heating and cooling, computed from `[steady]` of a profile."""

import math

from flowrig.profile import Steady

__all__ = ["AMBIENT_C", "cooled_c", "heating_time_s", "steady_time_s"]

AMBIENT_C = 25.0
"""Room temperature [°C] (assumed); a heater without cooling does not get below it."""

NOTICED_C = 0.1
"""Distance [°C] from room temperature that counts as none; it is reached only in the limit."""


def steady_time_s(steady: Steady, from_c: float, to_c: float) -> float:
    """Time [s] from a new set point until the heater counts as stable there, in whole looks.

    Args:
        steady: when it counts as stable, and how fast it is.
        from_c: temperature [°C] where it begins.
        to_c: the set point [°C].
    """
    near_s = heating_time_s(steady, from_c, to_c, steady.tolerance_c)
    looks = math.ceil(near_s / steady.poll_s) + math.ceil(steady.hold_s / steady.poll_s)
    return looks * steady.poll_s


def heating_time_s(steady: Steady, from_c: float, to_c: float, within_c: float) -> float:
    """Time [s] until a heater, or a hot plate that cools, is near a temperature.

    A ramp of constant rate that ends in an exponential approach: where the exponential
    `distance / settling time` is slower than the ramp, it takes over. A plate that cools is no
    faster than its loss to the room, `(temperature - room) / loss time`.

    Args:
        steady: rates and time constants.
        from_c: temperature [°C] where it begins.
        to_c: temperature [°C] that it works towards.
        within_c: how near [°C] it has to come.
    """
    if to_c <= from_c:
        return _cooling_time_s(steady, from_c, to_c, to_c + within_c)
    distance_c = to_c - from_c
    rate_c_s = steady.heating_c_min / 60
    settling_c = rate_c_s * steady.settling_s
    ramp_s = max(distance_c - max(settling_c, within_c), 0.0) / rate_c_s
    left_c = min(distance_c, settling_c)
    approach_s = steady.settling_s * math.log(left_c / within_c) if left_c > within_c else 0.0
    return ramp_s + approach_s


def _cooling_time_s(steady: Steady, from_c: float, to_c: float, end_c: float) -> float:
    """Time [s] until a plate that works towards a lower temperature is at or below `end_c` [°C]."""
    rate_c_s, loss_s, settling_s = steady.cooling_c_min / 60, steady.loss_s, steady.settling_s
    lossy_c = AMBIENT_C + rate_c_s * loss_s  # the loss to the room takes over from the ramp
    settling_c = to_c + rate_c_s * settling_s  # the approach takes over
    if settling_c < lossy_c:
        settling_c = (to_c * loss_s - AMBIENT_C * settling_s) / (loss_s - settling_s)
    ramp_end_c = max(lossy_c, settling_c, end_c)
    time_s = max(from_c - ramp_end_c, 0.0) / rate_c_s
    now_c, loss_end_c = min(from_c, ramp_end_c), max(settling_c, end_c)
    if now_c > loss_end_c:
        left_c = max(loss_end_c - AMBIENT_C, NOTICED_C)
        time_s += loss_s * math.log(max(now_c - AMBIENT_C, left_c) / left_c)
        now_c = loss_end_c
    if now_c > end_c:
        time_s += settling_s * math.log((now_c - to_c) / (end_c - to_c))
    return time_s


def cooled_c(steady: Steady, from_c: float, time_s: float) -> float:
    """Temperature [°C] of a plate that was switched off so long ago [s].

    Args:
        steady: rates and time constants.
        from_c: temperature [°C] where it began.
        time_s: how long it cools.
    """
    rate_c_s = steady.cooling_c_min / 60
    lossy_c = AMBIENT_C + rate_c_s * steady.loss_s
    ramp_s = min(max(from_c - lossy_c, 0.0) / rate_c_s, time_s)
    above_c = from_c - rate_c_s * ramp_s - AMBIENT_C
    return AMBIENT_C + above_c * math.exp((ramp_s - time_s) / steady.loss_s)
