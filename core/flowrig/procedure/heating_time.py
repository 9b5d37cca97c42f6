"""Times for heating and cooling, computed from `[steady]` of a profile."""

import math

from flowrig.profile import Steady

__all__ = ["AMBIENT_C", "heating_time_s", "steady_time_s"]

AMBIENT_C = 25.0
"""Room temperature [°C] (assumed); a heater without cooling does not get below it."""


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
    `distance / settling time` is slower than the ramp, it takes over.

    Args:
        steady: rates and settling time.
        from_c: temperature [°C] where it begins.
        to_c: temperature [°C] that it works towards.
        within_c: how near [°C] it has to come.
    """
    distance_c = abs(to_c - from_c)
    rate_c_s = (steady.heating_c_min if to_c > from_c else steady.cooling_c_min) / 60
    settling_c = rate_c_s * steady.settling_s
    ramp_s = max(distance_c - max(settling_c, within_c), 0.0) / rate_c_s
    left_c = min(distance_c, settling_c)
    approach_s = steady.settling_s * math.log(left_c / within_c) if left_c > within_c else 0.0
    return ramp_s + approach_s
