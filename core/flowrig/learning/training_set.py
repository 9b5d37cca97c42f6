"""Experiments as surrogates learn from them, with the objective of their responses.

Letters: `n` experiments, `d` conditions, `m` responses.
"""

from collections.abc import Sequence

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from flowrig.interfaces import Surrogate
from flowrig.problem.objective import Objective

__all__ = ["TrainingSet"]

Array = NDArray[np.float64]


@frozen(eq=False)
class TrainingSet:
    """Conditions, responses and objective of some experiments.

    Attributes:
        X: conditions in the unit cube, shape `n x d`.
        Y: measured responses, shape `n x m`, in the order of the objective's responses.
        objective: computes its value from the responses.
        rsd: relative standard deviation of repeated measurements of each response, a fraction, for
            `Surrogate.fit`; empty if it is not known.
    """

    X: Array
    Y: Array
    objective: Objective
    rsd: Sequence[float] = ()

    def __len__(self) -> int:
        """Number of experiments."""
        return len(self.X)

    @property
    def objective_values(self) -> Array:
        """The objective of each experiment, shape `n`."""
        return np.asarray(self.objective.value(self.Y))

    def fit(self, surrogate: Surrogate, rows: NDArray[np.intp] | NDArray[np.bool_]) -> None:
        """Fit a surrogate to some of the experiments.

        Args:
            surrogate: is fitted in place.
            rows: indices of the experiments, or a mask of shape `n`.
        """
        surrogate.fit(self.X[rows], self.Y[rows], self.rsd)
