"""A twin that takes the place of a rig: it measures at conditions without chemicals."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from flowrig.interfaces import Surrogate
from flowrig.problem.designs import uniform
from flowrig.problem.feasibility import pulled_inside
from flowrig.problem.objective import Objective
from flowrig.problem.space import Space, Value
from flowrig.problem.steps import all_allowed, has_steps, near_steps

__all__ = ["TwinRig"]

Array = NDArray[np.float64]

SAMPLES = 512
"""Posterior samples from which the variance of the noise is computed."""

SCOUTS, ROUNDS, NEIGHBOURS = 4096, 40, 256
"""Random points, rounds of smaller steps, and points of a round in the search for the optimum."""


class TwinRig:
    """Measures by a fitted surrogate: its mean is the true response, its noise that of the rig.

    Args:
        surrogate: fitted to experiments on the rig.
        space: the conditions.
        objective: of the responses.
    """

    def __init__(self, surrogate: Surrogate, space: Space, objective: Objective) -> None:
        self._surrogate = surrogate
        self.space = space
        self.objective = objective

    def truth(self, U: Array) -> Array:
        """The objective without noise, shape `n`, at points of the unit cube, shape `n x d`."""
        return np.asarray(self.objective.value(self._surrogate.predict(U).mean))

    def measure(
        self, conditions: Mapping[str, Value], rng: np.random.Generator
    ) -> dict[str, float]:
        """Responses with noise, and their objective, by name."""
        U = self.space.to_unit(self.space.array([conditions]))
        posterior = self._surrogate.predict(U)
        model_variance = posterior.sample(SAMPLES, rng).var(axis=0)
        noise_sd = np.sqrt(np.maximum(np.square(posterior.sd) - model_variance, 0.0))
        responses = (posterior.mean + noise_sd * rng.standard_normal(noise_sd.shape))[0]
        row = dict(zip(self.objective.responses, map(float, responses), strict=True))
        return {**row, self.objective.name: float(self.objective.value(responses))}

    def optimum(self, seed: int = 0) -> float:
        """The highest objective in the space: random points, then moves that become smaller.

        Where parameters move in steps, of the points on their steps; of all, if they can be listed.
        """
        allowed = all_allowed(self.space)
        if allowed is not None:
            return float(self.truth(self.space.to_unit(allowed)).max())
        rng = np.random.default_rng(seed)
        U = uniform(self.space, SCOUTS, rng)
        corners = pulled_inside(
            self.space, rng.integers(0, 2, (NEIGHBOURS, U.shape[1])).astype(float)
        )
        U = self._on_steps(np.vstack([U, corners]))
        values = self.truth(U)
        best, highest = U[int(np.argmax(values))], float(values.max())
        for step in np.geomspace(0.3, 0.001, ROUNDS):
            moved = self._on_steps(
                pulled_inside(
                    self.space, best + step * rng.standard_normal((NEIGHBOURS, len(best)))
                )
            )
            values = self.truth(moved)
            if values.max(initial=-np.inf) > highest:
                best, highest = moved[int(np.argmax(values))], float(values.max())
        return highest

    def _on_steps(self, U: Array) -> Array:
        """The points with stepped values on the nearest steps; those inside the space."""
        if not has_steps(self.space):
            return U
        moved = near_steps(self.space, U)
        return moved[self.space.feasible(self.space.from_unit(moved))]
