"""Plugin `gest`: any generator of the gest-api standard as an optimizer, for instance Xopt's."""

from collections.abc import Sequence

from flowrig.plugins import Offer, hookimpl
from flowrig_gest.settings import GeneratorSettings

__all__ = ["GeneratorSettings", "flowrig_optimizers"]


@hookimpl
def flowrig_optimizers() -> Sequence[Offer]:
    """Offer the adapter."""
    return [
        Offer(
            kind="optimizer",
            name="gest",
            target="flowrig_gest.optimizer:GeneratorOptimizer",
            settings=GeneratorSettings,
            summary="Any gest-api generator, for instance one of Xopt's",
            needs=("gest_api",),
            install="flowrig[gest]",
        )
    ]
