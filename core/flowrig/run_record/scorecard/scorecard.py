"""The scorecard of a run, from its journal alone; formulas and sources are in docs/scorecard.md."""

import math
from collections.abc import Mapping
from typing import Any

from attrs import asdict, frozen

from flowrig.errors import InputError
from flowrig.journal.events import (
    Calibrated,
    ChangedElsewhere,
    CutLiquid,
    Ended,
    ExperimentBegun,
    GateOpened,
    HandAsked,
    HandDone,
    HoldBegun,
    Intent,
    Opened,
    OperatorAsked,
    Outcome,
    ResultEntered,
    Resumed,
    SafeStateSought,
    Skipped,
    StageBegun,
    StepBegun,
    WentOn,
)
from flowrig.journal.journal import AnyEvent
from flowrig.problem.pareto import ParetoObjective
from flowrig.profile import Profile
from flowrig.run_record.experiment import Experiment
from flowrig.run_record.reader import RunRecord
from flowrig.run_record.scorecard.accessible import AccessibleSpace, accessible_space
from flowrig.run_record.scorecard.efficiency import (
    Arm,
    Efficiency,
    arm_of,
    efficiency_of,
    no_reference,
)
from flowrig.run_record.scorecard.figure import Figure, not_known
from flowrig.run_record.scorecard.materials import (
    Materials,
    delivered_in,
    materials_of,
    theoretical_lifetime,
)
from flowrig.run_record.scorecard.people import (
    Autonomy,
    Intervention,
    autonomy_of,
    interventions_in,
    unassisted,
)
from flowrig.run_record.scorecard.precision import Precision, precision_of
from flowrig.run_record.scorecard.times import TimeShares, time_shares

__all__ = ["Lifetime", "Scorecard", "Throughput", "scorecard_of", "split_arms"]

_READ = (
    Calibrated,
    ChangedElsewhere,
    CutLiquid,
    Ended,
    ExperimentBegun,
    GateOpened,
    HandAsked,
    HandDone,
    HoldBegun,
    Opened,
    OperatorAsked,
    Outcome,
    ResultEntered,
    Resumed,
    SafeStateSought,
    Skipped,
    StageBegun,
    StepBegun,
    WentOn,
)
"""Kinds of events that a scorecard is made from; readings are most of a journal, and not needed."""

WAITS = ("hold", "decision", "refill")
"""Shares of the time of an experiment that do not count in the theoretical throughput."""


@frozen(kw_only=True)
class Lifetime:
    """How long the rig ran, and how long it could have.

    Attributes:
        demonstrated_unassisted: longest rig time without a person.
        demonstrated_assisted: rig time of the whole run.
        theoretical_unassisted: time until the first supply is empty or waste is full.
        theoretical_assisted: the same with a person who refills and empties.
        interventions: what people did.
    """

    demonstrated_unassisted: Figure
    demonstrated_assisted: Figure
    theoretical_unassisted: Figure
    theoretical_assisted: Figure
    interventions: tuple[Intervention, ...]


@frozen(kw_only=True)
class Throughput:
    """How many results the rig gives in an hour.

    Attributes:
        demonstrated: measured experiments over the rig time from the first to the last of them.
        theoretical: of the fastest experiment of the run, without waits and decisions.
        product_ml_h: flow rate of the reactive phase at the best condition.
        product_mmol_h: amount of each species that it carries, where `contains` gives it.
    """

    demonstrated: Figure
    theoretical: Figure
    product_ml_h: Figure
    product_mmol_h: Mapping[str, float]


@frozen(kw_only=True)
class Scorecard:
    """The metrics of a run.

    Attributes:
        autonomy: the degree of autonomy.
        lifetime: operational lifetime.
        throughput: results and product in an hour.
        precision: spread of repeated measurements.
        materials: liquid used.
        space: the accessible space.
        efficiency: acceleration and enhancement against a reference.
        hypervolume: of the front of an objective with several goals.
        time: where the rig time goes.
    """

    autonomy: Autonomy
    lifetime: Lifetime
    throughput: Throughput
    precision: Precision
    materials: Materials
    space: AccessibleSpace
    efficiency: Efficiency
    hypervolume: Figure
    time: TimeShares

    def as_json(self) -> dict[str, Any]:
        """The scorecard as `flowrig report --json` prints it."""
        return {**asdict(self), "time": self.time.as_json()}


