"""Accuracy and uncertainty of a twin against the number of experiments that it learns from.

Letters: `n` experiments, `s` samples.
"""

from collections.abc import Callable, Sequence

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from flowrig.errors import InputError
from flowrig.interfaces import Surrogate
from flowrig.learning.cross_validation import SAMPLES, measurements
from flowrig.learning.training_set import TrainingSet
from flowrig.problem.objective import Objective
from flowrig.problem.space import Space
from flowrig.problem.steps import even_choices

__all__ = ["LearningPoint", "learning_curve", "training_sizes"]

Array = NDArray[np.float64]

FEWEST = 8
"""Smallest training set of a learning curve."""

MONTE_CARLO = 1000
"""Random conditions over which the predicted standard deviation is averaged."""


@frozen(kw_only=True)
class LearningPoint:
    """Accuracy and uncertainty of the models of one training size.

    Attributes:
        experiments: number of experiments in the training set.
        r2: coefficient of determination of the objective of the other experiments, mean over the
            repeats.
        r2_sd: standard deviation of `r2` over the repeats.
        sd_mean: predicted standard deviation of the objective, mean over random conditions and
            repeats.
        sd_spread: standard deviation over the random conditions of the predicted standard
            deviation, mean over the repeats.
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
    data: TrainingSet,
    new_surrogate: Callable[[int], Surrogate],
    space: Space | None = None,
    *,
    sizes: Sequence[int],
    repeats: int = 5,
    seed: int = 0,
    on_fit: Callable[[], None] = lambda: None,
) -> list[LearningPoint]:
    """Train on random subsets of growing size and predict the other experiments.

    The predicted standard deviation is averaged over the whole space too: exploration is done when
    its mean and spread no longer fall (after Sadeghi, Bateni et al., Nanoscale 2024, 16, 580).

    Args:
        data: the experiments.
        new_surrogate: makes an unfitted surrogate from a seed.
        space: the conditions, if some are categories.
        sizes: numbers of experiments to train on.
        repeats: random subsets of each size.
        seed: everything random follows from it.
        on_fit: called after each fit.

    Raises:
        InputError: a size leaves fewer than two experiments to predict.
    """
    if len(data) - max(sizes) < 2:
        raise InputError(f"{max(sizes)} of {len(data)} experiments leave too few to predict")
    rng, points = np.random.default_rng(seed), []
    anywhere = _anywhere(data.X.shape[1], space, rng)
    for size in sizes:
        r2, sd = [], []
        for repeat in range(repeats):
            order = rng.permutation(len(data))
            surrogate = new_surrogate(seed + repeat)
            data.fit(surrogate, order[:size])
            r2.append(_r2(surrogate, data, order[size:], rng))
            sd.append(_objective_samples(surrogate, anywhere, data.objective, rng).std(axis=0))
            on_fit()
        points.append(
            LearningPoint(
                experiments=size,
                r2=float(np.mean(r2)),
                r2_sd=float(np.std(r2)),
                sd_mean=float(np.mean(sd)),
                sd_spread=float(np.std(sd, axis=1).mean()),
            )
        )
    return points


def _anywhere(dimensions: int, space: Space | None, rng: np.random.Generator) -> Array:
    """Random conditions of the whole space."""
    drawn = rng.random((MONTE_CARLO, dimensions))
    return drawn if space is None else even_choices(space, drawn)


def _r2(
    surrogate: Surrogate, data: TrainingSet, rows: NDArray[np.intp], rng: np.random.Generator
) -> float:
    """Coefficient of determination of the objective of some experiments."""
    measured = data.objective_values[rows]
    expected = _objective_samples(surrogate, data.X[rows], data.objective, rng).mean(axis=0)
    scatter = np.square(measured - measured.mean()).sum()
    return 1.0 - float(np.square(measured - expected).sum() / scatter)


def _objective_samples(
    surrogate: Surrogate, X: Array, objective: Objective, rng: np.random.Generator
) -> Array:
    """Samples of the objective of measurements, shape `s x n`."""
    return objective.value(measurements(surrogate.predict(X), SAMPLES, rng))
