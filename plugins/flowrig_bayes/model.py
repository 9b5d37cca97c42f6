"""Surrogate of the responses or of the objective, whichever predicts the objective better.

An objective that is computed on samples of the responses uses the known relation between them
(Astudillo & Frazier, "Bayesian optimization of composite functions", 2019). Where responses vary
together, as an absorbance and the emission that it causes, the objective can be a simpler function
of the conditions and is then predicted better directly. Letters: `n` experiments, `m` responses.
"""

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from flowrig.interfaces import Problem, Surrogate
from flowrig.problem.objective import MaximumResponse, Objective
from flowrig.problem.pareto import ParetoObjective
from flowrig_bayes.sampled_objective import stratified_normals
from flowrig_bayes.settings import BayesSettings

__all__ = ["Model", "fit_model"]

Array = NDArray[np.float64]

FEW_EXPERIMENTS = 10
"""Below this, earlier experiments tell what is modelled, if there are any."""

SAMPLES = 256
"""Posterior samples for the comparison of the two predictions."""


@frozen
class _FromResponses(Objective):
    """The objective as a function of all modelled responses but the last."""

    objective: Objective

    name = "objective"
    unit = ""
    responses = ()

    def value(self, responses: Array) -> Array:
        return self.objective.value(responses[..., :-1])


@frozen
class _LastResponse(Objective):
    """The objective as the last modelled response."""

    name = "objective"
    unit = ""
    responses = ()

    def value(self, responses: Array) -> Array:
        return np.asarray(responses[..., -1])


@frozen(eq=False)
class Model:
    """A fitted surrogate and the objective as a function of its responses.

    Attributes:
        surrogate: models the responses and, optionally, the objective as the last response.
        objective: a function of the modelled responses.
        models_objective: whether the objective is the last modelled response.
    """

    surrogate: Surrogate
    objective: Objective
    models_objective: bool


def fit_model(
    problem: Problem, X: Array, Y: Array, pending: Array, settings: BayesSettings
) -> Model:
    """Fit a surrogate to experiments and to the expected responses of pending ones.

    The fit receives the repeatability of the responses. The noise of a directly modelled objective
    is fitted: propagating the repeatability to it made no search shorter and some longer.

    Args:
        problem: the objective, the repeatability, and the factory of surrogates.
        X: conditions in the unit cube, shape `n x d`.
        Y: measured responses, shape `n x m`.
        pending: conditions that are not measured yet, shape `p x d`.
        settings: select the modelled quantity.
    """
    objective = problem.objective
    alone = isinstance(objective, MaximumResponse)
    measured = objective.value(Y)
    composed = settings.model == "responses" or isinstance(objective, ParetoObjective)
    added = not (composed or alone) and bool(np.isfinite(measured).all())
    if added:
        Y = np.column_stack([Y, measured])
    surrogate = problem.new_surrogate()
    surrogate.fit(X, Y, problem.rsd)
    direct = added and (
        settings.model == "merit" or _predicts_better(surrogate, objective, measured)
    )
    if len(pending):
        expected = surrogate.predict(pending).mean
        surrogate = problem.new_surrogate()
        surrogate.fit(np.vstack([X, pending]), np.vstack([Y, expected]), problem.rsd)
    if direct:
        return Model(surrogate, _LastResponse(), models_objective=True)
    return Model(
        surrogate, _FromResponses(objective) if added else objective, models_objective=alone
    )


def _predicts_better(surrogate: Surrogate, objective: Objective, measured: Array) -> bool:
    """Whether leave-out predictions of the objective are better directly than by the responses.

    Compares the predictive densities of the measured objective, shape `n`; while there are few,
    that of the earlier experiments that the surrogate knows of.
    """
    earlier = surrogate.unseen_earlier() if len(measured) < FEW_EXPERIMENTS else None
    unseen = surrogate.unseen() if earlier is None else earlier[1:]
    if unseen is None:
        return False
    mean, sd = unseen
    if earlier is not None:
        measured = objective.value(earlier[0][:, :-1])
    normals = stratified_normals(SAMPLES, mean.shape[1] - 1, np.random.default_rng(0))
    values = objective.value(mean[:, :-1] + sd[:, :-1] * normals[:, None, :])
    composed = _log_density(measured, values.mean(axis=0), values.std(axis=0))
    return bool(_log_density(measured, mean[:, -1], sd[:, -1]) > composed)


def _log_density(measured: Array, mean: Array, sd: Array) -> float:
    """Sum of the logarithms of normal densities; minus infinity if one is not finite."""
    sd = np.maximum(sd, 1e-300)
    total = float(-(0.5 * np.square((measured - mean) / sd) + np.log(sd)).sum())
    return total if np.isfinite(total) else -np.inf
