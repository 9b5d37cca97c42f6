"""The judge: from what was physically done, and from the journal as it is in the end.

Nothing that a running flowrig says of itself is believed, but for what it told the user.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from enum import StrEnum
from typing import Final

import numpy as np
from attrs import frozen

from flowrig.campaign.optimizer import new_optimizer
from flowrig.journal.events import (
    Calibrated,
    CutEvent,
    CutLiquid,
    Decided,
    Ended,
    ExperimentBegun,
    Intent,
    JournalCut,
    Measured,
    Outcome,
    Resumed,
    RunStarted,
    SafeStateSought,
)
from flowrig.journal.journal import Event
from flowrig.learning.from_campaign import new_surrogate
from flowrig.profile import Profile
from flowrig.run_record.reader import RunRecord
from flowrig.safety.waste import WasteAccount
from flowrig.torture.faults import Ending, Expected
from flowrig.torture.injections import BadBrain
from flowrig.torture.physics import off_target_s
from flowrig.torture.reference import EXPERIMENTS, SEEDED_STAGE
from flowrig.torture.trial import ProcessObservation, Trial

__all__ = ["Breach", "HealthyCampaign", "Kind", "judge"]

SAFE_WITHIN_S: Final = 30.0
"""Within this time [s] of setting out for the safe state, reagents stand still."""

STOP_WITHIN_S: Final = 60.0
"""Within this time [s] of a fault that the rig can see, reagents stand still."""

ADRIFT_S: Final = 90.0
"""For so long [s] reagents may flow at a wrong temperature before that is noticed."""

ADRIFT_C: Final = 8.0
"""From this distance [°C] on a temperature is wrong."""

VOLUME_UL: Final = 2.0
"""Difference [µL] between plunger and ledger that rounding explains."""

SAME_FEATURES: Final = 0.25
"""Share by which a sound measurement of the same conditions may differ."""

DRY_C: Final = 5.0
"""How much hotter [°C] than its interlock allows a plate may get without flow."""

COLD_C: Final = 40.0
"""A plate at or below this temperature [°C] need not cool any more."""


class Kind(StrEnum):
    """What a breach is counted as."""

    LOST = "lost"
    """A measurement is lost, doubled, invented, or worthless and not flagged (I2)."""
    UNSAFE = "unsafe"
    """The rig was not safe when it had to be (I1, I4)."""
    DOUBLE = "double"
    """Liquid moved without an account of it, or more often than was commanded (I3)."""
    MISCOUNTED = "miscounted"
    """The account holds more than what moved: a syringe is refilled too early (I3)."""
    HUNG = "hung"
    """It did not end, or left a thread behind (I5)."""
    UNTOLD = "untold"
    """The notice is missing, names no device, or is a traceback (I6)."""
    DIVERGED = "diverged"
    """After resuming, other conditions were suggested (I7)."""
    FALSE_STOP = "false stop"
    """A campaign in health was stopped (I8)."""
    UNEXPECTED = "unexpected"
    """It ended otherwise than the table says."""
    BROKEN = "broken"
    """The board itself failed: the fault did not happen, or an emulator died."""


@frozen
class Breach:
    """A promise that was broken.

    Attributes:
        kind: what it is counted as.
        text: what was seen.
    """

    kind: Kind
    text: str


@frozen
class HealthyCampaign:
    """The same campaign in health.

    Attributes:
        features: of each experiment that was flagged with nothing, by its conditions.
        conditions: of every experiment.
    """

    features: dict[tuple[float, ...], dict[str, float]]
    conditions: frozenset[tuple[float, ...]]


def judge(trial: Trial, reference: HealthyCampaign | None = None) -> list[Breach]:
    """Everything that was broken.

    Args:
        trial: a campaign that is over.
        reference: the campaign of the same seed without a fault.
    """
    breaches = [Breach(kind, text) for kind, text in _of_sessions(trial)]
    breaches += [Breach(kind, text) for kind, text in _of_the_ending(trial)]
    if _has_begun(trial):
        with trial.record as record:
            for check in (_measurements, _volumes, _waste, _thoughts):
                breaches += [Breach(kind, text) for kind, text in check(trial, record)]
            if reference is not None:
                breaches += [Breach(k, t) for k, t in _decisions(record, reference)]
                breaches += [Breach(k, t) for k, t in _flags(trial, record, reference)]
    return breaches


Seen = Iterator[tuple[Kind, str]]


def _has_begun(trial: Trial) -> bool:
    return any(trial.sessions[0].of(RunStarted))


def _of_sessions(trial: Trial) -> Seen:
    for number, session in enumerate(trial.sessions, 1):
        before = trial.sessions[number - 2].ending if number > 1 else None
        checks: tuple[Callable[[Trial, ProcessObservation], Seen], ...] = (
            _rest, _stops, _rates, _heat, _dry_heat, _threads, _notice,
        )  # fmt: skip
        if session.ending is Ending.KILLED:
            checks = (_heat, _threads)
        if before is Ending.KILLED and session.ending is Ending.REFUSED:
            checks = (_threads, _notice)  # nobody took hold of the rig
        for check in checks:
            for kind, text in check(trial, session):
                yield kind, f"session {number}: {text}"


def _of_the_ending(trial: Trial) -> Seen:
    if trial.struck_s is None and trial.fault.number and not trial.injection.is_written:
        yield Kind.BROKEN, "the campaign never came to that phase"
        return
    yield from _outside(trial)
    if trial.forgotten:
        yield Kind.UNSAFE, f"resumed though nobody had reset {', '.join(trial.forgotten)}"
    living = [one for one in trial.sessions if one.ending is not Ending.KILLED]
    first = (living or trial.sessions[-1:])[0]
    if not trial.fault.number:
        if first.ending is not Ending.FINISHED:
            yield Kind.FALSE_STOP, f"{first.ending}: {first.text}"
        return
    if first.ending not in trial.fault.expected.endings:
        yield Kind.UNEXPECTED, f"{first.ending}: {first.text}"
    last = trial.sessions[-1]
    if trial.fault.expected is not Expected.REFUSED and last.ending is not Ending.FINISHED:
        yield Kind.LOST, f"it cannot be finished any more: {last.ending}: {last.text}"


def _outside(trial: Trial) -> Seen:
    """Nothing is written but into the run's folder."""
    home = trial.folder.parent
    own = {"reference.toml", "thermal.toml"}
    strange = [
        path.name
        for path in home.iterdir()
        if path.name not in own and path.name.split("-image")[0] != "run"
    ]
    for folder in (home.parent, home.parent.parent):
        strange += [path.name for path in folder.iterdir() if path not in home.parents]
    strange = [name for name in strange if name != home.name]
    if strange:
        yield Kind.UNEXPECTED, f"wrote {', '.join(strange)} outside the run's folder"


