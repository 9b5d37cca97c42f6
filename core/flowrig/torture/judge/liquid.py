"""Checks of the liquid that moved: syringes and wastes (promise I3)."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from typing import Final

from flowrig.journal.events import CutEvent, CutLiquid, Intent, Outcome, Resumed
from flowrig.profile.model.flow import GAS
from flowrig.profile.topology import Topology
from flowrig.run_record.reader import RunRecord
from flowrig.safety.waste import WasteAccount
from flowrig.torture.judge.breach import Breach, Breaches, Kind
from flowrig.torture.judge.rig import LOOKED_S
from flowrig.torture.trial import Trial

__all__ = ["charges", "refills", "wastes"]

VOLUME_UL: Final = 2.0
"""Difference [µL] between plunger and ledger that rounding explains."""


def charges(trial: Trial, record: RunRecord) -> Breaches:
    """Every volume that moved is in the ledger, and every start was commanded."""
    if not trial.rig.is_built:
        return
    charged = _charged_ul(record)
    commanded = _commanded_starts(trial)
    moved = trial.rig.physics.moved_ul()
    for name, stream in trial.watched_streams.items():
        starts = trial.rig.physics.starts[stream.pump]
        starts -= stream.pump in trial.injection.started_by_hand
        if starts > commanded[name] and not trial.injection.blocks_journal:
            text = f"{name} began to flow {starts} times at {commanded[name]} commands"
            yield Breach(Kind.DOUBLE, text)
        uncounted_ul = moved[stream.pump] - charged[name]
        text = f"{name} moved {moved[stream.pump]:.1f} µL and was charged {charged[name]:.1f} µL"
        if uncounted_ul > VOLUME_UL:
            yield Breach(Kind.DOUBLE, text)
        elif (
            uncounted_ul + _charged_at_rest_ul(trial, name) < -VOLUME_UL
            and not trial.injection.loses_count
        ):
            yield Breach(Kind.MISCOUNTED, text)


def _commanded_starts(trial: Trial) -> Counter[str]:
    """How often the start of each stream was commanded, to flow or to draw."""
    return Counter(
        stream
        for process in trial.processes
        for event in process.of(Intent)
        if event.data.command in ("start", "draw")
        for stream in event.data.flow_rates_ul_min or ()
    )


def _charged_ul(record: RunRecord) -> Mapping[str, float]:
    """Volume [µL] that the ledger charged, less what it credited for draws, by stream."""
    charged: defaultdict[str, float] = defaultdict(float)
    for volumes_ul in _charges(record):
        for name, ul in volumes_ul.items():
            charged[name] += ul
    return charged


def _charges(record: RunRecord) -> Iterator[Mapping[str, float]]:
    """Each charge [µL] by stream, also those of events that were cut off."""
    for event in record.journal.events(Outcome, CutLiquid):
        match event.data:
            case Outcome() as outcome:
                yield outcome.dispensed_ul or {}
                yield {name: -ul for name, ul in (outcome.drawn_ul or {}).items()}
            case CutLiquid() as cut:
                yield cut.emptied_ul
                for lost in cut.events:
                    yield from _charges_of(lost)


def _charges_of(lost: CutEvent) -> Iterator[Mapping[str, float]]:
    if isinstance(lost.data, Outcome):
        yield lost.data.dispensed_ul or {}
        yield {name: -ul for name, ul in (lost.data.drawn_ul or {}).items()}


def refills(trial: Trial, record: RunRecord) -> Breaches:
    """Syringes fill themselves from their reservoirs only, and every volume is in both accounts."""
    if not trial.rig.is_built:
        return
    taken_ul = _taken_ul(record)
    for name, stream in record.profile.streams.items():
        if stream.refill is None:
            continue
        drawn_ul, pushed_ul, sucked_ul = trial.rig.physics.reservoirs_ul(stream.pump)
        if pushed_ul > VOLUME_UL + _unseen_ul(trial, record, name):
            yield Breach(Kind.UNSAFE, f"{name} pushed {pushed_ul:.1f} µL into its reservoir")
        if sucked_ul > VOLUME_UL:
            yield Breach(Kind.UNSAFE, f"{name} drew {sucked_ul:.1f} µL from the flow path")
        text = f"{name} drew {drawn_ul:.1f} µL, and its reservoir was charged {taken_ul[name]:.1f}"
        if drawn_ul - taken_ul[name] > VOLUME_UL:
            yield Breach(Kind.DOUBLE, f"{text} µL")
        elif (
            taken_ul[name] - drawn_ul - _unknown_ul(trial, record, name) > VOLUME_UL
            and not trial.injection.loses_count
        ):
            yield Breach(Kind.MISCOUNTED, f"{text} µL")


def _unseen_ul(trial: Trial, record: RunRecord, stream: str) -> float:
    """Volume [µL] that goes the wrong way until a look shows who turned the valve of a refill."""
    refill = record.profile.streams[stream].refill
    if refill is None or refill.valve not in trial.injection.affected or not trial.fault.at_once:
        return 0.0
    starts = record.journal.events(Intent)
    rates_ul_min = [(event.data.flow_rates_ul_min or {}).get(stream, 0.0) for event in starts]
    return max(rates_ul_min, default=0.0) * LOOKED_S / 60.0


def _unknown_ul(trial: Trial, record: RunRecord, stream: str) -> float:
    """Volume [µL] that a reservoir was charged because its pump told nothing.

    A pump that fails as it begins tells 0, just as one that lost its count does. A program that was
    killed has no such excuse: its pumps know what they drew.
    """
    if trial.injection.kills:
        return 0.0
    return sum(
        (event.data.taken_ul or {}).get(stream, 0.0) - (event.data.drawn_ul or {}).get(stream, 0.0)
        for event in record.journal.events(Outcome)
        if stream in (event.data.estimated or ())
    )


def _taken_ul(record: RunRecord) -> Mapping[str, float]:
    """Volume [µL] that reservoirs were charged, by stream."""
    taken: defaultdict[str, float] = defaultdict(float)
    for event in record.journal.events(Outcome, CutLiquid):
        data = event.data
        outcomes = data.events if isinstance(data, CutLiquid) else ()
        for one in (data, *(lost.data for lost in outcomes)):
            for name, ul in ((one.taken_ul or {}) if isinstance(one, Outcome) else {}).items():
                taken[name] += ul
    return taken


def _charged_at_rest_ul(trial: Trial, stream: str) -> float:
    """Volume [µL] that a stream was charged while it stood still.

    A pump that delivered nothing reports 0, just as a pump that lost its count does; flowrig then
    charges flow rate times time.
    """
    course = trial.rig.physics.rates_ul_min[trial.watched_streams[stream].pump]
    since_s, total_ul = 0.0, 0.0
    for event in (event for process in trial.processes for event in process.events):
        match event.data:
            case Intent(command="start", flow_rates_ul_min=rates) if rates and stream in rates:
                since_s = event.time_s
            case Outcome(dispensed_ul=volumes_ul, estimated=estimated) if volumes_ul and stream in (
                estimated or ()
            ):
                stood_still = not any(course.between(since_s, event.time_s))
                total_ul += volumes_ul[stream] if stood_still else 0.0
    return total_ul


def wastes(trial: Trial, record: RunRecord) -> Breaches:
    """No waste takes more than its capacity between two times at which it is emptied.

    Only streams count that end nowhere else. A gas leaves the waste.
    """
    if not trial.rig.is_built:
        return
    for name, capacity_ul in WasteAccount(record.profile).capacity_ul.items():
        pumps = _pumps_into(trial, name)
        before_ul = moved_ul = 0.0
        for process in trial.processes:
            if any(name in event.data.emptied for event in process.of(Resumed)):
                before_ul = moved_ul
            moved_ul = sum(process.moved_ul[1].get(pump, 0.0) for pump in pumps) or moved_ul
            if moved_ul - before_ul > capacity_ul:
                volumes = f"{(moved_ul - before_ul) / 1000:.1f} mL in {capacity_ul / 1000:g} mL"
                yield Breach(Kind.UNSAFE, f"{name} ran over: {volumes}")


def _pumps_into(trial: Trial, waste: str) -> list[str]:
    """Devices of the streams of liquid that end in a waste as a whole."""
    profile = trial.played.profile
    graph = Topology(profile).graph

    def ends(stream: str) -> list[str]:
        return [name for name in graph.reaching(stream) if profile.path[name].is_end]

    return [
        stream.pump
        for name, stream in trial.watched_streams.items()
        if stream.phase != GAS and ends(name) == [waste]
    ]
