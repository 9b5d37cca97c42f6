"""What is modelled: the responses, or the figure of merit itself, whichever predicts better.

Computing the figure of merit on samples of the responses keeps what is known of their relation
(Astudillo & Frazier, "Bayesian optimization of composite functions", 2019). Where responses vary
together, as an absorbance and the emission that it feeds, the figure of merit can be the simpler
function, and is then predicted better directly. Letters: `n` experiments, `m` responses.
"""

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from flowrig.interfaces import Problem, Surrogate
from flowrig.problem.objective import MaximumResponse, Objective
from flowrig_bayes.merit import stratified_normals
from flowrig_bayes.settings import BayesSettings

__all__ = ["Model", "learnt"]

Array = NDArray[np.float64]

SAMPLES = 256


@frozen
class _OfResponses(Objective):
    """The figure of merit of all responses but the last, which is the figure of merit itself."""

    objective: Objective

    name = "figure of merit"
    unit = ""
    responses = ()

    def value(self, responses: Array) -> Array:
        return self.objective.value(responses[..., :-1])


@frozen
class _Itself(Objective):
    """The last response."""

    name = "figure of merit"
    unit = ""
    responses = ()

    def value(self, responses: Array) -> Array:
        return np.asarray(responses[..., -1])


@frozen(eq=False)
class Model:
    """A fitted surrogate, and how the figure of merit follows from what it models.

    Attributes:
        surrogate: of the responses and perhaps, as a last one, the figure of merit.
        objective: the figure of merit as a function of what the surrogate models.
        itself: whether that is the last of the modelled responses.
    """

    surrogate: Surrogate
    objective: Objective
    itself: bool


def learnt(problem: Problem, X: Array, Y: Array, pending: Array, settings: BayesSettings) -> Model:
    """Fit a surrogate to experiments, with pending ones as it expects them to come out.

    It is told the repeatability of the responses; that of a figure of merit which it models itself
    is learnt: to derive it from theirs made searches no shorter, and some longer.

    Args:
        problem: names the objective and makes surrogates.
        X: conditions in the unit cube, shape `n x d`.
        Y: measured responses, shape `n x m`.
        pending: conditions that are not measured yet, shape `p x d`.
        settings: say what is modelled.
    """
    objective = problem.objective
    alone = isinstance(objective, MaximumResponse)
    merit = objective.value(Y)
    added = settings.model != "responses" and not alone and bool(np.isfinite(merit).all())
    if added:
        Y = np.column_stack([Y, merit])
    surrogate = problem.new_surrogate()
    surrogate.fit(X, Y, problem.rsd)
    itself = added and (settings.model == "merit" or _predicts_better(surrogate, objective, merit))
    if len(pending):
        believed = surrogate.predict(pending).mean
        surrogate = problem.new_surrogate()
        surrogate.fit(np.vstack([X, pending]), np.vstack([Y, believed]), problem.rsd)
    if itself:
        return Model(surrogate, _Itself(), itself=True)
    return Model(surrogate, _OfResponses(objective) if added else objective, itself=alone)


def _predicts_better(surrogate: Surrogate, objective: Objective, merit: Array) -> bool:
    """Whether the last response foretold experiments better that it had not learnt from.

    By the probability densities of the measured figures of merit, shape `n`.
    """
    unseen = surrogate.unseen()
    if unseen is None:
        return False
    mean, sd = unseen
    normals = stratified_normals(SAMPLES, mean.shape[1] - 1, np.random.default_rng(0))
    values = objective.value(mean[:, :-1] + sd[:, :-1] * normals[:, None, :])
    composed = _log_density(merit, values.mean(axis=0), values.std(axis=0))
    return bool(_log_density(merit, mean[:, -1], sd[:, -1]) > composed)


def _log_density(measured: Array, mean: Array, sd: Array) -> float:
    """Sum of the logarithms of normal densities; the least number where one is undefined."""
    sd = np.maximum(sd, 1e-300)
    total = float(-(0.5 * np.square((measured - mean) / sd) + np.log(sd)).sum())
    return total if np.isfinite(total) else -np.inf