# --- the rig itself (I1, I4) ---


def _excused(session: ProcessObservation, device: str) -> bool:
    """Whether the user was told that nobody knows what a device does."""
    return session.ending is Ending.UNKNOWN and device in session.text


def _rest(trial: Trial, session: ProcessObservation) -> Seen:
    """In the end nothing moves, nothing heats, and no light burns."""
    (moved, moved_later), (hot, hot_later) = session.moved_ul, session.temperatures_c
    for device, ul in moved.items():
        more_ul = moved_later[device] - ul
        if abs(more_ul) > 1e-6 and not _excused(session, device):
            yield Kind.UNSAFE, f"{device} pushed {more_ul:.0f} µL after the end ({session.ending})"
    for device, before_c in hot.items():
        later_c = hot_later[device]
        if later_c > max(before_c, COLD_C) and not _excused(session, device):
            yield (
                Kind.UNSAFE,
                f"{device} went from {before_c:.0f} to {later_c:.0f} °C after the end "
                f"({session.ending})",
            )
    if any(session.of(SafeStateSought)):
        for device in session.lit:
            if not _excused(session, device):
                yield Kind.UNSAFE, f"the light of {device} burns after the end ({session.ending})"


def _stops(trial: Trial, session: ProcessObservation) -> Seen:
    """Reagents stop in time, and stay so until they are commanded to flow again."""
    if not trial.rig.is_built:
        return
    spans = {
        (event.time_s + SAFE_WITHIN_S, _flows_again_s(trial, session, event.time_s)): (
            "it set out for the safe state"
        )
        for event in session.of(Intent)
        if event.data.command == "heater-off"
    }
    if _before(trial, session) is Ending.KILLED:
        begin_s = session.begin_s
        spans[begin_s + SAFE_WITHIN_S, _starts_again_s(session)] = "the run was resumed"
    struck_s = trial.struck_s
    if (
        trial.fault.at_once
        and trial.injection.is_seen_at_once
        and struck_s is not None
        and session.begin_s <= struck_s <= session.end_s
        and session.ending is not Ending.FINISHED
    ):
        spans[struck_s + STOP_WITHIN_S, session.end_s] = "the fault"
    for (from_s, until_s), since in spans.items():
        for stream in trial.rig.rig.profile.streams.values():
            if stream.role != "reagent" or _excused(session, stream.pump) or from_s >= until_s:
                continue
            if any(trial.rig.physics.rates_ul_min[stream.pump].between(from_s, until_s)):
                yield Kind.UNSAFE, f"{stream.name} flowed long after {since}"


