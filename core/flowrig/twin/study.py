"""Everything that one wants to know of a digital twin, as arrays.

Letters: `n` experiments, `d` conditions, `m` responses.
"""

from collections.abc import Callable, Sequence
from itertools import combinations

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from flowrig.interfaces import Surrogate
from flowrig.learning.cross_validation import (
    SAMPLES,
    CrossValidation,
    Fold,
    cross_validate,
    measurements,
)
from flowrig.learning.experiment_table import Experiments
from flowrig.problem.objective import Objective
from flowrig.problem.space import Space
from flowrig.twin.learning_curve import LearningPoint, learning_curve, training_sizes
from flowrig.twin.shapley import Attribution, shapley_values
from flowrig.twin.surfaces import LEVELS, Surface, surface

__all__ = ["TwinStudy", "fit_count", "study_twin"]

Array = NDArray[np.float64]

TRAINING_SHARE = 0.8
STRONGEST = 3
"""How many of the most important conditions are shown as surfaces, pairwise."""

BACKGROUND = 64
"""Most experiments that Shapley values are compared with."""

LEARNING_REPEATS = 3


@frozen(eq=False, kw_only=True)
class TwinStudy:
    """A twin, and how far it can be trusted.

    Attributes:
        space: the conditions.
        objective: the figure of merit.
        experiments: what was measured.
        training: which experiments the split trains on, shape `n`.
        predicted: every experiment as predicted by the twin of the training share.
        scores: cross-validation over all experiments.
        learning: what more experiments bring.
        attribution: Shapley values of the predicted figure of merit at every experiment.
        surfaces: the strongest conditions pairwise, the others held low, medium and high.
    """

    space: Space
    objective: Objective
    experiments: Experiments
    training: NDArray[np.bool_]
    predicted: Fold
    scores: CrossValidation
    learning: Sequence[LearningPoint]
    attribution: Attribution
    surfaces: Sequence[Surface]


def fit_count(experiments: int, repeats: int) -> int:
    """How many fits a study takes, for a progress bar."""
    return 5 * repeats + LEARNING_REPEATS * len(training_sizes(experiments)) + 2


def study_twin(
    experiments: Experiments,
    space: Space,
    objective: Objective,
    new_surrogate: Callable[[int], Surrogate],
    *,
    rsd: Sequence[float] = (),
    repeats: int = 3,
    seed: int = 0,
    on_fit: Callable[[], None] = lambda: None,
) -> TwinStudy:
    """Split 80/20, cross-validate, and look at the twin of all experiments from every side.

    The steps are those of Sadeghi et al., Digital Discovery 2025, 4, 1722 and Nanoscale 2024, 16,
    580: parity, learning curve, Shapley values, and surfaces of the three strongest conditions.

    Args:
        experiments: what was measured.
        space: the conditions.
        objective: the figure of merit of the responses.
        new_surrogate: makes a surrogate from a seed.
        rsd: relative standard deviations of repeated measurements, for `Surrogate.fit`.
        repeats: of the cross-validation.
        seed: everything random follows from it.
        on_fit: called after each fit; `fit_count` says how often.

    Raises:
        InputError: fewer than ten experiments, or the surrogate cannot learn from them.
    """
    X, Y = experiments.X, experiments.Y
    sizes = training_sizes(len(X))
    rng = np.random.default_rng(seed)
    training = np.zeros(len(X), dtype=bool)
    training[rng.permutation(len(X))[: round(TRAINING_SHARE * len(X))]] = True
    scores = cross_validate(
        X, Y, objective, new_surrogate, rsd=rsd, repeats=repeats, seed=seed, on_fold=on_fit
    )
    learning = learning_curve(
        X,
        Y,
        objective,
        new_surrogate,
        sizes=sizes,
        rsd=rsd,
        repeats=LEARNING_REPEATS,
        seed=seed,
        on_fit=on_fit,
    )
    learner = new_surrogate(seed)
    learner.fit(X[training], Y[training], rsd)
    on_fit()
    twin = new_surrogate(seed)
    twin.fit(X, Y, rsd)
    on_fit()

    def merit(U: Array) -> tuple[Array, Array]:
        values = objective.value(twin.predict(U).sample(SAMPLES, np.random.default_rng(seed)))
        return values.mean(axis=0), values.std(axis=0)

    background = X[np.sort(rng.permutation(len(X))[:BACKGROUND])]
    attribution = shapley_values(
        lambda U: np.asarray(objective.value(twin.predict(U).mean)), X, background
    )
    return TwinStudy(
        space=space,
        objective=objective,
        experiments=experiments,
        training=training,
        predicted=_predict_all(learner, X, objective, rng),
        scores=scores,
        learning=learning,
        attribution=attribution,
        surfaces=_surfaces(merit, X.shape[1], attribution.ranking[:STRONGEST]),
    )


def _predict_all(
    surrogate: Surrogate, X: Array, objective: Objective, rng: np.random.Generator
) -> Fold:
    posterior = surrogate.predict(X)
    values = objective.value(measurements(posterior, SAMPLES, rng))
    return Fold(
        rows=np.arange(len(X)),
        mean=posterior.mean,
        sd=posterior.sd,
        objective_mean=values.mean(axis=0),
        objective_sd=values.std(axis=0),
        fit_seconds=0.0,
    )


def _surfaces(
    merit: Callable[[Array], tuple[Array, Array]], dimensions: int, strongest: Sequence[int]
) -> list[Surface]:
    return [
        surface(merit, dimensions, first, second, level=level)
        for first, second in combinations(strongest, 2)
        for level in LEVELS
    ]
