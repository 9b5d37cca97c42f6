"""Safety settings of a profile: interlocks, and thresholds for a broken heater."""

import dataclasses
from collections.abc import Mapping
from typing import Literal

from attrs import field, frozen

from flowrig.profile.quantity import parse_of_a_device, parse_rise_per_min
from flowrig.safety_rules import SHORTEST_FROZEN_S, Action, Thresholds

__all__ = [
    "NOISE_SDS",
    "ChangeAction",
    "Commissioning",
    "Interlock",
    "Supervision",
    "thresholds_of",
]

SHORTEST_PROGRESS_S = 20.0
"""Shortest time [s] in which the temperature has to rise by `Thresholds.progress_c`."""

SAFETY_FACTOR = 3.0
"""Ratio to the times of its commissioning up to which a slower heater is not broken."""

STILL_FACTOR = 10.0
"""Ratio to the longest time without a change of the reading that was seen at commissioning."""

NOISE_SDS = 6.0
"""Distance of thresholds from a healthy reading, in standard deviations of its noise."""

ChangeAction = Literal["safe", "hold", "halt", "flag"]
"""What follows a setting that somebody else has changed: as `Action`, or only a flag."""

InterlockKind = Literal[
    "heat-needs-flow", "flow-needs-steady-temperature", "syringe-not-empty", "reading"
]

Breaks = Literal["above", "below", "rises faster than"]
"""When a reading breaks its interlock."""

_ASSUMED = Thresholds(above_c=0.0)


@frozen(kw_only=True)
class Interlock:
    """A rule between heat, flow, syringes and readings that holds at every moment of a run.

    Attributes:
        kind: heat-needs-flow, flow-needs-steady-temperature, syringe-not-empty, or reading, which
            TOML does not say.
        streams: heat-needs-flow: streams of which at least one must flow;
            flow-needs-steady-temperature: streams that need the temperature; syringe-not-empty:
            streams whose syringes must not be empty; reading: streams of which one has to flow for
            the rule to hold, `while_flowing` in TOML; without any it always holds.
        heater: the device; all kinds but syringe-not-empty need it.
        above_c: heat-needs-flow: temperature [°C] above which the heater counts as hot.
        tolerance_c: flow-needs-steady-temperature: largest distance [°C] from the set point.
        or_below_c: flow-needs-steady-temperature: temperature [°C] below which the streams may
            always flow.
        remainder_ul: syringe-not-empty: least volume [µL] in each syringe.
        reading: reading: what a device reports, DEVICE.QUANTITY.
        breaks: reading: when it breaks the rule.
        limit: reading: the limit, as a text of the profile; empty with `frozen_after_s`.
        frozen_after_s: reading: time [s] with flow after which a reading that has not changed is
            frozen; instead of a limit.
        grace_s: time [s] for which the rule may be broken.
        action: action of the run when the rule is broken: safe, hold or halt.
    """

    kind: InterlockKind
    streams: tuple[str, ...]
    heater: str | None = None
    above_c: float | None = None
    tolerance_c: float | None = None
    or_below_c: float | None = None
    remainder_ul: float = 0.0
    reading: str | None = None
    breaks: Breaks = "above"
    limit: str = ""
    frozen_after_s: float | None = None
    grace_s: float = 0.0
    action: Action = "safe"

    def limit_in(self, unit: str) -> float:
        """The limit of a reading, in its unit; of a rise, for each minute.

        Raises:
            QuantityError: it is no such quantity.
        """
        parse = parse_rise_per_min if self.breaks == "rises faster than" else parse_of_a_device
        return parse(self.limit, unit)


@frozen(kw_only=True)
class Commissioning:
    """A heater and its control loop, as the ramp of `flowrig commission` shows them.

    Attributes:
        gain: change of the steady temperature divided by the change of the set point; 1 is ideal.
        dead_time_s: time [s] from a new set point to the first rise.
        time_constant_s: time constant [s] of the final approach.
        heating_c_min: fastest rise [°C/min].
        overshoot_c: largest excess [°C] over the set point.
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


@frozen(kw_only=True)
class Supervision:
    """Thresholds for a broken heater, and the time limit for a silent program.

    Attributes:
        near_c: distance [°C] to the set point within which no progress is required.
        progress_c: progress [°C] that is required at larger distances.
        rise_s: time [s] for this progress while the heater heats.
        fall_s: time [s] for this progress while the heater cools.
        runaway_c: largest excess [°C] over the set point.
        frozen_s: longest time [s] without a change of the reading while the heater heats.
        above_limit_c: largest excess [°C] of a reading over the limits of the rig.
        overshoot_c: excess [°C] over the set point that a healthy heater shows.
        never_above_c: temperature [°C] that the rig must never reach, because of tubing and
            solvent.
        lease_s: longest silence [s] of a real run before the watchdog takes the rig over.
        changed_elsewhere: action of the run when a device reports another setting than the run has
            commanded: safe, hold or halt; flag goes on, and the measurement is bad. A pump that
            somebody else has started is stopped in any case.
        commissioning: by heater, results of `flowrig commission`, which replace the thresholds
            above; in TOML the path of their file.
    """

    near_c: float = _ASSUMED.near_c
    progress_c: float = _ASSUMED.progress_c
    rise_s: float = _ASSUMED.rise_s
    fall_s: float = _ASSUMED.fall_s
    runaway_c: float = _ASSUMED.runaway_c
    frozen_s: float = _ASSUMED.frozen_s
    above_limit_c: float = 10.0
    overshoot_c: float = _ASSUMED.overshoot_c
    never_above_c: float | None = None
    lease_s: float = 60.0
    changed_elsewhere: ChangeAction = "safe"
    commissioning: Mapping[str, Commissioning] = field(factory=dict)

    def thresholds(self, heater: str, limit_c: float, heating_c_min: float) -> Thresholds:
        """Thresholds for a heater, from its commissioning if there is one.

        Args:
            heater: name of the device.
            limit_c: highest allowed set point [°C].
            heating_c_min: fastest rise [°C/min]; assumed, for a heater without commissioning.
        """
        assumed = Thresholds(
            above_c=limit_c + self.above_limit_c,
            near_c=self.near_c,
            progress_c=self.progress_c,
            rise_s=self.rise_s,
            fall_s=self.fall_s,
            runaway_c=self.runaway_c,
            frozen_s=self.frozen_s,
            heating_c_min=heating_c_min,
            overshoot_c=self.overshoot_c,
            never_above_c=self.never_above_c,
        )
        if heater not in self.commissioning:
            return assumed
        return thresholds_of(assumed, self.commissioning[heater])


def thresholds_of(assumed: Thresholds, model: Commissioning) -> Thresholds:
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
    return dataclasses.replace(
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


def _still_s(model: Commissioning) -> float | None:
    """None without noise: a healthy reading without noise does not change either."""
    if model.noise_c == 0.0:
        return None
    return max(SHORTEST_FROZEN_S, STILL_FACTOR * model.still_s)
