"""What experiments and calibrations have in common: frames, rinsing, devices, volumes."""

from collections.abc import Generator, Mapping, Sequence
from typing import Any, Literal, cast

import numpy as np
from attrs import evolve

from flowrig.errors import OutOfRangeError
from flowrig.interfaces import Frames, Quality
from flowrig.measurement.observation import Array
from flowrig.problem.space import Value
from flowrig.procedure.steps import (
    Acquire,
    Keep,
    RequireVolume,
    SetFlowRates,
    SetLight,
    SetValues,
    Start,
    Step,
    Stop,
    TellChanges,
    TellReadings,
    TellRinse,
    TellToCome,
    Wait,
)
from flowrig.profile import Profile

__all__ = [
    "keep",
    "look",
    "mean_counts",
    "require",
    "rinse",
    "set_devices",
    "take_dark",
    "take_sample",
    "told",
]


def mean_counts(frames: Mapping[str, Frames]) -> dict[str, Array]:
    """The mean spectrum of frames, by detector."""
    return {name: taken.counts.mean(axis=0) for name, taken in frames.items()}


def take_dark(profile: Profile, frames: int) -> Generator[Step, Any, Mapping[str, Frames]]:
    """Frames with the light shut, of the detectors whose channels take a dark."""
    shuttered = profile.analysis.shuttered
    if not shuttered:
        return {}
    yield SetLight(shuttered, False)
    dark = yield Acquire(shuttered, frames, 0.0, "dark")
    yield SetLight(shuttered, True)
    return cast("Mapping[str, Frames]", dark)


def look(
    profile: Profile,
    frames: int,
    purpose: Literal["look", "sample"],
    devices: Sequence[str] | None = None,
) -> Acquire:
    """Frames of some detectors, or of all; channels may say number and interval themselves."""
    analysis = profile.analysis
    named = analysis.devices if devices is None else tuple(devices)
    return Acquire(named, frames, analysis.frame_interval_s, purpose, analysis.own_frames)


def take_sample(profile: Profile, count: int) -> Generator[Step, Any, Mapping[str, Frames]]:
    """So many frames of all detectors at once, then of those that scan, at each position."""
    analysis, scans = profile.analysis, profile.analysis.scans
    still = tuple(name for name in analysis.devices if name not in scans)
    frames: dict[str, Frames] = {}
    if still:
        frames |= yield look(profile, count, "sample", still)
    for scan in dict.fromkeys(scans.values()):
        scanning = tuple(name for name, one in scans.items() if one == scan)
        parts: list[Mapping[str, Frames]] = []
        for value in scan.values(profile.devices[scan.device].value_of):
            yield SetValues({scan.device: value})
            if scan.settle_s > 0.0:
                yield Wait(scan.settle_s, f"{scan.device} settles")
            parts.append((yield look(profile, count, "sample", scanning)))
        frames |= {name: _joined([part[name] for part in parts]) for name in scanning}
    return frames


def _joined(parts: Sequence[Frames]) -> Frames:
    """Frames that were taken one after the other as one; their quality is the worst."""
    return evolve(
        parts[0],
        quality=Quality.worst(one.quality for one in parts),
        counts=np.concatenate([one.counts for one in parts]),
        times_s=np.concatenate([one.times_s for one in parts]),
        saturated=np.concatenate([one.saturated for one in parts]),
    )


def require(profile: Profile, volumes_ul: Mapping[str, float]) -> RequireVolume:
    """The volumes [µL] of streams that flow, with those that may rinse their lines."""
    volumes_ul = dict(volumes_ul)
    for stream in volumes_ul:
        volumes_ul[stream] += profile.streams[stream].rinse_ul
    return RequireVolume(volumes_ul)


def rinse(profile: Profile, streams: Sequence[str]) -> Generator[Step, Any, None]:
    """Rinse the lines of streams that hold another liquid than they draw."""
    if not any(profile.streams[name].rinse_ul for name in streams):
        return
    needed_ul = yield TellRinse(tuple(streams))
    for stream, volume_ul in needed_ul.items():
        rate = profile.streams[stream].flow_rate_ul_min[1]
        yield SetFlowRates({stream: rate})
        yield Start((stream,))
        yield Wait(volume_ul / rate * 60.0, f"rinsing the line of {stream}")
        yield Stop((stream,))


def set_devices(
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


def keep(profile: Profile, conditions: Mapping[str, Value]) -> Generator[Step, Any, None]:
    """Let the control loops of a rig work, once everything flows."""
    if profile.control:
        yield Keep(conditions, profile.kept_at(conditions))


def told(
    profile: Profile,
) -> Generator[Step, Any, tuple[tuple[str, ...], dict[str, float], dict[str, float]]]:
    """What was changed elsewhere, what devices reported, and what analyses will find."""
    changed = yield TellChanges()
    readings = (yield TellReadings()) if profile.readings else {}
    to_come = (yield TellToCome()) if profile.analysis.off_line else {}
    return changed, readings, to_come
