"""How well the surrogate predicts experiments that it has not seen: cross-validation."""

from typing import Any

import numpy as np

from flowrig.record import RunRecord, new_surrogate

__all__ = ["check_model"]

FOLDS = 5
SAMPLES = 512


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
    rng = np.random.default_rng(record.seed)
    fold = rng.permutation(len(experiments)) % FOLDS
    checks: list[dict[str, Any]] = []
    for held_out in range(FOLDS):
        rows = np.flatnonzero(fold == held_out)
        surrogate = new_surrogate(record.campaign, record.seed)
        surrogate.fit(X[fold != held_out], Y[fold != held_out])
        posterior = surrogate.predict(X[rows])
        mean, sd = posterior.mean, posterior.sd
        measured = mean + sd * rng.standard_normal((SAMPLES, *mean.shape))
        values = objective.value(measured)
        for place, row in enumerate(rows):
            checks.append(
                {
                    "index": experiments[row].index,
                    "mean": dict(zip(objective.responses, map(float, mean[place]), strict=True)),
                    "sd": dict(zip(objective.responses, map(float, sd[place]), strict=True)),
                    "objective_mean": float(values[:, place].mean()),
                    "objective_sd": float(values[:, place].std()),
                }
            )
    return sorted(checks, key=lambda check: int(check["index"]))
