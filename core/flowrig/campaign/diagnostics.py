"""Symptoms of a campaign that learns less than it could.

The symptoms themselves are functions of arrays. Letters: `n` experiments, `d` conditions.
"""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from flowrig.measurement.scans import unlike_line
from flowrig.problem.space import Space
from flowrig.run_record.experiment import Experiment

__all__ = [
    "Symptom",
    "drift",
    "experiment_symptoms",
    "explained_share",
    "explains_nothing",
    "line_blocked",
    "many_failed",
    "same_again",
    "without_effect",
]

Array = NDArray[np.float64]

SAME_WITHIN = 0.01
"""Conditions closer than this share of every range are the same."""
AGAIN = 5
"""Experiments at the same conditions from which on they are a symptom."""
MOST_CENTRES = 64
"""Most experiments whose neighbours are counted."""
LEAST_FAILED = 3
"""Failed experiments below which they are no symptom, however few were done."""
FAILED_SHARE = 0.2
"""Largest share of failed experiments that is no symptom."""
DIAGNOSTICS_MIN_EXPERIMENTS = 20
"""Number of experiments below which the score of a model, or a trend, is mostly chance."""
IN_A_ROW = 2
"""Experiments in a row in which a line is unlike the others before it is called blocked; in a
single one it may not have been filled yet."""
LEAST_EXPLAINED = 0.1
"""Share of the variance up to which a model is no better than the mean."""
ENOUGH_EXPLAINED = 0.5
"""Share of the variance from which on a model shows which conditions matter."""
NO_EFFECT = 0.03
"""Change of predictions, in their standard deviations, up to which a condition has no effect."""
SHUFFLES = 5
"""Random orders of a condition that are averaged."""
TREND_SD = 3.5
"""Standard deviations of chance from which on a trend is a symptom; by chance it is reached in one
run of two thousand."""


@frozen
class Symptom:
    """A sign of trouble that the operator should know of.

    Attributes:
        kind: its name, the same for all texts of this kind.
        text: one sentence for people, without a full stop.
    """

    kind: str
    text: str


def experiment_symptoms(
    space: Space, experiments: Sequence[Experiment], *, only_newest: bool = False
) -> list[Symptom]:
    """The symptoms that show without a model.

    Args:
        space: the search space.
        experiments: all that were measured.
        only_newest: whether each earlier experiment had its turn, so that of repeated conditions
            only those of the newest have to be counted.
    """
    X = space.to_unit(space.array([experiment.conditions for experiment in experiments]))
    indices = [experiment.index for experiment in experiments]
    found = (
        same_again(X, indices, [len(X) - 1] if only_newest and len(X) else None),
        many_failed([experiment.quality != "bad" for experiment in experiments]),
        *line_blocked([experiment.flags for experiment in experiments]),
    )
    return [symptom for symptom in found if symptom is not None]


def same_again(
    X: Array, indices: Sequence[int], centres: Sequence[int] | None = None
) -> Symptom | None:
    """The same conditions were chosen again and again.

    The time grows in proportion to the number of experiments: not every pair of them is compared,
    but all of them with few of them.

    Args:
        X: conditions in the unit cube, shape `n x d`.
        indices: numbers of the experiments, `n`.
        centres: rows whose neighbours are counted; by default `MOST_CENTRES` of those where most
            experiments lie.
    """
    largest = np.empty(0, dtype=np.intp)
    for row in _crowded(X) if centres is None else centres:
        near = np.flatnonzero(np.abs(X - X[row]).max(axis=1) <= SAME_WITHIN)
        if len(near) > len(largest):
            largest = near
    if len(largest) < AGAIN:
        return None
    group = [indices[int(row)] for row in largest]
    return Symptom(
        "same-again",
        f"the same conditions were chosen {len(group)} times, within {SAME_WITHIN:.0%} of every "
        f"range, first in experiment {group[0]} and last in {group[-1]}; the optimizer has settled",
    )