def _before(trial: Trial, session: ProcessObservation) -> Ending | None:
    index = trial.sessions.index(session)
    return trial.sessions[index - 1].ending if index else None


def _starts_again_s(session: ProcessObservation) -> float:
    """When the first start of a session is commanded, or the session ends."""
    starts = (event.time_s for event in session.of(Intent) if event.data.command == "start")
    return next(starts, session.end_s)


def _flows_again_s(trial: Trial, session: ProcessObservation, after_s: float) -> float:
    """When the next experiment begins after a rig time [s], or the session ends."""
    return next(
        (e.time_s for e in session.of(ExperimentBegun) if e.time_s > after_s),
        session.end_s,
    )


def _heat(trial: Trial, session: ProcessObservation) -> Seen:
    """No plate is ever too hot, and reagents do not flow through one that is not as it should."""
    if not trial.rig.is_built:
        return
    profile = trial.rig.rig.profile
    for device, course in trial.rig.physics.temperatures_c.items():
        cap_c = never_above_c(profile)
        hottest_c = max(course.between(session.begin_s, session.end_s))
        if hottest_c > cap_c >= course.at(session.begin_s) and not _excused(session, device):
            yield Kind.UNSAFE, f"{device} reached {hottest_c:.0f} °C, above {cap_c:.0f} °C"
        adrift_s = _adrift_s(trial, session, device)
        if adrift_s > ADRIFT_S:
            yield (
                Kind.UNSAFE,
                f"reagents flowed for {adrift_s:.0f} s while {device} was more than "
                f"{ADRIFT_C:g} °C away from its set point",
            )


def _dry_heat(trial: Trial, session: ProcessObservation) -> Seen:
    """No plate of an interlock gets hot while nothing flows that it needs."""
    if not trial.rig.is_built:
        return
    profile, physics = trial.rig.rig.profile, trial.rig.physics
    for rule in profile.interlocks:
        if rule.kind != "heat-needs-flow" or rule.heater is None or rule.above_c is None:
            continue
        pumps = [profile.streams[stream].pump for stream in rule.streams]
        course = physics.temperatures_c[rule.heater]
        for time_s, c in zip(course.times_s, course.values, strict=True):
            dry = not any(physics.rates_ul_min[pump].at(time_s) > 0.0 for pump in pumps)
            if session.begin_s <= time_s <= session.end_s and c > rule.above_c + DRY_C and dry:
                yield Kind.UNSAFE, f"{rule.heater} had {c:.0f} °C while nothing flowed"
                break


