"""An experiment by the steps of a profile, in the place of the steady one."""

from collections.abc import Generator, Mapping
from typing import Any

from flowrig.interfaces import Frames
from flowrig.measurement.observation import Observation
from flowrig.problem.space import Value
from flowrig.procedure.parts import (
    mean_counts,
    require,
    rinse,
    set_devices,
    take_dark,
    told,
)
from flowrig.procedure.steps import (
    Acquire,
    PutIn,
    SetFlowRates,
    SetTemperatures,
    SetValues,
    Start,
    Step,
    Stop,
    Wait,
    WaitSteady,
)
from flowrig.profile import Profile
from flowrig.profile.controls.studies import acquisition_s
from flowrig.profile.controls.timeline import Moment, timeline, volumes_ul

__all__ = ["run_own_steps"]


def run_own_steps(
    profile: Profile, conditions: Mapping[str, Value]
) -> Generator[Step, Any, Observation]:
    """Measure one condition by the steps of the profile.

    Before the first of them, devices are at their values, heaters are steady, lines are rinsed and
    dark frames are taken, while nothing of the experiment flows. After the last one nothing flows.

    Args:
        profile: the rig, with steps.
        conditions: feasible ones.

    Raises:
        OutOfRangeError: a step has no time under these conditions; nothing was done.
    """
    moments = timeline(profile, conditions)
    analysis, set_points_c = profile.analysis, profile.set_points_c(conditions)
    needed_ul = volumes_ul(moments, acquisition_s(profile, analysis.frames))
    yield require(profile, needed_ul)
    inside_ul = profile.volumes_ul(conditions)
    if inside_ul:
        yield PutIn(inside_ul)
    yield from set_devices(profile, conditions, flowing=tuple(needed_ul))
    if set_points_c:
        yield SetTemperatures(set_points_c)
        yield WaitSteady(set_points_c)
    yield from rinse(profile, tuple(needed_ul))
    dark = yield from take_dark(profile, analysis.dark_frames)
    frames: Mapping[str, Frames] = {}
    flowing: dict[str, float] = {}
    for number, moment in enumerate(moments, 1):
        found = yield from _perform(profile, moment, flowing, f"step {number} of the procedure")
        frames = frames if found is None else found
        flowing = dict(moment.flow_rates_ul_min)
    if flowing:
        yield Stop(tuple(flowing))
    return Observation(mean_counts(dark), frames, None, *(yield from told(profile)))


def _perform(
    profile: Profile, moment: Moment, flowing: Mapping[str, float], what: str
) -> Generator[Step, Any, Mapping[str, Frames] | None]:
    """One step; the result is what it has measured, None where it measures nothing.

    Args:
        profile: the rig.
        moment: the step.
        flowing: what flowed before it.
        what: the step in words.
    """
    step = moment.step
    match step.do:
        case "select":
            yield SetValues({str(step.device): str(step.position)})
        case "flow":
            new = {s: q for s, q in moment.flow_rates_ul_min.items() if s not in flowing}
            if new:
                yield SetFlowRates(new)
                yield Start(tuple(new))
        case "stop":
            ended = tuple(one for one in flowing if one not in moment.flow_rates_ul_min)
            if ended:
                yield Stop(ended)
        case "wait":
            if moment.duration_s > 0.0:
                yield Wait(moment.duration_s, what if step.name is None else f"{step.name}, {what}")
        case "measure":
            frames = yield _spread(profile, moment.duration_s)
            return dict(frames)
    return None


def _spread(profile: Profile, duration_s: float) -> Acquire:
    """Frames of all detectors, spread over a time [s]; as fast as they can where it is short."""
    analysis = profile.analysis
    counts = dict.fromkeys(analysis.devices, analysis.frames)
    counts |= {name: count for name, (count, _) in analysis.own_frames.items()}
    spread = {name: (count, duration_s / count) for name, count in counts.items()}
    return Acquire(
        analysis.devices, analysis.frames, duration_s / analysis.frames, "sample", spread
    )
