"""How well the surrogate predicts experiments that it has not seen: cross-validation."""

from typing import Any

import numpy as np

from flowrig.objective import Objective
from flowrig.record import RunRecord, new_surrogate
from flowrig.twin import FOLDS, Fold, held_out

__all__ = ["check_model"]


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
        for fold in held_out(
            X, Y, objective, lambda: new_surrogate(record.campaign, record.seed), record.seed
        )
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
