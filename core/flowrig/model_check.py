"""How well the surrogate predicts experiments that it has not seen: cross-validation."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from flowrig.health import (
    Symptom,
    drift,
    explained_share,
    explains_nothing,
    without_effect,
)
from flowrig.objective import Objective
from flowrig.record import RunRecord
from flowrig.twin import FOLDS, Fold, held_out

__all__ = ["check_model", "model_symptoms"]

Array = NDArray[np.float64]


def check_model(record: RunRecord) -> list[dict[str, Any]]:
    """Predict every measured experiment from the others, in five folds.

    Returns:
        one mapping an experiment: `index`, `mean` and `sd` by response, `objective_mean` and
        `objective_sd`; nothing if there are too few experiments, or the campaign has no surrogate.
    """
    if record.campaign.surrogate is None:
        return []
    experiments = [e for e in record.experiments() if e.quality != "bad"]
    if len(experiments) < 2 * FOLDS:
        return []
    space, objective = record.profile.space, record.profile.objective
    X = space.to_unit(space.array([e.conditions for e in experiments]))
    Y = np.array([[e.features[name] for name in objective.responses] for e in experiments])
    checks = [
        _check(experiments[row].index, place, fold, objective)
        for fold in held_out(X, Y, objective, record.surrogates(), record.seed)
        for place, row in enumerate(fold.rows)
    ]
    return sorted(checks, key=lambda check: int(check["index"]))


def _check(index: int, place: int, fold: Fold, objective: Objective) -> dict[str, Any]:
    """What was predicted of one experiment, the one at `place` in a fold."""
    names = objective.responses
    return {
        "index": index,
        "mean": dict(zip(names, map(float, fold.mean[place]), strict=True)),
        "sd": dict(zip(names, map(float, fold.sd[place]), strict=True)),
        "objective_mean": float(fold.objective_mean[place]),
        "objective_sd": float(fold.objective_sd[place]),
    }


def model_symptoms(record: RunRecord, checks: Sequence[dict[str, Any]]) -> list[Symptom]:
    """What the predictions of unseen experiments say about the campaign.

    Args:
        record: the run.
        checks: from `check_model`.
    """
    told = {check["index"]: check for check in checks}
    experiments = [e for e in record.experiments() if e.index in told]
    if not experiments:
        return []
    measured = np.array([e.objective for e in experiments])
    predicted = np.array([told[e.index]["objective_mean"] for e in experiments])
    sd = np.array([told[e.index]["objective_sd"] for e in experiments])
    space, objective, model = record.profile.space, record.profile.objective, record.model()

    def expected(X: Array) -> Array:
        return objective.value(model.predict(X).mean)

    X = space.to_unit(space.array([e.conditions for e in experiments]))
    explained = explained_share(measured, predicted)
    found = (
        explains_nothing(measured, predicted),
        without_effect(expected, X, space.names, explained, record.seed),
        drift((measured - predicted) / sd),
    )
    return [symptom for symptom in found if symptom is not None]
