"""The built-in rig: one physical world behind the emulated instruments, and its chemistries."""

from collections.abc import Sequence

from flowrig.plugins import Offer, hookimpl
from flowrig_sim.offers import CHEMISTRIES
from flowrig_sim.settings import FluidicSettings

__all__ = ["FluidicSettings", "flowrig_chemistries", "flowrig_worlds"]


@hookimpl
def flowrig_worlds() -> Sequence[Offer]:
    """The wet side of any rig, built from its profile."""
    return [
        Offer(
            kind="world",
            name="fluidic",
            target="flowrig_sim.world:FluidicWorld",
            settings=FluidicSettings,
            summary="pumps, flow path, heaters and detectors of a profile, with any chemistry",
            install="flowrig",
        )
    ]


@hookimpl
def flowrig_chemistries() -> Sequence[Offer]:
    """What becomes of the liquids."""
    return CHEMISTRIES
