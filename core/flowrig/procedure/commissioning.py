"""Commissioning: a ramp that shows how a heater behaves while it is healthy."""

import math
from collections.abc import Generator, Mapping, Sequence
from itertools import pairwise
from statistics import fmean
from typing import Any

from attrs import asdict

from flowrig.errors import FlowrigError, InputError
from flowrig.journal.events import EventData, Reading
from flowrig.procedure.by_hand import perform
from flowrig.procedure.steps import SetTemperatures, Step, Wait, WaitSteady
from flowrig.profile import Commissioning, Profile
from flowrig.profile.quantity import format_quantity, split_suffix
from flowrig.profile.supervision import NOISE_SDS
from flowrig.rig.rig import Rig

__all__ = ["RampError", "commission", "commissioning_toml", "first_set_point_c", "fit_ramp"]

Sample = tuple[float, float]
"""Time [s] and temperature [°C]."""

SMALLEST_STEP_C = 10.0
"""Smallest change of the set point [°C] from which a thermal model can be fitted."""

FEWEST_SAMPLES = 5
"""Samples that each part of a ramp needs at least."""

RATE_OVER_S = 20.0
"""Shortest time [s] over which a rise is measured, so that noise does not count as a rise."""

REST_S = 60.0
"""Time [s] for which the heater is read at rest before its ramp."""

READINGS_AFTER = 300
"""Readings after the ramp, which show how long a healthy reading does not change."""

READING_S = 1.0
"""Time [s] between two of them."""


class RampError(FlowrigError):
    """The samples do not show a ramp from rest to a set point."""


def first_set_point_c(profile: Profile, heater: str) -> float:
    """The lowest set point [°C] of a heater in the search space.

    Raises:
        InputError: the search space has no such heater.
    """
    ranges = [v.range for v in profile.variables if v.heater == heater]
    if not ranges:
        known = ", ".join(v.heater for v in profile.variables if v.heater is not None)
        raise InputError(f"the search space has no heater {heater!r}; it has {known}")
    return ranges[0][0]


def commission(rig: Rig, heater: str, set_point_c: float) -> Commissioning:
    """Heat from rest to a set point, stay there for five minutes, and go to the safe state.

    The interlocks and the supervision of the profile apply meanwhile.

    Args:
        rig: the opened rig.
        heater: the device.
        set_point_c: the set point [°C].

    Returns:
        the thermal model of the heater.

    Raises:
        RampError: the readings do not show a ramp from rest to rest.
        UnsafeStateError: the safe state was not confirmed; the message says what is not known.
        FlowrigError: an instrument failed or a rule refused it; the rig is in its safe state.
    """
    samples: list[Sample] = []

    def take_sample(data: EventData) -> None:
        if isinstance(data, Reading):
            temperature_c = data.heaters[heater].temperature_c
            if temperature_c is not None:
                samples.append((rig.clock.now_s(), temperature_c))

    begin_s, rest_s = perform(rig, _ramp(rig, heater, set_point_c), take_sample)
    return fit_ramp(samples, begin_s, rest_s, set_point_c)


def _ramp(rig: Rig, heater: str, set_point_c: float) -> Generator[Step, Any, tuple[float, float]]:
    yield Wait(REST_S, "reading the heater at rest")
    begin_s = rig.clock.now_s()
    yield SetTemperatures({heater: set_point_c})
    yield WaitSteady({heater: set_point_c})
    rest_s = rig.clock.now_s()
    for _ in range(READINGS_AFTER):
        yield Wait(READING_S, "reading the heater at its set point")
    return begin_s, rest_s


def commissioning_toml(measured: Mapping[str, Commissioning]) -> str:
    """Text of the file that a profile names as `commissioning`, with a table for each heater."""
    lines = ["# Written by flowrig commission."]
    for heater, commissioning in measured.items():
        lines += ["", f"[{heater}]"]
        for field, value in asdict(commissioning).items():
            key, unit = split_suffix(field)
            text = f'"{format_quantity(round(value, 4), unit)}"' if unit else f"{value:.4f}"
            lines.append(f"{key} = {text}")
    return "\n".join(lines) + "\n"


