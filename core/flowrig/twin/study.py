"""The study of a digital twin: split, cross-validation, learning curve, attribution, surfaces.

Letters: `n` experiments, `d` conditions, `m` responses.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import combinations, product
from math import prod

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from flowrig.errors import InputError
from flowrig.interfaces import Surrogate
from flowrig.learning.cross_validation import SAMPLES, CrossValidation, Fold, cross_validate
from flowrig.learning.training_set import TrainingSet
from flowrig.problem.space import Space
from flowrig.twin.learning_curve import LearningPoint, learning_curve, training_sizes
from flowrig.twin.shapley import Attribution, shapley_values
from flowrig.twin.surfaces import LEVELS, POINTS, Surface, surface

__all__ = [
    "EXPLAINING_FITS",
    "ExplainedTwin",
    "SplitR2",
    "TwinStudy",
    "explain_twin",
    "fit_count",
    "study_twin",
]

Array = NDArray[np.float64]

TRAINING_SHARE = 0.8
STRONGEST = 3
"""Number of the most important conditions that are shown as surfaces, pairwise."""

MOST_CHOICES = 12
"""Most combinations of choices for which the surfaces of a pair are shown."""

BACKGROUND = 64
"""Largest number of experiments that Shapley values are compared with; the time grows with it."""

LEARNING_REPEATS = 3

FEWEST = 10
"""Least experiments of which four fifths are enough to learn from."""

EXPLAINING_FITS = 2
"""Number of fits of `explain_twin`: of the training share, and of all experiments."""


@frozen
class SplitR2:
    """R² of the predictions of one quantity.

    Attributes:
        name: the response or objective.
        seen: of the experiments that the twin has learnt from.
        unseen: of the others.
    """

    name: str
    seen: float
    unseen: float


@frozen(eq=False, kw_only=True)
class ExplainedTwin:
    """Predictions of a twin, and what they depend on.

    Attributes:
        space: the conditions.
        data: the experiments.
        training: which experiments the split trains on, shape `n`.
        predicted: every experiment as predicted by the twin of the training share.
        attribution: Shapley values of the predicted objective at every experiment.
        surfaces: objective over pairs of the strongest conditions with numbers, the others held
            low, medium and high; where there are categories, for their choices, the others medium.
    """

    space: Space
    data: TrainingSet
    training: NDArray[np.bool_]
    predicted: Fold
    attribution: Attribution
    surfaces: Sequence[Surface]

    @property
    def split(self) -> list[SplitR2]:
        """R² of the training share and of the rest, of each response and then of the objective.

        The pair that papers give: 1 minus the squared errors over the variance of the measurements,
        of the expected responses, and of the expected objective.
        """
        measured = np.column_stack([self.data.Y, self.data.objective_values])
        mean = np.column_stack([self.predicted.mean, self.predicted.objective_mean])
        names = (*self.data.objective.responses, self.data.objective.name)
        shares = (self.training, ~self.training)
        return [
            SplitR2(name, *(_r2(y[rows], f[rows]) for rows in shares))
            for name, y, f in zip(names, measured.T, mean.T, strict=True)
        ]


@frozen(eq=False, kw_only=True)
class TwinStudy(ExplainedTwin):
    """An explained twin and measures of its accuracy.

    Attributes:
        scores: cross-validation over all experiments.
        learning: accuracy against the number of experiments.
    """

    scores: CrossValidation
    learning: Sequence[LearningPoint]


def _r2(measured: Array, mean: Array) -> float:
    """Coefficient of determination; nan where all measurements are the same."""
    scatter = float(np.square(measured - measured.mean()).sum())
    errors = float(np.square(measured - mean).sum())
    return 1.0 - errors / scatter if scatter > 0 else float("nan")


def fit_count(experiments: int, repeats: int) -> int:
    """Number of fits in a study, for a progress bar."""
    return 5 * repeats + LEARNING_REPEATS * len(training_sizes(experiments)) + EXPLAINING_FITS


def study_twin(
    data: TrainingSet,
    space: Space,
    new_surrogate: Callable[[int], Surrogate],
    *,
    repeats: int = 3,
    seed: int = 0,
    on_fit: Callable[[], None] = lambda: None,
) -> TwinStudy:
    """Split 80/20, cross-validate, and explain the twin of all experiments.

    The steps are those of Sadeghi et al., Digital Discovery 2025, 4, 1722 and Nanoscale 2024, 16,
    580: parity, learning curve, Shapley values, and surfaces of the three strongest conditions.

    Args:
        data: the experiments.
        space: the conditions.
        new_surrogate: makes an unfitted surrogate from a seed.
        repeats: of the cross-validation.
        seed: everything random follows from it.
        on_fit: called after each fit; `fit_count` is the number of calls.

    Raises:
        InputError: fewer than ten experiments, or the surrogate cannot learn from them.
    """
    sizes = training_sizes(len(data))
    scores = cross_validate(data, new_surrogate, repeats=repeats, seed=seed, on_fold=on_fit)
    learning = learning_curve(
        data, new_surrogate, space, sizes=sizes, repeats=LEARNING_REPEATS, seed=seed, on_fit=on_fit
    )
    found = explain_twin(data, space, new_surrogate, seed=seed, on_fit=on_fit)
    return TwinStudy(
        space=space,
        data=data,
        training=found.training,
        predicted=found.predicted,
        attribution=found.attribution,
        surfaces=found.surfaces,
        scores=scores,
        learning=learning,
    )


def explain_twin(
    data: TrainingSet,
    space: Space,
    new_surrogate: Callable[[int], Surrogate],
    *,
    seed: int = 0,
    on_fit: Callable[[], None] = lambda: None,
) -> ExplainedTwin:
    """Split 80/20, and explain the twin of all experiments: `study_twin` without its scores.

    Args:
        data: the experiments.
        space: the conditions.
        new_surrogate: makes an unfitted surrogate from a seed.
        seed: everything random follows from it.
        on_fit: called after each of the `EXPLAINING_FITS` fits.

    Raises:
        InputError: fewer than ten experiments, or the surrogate cannot learn from them.
    """
    if len(data) < FEWEST:
        raise InputError(f"a twin needs at least {FEWEST} experiments, got {len(data)}")
    rng = np.random.default_rng(seed)
    training = np.zeros(len(data), dtype=bool)
    training[rng.permutation(len(data))[: round(TRAINING_SHARE * len(data))]] = True
    learner, twin = new_surrogate(seed), new_surrogate(seed)
    for surrogate, rows in ((learner, training), (twin, np.ones_like(training))):
        data.fit(surrogate, rows)
        on_fit()
    attribution = _attribution(twin, data, rng)
    return ExplainedTwin(
        space=space,
        data=data,
        training=training,
        predicted=Fold.predicted(learner, data, np.arange(len(data)), rng),
        attribution=attribution,
        surfaces=_surfaces(twin, data, space, attribution.ranking, seed),
    )


def _attribution(twin: Surrogate, data: TrainingSet, rng: np.random.Generator) -> Attribution:
    """Shapley values of the predicted objective, against a random subset of the experiments."""
    background = data.X[np.sort(rng.permutation(len(data))[:BACKGROUND])]
    return shapley_values(
        lambda U: np.asarray(data.objective.value(twin.predict(U).mean)), data.X, background
    )


def _surfaces(
    twin: Surrogate, data: TrainingSet, space: Space, ranking: Sequence[int], seed: int
) -> list[Surface]:
    """The objective over each pair of the strongest conditions.

    Without categories, at each level of the others; else for the choices of the others, and the
    numbers in the middle.
    """

    def objective(U: Array) -> tuple[Array, Array]:
        # The same random numbers for every surface, so that they differ by the conditions only.
        samples = twin.predict(U).sample(SAMPLES, np.random.default_rng(seed))
        values = data.objective.value(samples)
        mean, sd = values.mean(axis=0), values.std(axis=0)
        allowed = space.feasible(space.from_unit(U))
        return np.where(allowed, mean, np.nan), np.where(allowed, sd, np.nan)

    numbers = [column for column in ranking if not space.parameters[column].choices]
    shown = (numbers if len(numbers) > 1 else list(ranking))[:STRONGEST]
    found = []
    for pair in combinations(shown, 2):
        sizes = [len(space.parameters[column].choices) or POINTS for column in pair]
        for level, held in _held(space, data, [one for one in ranking if one not in pair]):
            made = surface(
                objective,
                data.X.shape[1],
                *pair,
                level=level,
                points=(sizes[0], sizes[1]),
                held=held,
            )
            if np.isfinite(made.mean).any():
                found.append(made)
    return found


def _held(
    space: Space, data: TrainingSet, others: Sequence[int]
) -> Iterator[tuple[str, dict[int, float]]]:
    """Where the conditions that a surface does not show are held, the strongest first.

    Categories beyond `MOST_CHOICES` combinations stay as in the best experiment.
    """
    categories = [column for column in others if space.parameters[column].choices]
    if not space.has_choices:
        yield from ((level, {}) for level in LEVELS)
        return
    best = data.X[int(np.nanargmax(data.objective_values))]
    held = {column: [float(best[column])] for column in categories}
    for column in categories:
        count = len(space.parameters[column].choices)
        if count * prod(map(len, held.values())) <= MOST_CHOICES:
            held[column] = np.linspace(0.0, 1.0, count).tolist()
    for values in product(*held.values()):
        yield "medium", dict(zip(held, values, strict=True))
