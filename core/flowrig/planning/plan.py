"""The plan of a campaign: time, volumes, refills and limits, with nothing moving."""

import math
from collections.abc import Callable, Mapping, Sequence
from itertools import cycle, islice, takewhile

import numpy as np
from attrs import evolve, frozen

from flowrig.campaign.order import in_order
from flowrig.errors import InputError, OutOfRangeError
from flowrig.planning.average import average
from flowrig.planning.draws import DRAWS, drawn_conditions
from flowrig.planning.dry_run import Drawing, DryRun, Emptying, Outcome, Question, Refill
from flowrig.planning.known_conditions import (
    Conditions,
    Known,
    Planned,
    centre,
    conditions_of,
    extremes,
    known_conditions,
)
from flowrig.problem.steps import all_allowed
from flowrig.procedure.heating_time import AMBIENT_C
from flowrig.profile import Profile, Stage
from flowrig.profile.controls.studies import reference_conditions
from flowrig.profile.model.flow import GAS
from flowrig.profile.rules.campaign import SEED_MAX
from flowrig.run_record.reader import RunRecord
from flowrig.run_record.scorecard.times import TimeShares

__all__ = [
    "Plan",
    "PlannedPart",
    "as_long_as",
    "over",
    "plan_campaign",
    "to_waste_ul",
    "without_counted",
]

IN_INTERVAL = (10.0, 90.0)
"""Percentiles of the draws between which an interval of the plan lies."""

SHARES = 4096
"""Random points of the box of bounds, of which the share that can be reached is counted."""

Range = tuple[float, float]
Chosen = Mapping[str, Sequence[Planned]]


@frozen(kw_only=True)
class PlannedPart:
    """A stage of the campaign, or what comes before and after.

    Attributes:
        name: the stage, "calibration" or "safe state".
        experiments: number of experiments.
        known: number of experiments whose conditions are known in advance.
        time_s: duration [s].
        time_range_s: shortest and longest [s], as far as conditions are not known.
        ends_s: rig time [s] at its end.
        volumes_ul: volume [µL] that it delivers, by stream.
    """

    name: str
    experiments: int
    known: int
    time_s: float
    time_range_s: Range
    ends_s: float
    volumes_ul: Mapping[str, float]


@frozen(kw_only=True)
class Plan:
    """Time and volumes of a campaign before it begins.

    Attributes:
        profile: name of the rig.
        seed: of the run that is planned.
        experiments: number of experiments in all stages.
        known: number of experiments whose conditions are known in advance.
        time_s: from the start to the safe state [s], without the time of people and computers.
        time_interval_s: between these times [s] are eight of ten draws of what is not known.
        time_range_s: shortest and longest [s], as far as conditions are not known.
        at_most: whether the campaign, or a stage of it, ends before where it reaches an aim.
        parts: calibration, stages and safe state, in order.
        time: where the time goes, by the names that the report of a run uses.
        volumes_ul: volume [µL] that each stream delivers.
        volume_intervals_ul: between these volumes [µL] of each are eight of ten draws.
        volume_ranges_ul: least and most [µL] of each.
        waste_ul: volume [µL] that reaches the wastes.
        waste_interval_ul: between these volumes [µL] are eight of ten draws.
        waste_range_ul: least and most [µL].
        refills: holds for a refill, with their time and syringes.
        drawings: syringes that are filled from reservoirs, with their time and volumes.
        emptyings: holds for a full waste, with their time and wastes.
        questions: questions at gates and for what is done by hand, with their time.
        problems: limits that would be hit, and conditions that cannot be reached; sentences.
        reachable: share of the box of bounds that keeps to every constraint.
        constraints: share of the box that each constraint alone leaves, by its label.
        assumptions: assumptions of the plan; sentences.
    """

    profile: str
    seed: int
    experiments: int
    known: int
    time_s: float
    time_interval_s: Range
    time_range_s: Range
    at_most: bool
    parts: tuple[PlannedPart, ...]
    time: TimeShares
    volumes_ul: Mapping[str, float]
    volume_intervals_ul: Mapping[str, Range]
    volume_ranges_ul: Mapping[str, Range]
    waste_ul: float
    waste_interval_ul: Range
    waste_range_ul: Range
    refills: tuple[Refill, ...]
    drawings: tuple[Drawing, ...]
    emptyings: tuple[Emptying, ...]
    questions: tuple[Question, ...]
    problems: tuple[str, ...]
    reachable: float
    constraints: Mapping[str, float]
    assumptions: tuple[str, ...]