def fit_ramp(
    samples: Sequence[Sample], begin_s: float, rest_s: float, goal_c: float
) -> Commissioning:
    """Fit a ramp from rest to rest at a higher set point.

    The noise is computed from differences of neighbouring samples at rest, so that drift does not
    count. The dead time ends where the tangent of the fastest rise, through the first degree of the
    rise, meets the first temperature (after Ziegler and Nichols, Trans. ASME 1942, 64, 759). The
    time constant is that of an exponential fitted to the last degrees.

    Args:
        samples: times [s] in order, and temperatures [°C].
        begin_s: time [s] of the command with the set point.
        rest_s: time [s] from which on the temperature was at rest at the set point.
        goal_c: the set point [°C].

    Raises:
        RampError: too few samples, too small a step, or no rise.
    """
    before = [c for s, c in samples if s <= begin_s]
    rising = [(s, c) for s, c in samples if begin_s <= s <= rest_s]
    resting = [(s, c) for s, c in samples if s >= rest_s]
    if min(len(before), len(rising), len(resting)) < FEWEST_SAMPLES:
        raise RampError(f"fewer than {FEWEST_SAMPLES} readings before, on or after the ramp")
    start_c, end_c = fmean(before), fmean(c for _, c in resting)
    if goal_c - start_c < SMALLEST_STEP_C:
        raise RampError(
            f"from {start_c:.1f} °C to {goal_c:.1f} °C is too small a step; choose a set point at "
            f"least {SMALLEST_STEP_C:g} °C higher"
        )
    rate_c_s, noise_c = _fastest_c_s(rising), _noise_c([c for _, c in resting])
    if rate_c_s <= 0.0:
        raise RampError("the temperature did not rise")
    return Commissioning(
        gain=(end_c - start_c) / (goal_c - start_c),
        dead_time_s=_dead_time_s(rising, start_c, max(1.0, NOISE_SDS * noise_c), rate_c_s),
        time_constant_s=_time_constant_s(rising, goal_c, (goal_c - start_c) / rate_c_s),
        heating_c_min=rate_c_s * 60.0,
        overshoot_c=max(max(c for _, c in (*rising, *resting)) - goal_c, 0.0),
        noise_c=noise_c,
        still_s=_longest_still_s(resting),
        set_point_c=goal_c,
    )


def _fastest_c_s(rising: Sequence[Sample]) -> float:
    """Fastest rise [°C/s] over `RATE_OVER_S` or more."""
    best_c_s, first = -math.inf, 0
    for s, c in rising:
        while first + 1 < len(rising) and s - rising[first + 1][0] >= RATE_OVER_S:
            first += 1
        s0, c0 = rising[first]
        if s - s0 >= RATE_OVER_S:
            best_c_s = max(best_c_s, (c - c0) / (s - s0))
    return best_c_s


def _dead_time_s(
    rising: Sequence[Sample], start_c: float, first_c: float, rate_c_s: float
) -> float:
    """Time [s] to the first rise, extrapolated back from a rise that is larger than the noise."""
    seen_s = next((s for s, c in rising if c >= start_c + first_c), rising[-1][0])
    return max(seen_s - rising[0][0] - first_c / rate_c_s, 0.0)


def _time_constant_s(rising: Sequence[Sample], goal_c: float, whole_s: float) -> float:
    """Time constant [s]: a line through the logarithm of the remaining difference, least squares.

    Only the last 5 % down to 1 % of the ramp is fitted: before, the output may be at its limit, and
    after, noise prevails. `whole_s` is returned where no line fits.
    """
    way_c = goal_c - rising[0][1]
    tail = [(s, math.log(goal_c - c)) for s, c in rising if 0.01 < (goal_c - c) / way_c < 0.05]
    mean_s = fmean(s for s, _ in tail) if tail else 0.0
    spread = sum((s - mean_s) ** 2 for s, _ in tail)
    fall = -sum((s - mean_s) * log for s, log in tail)
    return spread / fall if spread > 0.0 and fall > 0.0 else whole_s


def _noise_c(temperatures_c: Sequence[float]) -> float:
    """Standard deviation of white noise, whose neighbouring samples differ by √2 times as much."""
    neighbours = pairwise(temperatures_c)
    return math.sqrt(fmean((b - a) ** 2 for a, b in neighbours) / 2.0)


def _longest_still_s(resting: Sequence[Sample]) -> float:
    longest, since_s, value_c = 0.0, resting[0][0], resting[0][1]
    for s, c in resting:
        if c != value_c:
            since_s, value_c = s, c
        longest = max(longest, s - since_s)
    return longest
