"""What a campaign will take, with nothing moving: time, volumes, refills and limits."""

from collections.abc import Mapping, Sequence

import numpy as np
from attrs import evolve, frozen

from flowrig.errors import InputError, OutOfRangeError
from flowrig.planning.dry_run import DryRun, Emptying, Outcome, Question, Refill
from flowrig.planning.heating_time import AMBIENT_C
from flowrig.planning.known_conditions import Conditions, centre, extremes, foreseen, scattered
from flowrig.problem.space import LinearConstraint
from flowrig.profile import Profile, Stage

__all__ = ["Plan", "PlannedPart", "plan_campaign"]

SCATTERINGS = 6
"""How many random choices of unknown conditions the ranges span, besides the extremes."""

SHARES = 4096
"""Random points of the box of bounds, of which the share that can be reached is counted."""

Range = tuple[float, float]
Chosen = Mapping[str, Sequence[Conditions]]


@frozen(kw_only=True)
class PlannedPart:
    """A stage of the campaign, or what comes before and after.

    Attributes:
        name: the stage, "calibration" or "safe state".
        experiments: how many.
        known: of how many the conditions are known in advance.
        time_s: how long it takes [s].
        time_range_s: shortest and longest [s], as far as conditions are not known.
        ends_s: rig time [s] at its end.
        volumes_ul: what it delivers [µL], by stream.
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
    """What a campaign will take.

    Attributes:
        profile: name of the rig.
        seed: of the run that is planned.
        experiments: how many all stages ask for.
        known: of how many the conditions are known in advance.
        time_s: from the start to the safe state [s], without the time of people and computers.
        time_range_s: shortest and longest [s], as far as conditions are not known.
        parts: calibration, stages and safe state, in order.
        volumes_ul: what each stream delivers [µL].
        volume_ranges_ul: least and most [µL] of each.
        waste_ul: what reaches the waste [µL].
        waste_range_ul: least and most [µL].
        refills: when the run will hold for which syringe.
        emptyings: when it will hold for which waste.
        questions: what it will ask at gates, and when.
        problems: limits that would be hit, and conditions that cannot be reached; sentences.
        reachable: share of the box of bounds that keeps to every constraint.
        constraints: share of the box that each constraint leaves by itself, by its label.
        assumptions: what the plan takes for granted; sentences.
    """

    profile: str
    seed: int
    experiments: int
    known: int
    time_s: float
    time_range_s: Range
    parts: tuple[PlannedPart, ...]
    volumes_ul: Mapping[str, float]
    volume_ranges_ul: Mapping[str, Range]
    waste_ul: float
    waste_range_ul: Range
    refills: tuple[Refill, ...]
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

    Conditions that do not depend on results are those of the run with this seed. The others are
    taken where a model expects the best, if somebody has asked one, and else in the middle of the
    search space. Ranges span what they may be instead: all at one edge of the space, or jumping
    about in it.

    Args:
        profile: the rig, with a campaign.
        seed: of the run; the campaign's own by default.
        decided: conditions that a run has chosen already, by stage.
        likely: what may be chosen where results decide, as
            `flowrig.planning.expected_conditions` draws it.

    Raises:
        InputError: the profile has no campaign.
    """
    if profile.campaign is None:
        raise InputError(f"{profile.name} has no [campaign]; name a campaign file instead")
    seed = profile.campaign.seed if seed is None else seed
    chosen, problems = _chosen(profile, seed, decided or {})
    filled = _filled(profile, chosen, likely or [centre(profile.space)])
    expected = DryRun(profile).campaign(filled)
    possible = [expected, *_alternatives(profile, chosen, likely)]
    if profile.residence_time.stationary is not None:
        possible.append(DryRun(profile, drifting=True).campaign(filled))
    reachable, constraints = _shares(profile)
    waste_ul = [sum(one.volumes_ul.values()) for one in possible]
    return Plan(
        profile=profile.name,
        seed=seed,
        experiments=profile.campaign.experiments,
        known=sum(map(len, chosen.values())),
        time_s=expected.time_s,
        time_range_s=_span([one.time_s for one in possible]),
        parts=_parts(possible, chosen),
        volumes_ul=expected.volumes_ul,
        volume_ranges_ul={
            s: _span([one.volumes_ul[s] for one in possible]) for s in profile.streams
        },
        waste_ul=waste_ul[0],
        waste_range_ul=_span(waste_ul),
        refills=expected.refills,
        emptyings=expected.emptyings,
        questions=expected.questions,
        problems=tuple(dict.fromkeys((*problems, *expected.problems))),
        reachable=reachable,
        constraints=constraints,
        assumptions=_assumptions(profile, expected),
    )


