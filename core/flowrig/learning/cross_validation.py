"""Repeated cross-validation: how well a surrogate predicts experiments that it has not seen.

Letters: `n` experiments, `d` conditions, `m` responses, `s` samples.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from time import process_time

import numpy as np
from attrs import asdict, frozen
from numpy.typing import NDArray

from flowrig.errors import InputError
from flowrig.interfaces import Posterior, Surrogate
from flowrig.learning.scores import Scores, score
from flowrig.learning.training_set import TrainingSet

__all__ = ["FOLDS", "CrossValidation", "Fold", "cross_validate", "held_out", "measurements"]

Array = NDArray[np.float64]

FOLDS = 5
SAMPLES = 512
"""Posterior samples from which the objective is computed."""


@frozen(eq=False, kw_only=True)
class Fold:
    """Predictions of some experiments.

    Attributes:
        rows: indices of the experiments, shape `r`.
        mean: expected responses, shape `r x m`.
        sd: standard deviations of a measurement, shape `r x m`.
        objective_mean: expected objective, shape `r`.
        objective_sd: standard deviation of the objective of a measurement, shape `r`.
        fit_seconds: processor time [s] of the fit.
    """

    rows: NDArray[np.intp]
    mean: Array
    sd: Array
    objective_mean: Array
    objective_sd: Array
    fit_seconds: float = 0.0

    @classmethod
    def predicted(
        cls,
        surrogate: Surrogate,
        data: TrainingSet,
        rows: NDArray[np.intp],
        rng: np.random.Generator,
        fit_seconds: float = 0.0,
    ) -> "Fold":
        """The predictions of a fitted surrogate.

        Args:
            surrogate: fitted.
            data: the experiments.
            rows: indices of those to predict, shape `r`.
            rng: of the samples from which the objective is computed.
            fit_seconds: processor time [s] of the fit.
        """
        posterior = surrogate.predict(data.X[rows])
        values = data.objective.value(measurements(posterior, SAMPLES, rng))
        return cls(
            rows=rows,
            mean=posterior.mean,
            sd=posterior.sd,
            objective_mean=values.mean(axis=0),
            objective_sd=values.std(axis=0),
            fit_seconds=fit_seconds,
        )


@frozen(kw_only=True)
class CrossValidation:
    """Scores of a surrogate on experiments that it has not seen, means over the repeats.

    Attributes:
        responses: scores of each response, by name.
        objective: scores of the objective.
        fit_seconds: median processor time [s] of one fit.
        experiments: number of experiments.
        repeats: number of times that the experiments were divided into folds.
    """

    responses: Mapping[str, Scores]
    objective: Scores
    fit_seconds: float
    experiments: int
    repeats: int


def held_out(
    data: TrainingSet, new_surrogate: Callable[[], Surrogate], seed: int
) -> Iterator[Fold]:
    """Predict every experiment once, from the other four fifths.

    Args:
        data: the experiments.
        new_surrogate: makes an unfitted surrogate.
        seed: decides which experiments form a fold, and of the samples of the objective.

    Yields:
        five folds, each when it is computed.

    Raises:
        InputError: fewer than ten experiments, or the surrogate cannot learn from them.
    """
    if len(data) < 2 * FOLDS:
        raise InputError(
            f"cross-validation in {FOLDS} folds needs at least {2 * FOLDS} experiments, "
            f"got {len(data)}"
        )
    rng = np.random.default_rng(seed)
    fold = rng.permutation(len(data)) % FOLDS
    for number in range(FOLDS):
        surrogate = new_surrogate()
        began = process_time()
        data.fit(surrogate, fold != number)
        fit_seconds = process_time() - began
        yield Fold.predicted(surrogate, data, np.flatnonzero(fold == number), rng, fit_seconds)


def measurements(posterior: Posterior, count: int, rng: np.random.Generator) -> Array:
    """Samples of new measurements: samples of the noise-free responses plus noise.

    The variance of the noise is that of `sd` less that of the noise-free samples.

    Returns:
        shape `count x n x m`.
    """
    responses = posterior.sample(count, rng)
    noise_variance = np.maximum(np.square(posterior.sd) - responses.var(axis=0), 0.0)
    noise = np.sqrt(noise_variance) * rng.standard_normal(responses.shape)
    return np.asarray(responses + noise)


def cross_validate(
    data: TrainingSet,
    new_surrogate: Callable[[int], Surrogate],
    *,
    repeats: int = 3,
    seed: int = 0,
    on_fold: Callable[[], None] = lambda: None,
) -> CrossValidation:
    """Cross-validate in five folds, several times, each time with other folds.

    Args:
        data: the experiments.
        new_surrogate: makes an unfitted surrogate from a seed.
        repeats: number of times.
        seed: everything random follows from it.
        on_fold: called after each fold.

    Raises:
        InputError: fewer than ten experiments, a response or the objective is the same everywhere,
            or the surrogate cannot learn from them.
    """
    names = [*data.objective.responses, data.objective.name]
    measured = np.column_stack([data.Y, data.objective_values])
    _require_variation(names, measured)
    scores: list[list[Scores]] = [[] for _ in names]
    seconds: list[float] = []
    for repeat_seed in range(seed, seed + repeats):
        mean, sd = np.empty_like(measured), np.empty_like(measured)
        for fold in held_out(data, partial(new_surrogate, repeat_seed), repeat_seed):
            mean[fold.rows] = np.column_stack([fold.mean, fold.objective_mean])
            sd[fold.rows] = np.column_stack([fold.sd, fold.objective_sd])
            seconds.append(fold.fit_seconds)
            on_fold()
        for j, column in enumerate(scores):
            column.append(score(measured[:, j], mean[:, j], sd[:, j]))
    *responses, objective = map(_mean, scores)
    return CrossValidation(
        responses=dict(zip(data.objective.responses, responses, strict=True)),
        objective=objective,
        fit_seconds=float(np.median(seconds)),
        experiments=len(data),
        repeats=repeats,
    )


def _require_variation(names: Sequence[str], measured: Array) -> None:
    """Refuse a column, shape `n x len(names)`, whose R² would be a division by zero."""
    for name, column in zip(names, measured.T, strict=True):
        if not (column.size and np.ptp(column) > 0):
            raise InputError(f"{name} is the same in every experiment; there is nothing to learn")


def _mean(scores: list[Scores]) -> Scores:
    rows = [asdict(one) for one in scores]
    return Scores(**{name: float(np.mean([row[name] for row in rows])) for name in rows[0]})
