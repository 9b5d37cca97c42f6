"""Procedures: sequences of steps, as generators."""

from collections.abc import Callable, Generator, Mapping
from typing import Any

from attrs import evolve, field, frozen

from flowrig.errors import OutOfRangeError
from flowrig.interfaces import Frames
from flowrig.measurement.light_reference import LightCalibration, LightReference
from flowrig.measurement.observation import Array, FeatureProbe, Observation
from flowrig.measurement.stationarity import Look, Steadiness, assess_steadiness
from flowrig.problem.door import Door
from flowrig.problem.space import Value
from flowrig.procedure.fast_start import fast_start
from flowrig.procedure.own_steps import run_own_steps
from flowrig.procedure.parts import (
    keep,
    look,
    mean_counts,
    require,
    rinse,
    set_devices,
    take_dark,
    take_sample,
    told,
)
from flowrig.procedure.steps import (
    Acquire,
    Divert,
    LookAtRig,
    PutIn,
    SetFlowRates,
    SetTemperatures,
    Start,
    Step,
    Stop,
    TellChanges,
    TellKept,
    Wait,
    WaitSteady,
)
from flowrig.profile import Profile
from flowrig.profile.controls.loops import most_ul_min
from flowrig.profile.controls.studies import acquisition_s, dark_s
from flowrig.profile.topology import Topology

__all__ = ["STEADY", "Flow", "calibrate", "continue_condition", "looking_s", "run_condition"]

ROUNDING = 1e-6
"""Residence times that differ by less are equal."""


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
    yield require(profile, {s: rate * minutes for s, rate in plan.flow_rates_ul_min.items()})
    yield from set_devices(profile, flowing=streams)
    yield from rinse(profile, streams)
    yield SetFlowRates(plan.flow_rates_ul_min)
    yield Start(streams)
    yield Wait(plan.duration_s, "clearing the cells for the lamp reference")
    dark = yield from take_dark(profile, plan.dark_frames)
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


@frozen(kw_only=True)
class Flow:
    """How the liquid of a point of a study flows.

    Attributes:
        wait_s: how long [s] it flows before frames are taken, the time of the dark frames before
            them included; None for the equilibrium time.
        frames: how many frames are taken; None for those of an experiment.
        keeps: whether it flows on afterwards, for a point that continues.
        kept_s: for how long [s] it will.
        values: what other devices are set to while it flows, by device.
    """

    wait_s: float | None = None
    frames: int | None = None
    keeps: bool = False
    kept_s: float = 0.0
    values: Mapping[str, Value] = field(factory=dict)


STEADY = Flow()
"""The flow of an experiment that an optimizer chose."""


def run_condition(
    profile: Profile,
    conditions: Mapping[str, Value],
    probe: FeatureProbe | None = None,
    flow: Flow = STEADY,
) -> Generator[Step, Any, Observation]:
    """Measure one condition, by the steps of the profile or at its steady state.

    The steady state is that of Sadeghi et al. (2025).

    The heaters reach their set points first; only then does liquid enter the reactor, unless
    [residence_time.fast_start] lets it. All pumps start together. Frames are taken after the
    equilibrium time t_E = n·τ, or, where the profile has [residence_time.stationary], once features
    are stationary after that.

    Args:
        profile: the rig.
        conditions: by the names of the search space, in its units.
        probe: computes features during the run; without one, the longest time is waited.
        flow: how the liquid flows, where it is a point of a study.

    Returns:
        raw frames and dark spectra.

    Raises:
        OutOfRangeError: the conditions are outside the search space, or the profile has steps and
            the point a flow of its own; nothing was done.
    """
    profile.space.require_feasible(conditions)
    # A journal of an earlier version may hold a value that is above its limit by a rounding error.
    conditions = Door(profile.space).admit(conditions)
    if profile.procedure:
        if flow != STEADY:
            raise OutOfRangeError(
                "this study looks at liquid after times of its own, and an experiment by the steps "
                "of [[procedure]] has no others"
            )
        return (yield from run_own_steps(profile, conditions))
    return (yield from _run_steady(profile, conditions, probe, flow))


def _run_steady(
    profile: Profile, conditions: Mapping[str, Value], probe: FeatureProbe | None, flow: Flow
) -> Generator[Step, Any, Observation]:
    """The steady experiment; see `run_condition`."""
    # A choice may let a stream stand still; its device then has no flow rate to start with.
    flow_rates_ul_min = {n: q for n, q in profile.flow_rates_ul_min(conditions).items() if q}
    set_points_c = profile.set_points_c(conditions)
    streams = tuple(flow_rates_ul_min)
    equilibrium_s = Topology.of(profile, conditions).equilibrium_time_s(flow_rates_ul_min)
    flowing_s = acquisition_s(profile, flow.frames or profile.analysis.frames) + flow.kept_s
    if flow.wait_s is None:
        flowing_s += equilibrium_s + _longest_look_s(profile, equilibrium_s)
    else:
        flowing_s += max(flow.wait_s, dark_s(profile))
    minutes = flowing_s / 60
    most = most_ul_min(profile, flow_rates_ul_min)
    yield require(profile, {s: rate * minutes for s, rate in most.items()})
    volumes_ul = profile.volumes_ul(conditions)
    if volumes_ul:
        yield PutIn(volumes_ul)
    yield from set_devices(profile, conditions, flowing=streams)
    # A study that looks earlier, or keeps the flow, needs one flow from its start.
    plain = flow.wait_s is not None or flow.keeps
    fast = None if plain else profile.residence_time.fast_start
    within_c = None if fast is None else fast.heated_within_c
    if set_points_c:  # a rig without a heater has nothing to wait for
        yield SetTemperatures(set_points_c)
        yield WaitSteady(set_points_c, within_c)
    yield from rinse(profile, streams)
    if fast is None:
        yield SetFlowRates(flow_rates_ul_min)
        yield Start(streams)
        yield from keep(profile, conditions)
        dark, steadiness = yield from _settling(profile, equilibrium_s, probe, flow)
    else:
        near_c = {} if within_c is None else set_points_c
        yield from fast_start(profile, fast, flow_rates_ul_min, equilibrium_s, near_c)
        dark, steadiness = yield from _arrived(profile, equilibrium_s, probe)
    return (yield from _sampled(profile, dark, flow, streams, steadiness))


