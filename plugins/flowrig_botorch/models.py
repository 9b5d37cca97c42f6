"""Models for the acquisition functions of BoTorch."""

from collections.abc import Callable

import numpy as np
import torch
from botorch.fit import fit_gpytorch_mll
from botorch.models.ensemble import EnsembleModel
from botorch.models.gp_regression import SingleTaskGP
from botorch.models.map_saas import AdditiveMapSaasSingleTaskGP
from botorch.models.model_list_gp_regression import ModelListGP
from botorch.models.transforms import Standardize
from gpytorch.mlls import ExactMarginalLogLikelihood
from numpy.typing import NDArray

from flowrig.interfaces import Surrogate

__all__ = ["SurrogateModel", "gaussian_processes"]

Array = NDArray[np.float64]

FIT_STEPS = 200
"""Most iterations of the fit of a Gaussian process's hyperparameters."""


def gaussian_processes(X: torch.Tensor, objectives: torch.Tensor, *, sparse: bool) -> ModelListGP:
    """A fitted Gaussian process of each objective.

    Args:
        X: conditions in the unit cube, shape `n x d`.
        objectives: measured objectives, shape `n x p`.
        sparse: use the sparse axis-aligned subspace prior (Eriksson & Jankowiak, High-dimensional
            Bayesian optimization with sparse axis-aligned subspaces, 2021), at its maximum.
    """
    kind = AdditiveMapSaasSingleTaskGP if sparse else SingleTaskGP
    models = []
    for column in objectives.T:
        model = kind(X, column[:, None], outcome_transform=Standardize(1))
        likelihood = ExactMarginalLogLikelihood(model.likelihood, model)
        fit_gpytorch_mll(likelihood, optimizer_kwargs={"options": {"maxiter": FIT_STEPS}})
        models.append(model)
    return ModelListGP(*models)


class SurrogateModel(EnsembleModel):
    """A flowrig surrogate as joint posterior samples of the objectives.

    Args:
        surrogate: a fitted surrogate of the responses.
        objectives: turns responses, shape `… x m`, into objectives, shape `… x p`.
        count: number of samples.
        outputs: number of objectives `p`.
        seed: of the samples.
    """

    def __init__(
        self,
        surrogate: Surrogate,
        objectives: Callable[[Array], Array],
        *,
        count: int,
        outputs: int,
        seed: int,
    ) -> None:
        super().__init__()
        self._surrogate = surrogate
        self._objectives = objectives
        self._count = count
        self._num_outputs = outputs
        self._seed = seed

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        """Samples at conditions of shape `… x q x d`; shape `… x s x q x p`."""
        batches = X.detach().reshape(-1, *X.shape[-2:]).numpy()
        samples = np.stack([self._sample(points) for points in batches])
        return torch.as_tensor(samples).reshape(*X.shape[:-2], *samples.shape[1:])

    def _sample(self, points: Array) -> Array:
        rng = np.random.default_rng(self._seed)
        return self._objectives(self._surrogate.predict(points).sample(self._count, rng))
