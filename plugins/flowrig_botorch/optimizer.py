"""Bayesian optimization by BoTorch."""

import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import numpy as np
import torch
from botorch.acquisition.logei import qLogNoisyExpectedImprovement
from botorch.acquisition.multi_objective.logei import qLogNoisyExpectedHypervolumeImprovement
from botorch.exceptions.errors import CandidateGenerationError
from botorch.optim.optimize import optimize_acqf, optimize_acqf_discrete
from botorch.sampling.normal import SobolQMCNormalSampler
from botorch.utils.multi_objective.hypervolume import infer_reference_point
from botorch.utils.multi_objective.pareto import is_non_dominated
from numpy.typing import NDArray

from flowrig.errors import InputError
from flowrig.interfaces import Optimizer, Problem, Suggestion
from flowrig.problem.designs import maximin_latin_hypercube, uniform
from flowrig.problem.feasibility import pulled_inside
from flowrig.problem.one_hot import OneHot
from flowrig.problem.steps import other_choices
from flowrig_botorch.constraints import curved_inequalities, linear_inequalities
from flowrig_botorch.models import SurrogateModel, gaussian_processes
from flowrig_botorch.objectives import Objectives
from flowrig_botorch.settings import BoTorchSettings

__all__ = ["BoTorchOptimizer"]

Array = NDArray[np.float64]

MIN_MODEL_EXPERIMENTS = 4
"""Number of sound experiments below which points are spread over the space."""
DESIGNS = 16
"""Random designs, of which the most evenly spread is taken."""
MAX_ITERATIONS = 100
"""Most iterations of one maximization of the acquisition function."""
MOST_EVALUATED = 4096
"""Allowed points of a space with steps up to which all are evaluated."""
MOST_COMBINATIONS = 16
"""Most combinations of choices in each of which the acquisition function is climbed."""
LEADERS = 8
"""Best measured points whose neighbours are candidates too."""
STEP = 0.1
"""Standard deviation of the steps to these neighbours, in the unit cube."""


