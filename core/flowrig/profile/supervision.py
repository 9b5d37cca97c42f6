"""What a profile says about safety: interlocks, and when a heater counts as broken."""

from collections.abc import Mapping
from typing import Literal

import attrs
from attrs import field, frozen

from flowrig.safety_rules import Action, ThermalModel, Thresholds, thresholds_of

__all__ = ["Commissioning", "Interlock", "Supervision"]

InterlockKind = Literal["heat-needs-flow", "flow-needs-steady-temperature", "syringe-not-empty"]

_ASSUMED = Thresholds(above_c=0.0)


@frozen(kw_only=True)
class Interlock:
    """A rule between heat, flow and syringes that holds at every moment of a run.

    Attributes:
        kind: heat-needs-flow, flow-needs-steady-temperature or syringe-not-empty.
        streams: those of which one has to flow, those that need the temperature, or those whose
            syringes are meant.
        heater: the device; all but syringe-not-empty need it.
        above_c: heat-needs-flow: from where [°C] on it counts as hot.
        tolerance_c: flow-needs-steady-temperature: how far from its set point [°C] it may be.
        or_below_c: flow-needs-steady-temperature: below this temperature [°C] it does not matter.
        remainder_ul: syringe-not-empty: what has to stay in them [µL].
        grace_s: for how long [s] the rule may be broken.
        action: how a run ends that breaks it: safe, hold or halt.
    """

    kind: InterlockKind
    streams: tuple[str, ...]
    heater: str | None = None
    above_c: float | None = None
    tolerance_c: float | None = None
    or_below_c: float | None = None
    remainder_ul: float = 0.0
    grace_s: float = 0.0
    action: Action = "safe"


@frozen(kw_only=True)
class Commissioning:
    """What `flowrig commission` measured on one heater; see `flowrig.safety_rules.ThermalModel`.

    Attributes:
        gain: change of the temperature at rest for a change of the set point.
        dead_time_s: time [s] from a new set point to the first rise.
        time_constant_s: time constant [s] of the last degrees.
        heating_c_min: fastest rise [°C/min].
        overshoot_c: how far [°C] it went above the set point.
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
    """When a heater counts as broken, and how long the program may be silent.

    Attributes:
        near_c: so near [°C] to its set point no progress is asked for.
        progress_c: progress [°C] that is asked for farther away …
        rise_s: … within this time [s] while it heats …
        fall_s: … and within this time [s] while it cools.
        runaway_c: how far [°C] it may be above its set point.
        frozen_s: how long [s] a reading may stand still while it heats.
        above_limit_c: how far [°C] above the limits a temperature may read.
        overshoot_c: how far [°C] a healthy heater goes above its set point.
        never_above_c: what the rig must never reach [°C], for the sake of tubing and solvent.
        lease_s: how long [s] a real run may be silent before the watchdog takes the rig over.
        commissioning: what `flowrig commission` measured, by heater; its thresholds replace those
            above. Written as the path of its file.
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
    commissioning: Mapping[str, Commissioning] = field(factory=dict)

    def thresholds(self, heater: str, limit_c: float, heating_c_min: float) -> Thresholds:
        """When a heater counts as broken.

        Args:
            heater: the device.
            limit_c: highest set point [°C] that is ever allowed.
            heating_c_min: fastest rise [°C/min] that is assumed without a commissioning.
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
        return thresholds_of(assumed, ThermalModel(**attrs.asdict(self.commissioning[heater])))
