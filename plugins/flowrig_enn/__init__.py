"""Plugin `enn`: an ensemble of neural networks as surrogate, on PyTorch."""

from collections.abc import Sequence

from flowrig.plugins import Offer, hookimpl
from flowrig_enn.settings import EnsembleSettings

__all__ = ["EnsembleSettings", "flowrig_surrogates"]


@hookimpl
def flowrig_surrogates() -> Sequence[Offer]:
    """Offer the ensemble of neural networks."""
    return [
        Offer(
            kind="surrogate",
            name="enn",
            target="flowrig_enn.surrogate:EnsembleOfNetworks",
            settings=EnsembleSettings,
            summary="ensemble of wide neural networks whose last layers are solved exactly",
            needs=("torch", "scipy"),
            install="flowrig[enn]",
        )
    ]
