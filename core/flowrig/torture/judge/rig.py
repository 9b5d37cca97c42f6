"""Checks of the rig itself: flow, heat and light (promises I1 and I4)."""

from collections.abc import Iterator
from typing import Final

import numpy as np

from flowrig.journal.events import ExperimentBegun, Intent, SafeStateSought
from flowrig.profile import Profile
from flowrig.torture.faults import Ending
from flowrig.torture.judge.breach import Breach, Breaches, Kind
from flowrig.torture.phases import SafeWay
from flowrig.torture.physics import off_target_s
from flowrig.torture.process_observation import ProcessObservation
from flowrig.torture.trial import Trial

__all__ = ["at_rest", "flow_rates", "heat", "heat_without_flow", "stops"]

SAFE_WITHIN_S: Final = 30.0
"""Reagents stand still within this time [s] after the run begins its way to the safe state."""

STOP_WITHIN_S: Final = 60.0
"""Reagents stand still within this time [s] after a detectable fault."""

LOOKED_S: Final = 10.0
"""A pump that is stopped within this time [s] after a fault need not have been looked at."""

OFF_TARGET_S: Final = 90.0
"""Longest time [s] for which reagents may flow at a wrong temperature unnoticed."""

OFF_TARGET_C: Final = 8.0
"""A temperature is wrong from this distance [°C] to its set point on."""

DRY_C: Final = 5.0
"""A plate without flow may exceed the temperature of its interlock by this much [°C]."""

COLD_C: Final = 40.0
"""A plate at or below this temperature [°C] need not cool further."""

DEFAULT_MARGIN_C: Final = 15.0
"""Without `never_above`, a plate may exceed the highest set point of the rig by this much [°C]."""

MOVED_UL: Final = 1e-6
"""A plunger that moved more than this volume [µL] moved; less is rounding."""


def _is_excused(process: ProcessObservation, device: str) -> bool:
    """Whether the final message says that the state of a device is not known."""
    return process.ending is Ending.UNKNOWN and device in process.text


def at_rest(trial: Trial, process: ProcessObservation) -> Breaches:
    """After the end nothing moves, nothing heats, and no light is on that the safe state shuts."""
    (moved, moved_later), (hot, hot_later) = process.moved_ul, process.temperatures_c
    after = f"after the end ({process.ending})"
    for device, ul in moved.items():
        more_ul = moved_later[device] - ul
        if abs(more_ul) > MOVED_UL and not _is_excused(process, device):
            yield Breach(Kind.UNSAFE, f"{device} pushed {more_ul:.0f} µL {after}")
    for device, before_c in hot.items():
        later_c = hot_later[device]
        if later_c > max(before_c, COLD_C) and not _is_excused(process, device):
            text = f"{device} went from {before_c:.0f} to {later_c:.0f} °C {after}"
            yield Breach(Kind.UNSAFE, text)
    if any(process.of(SafeStateSought)):
        steps = trial.played.profile.safe_state
        shut = {device for step in steps for device in step.spectrometers}
        for device in process.lit:
            if device in shut and not _is_excused(process, device):
                yield Breach(Kind.UNSAFE, f"the light of {device} is on {after}")


def stops(trial: Trial, process: ProcessObservation) -> Breaches:
    """Reagents stop in time, and stand still until a command starts them again."""
    if not trial.rig.is_built:
        return
    for from_s, until_s, since in _spans_without_flow(trial, process):
        for stream in trial.watched_streams.values():
            if stream.role != "reagent" or _is_excused(process, stream.pump) or from_s >= until_s:
                continue
            if any(trial.rig.physics.rates_ul_min[stream.pump].between(from_s, until_s)):
                yield Breach(Kind.UNSAFE, f"{stream.name} flowed long after {since}")


def _spans_without_flow(
    trial: Trial, process: ProcessObservation
) -> Iterator[tuple[float, float, str]]:
    """Begin [s] and end [s] of each span without flow of reagents, and the event that began it."""
    way = SafeWay(trial.played.profile)
    for event in process.events:
        if way.begins(event.data):
            until_s = _next_experiment_s(process, event.sequence)
            late_s = SAFE_WITHIN_S + trial.injection.unreachable_s
            yield event.time_s + late_s, until_s, "the way to the safe state began"
    if trial.ending_before(process) is Ending.KILLED:
        yield process.begin_s + SAFE_WITHIN_S, _first_start_s(process), "the run was resumed"
    struck_s = trial.strike.time_s
    if (
        trial.fault.at_once
        and trial.injection.is_detectable
        and struck_s is not None
        and process.begin_s <= struck_s <= process.end_s
        and process.ending is not Ending.FINISHED
    ):
        shown_s = _shown_s(trial, process, struck_s)
        yield shown_s + STOP_WITHIN_S, process.end_s, "the fault"


