"""Ensembles of the published cascade networks, trained by gradient descent and calibrated.

The errors of the members on held-out experiments calibrate their spread and the noise variance.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from attrs import frozen
from numpy.typing import NDArray

from flowrig_enn.architecture import FittedEnsemble, StandardizedPosterior
from flowrig_enn.calibration import Calibration
from flowrig_enn.scale import ResponseScale
from flowrig_enn.settings import EnsembleSettings
from flowrig_enn.trained import TrainedNetworks

__all__ = ["CascadeEnsemble"]

Array = NDArray[np.float64]


@frozen(eq=False)
class _CascadePosterior(StandardizedPosterior):
    """The mean of the members and their calibrated deviations.

    Attributes:
        ensemble: the members.
        X: conditions in the unit cube, shape `n x d`.
        center: mean of the members, shape `n x m`.
        deviations: members minus that mean, scaled so that the sum of their squares is the
            variance; shape `k x n x m`.
    """

    ensemble: "CascadeEnsemble"
    X: Array
    center: Array
    deviations: Array

    @property
    def mean(self) -> Array:
        return self.center

    @property
    def variance(self) -> Array:
        return np.asarray(np.square(self.deviations).sum(axis=0))

    def slopes(self) -> tuple[Array, Array]:
        center, deviations = self.ensemble.slopes(self.X)
        return center, 2.0 * np.einsum("knm,knmd->nmd", self.deviations, deviations)

    def draw(self, count: int, rng: np.random.Generator) -> Array:
        """The mean plus a random linear combination of the members' deviations.

        The samples are smooth functions with the covariance of the members.
        """
        members, _, responses = self.deviations.shape
        weights = rng.standard_normal((responses, count, members))
        deviation = (weights @ self.deviations.transpose(2, 0, 1)).transpose(1, 2, 0)
        return np.asarray(self.center + deviation)


@frozen(eq=False)
class CascadeEnsemble(FittedEnsemble):
    """Cascades, `k` for each response.

    Attributes:
        scale: of the responses.
        networks: after training.
        calibration: of the spread between members.
        held_out: mean and variance of held-out predictions, shape `e x m` each.
    """

    scale: ResponseScale
    networks: TrainedNetworks
    calibration: Calibration
    held_out: tuple[Array, Array]

    @classmethod
    def fit(cls, X: Array, Y: Array, settings: EnsembleSettings, seed: int) -> "CascadeEnsemble":
        """Learn from experiments.

        Args:
            X: conditions in the unit cube, shape `e x d`.
            Y: measurements in natural units, shape `e x m`.
            settings: how to train.
            seed: of the initial weights and of the held-out experiments of each member.
        """
        generator = torch.Generator().manual_seed(seed)
        scales = (ResponseScale.choices(y[:, None], settings.transform)[-1] for y in Y.T)
        scale = ResponseScale.together(list(scales))
        networks = TrainedNetworks.untrained(X.shape[1], Y.shape[1], settings, generator)
        y = scale.standardized(Y).T
        inputs, targets = (_tensor(values, settings.device) for values in (X, y))
        unseen = networks.train(inputs, targets, settings, generator)
        calibration = Calibration.of(unseen, y)
        held_out = unseen.mean.T, calibration.variance_of(unseen).T
        return cls(scale, networks, calibration, held_out)

    @classmethod
    def restored(
        cls, scale: ResponseScale, arrays: Mapping[str, NDArray[Any]], settings: EnsembleSettings
    ) -> "CascadeEnsemble":
        """The ensemble from which `arrays` came."""
        responses, conditions = arrays["log_relevance"].shape
        networks = TrainedNetworks.untrained(conditions, responses, settings, torch.Generator())
        for name, tensor in networks.tensors().items():
            kept = _tensor(arrays[name], settings.device)
            if kept.shape != tensor.shape:
                raise ValueError(f"{name}: {tuple(kept.shape)} instead of {tuple(tensor.shape)}")
            tensor.copy_(kept)
        calibration = Calibration(arrays["factor"], arrays["noise_variance"])
        held_out = arrays["unseen_mean"], arrays["unseen_variance"]
        return cls(scale, networks, calibration, held_out)

    @property
    def noise_variance(self) -> Array:
        """As `FittedEnsemble.noise_variance`."""
        return self.calibration.noise_variance

    def at(self, X: Array) -> StandardizedPosterior:
        """As `FittedEnsemble.at`."""
        with torch.no_grad():
            outputs = _numbers(self.networks(self._tensor(X)).permute(1, 2, 0))
        center = outputs.mean(axis=0)
        return _CascadePosterior(self, X, center, self._share * (outputs - center))

    def slopes(self, X: Array) -> tuple[Array, Array]:
        """Derivatives of the mean and of the members' deviations.

        Args:
            X: conditions in the unit cube, shape `n x d`.

        Returns:
            shape `n x m x d`, and `k x n x m x d`.
        """
        k = self.networks.members
        x = self._tensor(X).repeat(len(self.noise_variance) * k, 1, 1).requires_grad_()
        with torch.enable_grad():
            (slopes,) = torch.autograd.grad(self.networks(x).sum(), x)
        outputs = _numbers(slopes.view(-1, k, *X.shape).permute(1, 2, 0, 3))
        center = outputs.mean(axis=0)
        return center, self._share[:, None] * (outputs - center)

    def unseen(self) -> tuple[Array, Array]:
        """As `FittedEnsemble.unseen`, by the members that were not trained on each experiment."""
        return self.held_out

    def description(self) -> Mapping[str, Any]:
        """As `FittedEnsemble.description`."""
        return {
            "relevance": self.networks.log_relevance.exp().tolist(),
            "spread_factor": self.calibration.factor.tolist(),
        }

    def arrays(self) -> dict[str, NDArray[Any]]:
        """As `FittedEnsemble.arrays`."""
        tensors = self.networks.tensors().items()
        return {
            "factor": self.calibration.factor,
            "noise_variance": self.calibration.noise_variance,
            "unseen_mean": self.held_out[0],
            "unseen_variance": self.held_out[1],
            **{name: tensor.cpu().numpy() for name, tensor in tensors},
        }

    @property
    def _share(self) -> Array:
        """Factor from a member's deviation to its term in the variance's square sum, shape `m`."""
        return np.asarray(self.calibration.factor / np.sqrt(self.networks.members - 1))

    def _tensor(self, values: Array) -> torch.Tensor:
        return _tensor(values, str(self.networks.log_relevance.device))


def _tensor(values: NDArray[Any], device: str) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float32, device=device)


def _numbers(values: torch.Tensor) -> Array:
    return np.asarray(values.cpu().numpy().astype(float))