def _chosen(
    profile: Profile, seed: int, decided: Chosen
) -> tuple[dict[str, list[Conditions]], list[str]]:
    """The conditions of each stage that are known, and what is wrong with optimizers."""
    chosen: dict[str, list[Conditions]] = {}
    problems: list[str] = []
    earlier: list[Conditions] = []
    middle = centre(profile.space)
    for stage in _stages(profile):
        known = list(decided.get(stage.name, ()))
        try:
            known = foreseen(profile, stage, seed, earlier, known)
        except OutOfRangeError as error:
            problems.append(
                f"{stage.name}: the optimizer {stage.offer.name!r} ends the run: {error}"
            )
        chosen[stage.name] = known
        earlier += [*known, *[middle] * (stage.experiments - len(known))]
    return chosen, problems


def _stages(profile: Profile) -> tuple[Stage, ...]:
    assert profile.campaign is not None
    return profile.campaign.stages


def _filled(
    profile: Profile, chosen: Chosen, unknown: Sequence[Conditions]
) -> dict[str, list[Conditions]]:
    """Conditions of every experiment; for those that are not known, some are taken in turn."""
    filled: dict[str, list[Conditions]] = {}
    taken = 0
    for stage in _stages(profile):
        conditions = list(chosen[stage.name])
        while len(conditions) < stage.experiments:
            conditions.append(unknown[taken % len(unknown)])
            taken += 1
        filled[stage.name] = conditions
    return filled


def _alternatives(profile: Profile, chosen: Chosen, likely: Sequence[Conditions]) -> list[Outcome]:
    """The campaign with other conditions in the place of those that are not known."""
    wanted = sum(stage.experiments - len(chosen[stage.name]) for stage in _stages(profile))
    if not wanted:
        return []
    others: list[list[Conditions]] = [[edge] for edge in extremes(profile.space)]
    others += [list(scattered(profile.space, wanted, seed)) for seed in range(SCATTERINGS)]
    if likely:
        draws = np.random.default_rng(0).integers(0, len(likely), (SCATTERINGS, wanted))
        others += [[likely[place] for place in one] for one in draws]
    return [DryRun(profile).campaign(_filled(profile, chosen, some)) for some in others]


def _span(values: Sequence[float]) -> Range:
    return min(values), max(values)


def _parts(likely: Sequence[Outcome], chosen: Chosen) -> tuple[PlannedPart, ...]:
    return tuple(
        PlannedPart(
            name=part.name,
            experiments=part.experiments,
            known=len(chosen.get(part.name, ())),
            time_s=part.time_s,
            time_range_s=_span([one.parts[place].time_s for one in likely]),
            ends_s=part.ends_s,
            volumes_ul=part.volumes_ul,
        )
        for place, part in enumerate(likely[0].parts)
    )


def _shares(profile: Profile) -> tuple[float, dict[str, float]]:
    space = profile.space
    X = space.from_unit(np.random.default_rng(0).random((SHARES, len(space.names))))

    def share(constraint: LinearConstraint) -> float:
        return float(evolve(space, constraints=(constraint,)).feasible(X).mean())

    return float(space.feasible(X).mean()), {c.label: share(c) for c in space.constraints}


def _assumptions(profile: Profile, expected: Outcome) -> tuple[str, ...]:
    steady = profile.steady
    assert profile.campaign is not None
    good_enough = profile.campaign.stop.objective_above
    told = [
        "every syringe is full at the start, and every waste empty",
        f"heaters begin at {AMBIENT_C:g} °C, heat at {steady.heating_c_min:g} °C/min, cool at "
        f"{steady.cooling_c_min:g} °C/min and settle within {steady.settling_s:g} s: "
        "heating, cooling and settling in [steady]",
        "neither the answers of instruments nor the choice of conditions take time",
    ]
    if profile.residence_time.stationary is not None:
        told.append("features stand still as soon as that can be known; the ranges end with none")
    if expected.refills or expected.emptyings or expected.questions:
        told.append(
            "a person does at once what the run waits for, and only with the syringes and wastes "
            "that are named"
        )
    if good_enough is not None:
        told.append(f"the campaign does not end before, at a figure of merit of {good_enough:g}")
    return tuple(told)
