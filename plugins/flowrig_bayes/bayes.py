"""Bayesian optimization over any surrogate."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from flowrig.designs import maximin_latin_hypercube, uniform
from flowrig.feasibility import pulled_inside
from flowrig.interfaces import Optimizer, Problem, Suggestion, Surrogate
from flowrig_bayes.acquisition import acquisition, describe
from flowrig_bayes.settings import BayesSettings

__all__ = ["BayesianOptimizer"]

Array = NDArray[np.float64]

FEWEST = 4
"""Sound experiments below which no model is asked."""
LEADERS = 20
"""Candidates whose neighbourhood is searched."""
FIRST_STEP = 0.15
"""Width of the first neighbourhood in the unit cube; each refinement halves it."""
REPORT_SAMPLES = 1024


class BayesianOptimizer(Optimizer):
    """Fits a surrogate to everything measured and takes the best acquisition value's condition.

    Experiments without finite responses are left out of the fit; they never count as zero. Several
    points at once are chosen one after the other, each as if those before it had come out as the
    surrogate expects (kriging believer: Ginsbourger, Le Riche & Carraro, 2010).
    """

    settings: BayesSettings

    def __init__(self, problem: Problem, settings: BayesSettings) -> None:
        super().__init__(problem, settings)
        d, m = len(problem.space.names), len(problem.objective.responses)
        self._X: Array = np.empty((0, d))
        self._Y: Array = np.empty((0, m))
        self._seen = 0

    def _do_ingest(self, results: Sequence[Mapping[str, Any]]) -> None:
        self._seen += len(results)
        responses = self.problem.objective.responses
        rows = [[_number(row.get(name)) for name in responses] for row in results]
        Y = np.array(rows, dtype=float).reshape(len(results), len(responses))
        sound = np.isfinite(Y).all(axis=1)
        X = self.problem.space.to_unit(self.problem.space.array(results))
        self._X = np.vstack([self._X, X[sound]])
        self._Y = np.vstack([self._Y, Y[sound]])

    def _do_suggest(self, num_points: int) -> list[Suggestion]:
        rng = np.random.default_rng([self.problem.seed, self._seen])
        if len(self._X) < FEWEST:
            return self._spread(num_points, rng)
        X, Y = self._X, self._Y
        chosen = []
        for _ in range(num_points):
            surrogate = self.problem.new_surrogate()
            surrogate.fit(X, Y)
            point, value = self._best_point(surrogate, X, rng)
            chosen.append(self._explain(surrogate, point, value))
            X = np.vstack([X, point])
            Y = np.vstack([Y, surrogate.predict(point[None]).mean])
        return chosen

    def _spread(self, num_points: int, rng: np.random.Generator) -> list[Suggestion]:
        space = self.problem.space
        points = maximin_latin_hypercube(space, num_points, 16, rng)
        reason = f"space filling: fewer than {FEWEST} sound experiments so far"
        return [Suggestion(row, reason=reason) for row in space.rows(space.from_unit(points))]

    def _best_point(
        self, surrogate: Surrogate, X: Array, rng: np.random.Generator
    ) -> tuple[Array, float]:
        """The point of the unit cube with the best acquisition value, and that value."""
        space, settings = self.problem.space, self.settings
        noise = int(rng.integers(2**32))
        incumbent = float(self._samples(surrogate, X, noise).mean(axis=0).max())
        visited = self._X[space.feasible(space.from_unit(self._X))]
        points = np.vstack([uniform(space, settings.candidates, rng), visited])
        values = acquisition(self._samples(surrogate, points, noise), incumbent, settings)
        step = FIRST_STEP
        for _ in range(settings.refinements):
            leaders = points[np.argsort(values)[::-1][:LEADERS]]
            moved = np.repeat(leaders, 12, axis=0)
            moved += step * rng.standard_normal(moved.shape) * (rng.random(moved.shape) < 0.5)
            moved = pulled_inside(space, moved)
            fresh = acquisition(self._samples(surrogate, moved, noise), incumbent, settings)
            points, values = (
                np.vstack([leaders, moved]),
                np.concatenate([np.sort(values)[::-1][:LEADERS], fresh]),
            )
            step /= 2
        best = int(np.argmax(values))
        return points[best], float(values[best])

    def _samples(self, surrogate: Surrogate, U: Array, noise: int) -> Array:
        """Samples of the figure of merit at points of the unit cube, shape `s x n`."""
        rng = np.random.default_rng(noise)
        responses = surrogate.predict(U).sample(self.settings.samples, rng)
        return _finite(self.problem.objective.value(responses))

    def _explain(self, surrogate: Surrogate, point: Array, value: float) -> Suggestion:
        """The suggestion with the measurement that the surrogate expects of it."""
        posterior = surrogate.predict(point[None])
        mean, sd = posterior.mean[0], posterior.sd[0]
        rng = np.random.default_rng(self.problem.seed)
        measured = mean + sd * rng.standard_normal((REPORT_SAMPLES, len(mean)))
        merit = _finite(self.problem.objective.value(measured))
        names = self.problem.objective.responses
        return Suggestion(
            conditions=self.problem.space.rows(self.problem.space.from_unit(point[None]))[0],
            mean=dict(zip(names, map(float, mean), strict=True)),
            sd=dict(zip(names, map(float, sd), strict=True)),
            objective_mean=float(merit.mean()),
            objective_sd=float(merit.std()),
            reason=describe(self.settings, value, self.problem.objective.unit),
        )


def _number(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        return float("nan")


def _finite(values: Array) -> Array:
    """Figures of merit with the least finite one in place of those that are not finite."""
    finite = np.isfinite(values)
    return np.where(finite, values, values[finite].min()) if finite.any() else np.zeros_like(values)
