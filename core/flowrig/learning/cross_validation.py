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
from flowrig.problem.objective import Objective

__all__ = ["FOLDS", "CrossValidation", "Fold", "cross_validate", "held_out", "measurements"]

Array = NDArray[np.float64]

FOLDS = 5
SAMPLES = 512
"""Posterior samples that the figure of merit is computed on."""


@frozen(eq=False, kw_only=True)
class Fold:
    """Experiments that a surrogate predicted from the others.

    Attributes:
        rows: which experiments, shape `r`.
        mean: expected responses, shape `r x m`.
        sd: standard deviations of a measurement, shape `r x m`.
        objective_mean: expected figure of merit, shape `r`.
        objective_sd: its standard deviation in a measurement, shape `r`.
        fit_seconds: processor time [s] of the fit to the other experiments.
    """

    rows: NDArray[np.intp]
    mean: Array
    sd: Array
    objective_mean: Array
    objective_sd: Array
    fit_seconds: float


@frozen(kw_only=True)
class CrossValidation:
    """Scores of a surrogate on experiments that it has not seen, means over the repeats.

    Attributes:
        responses: by name.
        objective: of the figure of merit.
        fit_seconds: median processor time [s] of one fit.
        experiments: how many there were.
        repeats: how often the experiments were shared out anew.
    """

    responses: Mapping[str, Scores]
    objective: Scores
    fit_seconds: float
    experiments: int
    repeats: int


def held_out(
    X: Array,
    Y: Array,
    objective: Objective,
    new_surrogate: Callable[[], Surrogate],
    seed: int,
    *,
    rsd: Sequence[float] = (),
) -> Iterator[Fold]:
    """Predict every experiment once, from the other four fifths.

    Args:
        X: conditions in the unit cube, shape `n x d`.
        Y: measured responses, shape `n x m`.
        objective: the figure of merit of the responses.
        new_surrogate: makes a surrogate that has learnt nothing.
        seed: decides how the experiments are shared out.
        rsd: relative standard deviations of repeated measurements, for `Surrogate.fit`.

    Yields:
        five folds, as soon as each is done.

    Raises:
        InputError: fewer than ten experiments, or the surrogate cannot learn from them.
    """
    if len(X) < 2 * FOLDS:
        raise InputError(
            f"cross-validation in {FOLDS} folds needs at least {2 * FOLDS} experiments, "
            f"got {len(X)}"
        )
    rng = np.random.default_rng(seed)
    fold = rng.permutation(len(X)) % FOLDS
    for number in range(FOLDS):
        rows, others = np.flatnonzero(fold == number), fold != number
        surrogate = new_surrogate()
        began = process_time()
        surrogate.fit(X[others], Y[others], rsd)
        fit_seconds = process_time() - began
        posterior = surrogate.predict(X[rows])
        values = objective.value(measurements(posterior, SAMPLES, rng))
        yield Fold(
            rows=rows,
            mean=posterior.mean,
            sd=posterior.sd,
            objective_mean=values.mean(axis=0),
            objective_sd=values.std(axis=0),
            fit_seconds=fit_seconds,
        )


def measurements(posterior: Posterior, count: int, rng: np.random.Generator) -> Array:
    """Samples of new measurements: of the responses, and of the noise on top of them.

    The noise has the variance that the posterior's `sd` has beyond that of its samples.

    Returns:
        shape `count x n x m`.
    """
    responses = posterior.sample(count, rng)
    noise_variance = np.maximum(np.square(posterior.sd) - responses.var(axis=0), 0.0)
    noise = np.sqrt(noise_variance) * rng.standard_normal(responses.shape)
    return np.asarray(responses + noise)


def cross_validate(
    X: Array,
    Y: Array,
    objective: Objective,
    new_surrogate: Callable[[int], Surrogate],
    *,
    rsd: Sequence[float] = (),
    repeats: int = 3,
    seed: int = 0,
    on_fold: Callable[[], None] = lambda: None,
) -> CrossValidation:
    """Cross-validate in five folds, several times, each time shared out anew.

    Args:
        X: conditions in the unit cube, shape `n x d`.
        Y: measured responses, shape `n x m`, in the order of the objective's responses.
        objective: the figure of merit of the responses.
        new_surrogate: makes a surrogate from a seed.
        rsd: relative standard deviations of repeated measurements, for `Surrogate.fit`.
        repeats: how often.
        seed: everything random follows from it.
        on_fold: called when a fold is done.

    Raises:
        InputError: fewer than ten experiments, a response or the figure of merit is the same
            everywhere, or the surrogate cannot learn from them.
    """
    measured = np.column_stack([Y, objective.value(Y)])
    names = [*objective.responses, objective.name]
    for name, column in zip(names, measured.T, strict=True):
        if not (column.size and np.ptp(column) > 0):
            raise InputError(f"{name} is the same in every experiment; there is nothing to learn")
    scores: list[list[Scores]] = [[] for _ in names]
    seconds: list[float] = []
    for repeat in range(repeats):
        mean, sd = np.empty_like(measured), np.empty_like(measured)
        repeat_seed = seed + repeat
        new = partial(new_surrogate, repeat_seed)
        for fold in held_out(X, Y, objective, new, repeat_seed, rsd=rsd):
            mean[fold.rows] = np.column_stack([fold.mean, fold.objective_mean])
            sd[fold.rows] = np.column_stack([fold.sd, fold.objective_sd])
            seconds.append(fold.fit_seconds)
            on_fold()
        for j, column in enumerate(scores):
            column.append(score(measured[:, j], mean[:, j], sd[:, j]))
    *responses, merit = map(_mean, scores)
    return CrossValidation(
        responses=dict(zip(objective.responses, responses, strict=True)),
        objective=merit,
        fit_seconds=float(np.median(seconds)),
        experiments=len(X),
        repeats=repeats,
    )


def _mean(scores: list[Scores]) -> Scores:
    rows = [asdict(one) for one in scores]
    return Scores(**{name: float(np.mean([row[name] for row in rows])) for name in rows[0]})
