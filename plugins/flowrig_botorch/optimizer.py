"""Bayesian optimization by BoTorch."""

import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from botorch.acquisition.logei import qLogNoisyExpectedImprovement
from botorch.acquisition.multi_objective.logei import qLogNoisyExpectedHypervolumeImprovement
from botorch.optim.optimize import optimize_acqf, optimize_acqf_discrete
from botorch.sampling.normal import SobolQMCNormalSampler
from botorch.utils.multi_objective.hypervolume import infer_reference_point
from botorch.utils.multi_objective.pareto import is_non_dominated
from numpy.typing import NDArray

from flowrig.interfaces import Optimizer, Problem, Suggestion
from flowrig.problem.designs import maximin_latin_hypercube, uniform
from flowrig.problem.feasibility import pulled_inside
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
        self._objectives = Objectives.of(problem.objective, settings)
        d, m, p = map(
            len, (problem.space.names, problem.objective.responses, self._objectives.signs)
        )
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

    def _do_suggest(self, num_points: int) -> list[Suggestion]:
        self.door.require_untried()
        if len(self._X) < MIN_MODEL_EXPERIMENTS:
            rng = np.random.default_rng([self.problem.seed, self._seen])
            points = maximin_latin_hypercube(self.problem.space, num_points, DESIGNS, rng)
            return self._explained(
                points,
                f"space filling: fewer than {MIN_MODEL_EXPERIMENTS} sound experiments so far",
            )
        with _reproducible(self.problem.seed, self._seen):
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
        X, F = torch.as_tensor(self._X), torch.as_tensor(_with_spread(self._F))
        model = gaussian_processes(X, F, sparse=self.settings.model == "saas")
        acquisition = self._acquisition(model, X, F)
        left = self.door.untried()
        if left is not None and 0 < len(left) <= MOST_EVALUATED:
            choices = torch.as_tensor(self.problem.space.to_unit(left))
            chosen, _ = optimize_acqf_discrete(
                acquisition, q=min(num_points, len(left)), choices=choices, unique=True
            )
            return np.asarray(chosen.numpy())
        bounds = torch.tensor([[0.0], [1.0]], dtype=X.dtype).expand(2, X.shape[1])
        rng = np.random.default_rng([self.problem.seed, self._seen])
        found = torch.empty((0, X.shape[1]), dtype=X.dtype)
        for _ in range(num_points):
            acquisition.set_X_pending(found if len(found) else None)
            point, _ = optimize_acqf(
                acquisition,
                bounds,
                q=1,
                num_restarts=self.settings.restarts,
                options={"maxiter": MAX_ITERATIONS},
                inequality_constraints=self._inequalities() or None,
                batch_initial_conditions=self._starts(acquisition, rng),
            )
            found = torch.cat([found, point])
        return np.asarray(found.numpy())

    def _starts(self, acquisition: Any, rng: np.random.Generator) -> torch.Tensor:
        """The most promising of random points inside every constraint, shape `r x 1 x d`."""
        candidates = uniform(self.problem.space, self.settings.candidates, rng)
        points = torch.as_tensor(candidates)[:, None]
        with torch.no_grad():
            values = acquisition(points)
        count = min(self.settings.restarts, len(points))
        return points[values.topk(count).indices]

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
        rng = np.random.default_rng([self.problem.seed, self._seen])
        near = self._X[np.argsort(-self._F.sum(axis=1))[:LEADERS]]
        moved = np.repeat(near, self.settings.candidates // LEADERS // len(near) + 1, axis=0)
        choices = self._choices(moved, rng)
        X, F = torch.as_tensor(self._X), torch.as_tensor(self._F)
        found, _ = optimize_acqf_discrete(
            self._acquisition(model, X, F),
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
        return np.vstack(
            [
                uniform(space, self.settings.candidates, rng),
                pulled_inside(space, moved + STEP * rng.standard_normal(moved.shape)),
            ]
        )

    def _acquisition(self, model: Any, X: torch.Tensor, F: torch.Tensor) -> Any:
        if F.shape[1] == 1:
            return qLogNoisyExpectedImprovement(
                model, X, self._sampler(), prune_baseline=False, cache_root=False
            )
        front = F[is_non_dominated(F)]
        return qLogNoisyExpectedHypervolumeImprovement(
            model,
            infer_reference_point(front),
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

    def _inequalities(self) -> list[tuple[torch.Tensor, torch.Tensor, float]]:
        """Linear constraints in the unit cube, each as `sum(coefficient * u) >= bound`."""
        space = self.problem.space
        width = space.high - space.low
        found = []
        for constraint in space.constraints:
            raw = np.array([constraint.coefficients.get(name, 0.0) for name in space.names])
            offset, columns = float(raw @ space.low), np.flatnonzero(raw)
            for sign, bound in ((1.0, constraint.low), (-1.0, constraint.high)):
                if np.isfinite(bound):
                    slope = torch.as_tensor(sign * (raw * width)[columns])
                    found.append((torch.as_tensor(columns), slope, sign * (bound - offset)))
        return found

    def _distinct(self, points: Array, count: int) -> Array:
        """Points inside the space, each once; random ones instead of repeats."""
        space = self.problem.space
        if self.door.untried() is not None:  # they are allowed as they are, and fewer at the end
            return points
        inside = np.unique(np.round(pulled_inside(space, points), 12), axis=0)
        inside = inside[space.feasible(space.from_unit(inside))]
        rng = np.random.default_rng([self.problem.seed, self._seen, 1])
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
