"""The mean of several dry runs of one campaign."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from math import fsum

import numpy as np
from attrs import evolve

from flowrig.planning.dry_run import Outcome, Part
from flowrig.run_record.scorecard.times import ExperimentTimes, TimeShares

__all__ = ["average"]


def average(outcomes: Sequence[Outcome]) -> Outcome:
    """Mean times and volumes; what happens at a certain time is that of the dry run nearest to it.

    Args:
        outcomes: at least one; all have the same stages with the same numbers of experiments.
    """
    volumes_ul = _mean(one.volumes_ul for one in outcomes)
    time_s = float(np.mean([one.time_s for one in outcomes]))

    def away(one: Outcome) -> float:
        volumes = (one.volumes_ul[name] / ul - 1.0 for name, ul in volumes_ul.items() if ul)
        return abs(one.time_s / time_s - 1.0) + sum(map(abs, volumes))

    return evolve(
        min(outcomes, key=away),
        parts=tuple(map(_mean_part, zip(*(one.parts for one in outcomes), strict=True))),
        time=_mean_times([one.time for one in outcomes]),
        volumes_ul=volumes_ul,
    )


def _mean(amounts: Iterable[Mapping[str, float]]) -> dict[str, float]:
    """Means by name; what has no name somewhere is 0 there."""
    rows = list(amounts)
    names = dict.fromkeys(name for row in rows for name in row)
    return {name: fsum(row.get(name, 0.0) for row in rows) / len(rows) for name in names}


def _mean_part(parts: Sequence[Part]) -> Part:
    def mean(value: Callable[[Part], float]) -> float:
        return float(np.mean([value(one) for one in parts]))

    return evolve(
        parts[0],
        time_s=mean(lambda one: one.time_s),
        ends_s=mean(lambda one: one.ends_s),
        volumes_ul=_mean(one.volumes_ul for one in parts),
    )


def _mean_times(times: Sequence[TimeShares]) -> TimeShares:
    by_index = [{one.index: one.seconds for one in some.experiments} for some in times]
    indices = sorted({index for some in by_index for index in some})
    return TimeShares(
        total_s=float(np.mean([one.total_s for one in times])),
        seconds=_mean(one.seconds for one in times),
        experiments=tuple(
            ExperimentTimes(index, _mean(some.get(index, {}) for some in by_index))
            for index in indices
        ),
        between=_mean(one.between for one in times),
    )