def plan_campaign(
    profile: Profile,
    seed: int | None = None,
    decided: Chosen | None = None,
    likely: Sequence[Conditions] = (),
) -> Plan:
    """Plan a campaign from its start; nothing is opened and nothing moves.

    Conditions that do not depend on results are those of the run with this seed. For the others,
    `likely` conditions are taken, or else the mean over draws from `drawn_conditions`. The
    intervals show what the draws differ in; the ranges show also what conditions at one edge of the
    space would change.

    Args:
        profile: the rig, with a campaign.
        seed: of the run; the campaign's own by default.
        decided: conditions that a run has already decided, by stage.
        likely: conditions that optimizers may choose, from `expected_conditions` or a rehearsal.

    Raises:
        InputError: the profile has no campaign, or no run takes this seed.
    """
    if profile.campaign is None:
        raise InputError(f"{profile.name} has no [campaign]; name a campaign file instead")
    seed = _sound_seed(profile.campaign.seed if seed is None else seed)
    profile, known, problems = _known(profile, seed, decided or {})
    return _plan_of(profile, seed, known, problems, _outcomes(profile, known, likely))


def _plan_of(
    profile: Profile, seed: int, known: Chosen, problems: Sequence[str], outcomes: "_Outcomes"
) -> Plan:
    """The plan that dry runs come to."""
    expected = outcomes.expected

    def waste_ul(one: Outcome) -> float:
        return to_waste_ul(profile, one.volumes_ul)

    by_stream = {name: _volume_of(name) for name in profile.streams}
    reachable, constraints = _shares(profile)
    return Plan(
        profile=profile.name,
        seed=seed,
        experiments=sum(part.experiments for part in expected.parts),
        known=sum(map(len, known.values())),
        time_s=expected.time_s,
        time_interval_s=outcomes.interval(lambda one: one.time_s),
        time_range_s=outcomes.range(lambda one: one.time_s),
        at_most=bool(_aims(profile)),
        parts=_parts(outcomes, known),
        time=expected.time,
        volumes_ul=expected.volumes_ul,
        volume_intervals_ul={name: outcomes.interval(ul) for name, ul in by_stream.items()},
        volume_ranges_ul={name: outcomes.range(ul) for name, ul in by_stream.items()},
        waste_ul=waste_ul(expected),
        waste_interval_ul=outcomes.interval(waste_ul),
        waste_range_ul=outcomes.range(waste_ul),
        refills=expected.refills,
        drawings=expected.drawings,
        emptyings=expected.emptyings,
        questions=expected.questions,
        problems=tuple(dict.fromkeys((*problems, *expected.problems))),
        reachable=reachable,
        constraints=constraints,
        assumptions=_assumptions(profile, expected),
    )


def without_counted(profile: Profile, count: int) -> Profile:
    """The profile without the experiments in whose place earlier ones count.

    Args:
        profile: the rig, with its campaign.
        count: number of earlier experiments of the same rig inside the search space.
    """
    if profile.campaign is None or not count:
        return profile
    stages = tuple(
        evolve(one, experiments=max(0, one.experiments - count)) if one.counts_prior else one
        for one in profile.campaign.stages
    )
    return evolve(profile, campaign=evolve(profile.campaign, stages=stages))


def over(record: RunRecord) -> dict[str, int]:
    """The stages of a run that are over, with their numbers of experiments.

    These are the stages before the one under way, and in a finished run all of them.
    """
    counts = dict.fromkeys((one.name for one in record.campaign.stages), 0)
    for one in record.decisions():
        counts[one.stage] += not one.reference
    if record.state == "finished":
        return counts
    names = [*counts]
    begun = [place for place, name in enumerate(names) if counts[name]]
    return {name: counts[name] for name in names[: max(begun, default=0)]}


