"""BoTorch's log expected improvement behind the two methods of gest-api."""

import torch
from botorch.acquisition import LogExpectedImprovement
from botorch.fit import fit_gpytorch_mll
from botorch.models import SingleTaskGP
from botorch.models.transforms import Normalize, Standardize
from botorch.optim import optimize_acqf
from gest_api import Generator
from gpytorch.mlls import ExactMarginalLogLikelihood


class LogEi(Generator):
    """Maximizes one objective over continuous variables."""

    def __init__(self, vocs, restarts=4, samples=64, steps=200):
        super().__init__(vocs)
        self.names = list(vocs.variables)
        self.target = next(iter(vocs.objectives))
        domains = [variable.domain for variable in vocs.variables.values()]
        self.bounds = torch.tensor(domains, dtype=torch.double).T
        self.restarts, self.samples, self.steps = restarts, samples, steps
        self.rows = []

    def _validate_vocs(self, vocs):
        if len(vocs.objectives) != 1:
            raise ValueError("LogEi takes one objective")

    def ingest(self, results):
        self.rows += results

    def suggest(self, num_points):
        if num_points != 1:
            raise ValueError("LogEi suggests one point at a time")
        X = torch.tensor([[row[n] for n in self.names] for row in self.rows], dtype=torch.double)
        Y = torch.tensor([[row[self.target]] for row in self.rows], dtype=torch.double)
        scale = Normalize(len(self.names), bounds=self.bounds)
        model = SingleTaskGP(X, Y, input_transform=scale, outcome_transform=Standardize(1))
        likelihood = ExactMarginalLogLikelihood(model.likelihood, model)
        fit_gpytorch_mll(likelihood, optimizer_kwargs={"options": {"maxiter": self.steps}})
        best, _ = optimize_acqf(
            LogExpectedImprovement(model, best_f=Y.max()),
            self.bounds,
            q=1,
            num_restarts=self.restarts,
            raw_samples=self.samples,
            options={"maxiter": self.steps},
        )
        return [dict(zip(self.names, best[0].tolist(), strict=True))]
