"""Bayesian optimization with any surrogate."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from attrs import evolve
from numpy.typing import NDArray

from flowrig.errors import InputError, NothingLeftError
from flowrig.interfaces import Optimizer, Problem, Suggestion
from flowrig.learning.blas_threads import one_blas_thread
from flowrig.problem.designs import maximin_latin_hypercube
from flowrig.problem.pareto import ParetoObjective, random_weights
from flowrig.problem.steps import all_allowed, has_steps
from flowrig_bayes.acquisition import describe
from flowrig_bayes.model import Model, fit_model
from flowrig_bayes.sampled_objective import SampledObjective, stratified_normals
from flowrig_bayes.search import (
    candidates,
    clear_of,
    maximize_acquisition,
    maximize_on_steps,
    on_steps,
)
from flowrig_bayes.settings import BayesSettings
from flowrig_bayes.surface import Surface

__all__ = ["BayesianOptimizer"]

Array = NDArray[np.float64]

MIN_MODEL_EXPERIMENTS = 4
"""With fewer successful experiments, points are space-filling and no surrogate is fitted, unless
earlier experiments inform it."""
BEST = 5
"""Number of measured points with the best expected objective that the search starts near."""
REPORT_SAMPLES = 1024
"""Samples for the reported mean and standard deviation of the objective."""
SAME = 1e-4
"""Conditions that differ by less than this fraction of every range are the same."""
ARRIVED = 0.01
"""A pending point is measured once a result lies within this fraction of every range."""
FAILED = 0.05
"""Distance of suggestions from failed experiments in at least one condition, as a fraction of its
range."""


class BayesianOptimizer(Optimizer):
    """Fits a surrogate to all experiments and suggests the maximum of an acquisition function.

    Experiments without finite responses are not part of the fit, and suggestions keep a distance
    from them; they never count as zero. The points of a batch are chosen one after the other. Each
    fit takes the expected responses of the pending points for measurements (kriging believer:
    Ginsbourger, Le Riche & Carraro, 2010). The incumbent is the expectation of the best noise-free
    objective at the measured conditions. Unlike the best measurement, it is not biased upwards by
    noise (as in the noisy expected improvement of Letham et al., Bayesian Analysis 2019, 14, 495,
    but with one incumbent for all samples).

    Of an objective with several goals each point seeks the front in a direction of its own, drawn
    at random; see `ParetoObjective.toward`.

    Raises:
        InputError: the objective has several goals, and the settings want its merit modelled.
    """

    settings: BayesSettings

    def __init__(self, problem: Problem, settings: BayesSettings) -> None:
        super().__init__(problem, settings)
        if isinstance(problem.objective, ParetoObjective) and settings.model == "merit":
            raise InputError(
                "several goals have no single merit to model; leave `model` out, or say 'responses'"
            )
        self._has_steps = has_steps(problem.space)
        d, m = len(problem.space.names), len(problem.objective.responses)
        self._X: Array = np.empty((0, d))
        self._Y: Array = np.empty((0, m))
        self._failed: Array = np.empty((0, d))
        self._pending: Array = np.empty((0, d))

    def _do_ingest(self, results: Sequence[Mapping[str, Any]]) -> None:
        responses = self.problem.objective.responses
        rows = [[_number(row.get(name)) for name in responses] for row in results]
        Y = np.array(rows, dtype=float).reshape(len(results), len(responses))
        sound = np.isfinite(Y).all(axis=1)
        X = self.problem.space.to_unit(self.problem.space.array(results))
        self._X = np.vstack([self._X, X[sound]])
        self._Y = np.vstack([self._Y, Y[sound]])
        self._failed = np.vstack([self._failed, X[~sound]])
        self._pending = clear_of(self._pending, [(X, ARRIVED)])

    def _do_expect(self, conditions: Sequence[Mapping[str, Any]]) -> None:
        points = self.problem.space.to_unit(self.problem.space.array(conditions))
        self._pending = np.vstack([self._pending, clear_of(points, [(self._pending, ARRIVED)])])

    def _do_suggest(self, num_points: int) -> list[Suggestion]:
        known = len(self._X) + len(self._failed) + len(self._pending)
        rng = np.random.default_rng([self.problem.seed, known])
        if len(self._X) < MIN_MODEL_EXPERIMENTS and not self.problem.is_informed:
            return self._spread(num_points, rng)
        found: list[Suggestion] = []
        with one_blas_thread():
            while len(found) < num_points:
                try:
                    found.append(self._next(rng))
                except NothingLeftError:
                    if not found:
                        raise
                    break
        return found

    def _spread(self, num_points: int, rng: np.random.Generator) -> list[Suggestion]:
        space = self.problem.space
        points = maximin_latin_hypercube(space, num_points, 16, rng)
        rows = space.rows(space.from_unit(points))
        if self._has_steps:  # what is pending is what will be measured
            rows = self.door.admit_all(rows)
            points = space.to_unit(space.array(rows))
        self._pending = np.vstack([self._pending, points])
        reason = f"space filling: fewer than {MIN_MODEL_EXPERIMENTS} sound experiments so far"
        return [Suggestion(row, reason=reason) for row in rows]

    def _next(self, rng: np.random.Generator) -> Suggestion:
        """The next point; it is pending afterwards."""
        problem, settings = self.problem, self._settings
        listed = self._listed() if self._has_steps else None
        model = fit_model(problem, self._X, self._Y, self._pending, self.settings)
        direction = ""
        if isinstance(problem.objective, ParetoObjective):
            weights = random_weights(len(problem.objective.goals), rng)
            model = evolve(model, objective=problem.objective.toward(weights))
            direction = problem.objective.direction(weights)
        sampled, incumbent, best_measured = self._sample_objective(model, rng)
        points = candidates(problem.space, self.settings.candidates, best_measured, rng)
        if settings.acquisition == "thompson":
            if self._has_steps:
                points = on_steps(problem.space, points) if listed is None else listed
            drawn = model.objective.value(model.surrogate.predict(points).sample(1, rng))[0]
            ranked = points[np.argsort(-np.where(np.isfinite(drawn), drawn, sampled.floor))]
        else:
            ranked = self._ranked(Surface(sampled, incumbent, settings), listed, points, rng)
        point = self._first_clear(ranked)
        self._pending = np.vstack([self._pending, point])
        return self._explain(sampled, incumbent, point, direction)

    @property
    def _settings(self) -> BayesSettings:
        """The settings; before there is anything to improve on, the highest expected objective."""
        if len(self._X) or self.settings.acquisition not in ("ei", "pi"):
            return self.settings
        return evolve(self.settings, acquisition="exploit")

    def _ranked(
        self, surface: Surface, listed: Array | None, points: Array, rng: np.random.Generator
    ) -> Array:
        """Points with a high acquisition function, the best first."""
        space, settings = self.problem.space, self.settings
        if self._has_steps:
            return maximize_on_steps(space, surface, listed, points, settings=settings, rng=rng)
        return maximize_acquisition(space, surface, points, settings, rng)

    def _listed(self) -> Array | None:
        """The allowed points to choose from, in a space in which all values have steps.

        Raises:
            NothingLeftError: all were tried.
        """
        space = self.problem.space
        left = self.door.untried()
        if left is None:
            return None
        if self.settings.acquisition == "exploit":  # it may repeat a measurement
            left = all_allowed(space)
            assert left is not None
        points = clear_of(space.to_unit(left), [(self._pending, SAME)])
        if not len(points):
            raise NothingLeftError(self.door.all_tried)
        return points

    def _first_clear(self, ranked: Array) -> Array:
        """The best point that keeps its distance from others.

        Where there is none, the distance from failed experiments is given up first.

        Args:
            ranked: points, the best first, shape `n x d`.
        """
        tried, failed = self._avoided()
        for avoided in (
            ([tried, failed], [tried, (failed[0], SAME)]) if self._has_steps else ([tried, failed],)
        ):
            clear = clear_of(ranked, avoided)
            if len(clear):
                return np.asarray(clear[0])
        return np.asarray(ranked[0])

    def _sample_objective(
        self, model: Model, rng: np.random.Generator
    ) -> tuple[SampledObjective, float, Array]:
        """Samples of the objective, incumbent, and the measured points with the best objective."""
        space, objective = self.problem.space, model.objective
        inside = space.feasible(space.from_unit(self._X))
        if not len(self._X):
            count = model.surrogate.predict(np.full((1, self._X.shape[1]), 0.5)).mean.shape[1]
            return self._sampled(model, 0.0, count, rng), 0.0, self._X
        posterior = model.surrogate.predict(self._X[inside] if inside.any() else self._X)
        values = objective.value(posterior.sample(self.settings.samples, rng))
        finite = np.isfinite(values)
        floor = float(values[finite].min()) if finite.any() else 0.0
        values = np.where(finite, values, floor)
        order = np.argsort(-values.mean(axis=0), kind="stable")[:BEST]
        best = self._X[inside][order] if inside.any() else self._X[:0]
        sampled = self._sampled(model, floor, posterior.mean.shape[1], rng)
        return sampled, float(values.max(axis=1).mean()), best

    def _sampled(
        self, model: Model, floor: float, responses: int, rng: np.random.Generator
    ) -> SampledObjective:
        normals = stratified_normals(self.settings.samples, responses, rng)
        return SampledObjective(
            model.surrogate, model.objective, model.models_objective, normals, floor
        )

    def _avoided(self) -> tuple[tuple[Array, float], tuple[Array, float]]:
        """Points to keep away from, with distances. Only exploitation can repeat a measurement."""
        repeated = self._X[:0] if self.settings.acquisition == "exploit" else self._X
        return (np.vstack([self._pending, repeated]), SAME), (self._failed, FAILED)

    def _explain(
        self, sampled: SampledObjective, incumbent: float, point: Array, direction: str
    ) -> Suggestion:
        """The suggestion with the predicted measurement and its reason."""
        posterior = sampled.surrogate.predict(point[None])
        mean, sd = posterior.mean[0], posterior.sd[0]
        rng = np.random.default_rng(self.problem.seed)
        measured = mean + sd * rng.standard_normal((REPORT_SAMPLES, len(mean)))
        reported = self.problem.objective if direction else sampled.objective
        values = reported.value(measured)
        values = np.where(np.isfinite(values), values, sampled.floor)
        names, space = self.problem.objective.responses, self.problem.space
        return Suggestion(
            conditions=space.rows(space.from_unit(point[None]))[0],
            mean=dict(zip(names, map(float, mean[: len(names)]), strict=True)),
            sd=dict(zip(names, map(float, sd[: len(names)]), strict=True)),
            objective_mean=float(values.mean()),
            objective_sd=float(values.std()),
            reason=direction
            + describe(
                sampled.of(posterior)[:, 0], incumbent, self._settings, self.problem.objective.unit
            ),
        )


def _number(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        return float("nan")
