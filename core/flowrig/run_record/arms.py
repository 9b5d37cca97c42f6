"""What a campaign and its arms came to: the best so far, the front of several goals."""

from collections.abc import Sequence

from attrs import frozen

from flowrig.journal.events import IncumbentFound
from flowrig.problem.objective import Objective
from flowrig.problem.pareto import Front, ParetoObjective, front_of, goals_of
from flowrig.profile import Campaign
from flowrig.run_record.experiment import Experiment, Incumbent

__all__ = ["ArmResult", "arms_of", "best_so_far", "front_of_experiments"]


@frozen(kw_only=True)
class ArmResult:
    """One arm of a campaign.

    Attributes:
        name: name of the arm.
        planned: number of experiments of its stages.
        experiments: its own measured experiments, in order of time.
        incumbent: by a model of all that the arm learns from; None without such a model.
    """

    name: str
    planned: int
    experiments: Sequence[Experiment]
    incumbent: Incumbent | None

    @property
    def best(self) -> Experiment | None:
        """Its good experiment with the highest measured objective; None without one."""
        sound = [e for e in self.experiments if e.may_be_best]
        return max(sound, key=lambda e: e.objective, default=None)


def best_so_far(experiments: Sequence[Experiment]) -> list[float | None]:
    """The highest objective of a good experiment, after each of some experiments.

    Args:
        experiments: in order of time.

    Returns:
        as many values; None before the first good experiment.
    """
    best, found = None, list[float | None]()
    for one in experiments:
        if one.may_be_best and (best is None or one.objective > best):
            best = one.objective
        found.append(best)
    return found


def front_of_experiments(objective: Objective, experiments: Sequence[Experiment]) -> Front | None:
    """The good experiments that no other one beats in every goal, as measured.

    Args:
        objective: of the campaign.
        experiments: measured ones.

    Returns:
        None if the objective has not several goals.
    """
    if not isinstance(objective, ParetoObjective):
        return None
    found = {e.index: goals_of(objective, e.features) for e in experiments if e.may_be_best}
    return front_of({index: goals for index, goals in found.items() if goals})


def arms_of(
    campaign: Campaign, experiments: Sequence[Experiment], found: IncumbentFound | None
) -> list[ArmResult]:
    """The arms of a campaign in the order of the profile; none where it has no arms.

    Args:
        campaign: the campaign.
        experiments: all measured experiments, in order of time.
        found: the incumbents; None before the campaign is finished.
    """
    by_index = {e.index: e for e in experiments}
    incumbents = {} if found is None else found.arms or {}
    results = []
    for name in campaign.arms:
        incumbent, kept = None, incumbents.get(name)
        if kept is not None and kept.index in by_index and kept.objective_mean is not None:
            incumbent = Incumbent(
                experiment=by_index[kept.index],
                objective_mean=kept.objective_mean,
                objective_sd=float("nan") if kept.objective_sd is None else kept.objective_sd,
            )
        results.append(
            ArmResult(
                name=name,
                planned=sum(s.experiments for s in campaign.stages if s.arm == name),
                experiments=[e for e in experiments if e.decision.arm == name],
                incumbent=incumbent,
            )
        )
    return results
