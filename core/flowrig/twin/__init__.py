"""The digital twin: a surrogate of a rig as a thing to check, keep and ask."""

from flowrig.twin.choice import choose_surrogate
from flowrig.twin.crossval import FOLDS, CrossValidation, Fold, cross_validate, held_out
from flowrig.twin.scores import Scores, score
from flowrig.twin.table import Experiments, read_experiments

__all__ = [
    "FOLDS",
    "CrossValidation",
    "Experiments",
    "Fold",
    "Scores",
    "choose_surrogate",
    "cross_validate",
    "held_out",
    "read_experiments",
    "score",
]
