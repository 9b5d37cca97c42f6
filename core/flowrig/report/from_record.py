"""Reads the content of a report from the journal of a run."""

import math
from collections.abc import Mapping

import numpy as np

from flowrig.errors import FlowrigError
from flowrig.interfaces.device import Quality
from flowrig.journal.events import (
    ControlEnded,
    ControlTold,
    Device,
    ExperimentBegun,
    Explored,
    IncumbentFound,
    ModelChecked,
    Opened,
    ResultEntered,
    Resumed,
    SafeStateSought,
    StageEnded,
    SymptomFound,
)
from flowrig.journal.events import Prediction as Forecast
from flowrig.journal.journal import Event
from flowrig.measurement.features import used_frames
from flowrig.measurement.sample import Spectrum
from flowrig.report.content import (
    Expectation,
    Experiment,
    Incumbent,
    Prediction,
    ReportContent,
)
from flowrig.report.svg.numbers import with_unit
from flowrig.run_record import experiment as journalled
from flowrig.run_record.batches import batch_text
from flowrig.run_record.off_line.stored import stored_words
from flowrig.run_record.reader import RunRecord
from flowrig.run_record.scorecard import scorecard_of
from flowrig.run_record.studies import findings_of

__all__ = ["content_of"]


def content_of(record: RunRecord, against: RunRecord | str | None = None) -> ReportContent:
    """The content of the report of a run, which may be finished or under way.

    Args:
        record: an open reader of the run's folder.
        against: the reference of the scorecard's efficiency; see `scorecard_of`.
    """
    best, expected = record.best(), record.incumbent()
    incumbent = best if expected is None else expected.experiment
    spectra, lacking = _shown_spectra(record, incumbent)
    newest, waste = record.journal.last(), record.ledger().waste
    return ReportContent(
        title=record.campaign.title or record.profile.title,
        profile=record.profile,
        state=record.state,
        seed=record.seed,
        simulated=record.simulated,
        invented=record.start.data.chemistry if record.start.data.invented else "",
        experiments=_experiments(record),
        incumbent=None
        if expected is None
        else Incumbent(
            expected.experiment.index,
            Prediction(expected.objective_mean, expected.objective_sd),
            expected.robustness,
        ),
        arm_incumbents=_arm_incumbents(record),
        spectra=spectra,
        feature_units={
            **{n: one.unit for n, one in record.profile.features.items()},
            **(record.start.data.readings or {}),
            **record.profile.analysis.off_line_units,
        },
        duration_s=None if newest is None else newest.time_s,
        digest=record.journal.digest(),
        provenance=_provenance(record),
        notes=(*_notes(record), *lacking),
        results=tuple(_result(event) for event in record.journal.events(ResultEntered)),
        studies=tuple(findings_of(record)),
        waste={n: (waste.filled_ul[n], most_ul) for n, most_ul in waste.capacity_ul.items()},
        scorecard=scorecard_of(record, against),
    )


def _arm_incumbents(record: RunRecord) -> dict[str, Incumbent]:
    each = {arm.name: arm.incumbent for arm in record.arms()}
    return {
        name: Incumbent(one.experiment.index, Prediction(one.objective_mean, one.objective_sd))
        for name, one in each.items()
        if one is not None
    }


def _experiments(record: RunRecord) -> tuple[Experiment, ...]:
    checked = record.journal.last(ModelChecked)
    checks = {} if checked is None else {c.index: c for c in checked.data.predictions}
    measured = [_measured(e, checks.get(e.index)) for e in record.experiments()]
    return tuple(sorted([*measured, *_failed(record)], key=lambda e: e.index))


