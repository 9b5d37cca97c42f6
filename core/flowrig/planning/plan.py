"""The plan of a campaign: time, volumes, refills and limits, with nothing moving."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
from attrs import evolve, frozen

from flowrig.errors import InputError, OutOfRangeError
from flowrig.planning.dry_run import Drawing, DryRun, Emptying, Outcome, Question, Refill
from flowrig.planning.known_conditions import (
    Conditions,
    Known,
    Planned,
    centre,
    conditions_of,
    extremes,
    known_conditions,
    scattered,
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

SCATTERINGS = 6
"""Random choices of the unknown conditions that the ranges span, besides the extremes."""

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
        time_range_s: shortest and longest [s], as far as conditions are not known.
        parts: calibration, stages and safe state, in order.
        time: where the time goes, by the names that the report of a run uses.
        volumes_ul: volume [µL] that each stream delivers.
        volume_ranges_ul: least and most [µL] of each.
        waste_ul: volume [µL] that reaches the wastes.
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
    time_range_s: Range
    parts: tuple[PlannedPart, ...]
    time: TimeShares
    volumes_ul: Mapping[str, float]
    volume_ranges_ul: Mapping[str, Range]
    waste_ul: float
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
    `likely` conditions are taken, or else the middle of the search space. The ranges show what
    other conditions would change: all at one edge of the space, or jumping about in it.

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
    outcomes = _outcomes(profile, known, likely)
    expected, wastes_ul = outcomes[0], [to_waste_ul(profile, one.volumes_ul) for one in outcomes]
    reachable, constraints = _shares(profile)
    return Plan(
        profile=profile.name,
        seed=seed,
        experiments=sum(part.experiments for part in expected.parts),
        known=sum(map(len, known.values())),
        time_s=expected.time_s,
        time_range_s=_span([one.time_s for one in outcomes]),
        parts=_parts(outcomes, known),
        time=expected.time,
        volumes_ul=expected.volumes_ul,
        volume_ranges_ul={s: _span([o.volumes_ul[s] for o in outcomes]) for s in profile.streams},
        waste_ul=wastes_ul[0],
        waste_range_ul=_span(wastes_ul),
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


def _outcomes(profile: Profile, known: Chosen, likely: Sequence[Conditions]) -> list[Outcome]:
    """Dry runs of the campaign: the expected one first, then those that span the ranges."""
    filled = _filled(profile, known, likely or [centre(profile.space)])
    outcomes = [DryRun(profile).campaign(filled), *_alternatives(profile, known, likely)]
    if profile.residence_time.stationary is not None:
        outcomes.append(DryRun(profile, drifting=True).campaign(filled))
    return outcomes


def _stages(profile: Profile) -> tuple[Stage, ...]:
    assert profile.campaign is not None
    return profile.campaign.stages


def _filled(
    profile: Profile, known: Chosen, others: Sequence[Conditions]
) -> dict[str, list[Planned]]:
    """Conditions of every experiment; those that are not known are taken from others in turn."""
    filled: dict[str, list[Planned]] = {}
    taken = 0
    for stage in _stages(profile):
        conditions = list(known[stage.name])
        while len(conditions) < stage.experiments:
            conditions.append(others[taken % len(others)])
            taken += 1
        filled[stage.name] = conditions
    return _with_references(profile, filled)


def _with_references(
    profile: Profile, filled: Mapping[str, Sequence[Planned]]
) -> dict[str, list[Planned]]:
    """The same with the reference condition at the beginning and at its intervals."""
    wanted = None if profile.campaign is None else profile.campaign.reference
    if wanted is None:
        return {name: list(rows) for name, rows in filled.items()}
    reference = reference_conditions(profile, wanted.at)
    found: dict[str, list[Planned]] = {}
    since = math.inf
    for stage in _stages(profile):
        rows = found[stage.name] = list[Planned]()
        for one in filled[stage.name]:
            if not stage.is_study and since >= (wanted.every or math.inf):
                rows += [reference] * wanted.repeats
                since = 0
            rows.append(one)
            since += 1
    return found


def _alternatives(profile: Profile, known: Chosen, likely: Sequence[Conditions]) -> list[Outcome]:
    """Dry runs with conditions at the edges and at random in the place of those not known.

    They span the ranges of the plan; a rehearsal cannot, as it is one run.
    """
    wanted = sum(stage.experiments - len(known[stage.name]) for stage in _stages(profile))
    if not wanted:
        return []
    others: list[list[Conditions]] = [[edge] for edge in extremes(profile.space)]
    others += [list(scattered(profile.space, wanted, seed)) for seed in range(SCATTERINGS)]
    if likely:
        draws = np.random.default_rng(0).integers(0, len(likely), (SCATTERINGS, wanted))
        others += [[likely[place] for place in one] for one in draws]
    return [DryRun(profile).campaign(_filled(profile, known, some)) for some in others if some]


def _span(values: Sequence[float]) -> Range:
    return min(values), max(values)


def to_waste_ul(profile: Profile, volumes_ul: Mapping[str, float]) -> float:
    """What of the volumes [µL] of streams reaches the wastes: a gas leaves them."""
    return sum(ul for name, ul in volumes_ul.items() if profile.streams[name].phase != GAS)


def _parts(outcomes: Sequence[Outcome], known: Chosen) -> tuple[PlannedPart, ...]:
    return tuple(
        PlannedPart(
            name=part.name,
            experiments=part.experiments,
            known=len(known.get(part.name, ())),
            time_s=part.time_s,
            time_range_s=_span([one.parts[place].time_s for one in outcomes]),
            ends_s=part.ends_s,
            volumes_ul=part.volumes_ul,
        )
        for place, part in enumerate(outcomes[0].parts)
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


def _assumptions(profile: Profile, expected: Outcome) -> tuple[str, ...]:
    steady = profile.steady
    assert profile.campaign is not None
    good_enough = profile.campaign.stop.objective_above
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
    if profile.campaign.reference is not None:
        repeats = profile.campaign.reference.repeats
        assumptions.append(
            f"no fresh batch of a stock is filled in; each adds {repeats} experiments at the "
            "reference condition"
        )
    if good_enough is not None:
        assumptions.append(f"the campaign does not end before, at an objective of {good_enough:g}")
    return tuple(assumptions)
