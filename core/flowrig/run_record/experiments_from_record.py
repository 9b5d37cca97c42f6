"""Experiments from a run's journal."""

from collections.abc import Sequence

import numpy as np

from flowrig.errors import InputError
from flowrig.learning.experiment_table import EVERYTHING, Experiments, Selection
from flowrig.problem.space import Space
from flowrig.run_record.reader import RunRecord

__all__ = ["experiments_of"]


def experiments_of(
    record: RunRecord,
    space: Space,
    responses: Sequence[str],
    selection: Selection = EVERYTHING,
) -> Experiments:
    """Experiments of a run; those of bad quality, or without a finite value, are left out.

    So are those with a choice that the wanted space does not have, and those of a study that are
    not in their steady state.

    Args:
        record: the run.
        space: the wanted conditions, whose ranges become the unit cube.
        responses: names of the wanted features, in this order.
        selection: stages and arms of the run.

    Raises:
        InputError: the run has no such stage or arm, an experiment lacks a wanted condition or
            feature, or has a number for a category, or the other way round.
    """
    stages = record.campaign.stages
    selection.require_known({s.name for s in stages}, record.campaign.arms, record.folder)
    measured = [e for e in record.settled() if selection.takes(e.decision.stage, e.decision.arm)]
    for row, wanted in (("conditions", space.names), ("features", responses)):
        missing = [n for n in wanted if any(n not in getattr(e, row) for e in measured)]
        if missing:
            raise InputError(f"{record.folder} has no {row} {', '.join(missing)}")
    count = len(measured)
    for one in space.parameters:
        if any(isinstance(e.conditions[one.name], str) != bool(one.choices) for e in measured):
            kind = "a category" if one.choices else "a number"
            raise InputError(f"{record.folder}: {one.name} is not {kind} there")
        if one.choices:
            measured = [e for e in measured if e.conditions[one.name] in one.choices]
    Y = np.array([[e.features[name] for name in responses] for e in measured], dtype=float)
    Y = Y.reshape(len(measured), len(responses))
    usable = np.array([e.quality != "bad" for e in measured], dtype=bool)
    sound = np.isfinite(Y).all(axis=1) & usable
    X = space.to_unit(space.array([e.conditions for e in measured]))
    return Experiments(X=X[sound], Y=Y[sound], left_out=count - int(sound.sum()))