def as_long_as(profile: Profile, counts: Mapping[str, int]) -> Profile:
    """The profile whose stages have other numbers of experiments.

    A stage that is over may have had fewer than it might: its model was good enough, its optimizer
    had nothing left, or the campaign ended.

    Args:
        profile: the rig, with its campaign.
        counts: by name of a stage, how many experiments it has; the others keep their numbers, and
            so do studies, which say themselves when they are over.
    """
    if profile.campaign is None:
        return profile
    stages = tuple(
        one if one.is_study else evolve(one, experiments=counts.get(one.name, one.experiments))
        for one in profile.campaign.stages
    )
    return evolve(profile, campaign=evolve(profile.campaign, stages=stages))


def _sound_seed(seed: int) -> int:
    """The same seed, if a run takes it."""
    if not 0 <= seed <= SEED_MAX:
        raise InputError(f"the seed must be 0 to {SEED_MAX}, got {seed}")
    return seed


def _known(
    profile: Profile, seed: int, decided: Chosen
) -> tuple[Profile, dict[str, list[Planned]], list[str]]:
    """The known conditions of each stage.

    Returns:
        the profile, whose stages have as many experiments as there are conditions to measure; the
        known conditions by stage; and in sentences, optimizers that end the run or their stage.
    """
    known: dict[str, list[Planned]] = {}
    problems: list[str] = []
    earlier: list[tuple[str | None, Conditions]] = []
    stages: list[Stage] = []
    middle = centre(profile.space)
    allowed = all_allowed(profile.space)
    for stage in _stages(profile):
        found = Known(list(decided.get(stage.name, ())))
        known_to_it = [one for arm, one in earlier if stage.learns_from(arm)]
        try:
            rows = [conditions_of(one) for one in found.conditions]
            found = known_conditions(profile, stage, seed, known_to_it, rows)
        except OutOfRangeError as error:
            problems.append(
                f"{stage.name}: the {stage.offer.kind} {stage.offer.name!r} ends the run: {error}"
            )
        count = len(found.conditions) if found.over else stage.experiments
        if count < stage.experiments and not stage.is_study:
            problems.append(
                f"{stage.name}: it ends after {count} of {stage.experiments} experiments: "
                f"{found.over}"
            )
        elif allowed is not None and not stage.is_study and len(known_to_it) + count > len(allowed):
            problems.append(
                f"{stage.name}: the search space has {len(allowed)} conditions, fewer than the "
                f"experiments to its end; it repeats some, or ends before"
            )
        known[stage.name] = list(found.conditions)
        stages.append(evolve(stage, experiments=count))
        done = [conditions_of(one) for one in found.conditions]
        filled = [*done, *[middle] * (count - len(found.conditions))]
        earlier += [(stage.arm, one) for one in filled]
    assert profile.campaign is not None
    campaign = evolve(profile.campaign, stages=tuple(stages))
    return evolve(profile, campaign=campaign), known, problems


@frozen
class _Outcomes:
    """Dry runs of a campaign.

    Attributes:
        expected: what is expected.
        draws: what may be, each as likely as the others.
        edges: what only the ranges span.
    """

    expected: Outcome
    draws: Sequence[Outcome]
    edges: Sequence[Outcome]

    def interval(self, value: Callable[[Outcome], float]) -> Range:
        """Two values between which the one that is expected and eight of ten draws are."""
        low, high = np.percentile([value(one) for one in self.draws], IN_INTERVAL)
        return min(float(low), value(self.expected)), max(float(high), value(self.expected))

    def range(self, value: Callable[[Outcome], float]) -> Range:
        """The least and the greatest value of all."""
        values = [value(one) for one in (self.expected, *self.draws, *self.edges)]
        return min(values), max(values)


