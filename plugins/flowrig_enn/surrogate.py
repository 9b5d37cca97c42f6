"""The ensemble-of-neural-networks surrogate."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from flowrig.errors import InputError
from flowrig.interfaces.surrogate import Posterior, Surrogate, SurrogateState
from flowrig_enn.calibration import Calibration
from flowrig_enn.ensemble import Ensemble, single_thread
from flowrig_enn.posterior import EnsemblePosterior
from flowrig_enn.scale import ResponseScale
from flowrig_enn.settings import EnsembleSettings

__all__ = ["EnsembleOfNetworks"]

Array = NDArray[np.float64]


class EnsembleOfNetworks(Surrogate):
    """An ensemble of small smooth networks for each response, with learnt relevance of conditions.

    After the ensemble neural networks that Sadeghi et al., Digital Discovery 2025, 4, 1722 train
    as a digital twin; here all members of all responses are trained at once, and no experiment that
    decides when to stop is used to tell how good the model is. Every fit starts from the seed:
    going on from the weights of the fit before would make a model depend on its past, and an
    optimizer that is rebuilt from the journal would suggest something else.

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
        """Scale, relevance of the conditions, noise and calibration of each response."""
        if self._responses is None:
            return {}
        scale, calibration = self._scale, self._calibration
        return {
            "transform": ["sqrt" if root else "identity" for root in scale.root],
            "relevance": self._ensemble.log_relevance.exp().tolist(),
            "noise_sd": (scale.spread * np.sqrt(calibration.noise_variance)).tolist(),
            "spread_factor": calibration.factor.tolist(),
        }

    def _do_fit(self, X: Array, Y: Array) -> None:
        generator = self._generator()
        scale = ResponseScale.of(Y, square_root=self.settings.transform == "sqrt")
        ensemble = Ensemble.untrained(X.shape[1], Y.shape[1], self.settings, generator)
        y = scale.standardized(Y).T
        with single_thread():
            unseen = ensemble.train(self._tensor(X), self._tensor(y), self.settings, generator)
        self._scale, self._ensemble = scale, ensemble
        self._calibration = Calibration.of(unseen, y)
        self._unseen = scale.moments(unseen.mean.T, self._calibration.variance_of(unseen).T)

    def _do_unseen(self) -> tuple[Array, Array]:
        return self._unseen

    def _do_predict(self, X: Array) -> Posterior:
        with single_thread(), torch.no_grad():
            said = _numbers(self._ensemble(self._tensor(X)).permute(1, 2, 0))
        center = said.mean(axis=0)
        deviations = self._share(len(said)) * (said - center)
        return EnsemblePosterior(
            self._scale,
            center,
            deviations,
            self._calibration.noise_variance,
            lambda: self._slopes(X),
        )

    def _slopes(self, X: Array) -> tuple[Array, Array]:
        """Derivatives of the mean and the deviations of the members, see `EnsemblePosterior`."""
        networks = len(self._ensemble.log_relevance) * self._ensemble.members
        x = self._tensor(X).repeat(networks, 1, 1).requires_grad_()
        with single_thread(), torch.enable_grad():
            (slopes,) = torch.autograd.grad(self._ensemble(x).sum(), x)
        by_member = slopes.view(-1, self._ensemble.members, *X.shape).permute(1, 2, 0, 3)
        said = _numbers(by_member)
        center = said.mean(axis=0)
        return center, self._share(len(said))[:, None] * (said - center)

    def _share(self, members: int) -> Array:
        """What makes of a member's deviation its share in the standard deviation, shape `m`."""
        return np.asarray(self._calibration.factor / np.sqrt(members - 1))

    def _do_state(self) -> SurrogateState:
        scale, calibration, ensemble = self._scale, self._calibration, self._ensemble
        tensors = {
            **{f"trained.{name}": tensor for name, tensor in ensemble.trained.tensors().items()},
            **{f"prior.{name}": tensor for name, tensor in ensemble.prior.tensors().items()},
            "log_relevance": ensemble.log_relevance,
        }
        arrays: dict[str, NDArray[Any]] = {
            "root": scale.root,
            "center": scale.center,
            "spread": scale.spread,
            "factor": calibration.factor,
            "noise_variance": calibration.noise_variance,
            "unseen_mean": self._unseen[0],
            "unseen_sd": self._unseen[1],
            **{name: tensor.cpu().numpy() for name, tensor in tensors.items()},
        }
        return SurrogateState({}, arrays)

    def _do_restore(self, state: SurrogateState) -> None:
        kept = state.arrays
        responses, conditions = kept["log_relevance"].shape
        ensemble = Ensemble.untrained(conditions, responses, self.settings, self._generator())
        for part, networks in (("trained", ensemble.trained), ("prior", ensemble.prior)):
            for name, tensor in networks.tensors().items():
                self._copy(kept[f"{part}.{name}"], tensor)
        self._copy(kept["log_relevance"], ensemble.log_relevance)
        self._ensemble = ensemble
        self._scale = ResponseScale(kept["root"], kept["center"], kept["spread"])
        self._calibration = Calibration(kept["factor"], kept["noise_variance"])
        self._unseen = kept["unseen_mean"], kept["unseen_sd"]

    def _copy(self, kept: NDArray[Any], tensor: torch.Tensor) -> None:
        if kept.shape != tuple(tensor.shape):
            raise ValueError(f"{kept.shape} where {tuple(tensor.shape)} was expected")
        tensor.copy_(self._tensor(kept))

    def _generator(self) -> torch.Generator:
        return torch.Generator().manual_seed(self.seed)

    def _tensor(self, values: NDArray[Any]) -> torch.Tensor:
        return torch.tensor(values, dtype=torch.float32, device=self.settings.device)


def _numbers(values: torch.Tensor) -> Array:
    return np.asarray(values.cpu().numpy().astype(float))
