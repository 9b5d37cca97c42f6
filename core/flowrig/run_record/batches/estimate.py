"""How much the batches of stocks differ, and experiments without that difference.

A batch changes every response by a factor. The reference condition, measured in each batch, gives
its logarithm, as in the correction of analytical batches by samples of quality control (Dunn et
al., Nat. Protoc. 2011, 6, 1060). The factors are shrunk towards 1 by as much as they may be chance
(empirical Bayes: Morris, J. Am. Stat. Assoc. 1983, 78, 47), so that a batch that does not differ
adds no noise.
"""

import math
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from attrs import evolve, field, frozen
from numpy.typing import NDArray

from flowrig.profile import Profile
from flowrig.run_record.batches.fresh import FreshStock
from flowrig.run_record.experiment import Experiment

__all__ = ["Batch", "batch_text", "batches_of", "corrected"]

Array = NDArray[np.float64]

LEAST_FREE = 4
"""Degrees of freedom from which on the scatter of references is used where a profile states none.
"""


@frozen(kw_only=True)
class Batch:
    """A batch, by the reference condition in it.

    Attributes:
        number: from 1.
        streams: whose stock is fresh in it; none in the first.
        first: number of its first experiment.
        references: numbers of the experiments at the reference condition.
        factors: by response, how many times that of the first batch it is, shrunk towards 1; a
            response without enough references, or that is not above 0, is missing.
        sd: standard deviation of the logarithm of each factor, by response.
    """

    number: int
    streams: tuple[str, ...]
    first: int
    references: tuple[int, ...]
    factors: Mapping[str, float] = field(factory=dict)
    sd: Mapping[str, float] = field(factory=dict)

    def as_json(self) -> dict[str, Any]:
        """The batch as `--json` prints it."""
        return {
            "batch": self.number,
            "fresh": list(self.streams),
            "first": self.first,
            "references": list(self.references),
            "factors": {n: {"factor": f, "sd": self.sd[n]} for n, f in self.factors.items()},
        }


def batch_text(one: Batch) -> str:
    """What is known of a batch, in a sentence for reports."""
    told = [f"{n} × {f:.3g} (± {one.sd[n] * f:.2g})" for n, f in one.factors.items()]
    found = ", ".join(told) or "not known yet, without references in it and in the first batch"
    fresh = " and ".join(one.streams)
    return (
        f"Batch {one.number}, fresh {fresh}, from experiment {one.first} on, against the first "
        f"batch: {found}."
    )


def batches_of(
    profile: Profile, experiments: Sequence[Experiment], fresh: Sequence[FreshStock]
) -> list[Batch]:
    """The batches of a run with their factors.

    Args:
        profile: the rig, with its campaign.
        experiments: as measured, in order of time.
        fresh: the changes of batches, in order.

    Returns:
        those in which something was measured; none without a reference condition.
    """
    if profile.campaign is None or profile.campaign.reference is None:
        return []
    groups = _grouped(experiments, fresh)
    found = []
    for number, (place, some) in enumerate(groups.items(), 1):
        references = tuple(e.index for e in some if _is_reference(e))
        begun = max((one for one in groups if one < place), default=place)
        streams = dict.fromkeys(s for one in fresh[begun:place] for s in one.streams)
        first = some[0].index
        found.append(
            Batch(number=number, streams=tuple(streams), first=first, references=references)
        )
    for j, name in enumerate(profile.objective.responses):
        found = _with_factors(found, list(groups.values()), name, profile.rsd[j])
    return found


def corrected(
    profile: Profile, experiments: Sequence[Experiment], fresh: Sequence[FreshStock]
) -> list[Experiment]:
    """Experiments with their responses divided by the factors of their batch.

    What was measured stays beside that. Arguments are those of `batches_of`.
    """
    reference = None if profile.campaign is None else profile.campaign.reference
    if reference is None or not reference.correct or not fresh:
        return list(experiments)
    batches = batches_of(profile, experiments, fresh)
    factors: dict[int, Mapping[str, float]] = {}
    for batch, some in zip(batches, _grouped(experiments, fresh).values(), strict=True):
        factors |= dict.fromkeys((one.index for one in some), batch.factors)
    return [_without(profile, one, factors[one.index]) for one in experiments]


def _without(profile: Profile, one: Experiment, factors: Mapping[str, float]) -> Experiment:
    """An experiment without the factors of its batch."""
    if not factors or not math.isfinite(one.objective):
        return one
    features = {**one.features, **{n: one.features[n] / f for n, f in factors.items()}}
    responses = np.array([features[name] for name in profile.objective.responses])
    objective = float(profile.objective.value(responses))
    if not math.isfinite(objective):
        return one
    return evolve(one, features=features, objective=objective, factors=factors, uncorrected=one)


def _grouped(
    experiments: Sequence[Experiment], fresh: Sequence[FreshStock]
) -> dict[int, list[Experiment]]:
    """The experiments of each batch, by the number of changes before it."""
    changes = [one.sequence for one in fresh]
    groups: dict[int, list[Experiment]] = {}
    for one in sorted(experiments, key=lambda e: e.sequence):
        groups.setdefault(bisect_right(changes, one.sequence), []).append(one)
    return groups


def _is_reference(one: Experiment) -> bool:
    return one.decision.reference and one.is_usable


def _with_factors(
    batches: Sequence[Batch], groups: Sequence[Sequence[Experiment]], name: str, rsd: float
) -> list[Batch]:
    """Batches with the factor of one response; as they are where it cannot be told.

    Args:
        batches: in order.
        groups: the experiments of each.
        name: of the response.
        rsd: its repeatability as a fraction; nan where it is not known.
    """
    logs = {place: found for place, some in enumerate(groups) if len(found := _logs(some, name))}
    if 0 not in logs or len(logs) < 2:
        return list(batches)
    first = logs.pop(0)
    if not math.isfinite(rsd):
        every = [first, *logs.values()]
        free = sum(len(one) - 1 for one in every)
        if free < LEAST_FREE:
            return list(batches)
        rsd = math.sqrt(sum(float(np.square(v - v.mean()).sum()) for v in every) / free)
    differences = np.array([one.mean() - first.mean() for one in logs.values()])
    variances = np.array([rsd**2 * (1.0 / len(one) + 1.0 / len(first)) for one in logs.values()])
    between = max(float(np.mean(np.square(differences) - variances)), 0.0)
    share = between / (between + variances) if between else np.zeros_like(variances)
    changed = list(batches)
    told = zip(logs, share * differences, np.sqrt(share * variances), strict=True)
    for place, difference, sd in [(0, 0.0, 0.0), *told]:
        one = changed[place]
        changed[place] = evolve(
            one,
            factors={**one.factors, name: math.exp(difference)},
            sd={**one.sd, name: float(sd)},
        )
    return changed


def _logs(some: Sequence[Experiment], name: str) -> Array:
    """Logarithms of a response at the reference condition; none where one is not above 0."""
    values = np.array([e.features.get(name, math.nan) for e in some if _is_reference(e)])
    return np.log(values) if len(values) and (values > 0.0).all() else np.empty(0)
