"""Procedures: sequences of steps, as generators."""

from collections.abc import Generator, Mapping, Sequence
from typing import Any, Literal, cast

from flowrig.errors import OutOfRangeError
from flowrig.interfaces import Frames
from flowrig.measurement.light_reference import LightCalibration, LightReference
from flowrig.measurement.observation import Array, FeatureProbe, Observation
from flowrig.measurement.stationarity import Look, Steadiness, assess_steadiness
from flowrig.problem.door import Door
from flowrig.problem.space import Value
from flowrig.procedure.steps import (
    Acquire,
    PutIn,
    RequireVolume,
    SetFlowRates,
    SetLight,
    SetTemperatures,
    SetValues,
    Start,
    Step,
    Stop,
    TellChanges,
    TellReadings,
    TellRinse,
    Wait,
    WaitSteady,
)
from flowrig.profile import Profile
from flowrig.profile.topology import Topology

__all__ = ["calibrate", "run_condition"]

ROUNDING = 1e-6
"""Residence times that differ by less are equal."""


def _mean(frames: Mapping[str, Frames]) -> dict[str, Array]:
    return {name: taken.counts.mean(axis=0) for name, taken in frames.items()}


def _dark(profile: Profile, frames: int) -> Generator[Step, Any, Mapping[str, Frames]]:
    """Frames with the light shut, of the detectors whose channels take a dark."""
    shuttered = profile.analysis.shuttered
    if not shuttered:
        return {}
    yield SetLight(shuttered, False)
    dark = yield Acquire(shuttered, frames, 0.0, "dark")
    yield SetLight(shuttered, True)
    return cast("Mapping[str, Frames]", dark)


def _look(profile: Profile, frames: int, purpose: Literal["look", "sample"]) -> Acquire:
    """Frames of all detectors; channels may say their number and interval themselves."""
    analysis = profile.analysis
    return Acquire(
        analysis.devices, frames, analysis.frame_interval_s, purpose, analysis.own_frames
    )


def _acquisition_s(profile: Profile, frames: int) -> float:
    """Time [s] that these frames take."""
    analysis, found = profile.analysis, 0.0
    for name in analysis.devices:
        count, interval_s = analysis.own_frames.get(name, (frames, analysis.frame_interval_s))
        exposure_us = getattr(profile.devices[name].settings, "integration_time_us", None) or 0
        found = max(found, count * max(interval_s, exposure_us * 1e-6))
    return found


def calibrate(profile: Profile) -> Generator[Step, Any, LightCalibration]:
    """Fill the cells with transparent liquid, and take the dark and the lamp reference.

    Returns:
        a light reference for each spectrometer; none, and nothing is done, without a calibration in
        the profile.
    """
    plan = profile.calibration
    if plan is None:
        return LightCalibration({})
    spectrometers = profile.analysis.lit
    streams = tuple(plan.flow_rates_ul_min)
    minutes = plan.duration_s / 60
    yield _require(profile, plan.flow_rates_ul_min, minutes)
    yield from _set_devices(profile, flowing=streams)
    yield from _rinse(profile, streams)
    yield SetFlowRates(plan.flow_rates_ul_min)
    yield Start(streams)
    yield Wait(plan.duration_s, "clearing the cells for the lamp reference")
    dark = yield from _dark(profile, plan.dark_frames)
    lamp = yield Acquire(spectrometers, plan.reference_frames, 0.0, "reference")
    yield Stop(streams)
    changed = yield TellChanges()
    return LightCalibration(
        {
            name: LightReference(
                dark[name].mean_counts() if name in dark else None,
                taken.mean_counts(),
                taken.integration_time_us,
            )
            for name, taken in lamp.items()
        },
        tuple(f"changed elsewhere during the lamp reference: {change}" for change in changed),
    )


