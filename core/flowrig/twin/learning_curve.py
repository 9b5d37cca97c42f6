"""How much better the twin gets with more experiments, and where it is still unsure.

Letters: `n` experiments, `d` conditions, `m` responses.
"""

from collections.abc import Callable, Sequence

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from flowrig.errors import InputError
from flowrig.interfaces import Surrogate
from flowrig.learning.cross_validation import SAMPLES, measurements
from flowrig.problem.objective import Objective

__all__ = ["LearningPoint", "learning_curve", "training_sizes"]

Array = NDArray[np.float64]

FEWEST = 8
"""Smallest training set of a learning curve."""

MONTE_CARLO = 1000
"""Random conditions at which the uncertainty is looked at."""


@frozen(kw_only=True)
class LearningPoint:
    """What training on some of the experiments gave, over the repeats.

    Attributes:
        experiments: how many were learnt from.
        r2: mean coefficient of determination of the figure of merit of the others.
        r2_sd: its standard deviation over the repeats.
        sd_mean: standard deviation of the predicted figure of merit, averaged over random
            conditions and repeats.
        sd_spread: standard deviation of that uncertainty over the random conditions.
    """

    experiments: int
    r2: float
    r2_sd: float
    sd_mean: float
    sd_spread: float


def training_sizes(experiments: int, count: int = 6) -> list[int]:
    """Sizes of training sets, evenly spread up to four fifths of the experiments."""
    most = experiments * 4 // 5
    if most < FEWEST:
        raise InputError(
            f"a learning curve needs at least {-(-FEWEST * 5 // 4)} experiments, got {experiments}"
        )
    return sorted({round(size) for size in np.linspace(FEWEST, most, count)})


def learning_curve(
    X: Array,
    Y: Array,
    objective: Objective,
    new_surrogate: Callable[[int], Surrogate],
    *,
    sizes: Sequence[int],
    rsd: Sequence[float] = (),
    repeats: int = 5,
    seed: int = 0,
    on_fit: Callable[[], None] = lambda: None,
) -> list[LearningPoint]:
    """Train on random subsets of growing size and predict the experiments that were left out.

    Besides, the uncertainty is looked at over random conditions of the whole space: when its mean
    and spread no longer fall, exploring has done its work (Sadeghi, Bateni et al., Nanoscale 2024,
    16, 580, who explore by maximum variance until R² is at least 0.8).

    Args:
        X: conditions in the unit cube, shape `n x d`.
        Y: measured responses, shape `n x m`, in the order of the objective's responses.
        objective: the figure of merit of the responses.
        new_surrogate: makes a surrogate from a seed.
        sizes: how many experiments to learn from.
        rsd: relative standard deviations of repeated measurements, for `Surrogate.fit`.
        repeats: random subsets a size.
        seed: everything random follows from it.
        on_fit: called after each fit.

    Raises:
        InputError: a size leaves fewer than two experiments to predict.
    """
    if len(X) - max(sizes) < 2:
        raise InputError(f"{max(sizes)} of {len(X)} experiments leave too few to predict")
    rng = np.random.default_rng(seed)
    somewhere = rng.random((MONTE_CARLO, X.shape[1]))
    measured = objective.value(Y)
    points = []
    for size in sizes:
        r2, unsure = [], []
        for repeat in range(repeats):
            order = rng.permutation(len(X))
            known, others = order[:size], order[size:]
            surrogate = new_surrogate(seed + repeat)
            surrogate.fit(X[known], Y[known], rsd)
            expected = _merit(surrogate, X[others], objective, rng).mean(axis=0)
            scatter = np.square(measured[others] - measured[others].mean()).sum()
            r2.append(1.0 - float(np.square(measured[others] - expected).sum() / scatter))
            unsure.append(_merit(surrogate, somewhere, objective, rng).std(axis=0))
            on_fit()
        points.append(
            LearningPoint(
                experiments=size,
                r2=float(np.mean(r2)),
                r2_sd=float(np.std(r2)),
                sd_mean=float(np.mean(unsure)),
                sd_spread=float(np.std(unsure, axis=1).mean()),
            )
        )
    return points


def _merit(surrogate: Surrogate, X: Array, objective: Objective, rng: np.random.Generator) -> Array:
    """Samples of measured figures of merit, shape `s x n`."""
    return objective.value(measurements(surrogate.predict(X), SAMPLES, rng))
