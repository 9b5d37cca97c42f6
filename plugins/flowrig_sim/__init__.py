"""The built-in rig: one physical world behind the emulated instruments."""

from collections.abc import Sequence

from flowrig.plugins import Offer, hookimpl
from flowrig_sim.settings import FluidicSettings

__all__ = ["FluidicSettings", "flowrig_worlds"]


@hookimpl
def flowrig_worlds() -> Sequence[Offer]:
    """The segmented-flow synthesis of Cs3Cu2I5 nanocrystals."""
    return [
        Offer(
            kind="world",
            name="fluidic",
            target="flowrig_sim.world:FluidicWorld",
            settings=FluidicSettings,
            summary="heat-up synthesis of Cs3Cu2I5 nanocrystals in segmented flow",
            install="flowrig",
        )
    ]