def run_condition(
    profile: Profile, conditions: Mapping[str, Value], probe: FeatureProbe | None = None
) -> Generator[Step, Any, Observation]:
    """Measure one condition at its steady state, as Sadeghi et al. (2025) do.

    The heaters reach their set points first; only then does liquid enter the reactor. All pumps
    start together. Frames are taken after the equilibrium time t_E = n·τ, or, where the profile has
    [residence_time.stationary], once features are stationary after that.

    Args:
        profile: the rig.
        conditions: by the names of the search space, in its units.
        probe: computes features during the run; without one, the longest time is waited.

    Returns:
        raw frames and dark spectra.

    Raises:
        OutOfRangeError: the conditions are outside the search space; nothing was done.
    """
    profile.space.require_feasible(conditions)
    # A journal of an earlier version may hold a value that is above its limit by a rounding error.
    conditions = Door(profile.space).admit(conditions)
    analysis = profile.analysis
    # A choice may let a stream stand still; its device then has no flow rate to start with.
    flow_rates_ul_min = {n: q for n, q in profile.flow_rates_ul_min(conditions).items() if q}
    set_points_c = profile.set_points_c(conditions)
    streams = tuple(flow_rates_ul_min)
    equilibrium_s = Topology.of(profile, conditions).equilibrium_time_s(flow_rates_ul_min)
    acquisition_s = _acquisition_s(profile, analysis.frames)
    looking_s = _longest_look_s(profile, equilibrium_s)
    minutes = (equilibrium_s + looking_s + acquisition_s) / 60
    yield _require(profile, flow_rates_ul_min, minutes)
    volumes_ul = profile.volumes_ul(conditions)
    if volumes_ul:
        yield PutIn(volumes_ul)
    yield from _set_devices(profile, conditions, flowing=streams)
    if set_points_c:  # a rig without a heater has nothing to wait for
        yield SetTemperatures(set_points_c)
        yield WaitSteady(set_points_c)
    yield from _rinse(profile, streams)
    yield SetFlowRates(flow_rates_ul_min)
    yield Start(streams)
    yield Wait(equilibrium_s, f"steady state, {profile.residence_time.equilibrium:g} τ")
    dark = yield from _dark(profile, analysis.dark_frames)
    steadiness = yield from _until_stationary(profile, equilibrium_s, _mean(dark), probe)
    frames = yield _look(profile, analysis.frames, "sample")
    yield Stop(streams)
    changed = yield TellChanges()
    readings = (yield TellReadings()) if profile.readings else {}
    return Observation(_mean(dark), frames, steadiness, changed, readings)


def _require(profile: Profile, rates_ul_min: Mapping[str, float], minutes: float) -> RequireVolume:
    """The volumes of streams that flow, with those that may rinse the lines of selectors."""
    volumes_ul = {stream: rate * minutes for stream, rate in rates_ul_min.items()}
    for stream in volumes_ul:
        selector = profile.streams[stream].selector
        if selector is not None:
            volumes_ul[stream] += selector.rinse_ul
    return RequireVolume(volumes_ul)


def _rinse(profile: Profile, streams: Sequence[str]) -> Generator[Step, Any, None]:
    """Rinse the lines of streams whose selector leads to another liquid than they hold."""
    if not any(profile.streams[name].selector for name in streams):
        return
    needed_ul = yield TellRinse(tuple(streams))
    for stream, volume_ul in needed_ul.items():
        rate = profile.streams[stream].flow_rate_ul_min[1]
        yield SetFlowRates({stream: rate})
        yield Start((stream,))
        yield Wait(volume_ul / rate * 60.0, f"rinsing the line of {stream}")
        yield Stop((stream,))


def _set_devices(
    profile: Profile,
    conditions: Mapping[str, Value] | None = None,
    *,
    flowing: Sequence[str] = (),
) -> Generator[Step, Any, None]:
    """Bring devices to their values before anything flows.

    Raises:
        OutOfRangeError: a stream that will flow draws from nothing; nothing was done.
    """
    values = profile.device_values(conditions)
    for name in flowing:
        stream = profile.streams[name]
        if stream.selector is not None and values[stream.selector.valve] not in stream.contents_at:
            position = values[stream.selector.valve]
            raise OutOfRangeError(
                f"{name} draws nothing where {stream.selector.valve} is at {position!r}; it draws "
                f"at {', '.join(stream.contents_at)}"
            )
    if values:
        yield SetValues(values)


def _longest_look_s(profile: Profile, equilibrium_s: float) -> float:
    """Longest time [s] until features are stationary, or the profile's limit is reached."""
    wanted, n = profile.residence_time.stationary, profile.residence_time.equilibrium
    if wanted is None:
        return 0.0
    look_s = _acquisition_s(profile, wanted.frames)
    return (wanted.longest / n - 1.0) * equilibrium_s + look_s


def _until_stationary(
    profile: Profile, equilibrium_s: float, dark: Mapping[str, Array], probe: FeatureProbe | None
) -> Generator[Step, Any, Steadiness | None]:
    """Take frames again and again until features are stationary, or the longest time is over."""
    wanted, n = profile.residence_time.stationary, profile.residence_time.equilibrium
    if wanted is None:
        return None
    if probe is None:
        longest_s = _longest_look_s(profile, equilibrium_s)
        yield Wait(longest_s, f"steady state, {wanted.longest:g} τ")
        return None
    analysis, tau_s = profile.analysis, equilibrium_s / n
    look_s = _acquisition_s(profile, wanted.frames)
    looks: list[Look] = []
    first_s = 0.0
    while True:
        frames = yield _look(profile, wanted.frames, "look")
        now_s = frames[analysis.devices[0]].time_s
        first_s = first_s or now_s
        after = n + (now_s - first_s) / tau_s
        values = probe(Observation(dark, frames))
        looks.append(Look(residence_times=after, values={f: values[f] for f in wanted.features}))
        found = assess_steadiness(looks, wanted.features, wanted.looks, wanted.tolerance)
        if found.reached or after + wanted.every > wanted.longest + ROUNDING:
            return found
        gap_s = wanted.every * tau_s - look_s
        if gap_s > 0.0:
            yield Wait(gap_s, f"features drift at {after:.2g} τ")