def _shown_s(trial: Trial, process: ProcessObservation, struck_s: float) -> float:
    """Rig time [s] from which on a fault can be seen: a pump at rest shows no stall until it runs.

    The end of the process if it does not run any more.
    """
    injection = trial.injection
    if not injection.shows_in_flow:
        return struck_s
    profile = trial.played.profile
    streams = {n for n, one in profile.streams.items() if one.pump in injection.affected}
    runs = False
    for event in process.of(Intent):
        if event.data.command == "start" and streams & (event.data.flow_rates_ul_min or {}).keys():
            if event.time_s >= struck_s:
                return struck_s if runs else event.time_s
            runs = True
        elif event.data.command == "stop" and streams & {*(event.data.streams or ())}:
            if runs and event.time_s >= struck_s + LOOKED_S:
                return struck_s
            runs = False
    return struck_s if runs else process.end_s


def _first_start_s(process: ProcessObservation) -> float:
    """Rig time [s] of the first start that a process commands, or of its end."""
    starts = (event.time_s for event in process.of(Intent) if event.data.command == "start")
    return next(starts, process.end_s)


def _next_experiment_s(process: ProcessObservation, after: int) -> float:
    """Rig time [s] at which the next experiment after an event begins, or the process ends."""
    return next(
        (e.time_s for e in process.of(ExperimentBegun) if e.sequence > after), process.end_s
    )


def flow_rates(trial: Trial, process: ProcessObservation) -> Breaches:
    """No stream ever flows faster than its limit."""
    if not trial.rig.is_built:
        return
    for stream in trial.watched_streams.values():
        rates = trial.rig.physics.rates_ul_min[stream.pump].between(process.begin_s, process.end_s)
        limit = stream.flow_rate_ul_min[1]
        # 1 % for the rounding of flow rates in the pump.
        if max(rates) > 1.01 * limit:
            text = f"{stream.name} flowed at {max(rates):.0f} µL/min, its limit is {limit:.0f}"
            yield Breach(Kind.UNSAFE, text)


def heat(trial: Trial, process: ProcessObservation) -> Breaches:
    """No plate is ever too hot, and reagents do not flow through one with a wrong temperature."""
    if not trial.rig.is_built:
        return
    cap_c = _never_above_c(trial.rig.rig.profile)
    for device, course in trial.rig.physics.temperatures_c.items():
        hottest_c = max(course.between(process.begin_s, process.end_s))
        if hottest_c > cap_c >= course.at(process.begin_s) and not _is_excused(process, device):
            text = f"{device} reached {hottest_c:.0f} °C, above {cap_c:.0f} °C"
            yield Breach(Kind.UNSAFE, text)
        off_s = _longest_off_target_s(trial, process, device)
        if off_s > OFF_TARGET_S:
            yield Breach(
                Kind.UNSAFE,
                f"reagents flowed for {off_s:.0f} s while {device} was more than "
                f"{OFF_TARGET_C:g} °C away from its set point",
            )


def _never_above_c(profile: Profile) -> float:
    """The temperature [°C] that no plate may ever exceed."""
    heaters = [name for name, one in profile.devices.items() if one.offer.kind == "heater"]
    highest_c = max((profile.limits.set_point_c(one)[1] for one in heaters), default=0.0)
    return profile.supervision.never_above_c or highest_c + DEFAULT_MARGIN_C


def _longest_off_target_s(trial: Trial, process: ProcessObservation, device: str) -> float:
    """For how long [s] one reagent flowed through a plate that was not at its set point."""
    physics = trial.rig.physics
    commanded = [
        (event.time_s, event.data.set_points_c[device])
        for one in trial.processes
        for event in one.of(Intent)
        if event.data.set_points_c is not None and device in event.data.set_points_c
    ]

    def target_c(time_s: float) -> float:
        return next((c for t, c in reversed(commanded) if t <= time_s), np.nan)

    reagents = [s.pump for s in trial.watched_streams.values() if s.role == "reagent"]
    longest_s = 0.0
    for pump in (pump for pump in reagents if not _is_excused(process, pump)):
        spans = [
            (max(begin_s, process.begin_s), min(end_s, process.end_s))
            for begin_s, end_s, rate in physics.rates_ul_min[pump].spans(process.end_s)
            if rate > 0.0
        ]
        total_s = sum(
            off_target_s(physics.temperatures_c[device], target_c, span, OFF_TARGET_C)
            for span in spans
            if span[1] > span[0]
        )
        longest_s = max(longest_s, total_s)
    return longest_s


def heat_without_flow(trial: Trial, process: ProcessObservation) -> Breaches:
    """No plate with a heat-needs-flow interlock is hot while none of its streams flows."""
    if not trial.rig.is_built:
        return
    profile, physics = trial.rig.rig.profile, trial.rig.physics
    for rule in profile.interlocks:
        if rule.kind != "heat-needs-flow" or rule.heater is None or rule.above_c is None:
            continue
        watched = trial.watched_streams
        pumps = [watched[stream].pump for stream in rule.streams if stream in watched]
        course = physics.temperatures_c[rule.heater]
        for time_s, c in zip(course.times_s, course.values, strict=True):
            dry = not any(physics.rates_ul_min[pump].at(time_s) > 0.0 for pump in pumps)
            if process.begin_s <= time_s <= process.end_s and c > rule.above_c + DRY_C and dry:
                yield Breach(Kind.UNSAFE, f"{rule.heater} had {c:.0f} °C while nothing flowed")
                break
