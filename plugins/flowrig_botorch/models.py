"""Models that BoTorch's acquisition functions can ask."""

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
"""Most steps of the search for a Gaussian process's hyperparameters."""


def gaussian_processes(X: torch.Tensor, figures: torch.Tensor, *, sparse: bool) -> ModelListGP:
    """A fitted Gaussian process of each figure.

    Args:
        X: conditions in the unit cube, shape `n x d`.
        figures: shape `n x p`.
        sparse: take the sparse axis-aligned subspace prior (Eriksson & Jankowiak, High-dimensional
            Bayesian optimization with sparse axis-aligned subspaces, 2021), at its maximum.
    """
    kind = AdditiveMapSaasSingleTaskGP if sparse else SingleTaskGP
    models = []
    for column in figures.T:
        model = kind(X, column[:, None], outcome_transform=Standardize(1))
        likelihood = ExactMarginalLogLikelihood(model.likelihood, model)
        fit_gpytorch_mll(likelihood, optimizer_kwargs={"options": {"maxiter": FIT_STEPS}})
        models.append(model)
    return ModelListGP(*models)


class SurrogateModel(EnsembleModel):
    """A flowrig surrogate, told by joint samples of the figures.

    Args:
        surrogate: fitted.
        figures: turns responses, shape `… x m`, into figures, shape `… x p`.
        count: how many samples.
        outputs: number of figures `p`.
        seed: of the samples.
    """

    def __init__(
        self,
        surrogate: Surrogate,
        figures: Callable[[Array], Array],
        *,
        count: int,
        outputs: int,
        seed: int,
    ) -> None:
        super().__init__()
        self._surrogate = surrogate
        self._figures = figures
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
        return self._figures(self._surrogate.predict(points).sample(self._count, rng))
