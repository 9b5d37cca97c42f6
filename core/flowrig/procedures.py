"""Procedures: what to do, in which order, as generators of steps."""

from collections.abc import Generator, Mapping
from typing import Any

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from flowrig.interfaces import Frames
from flowrig.profile import Profile
from flowrig.steps import (
    Acquire,
    RequireVolume,
    SetFlowRates,
    SetLight,
    SetTemperatures,
    Start,
    Step,
    Stop,
    Wait,
    WaitSteady,
)
from flowrig.topology import Topology

__all__ = ["Observation", "Reference", "calibrate", "run_condition"]

Array = NDArray[np.float64]


@frozen(eq=False)
class Reference:
    """What every later absorbance is measured against.

    Attributes:
        dark: averaged counts with the light shut, by spectrometer, each of shape `n_pixels`.
        lamp: averaged counts with the light open on a transparent cell, by spectrometer.
    """

    dark: Mapping[str, Array]
    lamp: Mapping[str, Array]


@frozen(eq=False)
class Observation:
    """What one condition gave.

    Attributes:
        dark: averaged dark counts, by spectrometer, each of shape `n_pixels`.
        frames: raw frames, by spectrometer.
    """

    dark: Mapping[str, Array]
    frames: Mapping[str, Frames]


def _mean(frames: Mapping[str, Frames]) -> dict[str, Array]:
    return {name: taken.counts.mean(axis=0) for name, taken in frames.items()}


def _eyes(profile: Profile) -> tuple[str, str]:
    analysis = profile.analysis
    return analysis.absorbance.spectrometer, analysis.photoluminescence.spectrometer


def calibrate(profile: Profile) -> Generator[Step, Any, Reference]:
    """Fill the cells with something transparent and take dark and lamp reference.

    Returns:
        the averaged dark and lamp spectra.
    """
    plan = profile.calibration
    eyes = _eyes(profile)
    streams = tuple(plan.flow_rates_ul_min)
    minutes = plan.duration_s / 60
    yield RequireVolume({s: q * minutes for s, q in plan.flow_rates_ul_min.items()})
    yield SetFlowRates(plan.flow_rates_ul_min)
    yield Start(streams)
    yield Wait(plan.duration_s, "clearing the cells for the lamp reference")
    yield SetLight(eyes, False)
    dark = yield Acquire(eyes, plan.dark_frames, 0.0, "dark")
    yield SetLight(eyes, True)
    lamp = yield Acquire(eyes, plan.reference_frames, 0.0, "reference")
    yield Stop(streams)
    return Reference(_mean(dark), _mean(lamp))


def run_condition(
    profile: Profile, conditions: Mapping[str, float]
) -> Generator[Step, Any, Observation]:
    """Measure one condition at its steady state, as Sadeghi et al. (2025) do.

    The plate comes to its set point first; only then does liquid enter the reactor. All pumps start
    together, and frames are taken after the equilibrium time t_E = n·τ.

    Args:
        profile: the rig.
        conditions: by the names of the search space, in its units.

    Returns:
        raw frames and dark spectra.

    Raises:
        OutOfRangeError: the conditions are outside the search space; nothing was done.
    """
    profile.space.require_feasible(conditions)
    analysis = profile.analysis
    eyes = _eyes(profile)
    flow_rates_ul_min = profile.flow_rates_ul_min(conditions)
    set_points_c = profile.set_points_c(conditions)
    streams = tuple(flow_rates_ul_min)
    equilibrium_s = Topology(profile).equilibrium_time_s(flow_rates_ul_min)
    acquisition_s = analysis.frames * analysis.frame_interval_s
    minutes = (equilibrium_s + acquisition_s) / 60
    yield RequireVolume({stream: q * minutes for stream, q in flow_rates_ul_min.items()})
    yield SetTemperatures(set_points_c)
    yield WaitSteady(set_points_c)
    yield SetFlowRates(flow_rates_ul_min)
    yield Start(streams)
    yield Wait(equilibrium_s, f"steady state, {profile.residence_time.equilibrium:g} τ")
    yield SetLight(eyes, False)
    dark = yield Acquire(eyes, analysis.dark_frames, 0.0, "dark")
    yield SetLight(eyes, True)
    frames = yield Acquire(eyes, analysis.frames, analysis.frame_interval_s, "sample")
    yield Stop(streams)
    return Observation(_mean(dark), frames)
