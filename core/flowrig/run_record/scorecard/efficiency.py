"""How much faster and better a run was than a reference: acceleration and enhancement."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
from attrs import frozen

from flowrig.run_record.experiment import Experiment
from flowrig.run_record.scorecard.figure import Figure, not_known

__all__ = [
    "Arm",
    "Efficiency",
    "arm_of",
    "best_of_any",
    "efficiency_of",
    "experiments_to_reach",
    "no_reference",
]


@frozen(kw_only=True)
class Arm:
    """Objective values in the order of the experiments.

    Attributes:
        name: in words.
        values: objective of each experiment; nan where it was not good, which still counts as an
            experiment.
        exchangeable: whether no condition depends on a result of the arm, so that any order of the
            experiments is as likely as the one that was taken.
    """

    name: str
    values: tuple[float, ...]
    exchangeable: bool


@frozen(kw_only=True)
class Efficiency:
    """A run beside a reference.

    Attributes:
        run: the compared experiments, in words.
        reference: the reference, in words; "" without one.
        target: the objective at which experiments are counted: the best of the reference.
        acceleration: AF, experiments of the reference over those of the run until the target.
        at_least: lower limit of AF at the best of the run, which the reference has not reached; not
            known where it has.
        enhancement: EF, best of the run over best of the reference after `experiments` of each.
        difference: the same as a difference, in the unit of the objective.
        experiments: how many experiments EF counts.
    """

    run: str
    reference: str
    target: Figure
    acceleration: Figure
    at_least: Figure
    enhancement: Figure
    difference: Figure
    experiments: int


def arm_of(experiments: Sequence[Experiment], name: str, batches: Mapping[str, bool]) -> Arm:
    """An arm of experiments, in the order of their numbers.

    It is exchangeable if no model was asked for any of them, and each of its stages chose all of
    its conditions at once.

    Args:
        experiments: those of the arm.
        name: of the arm, in words.
        batches: by stage, whether it chooses all of its conditions at once.
    """
    ordered = sorted(experiments, key=lambda one: one.index)
    at_once = all(batches.get(one.decision.stage, False) for one in ordered)
    return Arm(
        name=name,
        values=tuple(e.objective if e.quality == "good" else math.nan for e in ordered),
        exchangeable=at_once and not any(one.decision.was_predicted for one in ordered),
    )


def experiments_to_reach(arm: Arm, target: float) -> float:
    """Number of experiments until an arm first reaches an objective; infinite if it does not.

    Of an exchangeable arm with `k` of `m` values that reach it, the expected number over all
    orders, `(m + 1) / (k + 1)`.
    """
    reached = [value >= target for value in arm.values]  # nan reaches nothing
    count = sum(reached)
    if not count:
        return math.inf
    return (len(reached) + 1) / (count + 1) if arm.exchangeable else reached.index(True) + 1.0


def best_of_any(values: Sequence[float], count: int) -> float:
    """Expected largest of `count` values drawn without replacement; nan counts as the smallest.

    `sum over i of y_i C(i - 1, count - 1) / C(m, count)`, with the `m` values in rising order.
    """
    array = np.asarray(values, dtype=float)
    finite = array[np.isfinite(array)]
    if not finite.size:
        return math.nan
    ordered = np.sort(np.where(np.isfinite(array), array, finite.min()))
    total = math.comb(len(ordered), count)
    shares = [math.comb(place, count - 1) / total for place in range(len(ordered))]
    return float(np.dot(shares, ordered))


def _best_after(arm: Arm, count: int) -> float:
    if arm.exchangeable:
        return best_of_any(arm.values, count)
    found = [value for value in arm.values[:count] if math.isfinite(value)]
    return max(found, default=math.nan)


def no_reference(why: str) -> Efficiency:
    """Nothing is known of the efficiency."""
    nothing = not_known(why)
    return Efficiency(
        run="",
        reference="",
        target=nothing,
        acceleration=nothing,
        at_least=nothing,
        enhancement=nothing,
        difference=nothing,
        experiments=0,
    )


def efficiency_of(run: Arm, reference: Arm, unit: str = "") -> Efficiency:
    """Acceleration and enhancement of a run against a reference.

    Args:
        run: the arm to be judged.
        reference: a random arm, or any other.
        unit: of the objective.
    """
    best = [max(filter(math.isfinite, one.values), default=math.nan) for one in (run, reference)]
    if not all(map(math.isfinite, best)):
        lacking = run.name if math.isnan(best[0]) else reference.name
        return no_reference(f"{lacking} has no good experiment")
    count = min(len(run.values), len(reference.values))
    after, other = _best_after(run, count), _best_after(reference, count)
    return Efficiency(
        run=run.name,
        reference=reference.name,
        target=Figure(best[1], unit, "the best of the reference"),
        acceleration=_acceleration(run, reference, best[1]),
        at_least=_lower_limit(run, reference, best[0]),
        enhancement=_ratio(after, other, count),
        difference=Figure(after - other, unit, f"after {count} experiments of each"),
        experiments=count,
    )


def _acceleration(run: Arm, reference: Arm, target: float) -> Figure:
    needed, other = experiments_to_reach(run, target), experiments_to_reach(reference, target)
    if math.isinf(needed):
        return not_known(f"the run did not reach the target; the reference took {other:.3g}")
    how = "expected over all orders" if reference.exchangeable else "in its order"
    return Figure(other / needed, "", f"{other:.3g} experiments, {how}, over {needed:.3g}")


def _lower_limit(run: Arm, reference: Arm, best: float) -> Figure:
    if math.isfinite(experiments_to_reach(reference, best)):
        return not_known("the reference reaches the best of the run")
    needed, tried = experiments_to_reach(run, best), len(reference.values)
    note = f"the reference did not reach it in {tried} experiments, the run in {needed:.3g}"
    return Figure(tried / needed, "", note)


def _ratio(after: float, other: float, count: int) -> Figure:
    if not (after > 0.0 and other > 0.0):
        return not_known("a ratio says nothing where a value is not more than 0")
    return Figure(after / other, "", f"after {count} experiments of each")