def scorecard_of(record: RunRecord, against: RunRecord | str | None = None) -> Scorecard:
    """The scorecard of a run.

    Args:
        record: the run, finished or under way.
        against: the reference for its efficiency: another run, or the name of a stage or an arm of
            this one. None takes the arms of this run that asked no model; in a run without arms
            the stages that chose all conditions at once, without a model.

    Raises:
        InputError: there is no such stage or arm, or the other run has another objective.
    """
    experiments, profile = record.experiments(), record.profile
    newest = record.journal.last()
    end_s = 0.0 if newest is None else newest.time_s
    selected = any(stream.selector is not None for stream in profile.streams.values())
    kinds = (*_READ, Intent) if selected else _READ
    events = list(record.journal.events(*kinds))
    times = time_shares(events, experiments, end_s)
    people = interventions_in(events, experiments, end_s)
    used_ul = delivered_in(profile, events)
    return Scorecard(
        autonomy=autonomy_of(experiments, people),
        lifetime=_lifetime(people, _until_empty(profile, experiments, events), end_s),
        throughput=_throughput(record, times),
        precision=precision_of(profile, record.settled()),
        materials=materials_of(
            profile, used_ul, len(experiments), sum(e.quality == "good" for e in experiments)
        ),
        space=accessible_space(profile.space),
        efficiency=_efficiency(record, against),
        hypervolume=_hypervolume(record),
        time=times,
    )


def _lifetime(people: tuple[Intervention, ...], until_empty: Figure, end_s: float) -> Lifetime:
    longest = unassisted(people, end_s)
    begun, ended = (time_s / 3600 for time_s in (longest.begun_s, longest.ended_s))
    count = "one intervention" if len(people) == 1 else f"{len(people) or 'no'} interventions"
    return Lifetime(
        demonstrated_unassisted=Figure(
            longest.length_s / 3600, "h", f"from {begun:.2f} h to {ended:.2f} h"
        ),
        demonstrated_assisted=Figure(end_s / 3600, "h", f"the whole run, with {count}"),
        theoretical_unassisted=until_empty,
        theoretical_assisted=not_known(
            "a person can refill and empty without end, and a journal does not say what wears out",
            "h",
        ),
        interventions=people,
    )


def _until_empty(profile: Profile, experiments: list[Experiment], events: list[AnyEvent]) -> Figure:
    """The theoretical unassisted lifetime, by what flowed in the experiments and before them."""
    if not experiments:
        return theoretical_lifetime(profile, {}, {}, 0, 0.0)
    first_s = min(one.started_s for one in experiments)
    last_s = max(one.ended_s for one in experiments)
    parts = (
        [one for one in events if one.time_s <= first_s],
        [one for one in events if first_s < one.time_s <= last_s],
    )
    before_ul, used_ul = (
        {name: math.fsum(some.values()) for name, some in delivered_in(profile, part).items()}
        for part in parts
    )
    return theoretical_lifetime(profile, used_ul, before_ul, len(experiments), last_s - first_s)


def _throughput(record: RunRecord, times: TimeShares) -> Throughput:
    # A study may look at one liquid again and again; only its other points are experiments.
    experiments = record.settled() or record.experiments()
    measured = {one.index for one in experiments}
    working_s = {
        one.index: math.fsum(s for share, s in one.seconds.items() if share not in WAITS)
        for one in times.experiments
        if one.index in measured
    }
    lasting_s = {index: time_s for index, time_s in working_s.items() if time_s > 0.0}
    if not lasting_s:
        nothing = not_known("nothing was measured", "1/h")
        return Throughput(
            demonstrated=nothing,
            theoretical=nothing,
            product_ml_h=not_known("nothing was measured", "mL/h"),
            product_mmol_h={},
        )
    fastest = min(lasting_s, key=lambda index: lasting_s[index])
    span_s = max(e.ended_s for e in experiments) - min(e.started_s for e in experiments)
    return Throughput(
        demonstrated=Figure(
            3600 * len(experiments) / span_s,
            "1/h",
            f"{len(experiments)} experiments in {span_s / 3600:.2f} h",
        )
        if span_s > 0.0
        else not_known("the experiments took no time", "1/h"),
        theoretical=Figure(
            3600 / lasting_s[fastest],
            "1/h",
            f"experiment {fastest} took {lasting_s[fastest]:.0f} s, the shortest",
        ),
        **_product(record),
    )


def _product(record: RunRecord) -> dict[str, Any]:
    """Flow of the reactive phase at the best condition, and of the species in it."""
    best, incumbent = record.best(), record.incumbent()
    shown = best if incumbent is None else incumbent.experiment
    if shown is None:
        return {
            "product_ml_h": not_known("no experiment is good", "mL/h"),
            "product_mmol_h": {},
        }
    streams = record.profile.streams
    flows = record.profile.flow_rates_ul_min(shown.conditions)
    reactive = {name: q for name, q in flows.items() if streams[name].phase == "reactive"}
    species: dict[str, float] = {}
    for name, rate in reactive.items():
        for one, mol_l in streams[name].contains_mol_l.items():
            species[one] = species.get(one, 0.0) + 0.06 * rate * mol_l  # µL/min, mmol/mL
    return {
        "product_ml_h": Figure(
            0.06 * math.fsum(reactive.values()),
            "mL/h",
            f"reactive phase at the conditions of experiment {shown.index}",
        ),
        "product_mmol_h": species,
    }