class BoTorchOptimizer(Optimizer):
    """Log noisy expected improvement; of the hypervolume if there are several objectives.

    Ament et al., Unexpected improvements to expected improvement for Bayesian optimization, 2023;
    Daulton, Balandat & Bakshy, Parallel Bayesian optimization of multiple noisy objectives with
    expected hypervolume improvement, 2021. Experiments that failed are left out.

    Raises:
        InputError: an objective is named twice.
    """

    settings: BoTorchSettings

    def __init__(self, problem: Problem, settings: BoTorchSettings) -> None:
        super().__init__(problem, settings)
        if objection := settings.objection(problem.space):
            raise InputError(objection)
        self._objectives = Objectives.of(problem.objective, settings)
        d, m, p = map(
            len, (problem.space.names, problem.objective.responses, self._objectives.signs)
        )
        self._columns = OneHot(problem.space)
        self._curved = curved_inequalities(problem.space, self._columns)
        self._X, self._Y, self._F = np.empty((0, d)), np.empty((0, m)), np.empty((0, p))
        self._seen = 0

    def _do_ingest(self, results: Sequence[Mapping[str, Any]]) -> None:
        self._seen += len(results)
        for result in results:
            values = self._objectives.of_result(result)
            if np.isfinite(values).all():
                row = [_number(result.get(name)) for name in self.problem.objective.responses]
                conditions = self.problem.space.array([result])
                self._X = np.vstack([self._X, self.problem.space.to_unit(conditions)])
                self._Y = np.vstack([self._Y, row])
                self._F = np.vstack([self._F, values])

    @property
    def _count(self) -> int:
        """How many experiments were decided, for the seeds of random numbers."""
        return self._seen + len(self.expected)

    @property
    def _waiting(self) -> Array:
        """Conditions whose results are to come, in the unit cube, shape `p x d`."""
        return self.problem.space.to_unit(self.problem.space.array(self.expected))

    def _do_suggest(self, num_points: int) -> list[Suggestion]:
        self.door.require_untried()
        if len(self._X) < MIN_MODEL_EXPERIMENTS:
            rng = np.random.default_rng([self.problem.seed, self._count])
            points = maximin_latin_hypercube(self.problem.space, num_points, DESIGNS, rng)
            return self._explained(
                points,
                f"space filling: fewer than {MIN_MODEL_EXPERIMENTS} sound experiments so far",
            )
        with _reproducible(self.problem.seed, self._count):
            if self.settings.model == "surrogate":
                points = self._from_candidates(num_points)
            else:
                points = self._by_gradients(num_points)
        several = len(self._objectives.signs) > 1
        reason = (
            "noisy expected hypervolume improvement" if several else "noisy expected improvement"
        )
        return self._explained(self._distinct(points, num_points), f"BoTorch, {reason}")

    def _explained(self, U: Array, reason: str) -> list[Suggestion]:
        space = self.problem.space
        return [Suggestion(row, reason=reason) for row in space.rows(space.from_unit(U))]

    def _by_gradients(self, num_points: int) -> Array:
        columns = self._columns
        X = torch.as_tensor(columns.widen(self._X))
        F = torch.as_tensor(_with_spread(self._F))
        model = gaussian_processes(X, F, sparse=self.settings.model == "saas")
        acquisition = self._acquisition(model, X, F)
        waiting = torch.as_tensor(columns.widen(self._waiting))
        if len(waiting):
            acquisition.set_X_pending(waiting)
        left = self.door.untried()
        if left is not None and 0 < len(left) <= MOST_EVALUATED:
            choices = torch.as_tensor(columns.widen(self.problem.space.to_unit(left)))
            chosen, _ = optimize_acqf_discrete(
                acquisition, q=min(num_points, len(left)), choices=choices, unique=True
            )
            return columns.narrow(chosen.numpy())
        rng = np.random.default_rng([self.problem.seed, self._count])
        found = torch.empty((0, X.shape[1]), dtype=X.dtype)
        for _ in range(num_points):
            taken = torch.cat([waiting, found])
            acquisition.set_X_pending(taken if len(taken) else None)
            found = torch.cat([found, self._climbed(acquisition, rng)])
        return columns.narrow(found.numpy())

    def _climbed(self, acquisition: Any, rng: np.random.Generator) -> torch.Tensor:
        """The best point that climbs reach, one for each combination of choices, shape `1 x c`."""
        starts, curved = self._starts(acquisition, rng), self._curved
        bounds = torch.tensor([[0.0], [1.0]], dtype=starts.dtype).expand(2, starts.shape[-1])
        ends, combinations = [], self._by_choices(starts)
        restarts = max(self.settings.restarts // len(combinations), 1)
        for of_choices in combinations:
            chosen = {j: float(of_choices[0, 0, j]) for j in self._columns.choosing}
            inside = [all(keep(one[0]) >= 0.0 for keep, _ in curved) for one in of_choices]
            if not any(inside):
                continue
            some = of_choices[torch.tensor(inside)][:restarts]
            with suppress(CandidateGenerationError):  # no end of a climb keeps the limits
                point, value = optimize_acqf(
                    acquisition,
                    bounds,
                    q=1,
                    num_restarts=len(some),
                    options={"maxiter": MAX_ITERATIONS},
                    inequality_constraints=linear_inequalities(self.problem.space, self._columns),
                    nonlinear_inequality_constraints=curved or None,
                    fixed_features=chosen or None,
                    post_processing_func=self._pulled if curved else None,
                    batch_initial_conditions=some,
                )
                assert value is not None
                ends.append((float(value), point))
        return max(ends, key=lambda one: one[0])[1] if ends else starts[0]

    def _pulled(self, points: torch.Tensor) -> torch.Tensor:
        """Points of shape `r x 1 x c`, moved into the limits that they break a little."""
        moved = points.clone()
        for number, point in enumerate(points[:, 0].numpy()):
            inside = pulled_inside(self.problem.space, self._columns.narrow(point[None]))
            if len(inside):
                moved[number, 0] = torch.as_tensor(self._columns.widen(inside)[0])
        return moved

    def _starts(self, acquisition: Any, rng: np.random.Generator) -> torch.Tensor:
        """Random points inside every constraint, the most promising first, shape `r x 1 x c`.

        As many as the acquisition function is climbed from; of categories, all.
        """
        candidates = uniform(self.problem.space, self.settings.candidates, rng)
        points = torch.as_tensor(self._columns.widen(candidates))[:, None]
        with torch.no_grad():
            values = acquisition(points)
        has_choices = self.problem.space.has_choices
        count = len(points) if has_choices else min(self.settings.restarts, len(points))
        return points[values.topk(count).indices]

    def _by_choices(self, starts: torch.Tensor) -> list[torch.Tensor]:
        """The same points by combination of choices, that of the best one first."""
        found: dict[tuple[float, ...], list[int]] = {}
        for number, point in enumerate(starts[:, 0, self._columns.choosing].tolist()):
            found.setdefault(tuple(point), []).append(number)
        return [starts[numbers] for numbers in list(found.values())[:MOST_COMBINATIONS]]

    def _from_candidates(self, num_points: int) -> Array:
        surrogate = self.problem.new_surrogate()
        surrogate.fit(self._X, self._Y, self.problem.rsd)
        model = SurrogateModel(
            surrogate,
            self._objectives.of_responses,
            count=self.settings.samples,
            outputs=self._F.shape[1],
            seed=self.problem.seed,
        )
        rng = np.random.default_rng([self.problem.seed, self._count])
        near = self._X[np.argsort(-self._F.sum(axis=1))[:LEADERS]]
        moved = np.repeat(near, self.settings.candidates // LEADERS // len(near) + 1, axis=0)
        choices = self._choices(moved, rng)
        X, F = torch.as_tensor(self._X), torch.as_tensor(self._F)
        acquisition = self._acquisition(model, X, F)
        if self.expected:
            acquisition.set_X_pending(torch.as_tensor(self._waiting))
        found, _ = optimize_acqf_discrete(
            acquisition,
            q=min(num_points, len(choices)),
            choices=torch.as_tensor(choices),
            max_batch_size=256,
            unique=True,
        )
        return np.asarray(found.numpy())

    def _choices(self, moved: Array, rng: np.random.Generator) -> Array:
        """Candidates: untried points where all have steps, else random and moved ones."""
        space = self.problem.space
        left = self.door.untried()
        if left is not None:
            some = min(len(left), max(self.settings.candidates, 1))
            return space.to_unit(rng.choice(left, some, replace=False))
        drawn = uniform(space, self.settings.candidates, rng)
        beside = moved + STEP * rng.standard_normal(moved.shape)
        if space.has_choices:
            is_category = np.array([bool(one.choices) for one in space.parameters])
            beside = np.where(is_category, other_choices(space, moved, rng), beside)
        return np.vstack([drawn, pulled_inside(space, beside)])

    def _acquisition(self, model: Any, X: torch.Tensor, F: torch.Tensor) -> Any:
        if F.shape[1] == 1:
            return qLogNoisyExpectedImprovement(
                model, X, self._sampler(), prune_baseline=False, cache_root=False
            )
        reference = (
            torch.zeros(F.shape[1], dtype=F.dtype)
            if self._objectives.goals is not None
            else infer_reference_point(F[is_non_dominated(F)])
        )
        return qLogNoisyExpectedHypervolumeImprovement(
            model,
            reference,
            X,
            self._sampler(),
            prune_baseline=False,
            cache_root=False,
        )

    def _sampler(self) -> Any:
        """The sampler of Gaussian processes; a surrogate brings its own samples."""
        if self.settings.model == "surrogate":
            return None
        return SobolQMCNormalSampler(torch.Size([self.settings.samples]), seed=self.problem.seed)

    def _distinct(self, points: Array, count: int) -> Array:
        """Points inside the space, each once; random ones instead of repeats."""
        space = self.problem.space
        if self.door.untried() is not None:  # they are allowed as they are, and fewer at the end
            return points
        inside = np.unique(np.round(pulled_inside(space, points), 12), axis=0)
        inside = inside[space.feasible(space.from_unit(inside))]
        rng = np.random.default_rng([self.problem.seed, self._count, 1])
        return np.vstack([inside, uniform(space, max(count - len(inside), 0), rng)])[:count]


def _number(value: Any) -> float:
    return float("nan") if value is None else float(value)


def _with_spread(F: Array) -> Array:
    """Objectives that can be standardized: a constant column gets a spread of 1e-6."""
    constant = np.ptp(F, axis=0) <= 1e-12 * np.abs(F).max(axis=0, initial=1e-300)
    ramp = np.linspace(0.0, 1e-6, len(F))[:, None] * np.maximum(np.abs(F[:1]), 1.0)
    return np.asarray(np.where(constant, F + ramp, F))


@contextmanager
def _reproducible(seed: int, seen: int) -> Iterator[None]:
    """Seed the random numbers of torch and silence the warnings of BoTorch; both are restored."""
    state = int(np.random.SeedSequence([seed, seen]).generate_state(1)[0])
    with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.manual_seed(state)
        yield
