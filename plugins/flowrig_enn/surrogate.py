"""The ensemble-of-neural-networks surrogate."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from flowrig.errors import InputError
from flowrig.interfaces.surrogate import Posterior, Surrogate, SurrogateState
from flowrig_enn.architecture import FittedEnsemble, one_torch_thread
from flowrig_enn.cascade import CascadeEnsemble
from flowrig_enn.posterior import EnsemblePosterior
from flowrig_enn.scale import ResponseScale
from flowrig_enn.settings import EnsembleSettings
from flowrig_enn.wide import WideEnsemble

__all__ = ["EnsembleOfNetworks"]

Array = NDArray[np.float64]

ARCHITECTURES: Mapping[str, type[WideEnsemble] | type[CascadeEnsemble]] = {
    "wide": WideEnsemble,
    "cascade": CascadeEnsemble,
}


class EnsembleOfNetworks(Surrogate):
    """An ensemble of neural networks for each response, with fitted relevance of the conditions.

    After the ensemble neural networks that Sadeghi et al., Digital Discovery 2025, 4, 1722 train
    as a digital twin. Every fit starts from the seed: with the weights of the previous fit as its
    start, a model would depend on its past, and an optimizer that is rebuilt from the journal would
    suggest other conditions.

    Raises:
        InputError: PyTorch does not know the device.
    """

    settings: EnsembleSettings

    def __init__(self, settings: EnsembleSettings, seed: int = 0) -> None:
        super().__init__(settings, seed)
        self._architecture = ARCHITECTURES[settings.architecture]
        self._fitted: FittedEnsemble | None = None
        try:
            torch.zeros(1, device=settings.device)
        except (RuntimeError, AssertionError) as error:
            raise InputError(f"PyTorch cannot use the device {settings.device!r}") from error

    def describe(self) -> Mapping[str, Any]:
        """Scale, relevance of the conditions and noise of each response."""
        if self._fitted is None:
            return {}
        scale = self._fitted.scale
        return {
            "transform": ["sqrt" if root else "identity" for root in scale.root],
            "noise_sd": (scale.spread * np.sqrt(self._fitted.noise_variance)).tolist(),
            **self._fitted.description(),
        }

    def _do_fit(self, X: Array, Y: Array) -> None:
        with one_torch_thread():
            self._fitted = self._architecture.fit(X, Y, self.settings, self.seed)

    def _do_unseen(self) -> tuple[Array, Array]:
        mean, variance = self._known.unseen()
        return self._known.scale.moments(mean, variance)

    def _do_predict(self, X: Array) -> Posterior:
        with one_torch_thread():
            standardized = self._known.at(X)
        return EnsemblePosterior(self._known.scale, standardized, self._known.noise_variance)

    def _do_state(self) -> SurrogateState:
        scale = self._known.scale
        arrays = {"root": scale.root, "center": scale.center, "spread": scale.spread}
        return SurrogateState({}, {**arrays, **self._known.arrays()})

    def _do_restore(self, state: SurrogateState) -> None:
        kept = state.arrays
        scale = ResponseScale(kept["root"], kept["center"], kept["spread"])
        with one_torch_thread():
            self._fitted = self._architecture.restored(scale, kept, self.settings)

    @property
    def _known(self) -> FittedEnsemble:
        assert self._fitted is not None
        return self._fitted
