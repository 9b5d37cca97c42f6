"""Plugin `botorch`: BoTorch as an optimizer; several objectives, batches, many conditions."""

from collections.abc import Sequence

from flowrig.plugins import Offer, hookimpl
from flowrig_botorch.settings import BoTorchSettings

__all__ = ["BoTorchSettings", "flowrig_optimizers"]


@hookimpl
def flowrig_optimizers() -> Sequence[Offer]:
    """Offer BoTorch."""
    return [
        Offer(
            kind="optimizer",
            name="botorch",
            target="flowrig_botorch.optimizer:BoTorchOptimizer",
            settings=BoTorchSettings,
            summary="BoTorch: several objectives, batches, sparse models for many conditions",
            needs=("botorch",),
            install="flowrig[botorch]",
        )
    ]
