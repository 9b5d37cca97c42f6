"""The digital twin of a rig: check a surrogate, study it, and compare optimizers on it."""

from flowrig.learning.cross_validation import FOLDS, CrossValidation, Fold, cross_validate, held_out
from flowrig.learning.experiment_table import Experiments, read_experiments
from flowrig.learning.scores import Scores, score
from flowrig.learning.training_set import TrainingSet
from flowrig.twin.choice import choose_surrogate

__all__ = [
    "FOLDS",
    "CrossValidation",
    "Experiments",
    "Fold",
    "Scores",
    "TrainingSet",
    "choose_surrogate",
    "cross_validate",
    "held_out",
    "read_experiments",
    "score",
]
