"""A twin in the place of a rig: conditions in, measurements out, no chemicals spent."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from flowrig.interfaces import Surrogate
from flowrig.problem.designs import uniform
from flowrig.problem.feasibility import pulled_inside
from flowrig.problem.objective import Objective
from flowrig.problem.space import Space

__all__ = ["StandIn"]

Array = NDArray[np.float64]

SAMPLES = 512
SCOUTS = 4096
ROUNDS = 40
NEIGHBOURS = 256


class StandIn:
    """What a fitted surrogate expects is taken for the truth, and its noise for that of the rig.

    Args:
        surrogate: fitted to experiments on the rig.
        space: the conditions.
        objective: the figure of merit of the responses.
    """

    def __init__(self, surrogate: Surrogate, space: Space, objective: Objective) -> None:
        self._surrogate = surrogate
        self.space = space
        self.objective = objective

    def truth(self, U: Array) -> Array:
        """Figure of merit without noise at points of the unit cube, shape `n x d`; shape `n`."""
        return np.asarray(self.objective.value(self._surrogate.predict(U).mean))

    def measure(
        self, conditions: Mapping[str, float], rng: np.random.Generator
    ) -> dict[str, float]:
        """Responses by name, with noise, and the figure of merit under its own name."""
        U = self.space.to_unit(self.space.array([conditions]))
        posterior = self._surrogate.predict(U)
        known = posterior.sample(SAMPLES, rng).var(axis=0)
        noise_sd = np.sqrt(np.maximum(np.square(posterior.sd) - known, 0.0))
        responses = (posterior.mean + noise_sd * rng.standard_normal(noise_sd.shape))[0]
        row = dict(zip(self.objective.responses, map(float, responses), strict=True))
        return {**row, self.objective.name: float(self.objective.value(responses))}

    def optimum(self, seed: int = 0) -> float:
        """The highest figure of merit in the space, found by a wide search and a narrowing one."""
        rng = np.random.default_rng(seed)
        U = uniform(self.space, SCOUTS, rng)
        corners = pulled_inside(
            self.space, rng.integers(0, 2, (NEIGHBOURS, U.shape[1])).astype(float)
        )
        U = np.vstack([U, corners])
        values = self.truth(U)
        best, highest = U[int(np.argmax(values))], float(values.max())
        for step in np.geomspace(0.3, 0.001, ROUNDS):
            moved = pulled_inside(
                self.space, best + step * rng.standard_normal((NEIGHBOURS, len(best)))
            )
            values = self.truth(moved)
            if values.max() > highest:
                best, highest = moved[int(np.argmax(values))], float(values.max())
        return highest
