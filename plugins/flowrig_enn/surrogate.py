"""The ensemble-of-neural-networks surrogate."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from attrs import frozen
from numpy.typing import NDArray

from flowrig.errors import InputError
from flowrig.interfaces.surrogate import Posterior, Surrogate
from flowrig_enn.ensemble import Ensemble, single_thread
from flowrig_enn.settings import EnsembleSettings

__all__ = ["EnsembleOfNetworks", "EnsemblePosterior", "ResponseScale"]

Array = NDArray[np.float64]


@frozen(eq=False)
class ResponseScale:
    """Between responses in natural units and the standardized ones that networks learn.

    Attributes:
        root: which responses are modelled by their square root, shape `m`.
        center: means on that scale, shape `m`.
        spread: standard deviations on that scale, shape `m`.
    """

    root: NDArray[np.bool_]
    center: Array
    spread: Array

    @classmethod
    def of(cls, Y: Array, square_root: bool) -> "ResponseScale":
        """The scale of measurements `Y`, shape `n x m`."""
        root = np.asarray((Y > 0).all(axis=0) & square_root)
        Z = np.where(root, np.sqrt(np.abs(Y)), Y)
        center, spread = Z.mean(axis=0), Z.std(axis=0)
        constant = spread <= 1e-12 * np.abs(center)
        return cls(root, center, np.where(constant, 1.0, spread))

    def standardized(self, Y: Array) -> Array:
        """Responses, shape `… x m`, as the networks see them."""
        return np.asarray((np.where(self.root, np.sqrt(np.abs(Y)), Y) - self.center) / self.spread)

    def natural(self, Z: Array) -> Array:
        """Standardized responses, shape `… x m`, in natural units."""
        z = self.center + self.spread * Z
        return np.where(self.root, np.square(z), z)

    def moments(self, mean: Array, variance: Array) -> tuple[Array, Array]:
        """Mean and standard deviation in natural units of normal standardized responses.

        Exact on the square-root scale too: the square of a normal variable has the mean `m² + s²`
        and the variance `2 s⁴ + 4 m² s²`.
        """
        m, v = self.center + self.spread * mean, np.square(self.spread) * variance
        spread = np.sqrt(np.where(self.root, 2.0 * np.square(v) + 4.0 * np.square(m) * v, v))
        return np.where(self.root, np.square(m) + v, m), spread


@frozen(eq=False)
class EnsemblePosterior(Posterior):
    """The mean of the members, their disagreement, and the noise.

    Attributes:
        scale: the way back to natural units.
        center: mean of the members, standardized, shape `n x m`.
        deviations: members minus that mean, over `sqrt(k - 1)`, so that the sum of their squares is
            the members' variance; shape `k x n x m`.
        noise_variance: standardized, shape `m`.
    """

    scale: ResponseScale
    center: Array
    deviations: Array
    noise_variance: Array

    @property
    def mean(self) -> Array:
        """Expected measurement, shape `n x m`."""
        return self._moments()[0]

    @property
    def sd(self) -> Array:
        """Standard deviation of a new measurement, noise included, shape `n x m`."""
        return self._moments()[1]

    def sample(self, count: int, rng: np.random.Generator) -> Array:
        """Joint samples of the noise-free responses, shape `s x n x m`.

        Each sample is the mean plus the members' deviations in random normal proportions: a smooth
        function of the conditions with the members' covariance, that can go beyond any one member.
        """
        members, _, responses = self.deviations.shape
        weights = rng.standard_normal((responses, count, members))
        spread = weights @ self.deviations.transpose(2, 0, 1)
        return self.scale.natural(self.center + spread.transpose(1, 2, 0))

    def _moments(self) -> tuple[Array, Array]:
        variance = np.square(self.deviations).sum(axis=0) + self.noise_variance
        return self.scale.moments(self.center, variance)


class EnsembleOfNetworks(Surrogate):
    """An ensemble of small smooth networks for each response, with learnt relevance of conditions.

    After the ensemble neural networks that Sadeghi et al., Digital Discovery 2025, 4, 1722 train
    as a digital twin; here all members of all responses are trained at once.

    Raises:
        InputError: PyTorch does not know the device.
    """

    settings: EnsembleSettings

    def __init__(self, settings: EnsembleSettings, seed: int = 0) -> None:
        super().__init__(settings, seed)
        try:
            torch.zeros(1, device=settings.device)
        except (RuntimeError, AssertionError) as error:
            raise InputError(f"PyTorch cannot use the device {settings.device!r}") from error

    def describe(self) -> Mapping[str, Any]:
        """Scale, relevance of the conditions, and noise of each response."""
        if self._responses is None:
            return {}
        scale = self._scale
        return {
            "transform": ["sqrt" if root else "identity" for root in scale.root],
            "relevance": self._ensemble.log_relevance.exp().tolist(),
            "noise_sd": (scale.spread * np.sqrt(self._noise_variance)).tolist(),
        }

    def _do_fit(self, X: Array, Y: Array) -> None:
        generator = torch.Generator().manual_seed(self.seed)
        scale = ResponseScale.of(Y, square_root=self.settings.transform == "sqrt")
        ensemble = Ensemble.untrained(X.shape[1], Y.shape[1], self.settings, generator)
        with single_thread():
            noise = ensemble.train(
                self._tensor(X), self._tensor(scale.standardized(Y).T), self.settings, generator
            )
        self._scale, self._ensemble = scale, ensemble
        self._noise_variance = noise.cpu().numpy().astype(float)

    def _do_predict(self, X: Array) -> Posterior:
        with single_thread(), torch.no_grad():
            said = self._ensemble(self._tensor(X)).permute(1, 2, 0).cpu().numpy().astype(float)
        center = said.mean(axis=0)
        deviations = (said - center) / np.sqrt(len(said) - 1)
        return EnsemblePosterior(self._scale, center, deviations, self._noise_variance)

    def _tensor(self, values: Array) -> torch.Tensor:
        return torch.tensor(values, dtype=torch.float32, device=self.settings.device)
