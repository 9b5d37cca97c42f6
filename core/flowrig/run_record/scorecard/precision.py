"""Precision from replicates, or the repeatability that the profile states."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
from attrs import field, frozen
from numpy.typing import NDArray

from flowrig.problem.space import Space
from flowrig.profile import Profile
from flowrig.run_record.experiment import Experiment

__all__ = ["Precision", "pooled_rsd", "precision_of", "replicates"]

SAME_WITHIN = 0.01
"""Conditions closer than this share of every range are the same, as for the symptom "same-again":
an optimizer that settles comes back to a condition with other last digits."""


@frozen(kw_only=True)
class Precision:
    """Spread of repeated measurements at the same conditions.

    Attributes:
        source: "replicates", "stated", or "not known".
        rsd_percent: by the name of the objective, and by feature: relative standard deviation [%].
        stated_percent: by feature, the repeatability [%] that the profile states.
        conditions: how many conditions were measured more than once.
        experiments: how many experiments these are.
        alternated: whether other conditions were measured between all replicates of each condition,
            so that the memory of the rig is in the spread.
        note: in words.
    """

    source: str
    rsd_percent: Mapping[str, float] = field(factory=dict)
    stated_percent: Mapping[str, float] = field(factory=dict)
    conditions: int = 0
    experiments: int = 0
    alternated: bool = False
    note: str = ""

    @property
    def degrees_of_freedom(self) -> int:
        """Of the pooled standard deviation: replicates less conditions."""
        return self.experiments - self.conditions


def replicates(space: Space, experiments: Sequence[Experiment]) -> list[list[int]]:
    """Places of experiments with the same conditions, those of at least two, in order.

    An experiment joins the first group whose first member lies within `SAME_WITHIN` of it.
    """
    if len(experiments) < 2:
        return []
    X = space.to_unit(space.array([one.conditions for one in experiments]))
    groups: list[list[int]] = []
    firsts = np.empty_like(X)
    for place, row in enumerate(X):
        near = np.abs(firsts[: len(groups)] - row).max(axis=1) <= SAME_WITHIN
        if near.any():
            groups[int(np.argmax(near))].append(place)
        else:
            firsts[len(groups)] = row
            groups.append([place])
    return [group for group in groups if len(group) > 1]


def pooled_rsd(groups: Sequence[NDArray[np.float64]]) -> float:
    """Pooled relative standard deviation of groups of repeated measurements.

    `sqrt(sum((n_g - 1) (s_g / m_g)²) / sum(n_g - 1))`, with the number `n_g`, mean `m_g` and sample
    standard deviation `s_g` of a group.

    Args:
        groups: finite measurements, each group of at least two.

    Returns:
        as a fraction; nan if there is no group, or a mean is 0.
    """
    free = sum(len(group) - 1 for group in groups)
    if not free or any(group.mean() == 0.0 for group in groups):
        return math.nan
    spread = sum((len(g) - 1) * float(g.std(ddof=1) / g.mean()) ** 2 for g in groups)
    return math.sqrt(spread / free)


def precision_of(profile: Profile, experiments: Sequence[Experiment]) -> Precision:
    """Precision from the replicates of a run, else from the profile.

    Args:
        profile: the rig.
        experiments: those that were measured; only good ones in their steady state count.
    """
    sound = [e for e in experiments if e.quality == "good" and e.decision.settles]
    good = sorted(sound, key=lambda one: one.index)
    groups = replicates(profile.space, good)
    found = {}
    for name in dict.fromkeys((profile.objective.name, *_names(good))):
        values = [np.array([_value(good[place], name) for place in group]) for group in groups]
        finite = [one[np.isfinite(one)] for one in values]
        rsd = pooled_rsd([one for one in finite if len(one) > 1])
        if math.isfinite(rsd):
            found[name] = 100.0 * rsd
    stated = dict(profile.analysis.repeatability_percent)
    if found:
        indices = [[good[place].index for place in group] for group in groups]
        return _of_replicates(found, stated, indices)
    return Precision(
        source="stated" if stated else "not known",
        rsd_percent=stated,
        stated_percent=stated,
        note="no condition was measured twice; the profile states "
        + ("this repeatability" if stated else "no repeatability"),
    )


def _of_replicates(
    found: Mapping[str, float], stated: Mapping[str, float], groups: Sequence[Sequence[int]]
) -> Precision:
    count = sum(map(len, groups))
    alternated = all(np.diff(group).min() > 1 for group in groups)
    order = "with other conditions between all of them" if alternated else "some directly in turn"
    places = "one condition" if len(groups) == 1 else f"{len(groups)} conditions"
    return Precision(
        source="replicates",
        rsd_percent=found,
        stated_percent=stated,
        conditions=len(groups),
        experiments=count,
        alternated=alternated,
        note=f"{count} good experiments at {places}, {order}; "
        f"{count - len(groups)} degrees of freedom",
    )


def _names(experiments: Sequence[Experiment]) -> list[str]:
    return list(dict.fromkeys(name for one in experiments for name in one.features))


def _value(experiment: Experiment, name: str) -> float:
    if name in experiment.features:
        return experiment.features[name]
    return experiment.objective
