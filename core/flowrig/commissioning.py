"""What a commissioning ramp tells: gain, dead time, time constant, noise, fastest rise."""

import math
from collections.abc import Sequence
from itertools import pairwise
from statistics import fmean

from flowrig.kernel import ThermalModel

__all__ = ["RampError", "fit_ramp"]

Sample = tuple[float, float]
"""Time [s] and temperature [°C]."""

SMALLEST_STEP_C = 10.0
"""Smallest change of the set point [°C] that tells enough."""

FEWEST = 5
"""Samples that each part of a ramp has to have."""

RATE_OVER_S = 10.0
"""Shortest time [s] over which a rise is measured, so that noise is not taken for it."""


class RampError(ValueError):
    """The samples are no ramp from rest to a set point."""


def fit_ramp(
    samples: Sequence[Sample], begin_s: float, rest_s: float, goal_c: float
) -> ThermalModel:
    """Fit a ramp from rest to rest at a higher set point.

    The noise comes from the differences of neighbours at rest, so that drift does not count; the
    dead time is where the tangent of the fastest rise leaves the first temperature (Ziegler and
    Nichols, Trans. ASME 1942, 64, 759); the time constant is that of an exponential through the
    last degrees.

    Args:
        samples: times [s] in order, and temperatures [°C].
        begin_s: when the set point was given [s].
        rest_s: from when on the temperature was at rest at its goal [s].
        goal_c: the set point [°C].

    Raises:
        RampError: too few samples, too small a step, or no rise.
    """
    before = [c for s, c in samples if s <= begin_s]
    rising = [(s, c) for s, c in samples if begin_s <= s <= rest_s]
    resting = [(s, c) for s, c in samples if s >= rest_s]
    if min(len(before), len(rising), len(resting)) < FEWEST:
        raise RampError(f"fewer than {FEWEST} readings before, on or after the ramp")
    start_c, end_c = fmean(before), fmean(c for _, c in resting)
    if goal_c - start_c < SMALLEST_STEP_C:
        raise RampError(
            f"from {start_c:.1f} °C to {goal_c:.1f} °C is too small a step; choose a set point at "
            f"least {SMALLEST_STEP_C:g} °C higher"
        )
    rate_c_s, at_s, at_c = _fastest(rising)
    if rate_c_s <= 0.0:
        raise RampError("the temperature did not rise")
    return ThermalModel(
        gain=(end_c - start_c) / (goal_c - start_c),
        dead_time_s=max(at_s - (at_c - start_c) / rate_c_s - begin_s, 0.0),
        time_constant_s=_time_constant_s(rising, goal_c, (goal_c - start_c) / rate_c_s),
        heating_c_min=rate_c_s * 60.0,
        overshoot_c=max(max(c for _, c in (*rising, *resting)) - goal_c, 0.0),
        noise_c=_noise_c([c for _, c in resting]),
        still_s=_longest_still_s(resting),
        set_point_c=goal_c,
    )


def _fastest(rising: Sequence[Sample]) -> tuple[float, float, float]:
    """Fastest rise [°C/s] over `RATE_OVER_S` or more, and time and temperature in its middle."""
    best = (-math.inf, 0.0, 0.0)
    first = 0
    for s, c in rising:
        while first + 1 < len(rising) and s - rising[first + 1][0] >= RATE_OVER_S:
            first += 1
        s0, c0 = rising[first]
        if s - s0 >= RATE_OVER_S:
            best = max(best, ((c - c0) / (s - s0), (s + s0) / 2.0, (c + c0) / 2.0))
    return best


def _time_constant_s(rising: Sequence[Sample], goal_c: float, whole_s: float) -> float:
    """From the logarithm of what is missing between 2 and 20 % of the way, by least squares."""
    way_c = goal_c - rising[0][1]
    tail = [(s, math.log(goal_c - c)) for s, c in rising if 0.02 < (goal_c - c) / way_c < 0.2]
    mean_s = fmean(s for s, _ in tail) if tail else 0.0
    spread = sum((s - mean_s) ** 2 for s, _ in tail)
    fall = -sum((s - mean_s) * log for s, log in tail)
    return spread / fall if spread > 0.0 and fall > 0.0 else whole_s


def _noise_c(temperatures_c: Sequence[float]) -> float:
    """Standard deviation of white noise whose neighbours differ by √2 of it."""
    neighbours = pairwise(temperatures_c)
    return math.sqrt(fmean((b - a) ** 2 for a, b in neighbours) / 2.0)


def _longest_still_s(resting: Sequence[Sample]) -> float:
    longest, since_s, value_c = 0.0, resting[0][0], resting[0][1]
    for s, c in resting:
        if c != value_c:
            since_s, value_c = s, c
        longest = max(longest, s - since_s)
    return longest
