"""Alicat mass flow controllers over RS-232, USB or RS-485."""

from collections.abc import Sequence

from flowrig.plugins import DriverOffer, hookimpl
from flowrig_alicat.settings import AlicatSettings

__all__ = ["AlicatSettings", "flowrig_drivers"]


@hookimpl
def flowrig_drivers() -> Sequence[DriverOffer]:
    """Offer the driver with its emulator."""
    return [
        DriverOffer(
            kind="flow_controller",
            name="alicat",
            discover="flowrig_alicat.discovery:find_controllers",
            discover_order=20,
            target="flowrig_alicat.driver:AlicatController",
            settings=AlicatSettings,
            summary="Alicat mass flow controllers of gases, one or several on a port",
            needs=("serial",),
            install="flowrig[alicat]",
            emulator="flowrig_alicat.emulator:AlicatEmulator",
            example={"full_scale": 10.0},
        )
    ]