def _measured(experiment: journalled.Experiment, check: Forecast | None) -> Experiment:
    decision = experiment.decision
    return Experiment(
        index=experiment.index,
        stage=decision.stage,
        arm=decision.arm,
        conditions=experiment.conditions,
        features={**experiment.features, **experiment.readings, **experiment.results},
        objective=experiment.objective,
        expected=_expectation(
            decision.mean, decision.sd, decision.objective_mean, decision.objective_sd
        ),
        held_out=None
        if check is None
        else _expectation(check.mean, check.sd, check.objective_mean, check.objective_sd),
        quality=Quality(experiment.quality),
        reason=decision.reason,
        remark="; ".join((*_steadiness(experiment), *_flow(experiment), *experiment.flags)),
        awaits=experiment.awaits,
        settles=decision.settles,
    )


def _result(event: Event[ResultEntered]) -> tuple[str, str, str, str, str]:
    """An entered result as a row of the report."""
    data = event.data
    words = [f"{n} {v:.4g} {data.units.get(n, '')}".rstrip() for n, v in data.values.items()]
    words += [stored_words(data)] if data.series else []
    words += [f"no result: {data.lost}"] if data.lost else []
    files = (f"{one.name} (SHA-256 {one.sha256})" for one in data.files)
    when = data.entered or f"{event.time_s:.0f} s of rig time"
    return f"{data.index}", ", ".join(words), data.by, when, ", ".join(files)


def _steadiness(experiment: journalled.Experiment) -> list[str]:
    after = experiment.stationary_after
    return [] if after is None else [f"stationary after {after:.2g} τ"]


def _flow(experiment: journalled.Experiment) -> list[str]:
    """How long the liquid of a point of a study had flowed, and whether it had to settle anew."""
    flowing_s = experiment.flowing_s
    found = [] if flowing_s is None else [f"flowing for {flowing_s:.0f} s"]
    return [*found, "settled anew after an interruption"] if experiment.interrupted else found


def _failed(record: RunRecord) -> list[Experiment]:
    """Experiments that began and gave no measurement, without one that is under way."""
    if record.state == "running":
        return []
    done = {e.index for e in record.experiments()}
    begun = {event.data.index for event in record.journal.events(ExperimentBegun)} - done
    remarks = dict.fromkeys(record.skipped(), "skipped by a person")
    return [
        Experiment(
            index=d.index,
            stage=d.stage,
            arm=d.arm,
            conditions=d.conditions,
            remark=remarks.get(d.index, record.reason),
        )
        for d in record.decisions()
        if d.index in begun
    ]


def _expectation(
    mean: Mapping[str, float | None],
    sd: Mapping[str, float | None],
    objective_mean: float | None,
    objective_sd: float | None,
) -> Expectation | None:
    objective = _prediction(objective_mean, objective_sd)
    each = {name: _prediction(value, sd.get(name)) for name, value in mean.items()}
    features = {name: prediction for name, prediction in each.items() if prediction is not None}
    return Expectation(features, objective) if features or objective is not None else None


def _prediction(mean: float | None, sd: float | None) -> Prediction | None:
    """A prediction; None if one of its numbers was not finite when it was journalled."""
    return None if mean is None or sd is None else Prediction(mean, sd)


def _shown_spectra(
    record: RunRecord, incumbent: journalled.Experiment | None
) -> tuple[Mapping[str, Spectrum], tuple[str, ...]]:
    """The averaged spectra of the incumbent by channel, and a note where they cannot be shown."""
    if incumbent is None:
        return {}, ()
    try:
        return _spectra(record, incumbent.index), ()
    except (FlowrigError, LookupError, TypeError, ValueError) as error:
        note = f"The spectra of experiment {incumbent.index} cannot be shown: {error}."
        return {}, (note,)


def _spectra(record: RunRecord, index: int) -> dict[str, Spectrum]:
    """The averaged spectra of one experiment, with the frames that they were averaged over."""
    arrays, shown = record.arrays(index), {}
    for name, channel in record.profile.analysis.channels.items():
        axis = record.axis(channel.device)
        counts = arrays[f"{channel.device}.counts"]
        parts = [counts] if channel.scan is None else np.split(counts, channel.scan.count)
        each = [used_frames(channel, part, axis) + n * len(part) for n, part in enumerate(parts)]
        used = np.concatenate(each)
        shown[name] = Spectrum(arrays.get(f"{name}.axis", axis), arrays[name], used)
    return shown