def _rates(trial: Trial, session: ProcessObservation) -> Seen:
    """No stream ever flows faster than its limit."""
    if not trial.rig.is_built:
        return
    for stream in trial.rig.rig.profile.streams.values():
        rates = trial.rig.physics.rates_ul_min[stream.pump].between(session.begin_s, session.end_s)
        highest = stream.flow_rate_ul_min[1]
        if max(rates) > 1.01 * highest:
            yield (
                Kind.UNSAFE,
                f"{stream.name} flowed at {max(rates):.0f} µL/min, its limit is {highest:.0f}",
            )


def never_above_c(profile: Profile) -> float:
    """The temperature [°C] that no plate may ever reach."""
    return profile.supervision.never_above_c or profile.limits.temperature_c[1] + 15.0


def _adrift_s(trial: Trial, session: ProcessObservation, device: str) -> float:
    """For how long [s] reagents flowed through a plate that was not at its set point."""
    profile, physics = trial.rig.rig.profile, trial.rig.physics
    commanded = [
        (event.time_s, event.data.set_points_c[device])
        for one in trial.sessions
        for event in one.of(Intent)
        if event.data.set_points_c is not None
    ]

    def target_c(time_s: float) -> float:
        return next((c for t, c in reversed(commanded) if t <= time_s), np.nan)

    reagents = [s.pump for s in profile.streams.values() if s.role == "reagent"]
    pumps = [pump for pump in reagents if not _excused(session, pump)]
    longest_s = 0.0
    for pump in pumps:
        spans = [
            (max(begin_s, session.begin_s), min(end_s, session.end_s))
            for begin_s, end_s, rate in physics.rates_ul_min[pump].spans(session.end_s)
            if rate > 0.0
        ]
        total_s = sum(
            off_target_s(physics.temperatures_c[device], target_c, span, ADRIFT_C)
            for span in spans
            if span[1] > span[0]
        )
        longest_s = max(longest_s, total_s)
    return longest_s


# --- the program (I5, I6) ---


def _threads(trial: Trial, session: ProcessObservation) -> Seen:
    hung = {f"device-{device}" for device in trial.injection.hung}
    left = [thread for thread in session.threads if thread not in hung]
    if left:
        yield Kind.HUNG, f"left {', '.join(left)} behind"


def _notice(trial: Trial, session: ProcessObservation) -> Seen:
    """A run that does not finish tells why, once, in words for its user."""
    if session.ending is Ending.ESCAPED:
        yield Kind.UNTOLD, f"an exception reached the user: {session.text}"
        return
    if session.ending is Ending.FINISHED:
        return
    if not session.text or "Traceback" in session.text or "internal error" in session.text:
        yield Kind.UNTOLD, f"{session.ending}: {session.text or 'without a reason'}"
    is_struck = trial.struck_s is not None and (session.begin_s <= trial.struck_s <= session.end_s)
    blamed = trial.injection.blamed if is_struck else ()
    if blamed and not any(device in session.text for device in blamed):
        yield Kind.UNTOLD, f"names none of {', '.join(blamed)}: {session.text}"
    notices = len(list(session.of(Ended)))
    if notices > 1 or (
        session.ending is not Ending.REFUSED and not notices and not trial.injection.is_mute
    ):
        yield Kind.UNTOLD, f"{notices} notices that it ended"


# --- the journal (I2, I3, I7) ---


def _measurements(trial: Trial, record: RunRecord) -> Seen:
    """What was acknowledged is there, once, with what was decided; and nothing else is."""
    measured = list(record.journal.events(Measured))
    counts = Counter(event.data.index for event in measured)
    for index, count in counts.items():
        if count > 1:
            yield Kind.LOST, f"experiment {index} was measured {count} times"
    if trial.sessions[-1].ending is Ending.FINISHED and set(counts) != _all_indices():
        yield Kind.LOST, f"of {EXPERIMENTS} experiments {sorted(counts)} are there"
    kept = {event.data.index: event.data for event in measured}
    is_cut = record.journal.last(JournalCut) is not None  # told, kept aside, and measured anew
    for session in trial.sessions if not is_cut else ():
        for event in session.of(Measured):
            if kept.get(event.data.index) != event.data:
                yield Kind.LOST, f"experiment {event.data.index} was acknowledged, and is gone"
    if not is_cut:
        yield from _rewritten(trial, record)
    decided = {d.index: d.conditions for d in record.decisions()}
    for index, data in kept.items():
        if decided.get(index) != data.conditions:
            yield Kind.LOST, f"experiment {index} was measured at conditions nobody decided"
    yield from _invented(trial, record)


