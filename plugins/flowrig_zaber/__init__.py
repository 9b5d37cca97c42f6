"""Zaber linear stages by the ASCII protocol, over RS-232 or USB."""

from collections.abc import Sequence

from flowrig.plugins import DriverOffer, hookimpl
from flowrig_zaber.settings import ZaberSettings

__all__ = ["ZaberSettings", "flowrig_drivers"]


@hookimpl
def flowrig_drivers() -> Sequence[DriverOffer]:
    """Offer the driver with its emulator."""
    return [
        DriverOffer(
            kind="stage",
            name="zaber",
            discover="flowrig_zaber.discovery:find_stages",
            discover_order=40,
            target="flowrig_zaber.driver:ZaberStage",
            settings=ZaberSettings,
            summary="Zaber linear stages with the ASCII protocol, one or several on a port",
            needs=("serial",),
            install="flowrig[zaber]",
            emulator="flowrig_zaber.emulator:ZaberEmulator",
            example={"microstep": "0.5 um", "limits": ["0 mm", "150 mm"]},
        )
    ]
