"""The digital twin: a surrogate of a rig as a thing to check, keep and ask."""

from flowrig.learning.cross_validation import FOLDS, CrossValidation, Fold, cross_validate, held_out
from flowrig.learning.experiment_table import Experiments, read_experiments
from flowrig.learning.scores import Scores, score
from flowrig.twin.choice import choose_surrogate

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