def _crowded(X: Array) -> Iterator[int]:
    """Rows in the fullest cells of two grids, of which the second is shifted by half a cell."""
    for shift in (0.0, 0.5):
        cells = np.floor(X / SAME_WITHIN + shift).astype(np.int64)
        _, first, counts = np.unique(cells, axis=0, return_index=True, return_counts=True)
        fullest = np.argsort(-counts, kind="stable")[: MOST_CENTRES // 2]
        yield from first[fullest].tolist()


def many_failed(sound: Sequence[bool]) -> Symptom | None:
    """Too many experiments failed.

    Args:
        sound: for each experiment, whether it has an objective that can be trusted.
    """
    failed = len(sound) - sum(sound)
    # Both limits: three failures of ten are a sign, one of two may be chance.
    if failed < LEAST_FAILED or failed <= FAILED_SHARE * len(sound):
        return None
    return Symptom(
        "many-failed",
        f"{failed} of {len(sound)} experiments gave no objective that can be trusted; "
        "read their flags before more is spent",
    )


def line_blocked(flags: Sequence[Sequence[str]]) -> list[Symptom]:
    """The lines that were unlike the others in the newest experiments, one after the other.

    Args:
        flags: of every experiment, in order.
    """
    if len(flags) < IN_A_ROW:
        return []
    unlike = [{unlike_line(flag) for flag in one} - {None} for one in flags[-IN_A_ROW:]]
    return [
        Symptom(
            f"line-{line}-blocked",
            f"line {line} is unlike the others in {IN_A_ROW} experiments one after the other; "
            "look whether it is blocked or leaks: the numbers of all lines together hold it too",
        )
        for line in sorted(set.intersection(*unlike), key=str)
    ]


def explained_share(measured: Array, predicted: Array) -> float:
    """Share of the variance that predictions of unseen experiments explain, shape `n` each.

    Returns:
        the coefficient of determination R²: 1 is exact, 0 no better than the mean; 0 where all
        measurements are the same.
    """
    spread = float(np.square(measured - measured.mean()).sum())
    return 1.0 - float(np.square(measured - predicted).sum()) / spread if spread > 0 else 0.0


def explains_nothing(measured: Array, predicted: Array) -> Symptom | None:
    """The surrogate predicts no better than the mean of the measurements.

    Args:
        measured: objective of each experiment, shape `n`.
        predicted: objective as predicted from the other experiments, shape `n`.
    """
    if len(measured) < DIAGNOSTICS_MIN_EXPERIMENTS:
        return None
    share = explained_share(measured, predicted)
    if share > LEAST_EXPLAINED:
        return None
    return Symptom(
        "explains-nothing",
        f"the surrogate explains nothing of experiments that it has not seen (R² = {share:.2f}): "
        "its choices are no better than chance; noise decides, or something that is not in the "
        "search space",
    )


def without_effect(
    predict: Callable[[Array], Array], X: Array, names: Sequence[str], explained: float, seed: int
) -> Symptom | None:
    """Conditions that do not change the predicted objective when they are shuffled.

    Permutation importance (Breiman, Random forests, 2001): root mean square change of the
    predictions at the measured conditions, over their standard deviation.

    Args:
        predict: expected objective at conditions of shape `k x d`, shape `k`.
        X: measured conditions in the unit cube, shape `n x d`.
        names: of the conditions, `d`.
        explained: share of the variance that the model explains; if it is small, the model cannot
            show which conditions matter.
        seed: of the random orders.
    """
    if len(X) < DIAGNOSTICS_MIN_EXPERIMENTS or explained < ENOUGH_EXPLAINED:
        return None
    rng = np.random.default_rng(seed)
    expected = predict(X)
    idle = []
    for column, name in enumerate(names):
        shuffled = np.tile(X, (SHUFFLES, 1))
        shuffled[:, column] = np.concatenate(
            [rng.permutation(X[:, column]) for _ in range(SHUFFLES)]
        )
        change = predict(shuffled) - np.tile(expected, SHUFFLES)
        if np.sqrt(np.square(change).mean()) <= NO_EFFECT * expected.std():
            idle.append(name)
    if not idle or len(idle) == len(names):
        return None
    have = "have" if len(idle) > 1 else "has"
    return Symptom(
        "without-effect",
        f"{', '.join(idle)} {have} no effect on the objective where it was measured; "
        "a fixed value would make the search space smaller",
    )


def drift(residuals: Array) -> Symptom | None:
    """The part of the objective that the model does not explain rises or falls with time.

    Spearman's rank correlation with the order of the experiments; without a trend it is normal
    with variance `1 / (n - 1)` (Kendall & Gibbons, Rank correlation methods, 1990).

    Args:
        residuals: measured minus predicted, in standard deviations of the prediction, in order of
            time, shape `n`.
    """
    count = len(residuals)
    if count < DIAGNOSTICS_MIN_EXPERIMENTS or not np.ptp(residuals) > 0:
        return None
    ranks = np.argsort(np.argsort(residuals, kind="stable"), kind="stable")
    trend = float(np.corrcoef(np.arange(count), ranks)[0, 1]) * np.sqrt(count - 1)
    if abs(trend) < TREND_SD:
        return None
    return Symptom(
        "drift",
        f"the objective {'rises' if trend > 0 else 'falls'} with time by more than the "
        f"conditions explain ({abs(trend):.1f} standard deviations of chance): look for a lamp, a "
        "cell or a stock solution that changes",
    )