def _rewritten(trial: Trial, record: RunRecord) -> Seen:
    """What was told of an event is what the journal says of it; a note may be lost with a crash."""
    told = {event.sequence: event for session in trial.sessions for event in session.events}
    for event in record.journal.events():
        before = told.get(event.sequence, event)
        if (before.data, before.arrays) != (event.data, event.arrays):
            yield Kind.LOST, f"event {event.sequence} ({before.kind}) is not what was written"


def _all_indices() -> set[int]:
    return set(range(1, EXPERIMENTS + 1))


def _invented(trial: Trial, record: RunRecord) -> Seen:
    """A good measurement was taken while everything flowed as it says."""
    profile, physics = record.profile, trial.rig.physics
    for event in record.journal.events(Measured):
        seen_s, stopped_s = (_last_s(record, command, event) for command in ("set-light", "stop"))
        if event.data.quality != "good":
            continue
        for stream, wanted in event.data.flow_rates_ul_min.items():
            course = physics.rates_ul_min[profile.streams[stream].pump]
            true = course.between(seen_s, stopped_s - 1e-3)
            if any(abs(rate - wanted) > 0.01 * wanted for rate in true):
                yield (
                    Kind.LOST,
                    f"experiment {event.data.index} counts as good, and {stream} flowed at "
                    f"{min(true):.0f} instead of {wanted:.0f} µL/min",
                )


def _last_s(record: RunRecord, command: str, before: Event[Measured]) -> float:
    """When a command was given last before an event [s]."""
    return max(
        (
            event.time_s
            for event in record.journal.events(Intent)
            if event.data.command == command and event.sequence < before.sequence
        ),
        default=0.0,
    )


def _decisions(record: RunRecord, reference: HealthyCampaign) -> Seen:
    """What follows from the seed alone is what the uninterrupted campaign decided."""
    for decision in record.decisions():
        conditions = tuple(decision.conditions.values())
        if decision.stage == SEEDED_STAGE and conditions not in reference.conditions:
            yield Kind.DIVERGED, f"experiment {decision.index} is not that of the same seed"


def _flags(trial: Trial, record: RunRecord, reference: HealthyCampaign) -> Seen:
    """A measurement that a fault has spoilt is not passed off as good without a word.

    Nobody can see that a light is weaker than it should be where it was so from the beginning.
    """
    dimmed_s = trial.injection.dimmed_s
    first = next(record.journal.events(Calibrated), None)
    if dimmed_s is not None and first is not None and dimmed_s < first.time_s:
        return
    for experiment in record.experiments():
        sound = reference.features.get(tuple(experiment.conditions.values()))
        if sound is None or experiment.quality != "good" or experiment.flags:
            continue
        for name in record.profile.objective.responses:
            value = experiment.features[name]
            if not abs(value - sound[name]) <= SAME_FEATURES * abs(sound[name]):
                yield (
                    Kind.LOST,
                    f"experiment {experiment.index} is good, unflagged, with {name} = {value:.4g} "
                    f"instead of {sound[name]:.4g}",
                )


