"""BoTorch's default model and expected improvement behind flowrig's optimizer interface."""

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch  # noqa: TID251 - the peer computes with it
from botorch.acquisition import LogExpectedImprovement
from botorch.fit import fit_gpytorch_mll
from botorch.models import SingleTaskGP
from botorch.optim import optimize_acqf
from gpytorch.mlls import ExactMarginalLogLikelihood

from flowrig.interfaces import Optimizer, OptimizerSettings, Problem

__all__ = ["BoTorchLogEI"]

RESTARTS, RAW_SAMPLES = 10, 512


class BoTorchLogEI(Optimizer):
    """`SingleTaskGP` of the measured figure of merit, `LogExpectedImprovement`, `optimize_acqf`.

    Balandat et al., NeurIPS 2020; Ament et al., NeurIPS 2023. Everything is as the library sets it.
    """

    def __init__(self, problem: Problem, settings: OptimizerSettings) -> None:
        super().__init__(problem, settings)
        self._rows: list[Mapping[str, Any]] = []

    def _do_ingest(self, results: Sequence[Mapping[str, Any]]) -> None:
        self._rows += results

    def _do_suggest(self, num_points: int) -> list[dict[str, float]]:
        space, objective = self.problem.space, self.problem.objective
        responses = np.array([[row[name] for name in objective.responses] for row in self._rows])
        X = torch.tensor(space.to_unit(space.array(self._rows)))
        y = torch.tensor(objective.value(responses))[:, None]
        torch.set_num_threads(1)
        torch.manual_seed(1000 * self.problem.seed + len(self._rows))
        bounds = torch.tensor([[0.0], [1.0]], dtype=torch.double).expand(2, X.shape[1])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model = SingleTaskGP(X, y)
            fit_gpytorch_mll(ExactMarginalLogLikelihood(model.likelihood, model))
            chosen, _ = optimize_acqf(
                LogExpectedImprovement(model, best_f=y.max()),
                bounds=bounds,
                q=num_points,
                num_restarts=RESTARTS,
                raw_samples=RAW_SAMPLES,
            )
        return space.rows(space.from_unit(chosen.numpy()))
