"""What a campaign should tell its operator about itself: signs that it learns less than it could.

Pure functions on arrays. Letters: `n` experiments, `d` conditions.
"""

from collections.abc import Callable, Sequence

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

__all__ = [
    "Symptom",
    "drift",
    "explained_share",
    "explains_nothing",
    "many_failed",
    "same_again",
    "without_effect",
]

Array = NDArray[np.float64]

SAME_WITHIN = 0.01
"""Conditions closer than this share of every range are the same."""
AGAIN = 5
"""How often the same conditions may be chosen before it is worth a word."""
LEAST_FAILED = 3
FAILED_SHARE = 0.2
DIAGNOSTICS_MIN_EXPERIMENTS = 20
"""Experiments below which a score of a model, or a trend, is mostly chance."""
LEAST_EXPLAINED = 0.1
"""Share of the variance up to which a model is no better than the mean."""
ENOUGH_EXPLAINED = 0.5
"""Share of the variance from which a model can say which conditions matter."""
NO_EFFECT = 0.03
"""Change of predictions, in their standard deviations, up to which a condition has no effect."""
SHUFFLES = 5
TREND_SD = 3.5
"""Standard deviations of chance from which a trend is one; by chance one run in two thousand."""


@frozen
class Symptom:
    """Something that an operator should know.

    Attributes:
        kind: what it is, in one word; each kind is told once.
        text: one sentence for people, without a full stop.
    """

    kind: str
    text: str


def same_again(X: Array, indices: Sequence[int]) -> Symptom | None:
    """The same conditions were chosen again and again.

    Args:
        X: conditions in the unit cube, shape `n x d`.
        indices: numbers of the experiments, `n`.
    """
    near = np.array([np.abs(X - x).max(axis=1) <= SAME_WITHIN for x in X]).reshape(len(X), len(X))
    if not len(X) or near.sum(axis=1).max() < AGAIN:
        return None
    rows = np.flatnonzero(near[near.sum(axis=1).argmax()])
    group = [indices[int(row)] for row in rows]
    return Symptom(
        "same-again",
        f"the same conditions were chosen {len(group)} times, within {SAME_WITHIN:.0%} of every "
        f"range, first in experiment {group[0]} and last in {group[-1]}; the optimizer has settled",
    )


def many_failed(sound: Sequence[bool]) -> Symptom | None:
    """Too many experiments gave no figure of merit that counts.

    Args:
        sound: of every experiment, whether it did.
    """
    failed = len(sound) - sum(sound)
    if failed < LEAST_FAILED or failed <= FAILED_SHARE * len(sound):
        return None
    return Symptom(
        "many-failed",
        f"{failed} of {len(sound)} experiments gave no figure of merit that can be trusted; "
        "see what their flags say before more is spent",
    )


def explained_share(measured: Array, predicted: Array) -> float:
    """Share of the variance that predictions of unseen experiments explain, shape `n` each.

    Returns:
        the coefficient of determination R²: 1 is exact, 0 no better than the mean; 0 where all
        measurements are the same.
    """
    spread = float(np.square(measured - measured.mean()).sum())
    return 1.0 - float(np.square(measured - predicted).sum()) / spread if spread > 0 else 0.0


def explains_nothing(measured: Array, predicted: Array) -> Symptom | None:
    """The surrogate is no better than the mean of what was measured.

    Args:
        measured: figures of merit, shape `n`.
        predicted: what a model expected that had not seen them, shape `n`.
    """
    if len(measured) < DIAGNOSTICS_MIN_EXPERIMENTS:
        return None
    share = explained_share(measured, predicted)
    if share > LEAST_EXPLAINED:
        return None
    return Symptom(
        "explains-nothing",
        f"the surrogate explains nothing of experiments that it has not seen (R² = {share:.2f}): "
        "what it chose is not better than chance; noise, or something that is not in the search "
        "space, decides",
    )


def without_effect(
    predict: Callable[[Array], Array], X: Array, names: Sequence[str], explained: float, seed: int
) -> Symptom | None:
    """Conditions that do not change the predicted figure of merit when they are shuffled.

    Permutation importance (Breiman, Random forests, 2001): root mean square change of the
    predictions at the measured conditions, over their standard deviation.

    Args:
        predict: expected figure of merit at conditions of shape `k x d`, shape `k`.
        X: measured conditions in the unit cube, shape `n x d`.
        names: of the conditions, `d`.
        explained: share of the variance that the model explains; from too little it says nothing.
        seed: decides how they are shuffled.
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
        f"{', '.join(idle)} {have} no effect on the figure of merit where it was measured; "
        "a fixed value would make the search space smaller",
    )


def drift(residuals: Array) -> Symptom | None:
    """What the model does not explain rises or falls with time.

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
        f"the figure of merit {'rises' if trend > 0 else 'falls'} with time by more than the "
        f"conditions explain ({abs(trend):.1f} standard deviations of chance): look for a lamp, a "
        "cell or a stock solution that changes",
    )