def _volumes(trial: Trial, record: RunRecord) -> Seen:
    """Every volume that moved is in the ledger, and every start was commanded."""
    if not trial.rig.is_built:
        return
    charged: defaultdict[str, float] = defaultdict(float)
    for volumes_ul in _charges(record):
        for name, ul in volumes_ul.items():
            charged[name] += ul
    commanded = Counter(
        stream
        for session in trial.sessions
        for event in session.of(Intent)
        if event.data.command == "start"
        for stream in event.data.flow_rates_ul_min or ()
    )
    moved = trial.rig.physics.moved_ul()
    for name, stream in record.profile.streams.items():
        starts = trial.rig.physics.starts[stream.pump]
        if starts > commanded[name] and not trial.injection.is_mute:
            yield Kind.DOUBLE, f"{name} began to flow {starts} times at {commanded[name]} commands"
        uncounted_ul = moved[stream.pump] - charged[name]
        text = f"{name} moved {moved[stream.pump]:.1f} µL and was charged {charged[name]:.1f} µL"
        if uncounted_ul > VOLUME_UL:
            yield Kind.DOUBLE, text
        elif uncounted_ul + _forgotten_ul(trial, name) < -VOLUME_UL and not trial.injection.forgets:
            yield Kind.MISCOUNTED, text


def _forgotten_ul(trial: Trial, stream: str) -> float:
    """What a stream was charged [µL] while it stood still: its pump tells 0, as if it forgot."""
    course = trial.rig.physics.rates_ul_min[trial.rig.rig.profile.streams[stream].pump]
    since_s, total_ul = 0.0, 0.0
    for event in (event for session in trial.sessions for event in session.events):
        match event.data:
            case Intent(command="start", flow_rates_ul_min=rates) if rates and stream in rates:
                since_s = event.time_s
            case Outcome(dispensed_ul=volumes_ul, estimated=estimated) if volumes_ul and stream in (
                estimated or ()
            ):
                stood_still = not any(course.between(since_s, event.time_s))
                total_ul += volumes_ul[stream] if stood_still else 0.0
    return total_ul


def _waste(trial: Trial, record: RunRecord) -> Seen:
    """No waste runs over: it holds what all plungers moved since it was emptied."""
    wastes = WasteAccount(record.profile)
    if not trial.rig.is_built:
        return
    for name, capacity_ul in wastes.capacity_ul.items():
        before_ul = seen_ul = 0.0
        for session in trial.sessions:
            if any(name in event.data.emptied for event in session.of(Resumed)):
                before_ul = seen_ul
            seen_ul = sum(session.moved_ul[1].values()) or seen_ul
            if seen_ul - before_ul > capacity_ul:
                volumes = f"{(seen_ul - before_ul) / 1000:.1f} mL in {capacity_ul / 1000:g} mL"
                yield Kind.UNSAFE, f"{name} ran over: {volumes}"


def _charges(record: RunRecord) -> Iterator[Mapping[str, float]]:
    """What the ledger was charged [µL] by stream, also for events that were cut off."""
    for event in record.journal.events(Outcome, CutLiquid):
        match event.data:
            case Outcome() as outcome:
                yield outcome.dispensed_ul or {}
            case CutLiquid() as cut:
                yield cut.emptied_ul
                yield from map(_charged, cut.events)


def _charged(lost: CutEvent) -> Mapping[str, float]:
    return (lost.data.dispensed_ul or {}) if isinstance(lost.data, Outcome) else {}


def _thoughts(trial: Trial, record: RunRecord) -> Seen:
    """Every suggestion follows, bit by bit, from the seed and what had been measured by then."""
    if isinstance(trial.injection, BadBrain):
        return
    events = {e.data.index: e for e in record.journal.events(Decided)}
    for stage in record.campaign.stages:
        decided = [d for d in record.decisions() if d.stage == stage.name]
        if not decided:
            continue
        known = [x for x in record.experiments() if x.sequence < events[decided[0].index].sequence]
        optimizer = new_optimizer(
            record.profile,
            stage,
            record.seed,
            lambda: new_surrogate(record.campaign, record.seed),
        )
        merit = record.profile.objective.name
        optimizer.ingest([{**x.conditions, **x.features, merit: x.objective} for x in known])
        again = optimizer.suggest(len(decided))
        if again != [dict(decision.conditions) for decision in decided]:
            yield Kind.DIVERGED, f"stage {stage.name} decided something else than its journal gives"
