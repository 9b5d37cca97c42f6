"""Ensembles of wide networks: a random hidden layer, and a last layer that is solved exactly.

After networks whose last layer is a Bayesian linear regression (Snoek et al., Scalable Bayesian
optimization using deep neural networks, 2015), in an ensemble whose members have hidden layers of
their own. The members of a response share the relevance of the conditions and the noise variance.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from attrs import evolve, frozen
from numpy.typing import NDArray

from flowrig_enn.architecture import FittedEnsemble, StandardizedPosterior
from flowrig_enn.evidence import Evidence, Hyperparameters, Priors
from flowrig_enn.hidden import HiddenLayers
from flowrig_enn.members import MemberPredictions, Members
from flowrig_enn.scale import ResponseScale
from flowrig_enn.settings import EnsembleSettings

__all__ = ["WideEnsemble"]

Array = NDArray[np.float64]

FIRST_STEPS = 6
"""Training steps after which two scales are compared, and only the better one continues."""
FEW = 200
"""Largest number of experiments in the training of hyperparameters. With more, training uses this
many, evenly spaced in time; the last layers are solved for all."""


@frozen(eq=False)
class _WidePrediction(StandardizedPosterior):
    """Predictions of the members of each response."""

    predictions: Sequence[MemberPredictions]

    @property
    def mean(self) -> Array:
        return np.stack([one.mean for one in self.predictions], axis=-1)

    @property
    def variance(self) -> Array:
        return np.stack([one.variance for one in self.predictions], axis=-1)

    def slopes(self) -> tuple[Array, Array]:
        means, variances = zip(*(one.slopes() for one in self.predictions), strict=True)
        return np.stack(means, axis=1), np.stack(variances, axis=1)

    def draw(self, count: int, rng: np.random.Generator) -> Array:
        return np.stack([one.draw(count, rng) for one in self.predictions], axis=-1)


@frozen(eq=False)
class _Climb:
    """The search for the hyperparameters of a response on one scale.

    Attributes:
        scale: of this response alone.
        z: its standardized measurements, shape `e`.
        evidence: is maximized.
        logs: logarithms of the best hyperparameters so far.
        probability: logarithm of the probability of these hyperparameters and of the measurements,
            in natural units.
    """

    scale: ResponseScale
    z: Array
    evidence: Evidence
    logs: Array
    probability: float = -np.inf

    def further(self, y: Array, steps: int) -> "_Climb":
        """The search after at most `steps` more steps; `y` are the measurements of the evidence."""
        logs, probability = self.evidence.most_probable(self.logs, steps)
        natural = probability + self.scale.log_slope(y)
        return evolve(self, logs=logs, probability=natural)


@frozen(eq=False)
class WideEnsemble(FittedEnsemble):
    """Wide networks, `k` for each response.

    Attributes:
        scale: of the responses.
        hidden: the hidden layers, which responses share.
        X: conditions of the experiments, shape `e x d`.
        Z: standardized measurements, shape `e x m`.
        logs: logarithms of the hyperparameters of each response, shape `m x (d + 2)`.
        members: of each response.
    """

    scale: ResponseScale
    hidden: HiddenLayers
    X: Array
    Z: Array
    logs: Array
    members: tuple[Members, ...]

    @classmethod
    def fit(cls, X: Array, Y: Array, settings: EnsembleSettings, seed: int) -> "WideEnsemble":
        """Learn from experiments.

        Args:
            X: conditions in the unit cube, shape `e x d`.
            Y: measurements in natural units, shape `e x m`.
            settings: how to build and train.
            seed: of the hidden layers.
        """
        generator = torch.Generator().manual_seed(seed)
        hidden = HiddenLayers.random(
            settings.count, X.shape[1], settings.width, generator, settings.device
        )
        found = [_climbed(X, y, hidden, settings) for y in Y.T]
        scale = ResponseScale.together([one.scale for one in found])
        Z = np.stack([one.z for one in found], axis=-1)
        return cls.conditioned(scale, hidden, X, Z, np.stack([one.logs for one in found]))

    @classmethod
    def conditioned(
        cls, scale: ResponseScale, hidden: HiddenLayers, X: Array, Z: Array, logs: Array
    ) -> "WideEnsemble":
        """Solve the last layers, with known hyperparameters; arguments as the attributes."""
        x = _about_middle(X, hidden)
        members = tuple(
            Members.conditioned(x, _tensor(z, hidden), hidden, Hyperparameters.from_logs(own))
            for z, own in zip(Z.T, logs, strict=True)
        )
        return cls(scale, hidden, X, Z, logs, members)

    @classmethod
    def restored(
        cls, scale: ResponseScale, arrays: Mapping[str, NDArray[Any]], settings: EnsembleSettings
    ) -> "WideEnsemble":
        """The ensemble from which `arrays` came."""
        weights = torch.as_tensor(arrays["hidden"], device=settings.device)
        hidden = HiddenLayers(weights)
        if weights.shape != (settings.count, arrays["X"].shape[1], settings.width // 2):
            raise ValueError(f"{tuple(weights.shape)} weights do not fit the settings")
        return cls.conditioned(scale, hidden, arrays["X"], arrays["Z"], arrays["logs"])

    @property
    def noise_variance(self) -> Array:
        """As `FittedEnsemble.noise_variance`."""
        return np.array([one.noise for one in self.members])

    def at(self, X: Array) -> StandardizedPosterior:
        """As `FittedEnsemble.at`."""
        x = _about_middle(X, self.hidden)
        return _WidePrediction([one.at(x) for one in self.members])

    def unseen(self) -> tuple[Array, Array]:
        """As `FittedEnsemble.unseen`: left out one by one."""
        means, variances = zip(*(one.left_out() for one in self.members), strict=True)
        return np.stack(means, axis=-1), np.stack(variances, axis=-1)

    def description(self) -> Mapping[str, Any]:
        """As `FittedEnsemble.description`."""
        return {"relevance": np.exp(self.logs[:, :-2]).tolist()}

    def arrays(self) -> dict[str, NDArray[Any]]:
        """As `FittedEnsemble.arrays`."""
        weights = self.hidden.weights.cpu().numpy()
        return {"hidden": weights, "X": self.X, "Z": self.Z, "logs": self.logs}


def _climbed(X: Array, y: Array, hidden: HiddenLayers, settings: EnsembleSettings) -> _Climb:
    """The most probable hyperparameters of one response, on the more probable scale."""
    chosen = np.unique(np.linspace(0, len(X) - 1, FEW).astype(int))
    x, few = _about_middle(X[chosen], hidden), y[chosen]
    climbs = []
    for scale in ResponseScale.choices(y[:, None], settings.transform):
        z = scale.standardized(y[:, None])[:, 0]
        evidence = Evidence(x, _tensor(z[chosen], hidden), hidden)
        climbs.append(_Climb(scale, z, evidence, Priors(X.shape[1]).start))
    steps = settings.most_steps
    first = steps if len(climbs) == 1 else min(FIRST_STEPS, steps)
    best = max((climb.further(few, first) for climb in climbs), key=lambda climb: climb.probability)
    return best if first == steps else best.further(few, steps - first)


def _about_middle(X: Array, hidden: HiddenLayers) -> torch.Tensor:
    return _tensor(X - 0.5, hidden)


def _tensor(values: Array, hidden: HiddenLayers) -> torch.Tensor:
    return torch.as_tensor(values).to(hidden.weights)
