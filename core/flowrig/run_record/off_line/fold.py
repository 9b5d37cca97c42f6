"""Experiments with the off-line results that were entered for them."""

import math
from collections.abc import Sequence

import numpy as np
from attrs import evolve

from flowrig.journal.events import Event, ResultEntered
from flowrig.measurement.read_features import read_features
from flowrig.profile import Profile
from flowrig.run_record.experiment import Experiment

__all__ = ["with_results"]


def with_results(
    profile: Profile, measured: Experiment, entries: Sequence[Event[ResultEntered]] = ()
) -> Experiment:
    """An experiment as it is with its results: features and objective are computed again.

    Of several entries for one quantity the last counts. An entry that says that a sample is lost
    withdraws earlier values of the quantities in its `units`, of all without any, and ends the wait
    for them; a later value ends the loss.

    Args:
        profile: the rig.
        measured: the experiment as it was measured.
        entries: the results of this experiment, in order.
    """
    awaited = profile.awaited
    if not (entries or awaited):  # most profiles have no off-line channel
        return measured
    units = profile.analysis.off_line_units
    values: dict[str, float] = {}
    lost: dict[str, str] = {}
    once = [event for event in entries if not event.data.series]  # not of a stored sample
    for event in once:
        found = {name: one for name, one in event.data.values.items() if name in units}
        values |= found
        lost = {name: why for name, why in lost.items() if name not in found}
        if event.data.lost:
            gone = [name for name in event.data.units or units if name not in found]
            lost |= dict.fromkeys(gone, event.data.lost)
            values = {name: one for name, one in values.items() if name not in gone}
    missing = tuple(name for name in awaited if name not in values)
    never = [lost[name] for name in missing if name in lost]
    waits = bool(missing) and not never and measured.quality != "bad"
    features = {**measured.features, **_features(profile, measured, values)}
    objective = _objective(profile, features)
    quality, flags = measured.quality, measured.flags
    if awaited and not waits and quality != "bad" and not math.isfinite(objective):
        why = f"no result: {never[0]}" if never else "the results give no finite objective"
        quality, flags = "bad", (*flags, why)
    return evolve(
        measured,
        features=features,
        objective=objective,
        quality=quality,
        flags=flags,
        entries=tuple(entries),
        results=values,
        awaits=missing if waits else (),
        complete_at=_complete_at(measured, once, awaited),
    )


def _features(profile: Profile, measured: Experiment, values: dict[str, float]) -> dict[str, float]:
    """The features that off-line results go into."""
    every, later = profile.features, profile.later_features
    nothing = dict.fromkeys((*profile.readings, *profile.analysis.off_line_units), math.nan)
    known = {**nothing, **measured.features, **measured.readings, **values}
    return read_features([every[name] for name in later], {}, {}, known).values


def _objective(profile: Profile, features: dict[str, float]) -> float:
    responses = np.array([features.get(one, math.nan) for one in profile.objective.responses])
    if not np.isfinite(responses).all():
        return math.nan
    value = float(profile.objective.value(responses))
    return value if math.isfinite(value) else math.nan


def _complete_at(
    measured: Experiment, entries: Sequence[Event[ResultEntered]], awaited: Sequence[str]
) -> int:
    """The newest event that the objective depends on."""
    told = [e.sequence for e in entries if e.data.lost or {*e.data.values} & {*awaited}]
    return max([measured.sequence, *(told if awaited else [])])
