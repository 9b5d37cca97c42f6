"""Checks of the measurements in the journal (promise I2)."""

import math
from collections import Counter
from typing import Final

from flowrig.journal.events import Calibrated, Intent, JournalCut, Measured, StepBegun
from flowrig.journal.journal import Event
from flowrig.profile import Profile
from flowrig.run_record.reader import RunRecord
from flowrig.torture.faults import Ending
from flowrig.torture.judge.breach import Breach, Breaches, Kind
from flowrig.torture.judge.healthy_campaign import HealthyCampaign
from flowrig.torture.phases import begins_frames
from flowrig.torture.rigs import EXPERIMENTS
from flowrig.torture.trial import Trial

__all__ = ["features", "is_scatter", "recorded"]

SAME_FEATURES: Final = 0.25
"""Relative difference that two valid measurements of the same conditions may have."""

SAME_RATE: Final = 0.01
"""Relative difference between a commanded and a physical flow rate that rounding explains."""


def is_scatter(profile: Profile, feature: str) -> bool:
    """Whether a feature is made of the spread of a series, through any other feature."""
    texts = {name: one.text for name, one in profile.feature_texts.items()}
    used, waiting = set[str](), [feature]
    while waiting:
        name = waiting.pop()
        if name in used or name not in texts:
            continue
        if "spread(" in texts[name].replace(" ", ""):
            return True
        used.add(name)
        waiting += profile.feature_texts[name].names
    return False


def recorded(trial: Trial, record: RunRecord) -> Breaches:
    """Every acknowledged measurement is in the journal once, as it was decided, and no other is."""
    measured = list(record.journal.events(Measured))
    counts = Counter(event.data.index for event in measured)
    for index, count in counts.items():
        if count > 1:
            yield Breach(Kind.LOST, f"experiment {index} was measured {count} times")
    decided = {d.index: d.conditions for d in record.decisions()}
    all_indices = set(range(1, max(EXPERIMENTS, len(decided)) + 1))
    if trial.processes[-1].ending is Ending.FINISHED and set(counts) != all_indices:
        yield Breach(Kind.LOST, f"of {len(all_indices)} experiments {sorted(counts)} are there")
    kept = {event.data.index: event.data for event in measured}
    # Events that a repair cut off are kept aside and measured again: they may differ.
    if record.journal.last(JournalCut) is None:
        for process in trial.processes:
            for event in process.of(Measured):
                if kept.get(event.data.index) != event.data:
                    text = f"experiment {event.data.index} was acknowledged, and is gone"
                    yield Breach(Kind.LOST, text)
        yield from _rewritten(trial, record)
    for index, data in kept.items():
        if decided.get(index) != data.conditions:
            text = f"experiment {index} was measured at conditions that were not decided"
            yield Breach(Kind.LOST, text)
    yield from _invented(trial, record)
    yield from _unwatched(trial, record)


def _rewritten(trial: Trial, record: RunRecord) -> Breaches:
    """Every event of the journal is as its listeners received it.

    A crash may lose an event that was not acknowledged.
    """
    received = {event.sequence: event for process in trial.processes for event in process.events}
    for event in record.journal.events():
        before = received.get(event.sequence, event)
        if (before.data, before.arrays) != (event.data, event.arrays):
            text = f"event {event.sequence} ({before.kind}) is not what was written"
            yield Breach(Kind.LOST, text)


def _invented(trial: Trial, record: RunRecord) -> Breaches:
    """During a good measurement every stream flowed at its recorded rate."""
    physics, streams = trial.rig.physics, trial.watched_streams
    for event in record.journal.events(Measured):
        if event.data.quality != "good":
            continue
        stopped_s = _flow_ends_s(record, event)
        begin_s = _frames_begin_s(record, event)
        for stream, wanted in event.data.flow_rates_ul_min.items():
            if stream not in streams:
                continue
            course = physics.rates_ul_min[streams[stream].pump]
            # The stop itself is no part of the measurement: 1 ms before it.
            true = course.between(begin_s, stopped_s - 1e-3)
            if any(abs(rate - wanted) > SAME_RATE * wanted for rate in true):
                yield Breach(
                    Kind.LOST,
                    f"experiment {event.data.index} counts as good, and {stream} flowed at "
                    f"{min(true):.0f} instead of {wanted:.0f} µL/min",
                )


def _unwatched(trial: Trial, record: RunRecord) -> Breaches:
    """An experiment during which nothing watched the rig is not good, or has a flag.

    When its streams have stopped, there is nothing more to watch.
    """
    struck_s = trial.strike.time_s
    if struck_s is None or not trial.injection.blinds:
        return
    for event in record.journal.events(Measured):
        is_good = event.data.quality == "good" and not event.data.flags
        stopped_s = _flow_ends_s(record, event)
        if event.data.started_s < struck_s < stopped_s and is_good:
            text = f"experiment {event.data.index} is good, and nothing watched the rig meanwhile"
            yield Breach(Kind.LOST, text)


def _frames_begin_s(record: RunRecord, measured: Event[Measured]) -> float:
    """Rig time [s] at which the dark of an experiment ended, or its frames began."""
    if record.profile.analysis.shuttered:
        return _last_command_s(record, "set-light", measured)
    steps = (e for e in record.journal.events(StepBegun) if e.sequence < measured.sequence)
    return max((event.time_s for event in steps if begins_frames(event.data)), default=0.0)


def _flow_ends_s(record: RunRecord, measured: Event[Measured]) -> float:
    """Rig time [s] at which the flow of an experiment was stopped, or kept for the next one."""
    following = record.decisions()[measured.data.index : measured.data.index + 1]
    if any(one.continues for one in following):
        return measured.time_s
    return _last_command_s(record, "stop", measured)


def _last_command_s(record: RunRecord, command: str, before: Event[Measured]) -> float:
    """Rig time [s] of the last command of a kind before an event."""
    return max(
        (
            event.time_s
            for event in record.journal.events(Intent)
            if event.data.command == command and event.sequence < before.sequence
        ),
        default=0.0,
    )


def features(trial: Trial, record: RunRecord, healthy: HealthyCampaign) -> Breaches:
    """A good measurement without flags has the features of the healthy campaign.

    A light that was too weak before the first calibration is not counted, because no later
    measurement can show it; on a rig without a calibration, none can.
    """
    if trial.injection.weakens_light and record.profile.calibration is None:
        return
    dimmed_s = trial.injection.dimmed_s
    first = next(record.journal.events(Calibrated), None)
    if dimmed_s is not None and first is not None and dimmed_s < first.time_s:
        return
    for experiment in record.experiments():
        sound = healthy.features.get(tuple(experiment.conditions.values()))
        if experiment.decision.after_s is not None and not experiment.decision.continues:
            continue  # looked at before its steady state
        if sound is None or experiment.quality != "good" or experiment.flags:
            continue
        for name in record.profile.objective.responses:
            if is_scatter(record.profile, name):
                continue  # of what is alike it is noise, which differs
            value = experiment.features[name]
            if not math.isfinite(sound[name]):
                continue  # a shape that the healthy campaign does not see either
            if not abs(value - sound[name]) <= SAME_FEATURES * abs(sound[name]):
                yield Breach(
                    Kind.LOST,
                    f"experiment {experiment.index} is good, unflagged, with {name} = {value:.4g} "
                    f"instead of {sound[name]:.4g}",
                )