def _outcomes(profile: Profile, known: Chosen, likely: Sequence[Conditions]) -> _Outcomes:
    campaign = _Campaign(profile, known)
    before = sum(map(len, known.values()))
    wanted = sum(stage.experiments for stage in _stages(profile)) - before
    drawn = _drawn(profile, before, wanted, likely) if wanted else []
    edges = [campaign.run([edge]) for edge in extremes(profile.space)] if wanted else []
    draws = [campaign.run(conditions) for conditions in drawn]
    usual = likely or [centre(profile.space)]
    expected = average(draws) if draws and not likely else campaign.run(usual)
    if profile.residence_time.stationary is not None:
        longest = _Campaign(profile, known, drifting=True)
        edges += [longest.run(conditions) for conditions in drawn or [usual]]
    return _Outcomes(expected, draws or [expected], edges)


def _volume_of(stream: str) -> Callable[[Outcome], float]:
    return lambda one: one.volumes_ul[stream]


def _drawn(
    profile: Profile, before: int, wanted: int, likely: Sequence[Conditions]
) -> list[Sequence[Conditions]]:
    """Draws of the conditions that are not known: of likely ones, or else of all."""
    if not likely:
        return [*drawn_conditions(profile.space, wanted, before)]
    places = np.random.default_rng(0).integers(0, len(likely), (DRAWS, wanted))
    return [[likely[place] for place in one] for one in places]


class _Campaign:
    """Dry runs of a campaign; what all of them have in common is run once.

    Args:
        profile: the rig.
        known: the known conditions by stage.
        drifting: as `DryRun` takes it.
    """

    def __init__(self, profile: Profile, known: Chosen, *, drifting: bool = False) -> None:
        stages = _stages(profile)
        shared = [*takewhile(lambda one: len(known[one.name]) == one.experiments, stages)]
        self._profile, self._known, self._stages = profile, known, stages[len(shared) :]
        self._shared = {one.name: list(known[one.name]) for one in shared}
        self._begun = DryRun(profile, drifting=drifting)
        self._begun.perform(_with_references(profile, self._shared))

    def run(self, others: Sequence[Conditions]) -> Outcome:
        """Run it; conditions that are not known are taken from others in turn."""
        dry_run, left = self._begun.forked(), cycle(others)
        filled = dict(self._shared)
        done = [conditions_of(row) for rows in filled.values() for row in rows][-1:]
        for stage in self._stages:
            rows = filled[stage.name] = list(self._known[stage.name])
            done += map(conditions_of, rows)
            while len(rows) < stage.experiments:
                batch = [*islice(left, min(stage.batch, stage.experiments - len(rows)))]
                order = in_order(self._profile, stage, batch, done[-1] if done else None)
                done += (batch[place] for place in order)
                rows += (batch[place] for place in order)
        all_rows = _with_references(self._profile, filled)
        dry_run.perform({one.name: all_rows[one.name] for one in self._stages})
        return dry_run.end()


def _stages(profile: Profile) -> tuple[Stage, ...]:
    assert profile.campaign is not None
    return profile.campaign.stages


def _with_references(
    profile: Profile, filled: Mapping[str, Sequence[Planned]]
) -> dict[str, list[Planned]]:
    """The same with the reference condition at the beginning and at its intervals.

    Args:
        profile: the rig.
        filled: what is planned in the first stages, or in all.
    """
    wanted = None if profile.campaign is None else profile.campaign.reference
    if wanted is None:
        return {name: list(rows) for name, rows in filled.items()}
    reference = reference_conditions(profile, wanted.at)
    found: dict[str, list[Planned]] = {}
    since = math.inf
    for stage in _stages(profile)[: len(filled)]:
        rows = found[stage.name] = list[Planned]()
        for one in filled[stage.name]:
            if not stage.is_study and since >= (wanted.every or math.inf):
                rows += [reference] * wanted.repeats
                since = 0
            rows.append(one)
            since += 1
    return found


def to_waste_ul(profile: Profile, volumes_ul: Mapping[str, float]) -> float:
    """What of the volumes [µL] of streams reaches the wastes: a gas leaves them."""
    return sum(ul for name, ul in volumes_ul.items() if profile.streams[name].phase != GAS)


