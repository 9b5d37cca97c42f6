"""What this distribution offers to flowrig; nothing heavy is imported here."""

from collections.abc import Sequence
from pathlib import Path

from acme_drip.settings import DripSettings, NeighbourhoodSettings
from flowrig.plugins import DriverOffer, Offer, hookimpl


@hookimpl
def flowrig_drivers() -> Sequence[DriverOffer]:
    """The pump, and the emulator that speaks its protocol."""
    return [
        DriverOffer(
            kind="pump",
            name="acme-drip",
            target="acme_drip.pump:AcmeDrip",
            settings=DripSettings,
            summary="ACME Drip syringe pumps over serial",
            needs=("serial",),
            install="acme-drip",
            limits={"rate_ul_min": (0.1, 60_000.0), "inner_diameter_mm": (1.0, 40.0)},
            emulator="acme_drip.emulator:DripEmulator",
        )
    ]


@hookimpl
def flowrig_optimizers() -> Sequence[Offer]:
    """The search around the best condition so far."""
    return [
        Offer(
            kind="optimizer",
            name="acme-neighbourhood",
            target="acme_drip.optimizer:NeighbourhoodSearch",
            settings=NeighbourhoodSettings,
            summary="random steps from the best condition so far",
        )
    ]


@hookimpl
def flowrig_profiles() -> Sequence[Path]:
    """The heat-up rig with ACME pumps, and a campaign on it."""
    return [Path(__file__).parent / "profiles"]