def _provenance(record: RunRecord) -> dict[str, str]:
    """Identity of each device at the last opening of the rig, and versions at the start."""
    opened = record.journal.last(Opened)
    devices = {} if opened is None else opened.data.devices
    identities = {name: _identity(device) for name, device in devices.items()}
    return {**identities, **record.start.data.versions}


def _identity(device: Device) -> str:
    parts = [f"{device.vendor} {device.model}".strip()]
    if device.serial_number:
        parts.append(f"serial number {device.serial_number}")
    if device.firmware:
        parts.append(f"firmware {device.firmware}")
    return ", ".join(parts)


def _notes(record: RunRecord) -> tuple[str, ...]:
    """Symptoms, interruptions, control loops, safe states that were not reached, and the end."""
    journal = record.journal
    symptoms = {event.data.symptom: event.data.text for event in journal.events(SymptomFound)}
    begun = record.start.data
    notes = [invented_text(begun.chemistry)] if begun.invented else []
    notes += [f"{text[0].upper()}{text[1:]}." for text in symptoms.values()]
    notes += [_stage_end(event.data) for event in journal.events(Explored)]
    notes += [
        f"Stage {event.data.stage} ended after {event.data.experiments} experiments: "
        f"{event.data.reason}."
        for event in journal.events(StageEnded)
    ]
    notes += [_shares(event.data) for event in journal.events(IncumbentFound)]
    notes += [batch_text(one) for one in record.batches()[1:]]
    notes += [_resumption(event) for event in journal.events(Resumed)]
    notes += [
        f"At {event.time_s:.0f} s: {event.data.text}."
        for event in journal.events(SafeStateSought)
        if not event.data.reached
    ]
    notes += [
        f"At {event.time_s:.0f} s: {event.data.text}." for event in journal.events(ControlTold)
    ]
    notes += _loops(record)
    notes += [f"Not all of the journal could be read: {text}." for text in record.unreadable]
    if record.reason:
        notes.append(f"The run ended as {record.state}: {record.reason}.")
    return tuple(filter(None, notes))


def _many(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"


def _loops(record: RunRecord) -> list[str]:
    """What control loops did, a sentence for each."""
    ended = [event.data for event in record.journal.events(ControlEnded)]
    notes = []
    for name in dict.fromkeys(one.loop for one in ended):
        own = [one for one in ended if one.loop == name]
        off = [
            abs(one.reading.last - one.at)
            for one in own
            if one.reading.last is not None and math.isfinite(one.reading.last)
        ]
        count = sum(one.corrections for one in own)
        away = (
            f"; it ended within {with_unit(max(off), own[0].unit, 2)} of its value" if off else ""
        )
        notes.append(
            f"Control of {name}: {_many(count, 'correction')} in {_many(len(own), 'flow')}{away}."
        )
    return notes


def invented_text(chemistry: str) -> str:
    """What everybody is told who sees invented numbers."""
    return (
        f"The chemistry {chemistry!r} of this simulated run is invented: its numbers stand for "
        "nothing but a try of the profile."
    )


def _stage_end(explored: Explored) -> str:
    return (
        f"Stage {explored.stage} ended after {explored.experiments} experiments, with "
        f"R² = {explored.r2:.2f}; {explored.until_r2:.2f} was the aim."
    )


def _shares(found: IncumbentFound) -> str:
    """The share of earlier experiments in the model; "" if the campaign has none."""
    shares = (found.prior_share or {}).items()
    listed = " and ".join(f"{share:.0%} for {response}" for response, share in shares)
    return listed and f"At the end earlier experiments had a share of {listed}."


def _resumption(event: Event[Resumed]) -> str:
    refilled = event.data.refilled
    words = f", with {', '.join(refilled)} refilled" if refilled else ""
    return f"The run was resumed at {event.time_s:.0f} s{words}."