def _parts(outcomes: _Outcomes, known: Chosen) -> tuple[PlannedPart, ...]:
    def time_of(place: int) -> Callable[[Outcome], float]:
        return lambda one: one.parts[place].time_s

    return tuple(
        PlannedPart(
            name=part.name,
            experiments=part.experiments,
            known=len(known.get(part.name, ())),
            time_s=part.time_s,
            time_range_s=outcomes.range(time_of(place)),
            ends_s=part.ends_s,
            volumes_ul=part.volumes_ul,
        )
        for place, part in enumerate(outcomes.expected.parts)
    )


def _shares(profile: Profile) -> tuple[float, dict[str, float]]:
    """Share of the box of bounds that is reachable, and that each constraint alone leaves."""
    space = profile.space
    X = space.from_unit(np.random.default_rng(0).random((SHARES, len(space.names))))

    alone = [(one.label, evolve(space, constraints=(one,), curved=())) for one in space.constraints]
    alone += [(one.label, evolve(space, constraints=(), curved=(one,))) for one in space.curved]
    return float(space.feasible(X).mean()), {
        label: float(one.feasible(X).mean()) for label, one in alone
    }


def _sources(profile: Profile) -> list[str]:
    """What the streams are drawn from, in words."""
    return list(dict.fromkeys(stream.source for stream in profile.streams.values()))


def _about_results(profile: Profile) -> str:
    """What a plan takes for granted of results that are entered later."""
    assert profile.campaign is not None
    text = "results that are entered later are there when they are needed"
    channels = {name.partition(".")[0] for name in profile.awaited}
    within = {name: profile.analysis.off_line[name].within_s for name in sorted(channels)}
    late = [f"{name} within {s / 3600:g} h" for name, s in within.items() if s is not None]
    if not late:
        return text
    pending = profile.campaign.pending
    ahead = "an experiment waits" if pending == 1 else f"{pending} experiments wait"
    return (
        f"{text}; they may come later ({', '.join(late)} of the experiment), and nothing is chosen "
        f"while {ahead} for them, so that the campaign can take that much longer each time"
    )


def _aims(profile: Profile) -> list[str]:
    """Aims at which the campaign, or a stage of it, ends before its last experiment; in words."""
    assert profile.campaign is not None
    good_enough = profile.campaign.stop.objective_above
    aims = [] if good_enough is None else [f"an objective of {good_enough:g}"]
    return aims + [
        f"R² of {stage.until_r2:g} in {stage.name}"
        for stage in profile.campaign.stages
        if stage.until_r2 is not None
    ]


def _assumptions(profile: Profile, expected: Outcome) -> tuple[str, ...]:
    steady = profile.steady
    assumptions = [
        f"every {' and '.join(_sources(profile))} is full at the start, and every waste empty",
    ]
    if any(one.offer.kind == "heater" for one in profile.devices.values()):
        assumptions.append(
            f"heaters begin at {AMBIENT_C:g} °C, heat at {steady.heating_c_min:g} °C/min, cool at "
            f"{steady.cooling_c_min:g} °C/min, near room temperature with a time constant of "
            f"{steady.loss_s:g} s, and settle within {steady.settling_s:g} s: heating, cooling, "
            "loss and settling in [steady]"
        )
    assumptions.append("neither the answers of instruments nor the choice of conditions take time")
    if profile.awaited:
        assumptions.append(_about_results(profile))
    if profile.residence_time.stationary is not None:
        assumptions.append(
            "features stand still as soon as that can be known; the ranges end with none"
        )
    if expected.refills or expected.emptyings or expected.questions:
        assumptions.append(
            "a person does at once what the run waits for, and only with the syringes and wastes "
            "that are named"
        )
    if profile.campaign is not None and profile.campaign.reference is not None:
        repeats = profile.campaign.reference.repeats
        assumptions.append(
            f"no fresh batch of a stock is filled in; each adds {repeats} experiments at the "
            "reference condition"
        )
    aims = _aims(profile)
    if aims:
        assumptions.append(f"nothing ends before, at {' or '.join(aims)}")
    return tuple(assumptions)
