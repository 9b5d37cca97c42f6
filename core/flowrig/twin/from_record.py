"""Experiments from a run's journal."""

import numpy as np

from flowrig.record import RunRecord
from flowrig.twin.table import Experiments

__all__ = ["experiments_of"]


def experiments_of(record: RunRecord) -> Experiments:
    """What a run measured; experiments without a finite value, or in bad quality, are left out."""
    measured = record.experiments()
    names, space = record.profile.objective.responses, record.profile.space
    Y = np.array([[e.features[name] for name in names] for e in measured], dtype=float)
    Y = Y.reshape(len(measured), len(names))
    sound = np.isfinite(Y).all(axis=1) & np.array(
        [e.quality != "bad" for e in measured], dtype=bool
    )
    X = space.to_unit(space.array([e.conditions for e in measured]))
    return Experiments(X=X[sound], Y=Y[sound], left_out=int((~sound).sum()))