def _hypervolume(record: RunRecord) -> Figure:
    """The hypervolume of the front, with its reference point."""
    objective, front = record.profile.objective, record.front()
    if front is None or not isinstance(objective, ParetoObjective):
        return not_known("the objective is one number")
    count = len(front.members)
    point = ", ".join(f"{goal.name} {goal.worst:g}" for goal in objective.goals)
    noun = "experiment" if count == 1 else "experiments"
    return Figure(front.hypervolume, "", f"{count} {noun} on the front; reference point: {point}")


def _efficiency(record: RunRecord, against: RunRecord | str | None) -> Efficiency:
    experiments, objective = record.chosen(), record.profile.objective
    batches = _batches(record)
    if isinstance(against, RunRecord):
        other = against.profile.objective
        if (other.name, other.unit) != (objective.name, objective.unit):
            raise InputError(
                f"{against.folder} has the objective {other.name!r}, and {record.folder} "
                f"{objective.name!r}; compare runs with the same objective"
            )
        if isinstance(objective, ParetoObjective) and other != objective:
            raise InputError(
                f"the goals of {against.folder} are not those of {record.folder}; compare runs "
                "with the same goals, and the same `worst` and `best` of each"
            )
        reference = arm_of(against.chosen(), f"the run {against.folder.name}", _batches(against))
        return efficiency_of(
            arm_of(experiments, "all experiments", batches), reference, objective.unit
        )
    if against is not None and against not in (*batches, *record.campaign.arms):
        known = ", ".join((*batches, *record.campaign.arms))
        raise InputError(
            f"{against!r} is neither the folder of a run nor a stage or an arm of "
            f"{record.folder}; it has {known}"
        )
    found = split_arms(experiments, batches, against)
    if found is None:
        return no_reference(
            "the run has no arm, and no stage that chose all of its conditions at once, that asked "
            "no model, beside others that did; name a reference with --against"
        )
    return efficiency_of(*found, objective.unit)


def _batches(record: RunRecord) -> dict[str, bool]:
    """By stage with an optimizer, whether it chooses all of its conditions at once."""
    stages = (one for one in record.campaign.stages if not one.is_study)
    return {one.name: one.batch >= one.experiments for one in stages}


def split_arms(
    experiments: list[Experiment], batches: Mapping[str, bool], against: str | None
) -> tuple[Arm, Arm] | None:
    """The experiments of a run that are judged, and those of its own that are the reference.

    An arm is judged against an arm, without the stages that both have learned from.

    Args:
        experiments: those that were measured.
        batches: by stage, whether it chooses all of its conditions at once.
        against: name of an arm or a stage that is the reference; None for the usual one.

    Returns:
        what is judged and its reference; None if one of them has no experiment.
    """
    arms = {one.decision.arm for one in experiments} - {None}
    by_arm = bool(arms) and (against is None or against in arms)
    groups = _grouped(experiments, by_arm)
    learned = {n for n, some in groups.items() if any(e.decision.was_predicted for e in some)}
    if against is not None:
        chosen, others = {against}, groups.keys() - {against}
        judged = (others & learned) or others
    else:
        chosen = {n for n in groups if n not in learned and (by_arm or batches.get(n, False))}
        judged = learned
    run, reference = (
        [one for name, some in groups.items() if name in names for one in some]
        for names in (judged, chosen)
    )
    if not (run and reference):
        return None
    before = sum(one.index < run[0].index for one in reference)
    informed = f", informed by {before} experiments before" if before and not by_arm else ""
    what = "arm" if by_arm else "stage"
    named = [", ".join(name for name in groups if name in names) for names in (judged, chosen)]
    return (
        arm_of(run, f"{what} {named[0]}{informed}", batches),
        arm_of(reference, f"{what} {named[1]} of the same run", batches),
    )


def _grouped(experiments: list[Experiment], by_arm: bool) -> dict[str, list[Experiment]]:
    """Experiments by arm, without those of no arm; or by stage."""
    groups: dict[str, list[Experiment]] = {}
    for one in experiments:
        name = one.decision.arm if by_arm else one.decision.stage
        if name is not None:
            groups.setdefault(name, []).append(one)
    return groups