def _settling(
    profile: Profile, equilibrium_s: float, probe: FeatureProbe | None, flow: Flow
) -> Generator[Step, Any, tuple[Mapping[str, Frames], Steadiness | None]]:
    """Wait until frames are to be taken; dark frames come before them."""
    if flow.wait_s is not None:
        yield from _until_frames(profile, flow.wait_s, "the liquid on its way")
        return (yield from take_dark(profile, profile.analysis.dark_frames)), None
    yield Wait(equilibrium_s, f"steady state, {profile.residence_time.equilibrium:g} τ")
    return (yield from _arrived(profile, equilibrium_s, probe))


def _until_frames(profile: Profile, wait_s: float, reason: str) -> Generator[Step, Any, None]:
    """Wait until dark frames are to be taken, of which the frames of the sample come right after.

    Args:
        profile: the rig.
        wait_s: time [s] until the frames of the sample.
        reason: for people.
    """
    before_s = wait_s - dark_s(profile)
    if before_s > 0.0:
        yield Wait(before_s, reason)


def _arrived(
    profile: Profile, equilibrium_s: float, probe: FeatureProbe | None
) -> Generator[Step, Any, tuple[Mapping[str, Frames], Steadiness | None]]:
    """Dark frames, and looks until features are stationary, once the equilibrium time is over."""
    dark = yield from take_dark(profile, profile.analysis.dark_frames)
    return dark, (yield from _until_stationary(profile, equilibrium_s, mean_counts(dark), probe))


def continue_condition(
    profile: Profile,
    conditions: Mapping[str, Value],
    flow: Flow,
    wait_s: Callable[[], float],
) -> Generator[Step, Any, Observation]:
    """Look once more at the liquid that flows; no flow rate is set, and nothing starts.

    Args:
        profile: the rig.
        conditions: those under which it flows.
        flow: its frames, what other devices are set to, and whether it flows on afterwards.
        wait_s: tells how long [s] it is until the frames; asked once devices are where they are to
            be, so that their time counts.
    """
    moved = {loop.by for loop in profile.control.values()}
    usual = {n: v for n, v in profile.device_values(conditions).items() if n not in moved}
    if flow.values or usual:
        yield Divert({**usual, **flow.values}, usual)
    yield from _until_frames(profile, wait_s(), "the flow goes on")
    flowing = (name for name, rate in profile.flow_rates_ul_min(conditions).items() if rate)
    dark = yield from take_dark(profile, profile.analysis.dark_frames)
    return (yield from _sampled(profile, dark, flow, tuple(flowing)))


def looking_s(profile: Profile, frames: int | None = None) -> float:
    """Time [s] that dark and frames take.

    Args:
        profile: the rig.
        frames: how many; None for those of an experiment.
    """
    return dark_s(profile) + acquisition_s(profile, frames or profile.analysis.frames)


def _sampled(
    profile: Profile,
    dark: Mapping[str, Frames],
    flow: Flow,
    streams: tuple[str, ...],
    steadiness: Steadiness | None = None,
) -> Generator[Step, Any, Observation]:
    """Frames of a sample, and what belongs to them; streams that are not kept are stopped."""
    count = flow.frames or profile.analysis.frames
    frames = yield from take_sample(profile, count)
    not_kept = (yield TellKept()) if profile.control else ()
    # A stop compares pumps with what they were told; a short sample whose flow is kept has no other
    # look at them.
    yield LookAtRig() if flow.keeps else Stop(streams)
    observation = Observation(mean_counts(dark), frames, steadiness, *(yield from told(profile)))
    return evolve(observation, not_kept=not_kept)


def _longest_look_s(profile: Profile, equilibrium_s: float) -> float:
    """Longest time [s] until features are stationary, or the profile's limit is reached."""
    wanted, n = profile.residence_time.stationary, profile.residence_time.equilibrium
    if wanted is None:
        return 0.0
    look_s = acquisition_s(profile, wanted.frames)
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
    look_s = acquisition_s(profile, wanted.frames)
    looks: list[Look] = []
    first_s = 0.0
    while True:
        frames = yield look(profile, wanted.frames, "look")
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
