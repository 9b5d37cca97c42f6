"""HPLC pumps of SSI, now Teledyne: the Next Generation pumps, over RS-232 or USB."""

from collections.abc import Sequence

from flowrig.plugins import DriverOffer, hookimpl
from flowrig_ssi.settings import SSISettings

__all__ = ["SSISettings", "flowrig_drivers"]


@hookimpl
def flowrig_drivers() -> Sequence[DriverOffer]:
    """Offer the driver with its emulator and its discovery."""
    return [
        DriverOffer(
            kind="flow_source",
            name="ssi-hplc",
            target="flowrig_ssi.driver:SSIPump",
            settings=SSISettings,
            summary="SSI (Teledyne) Next Generation HPLC pumps",
            needs=("serial",),
            install="flowrig[ssi]",
            emulator="flowrig_ssi.emulator:SSIEmulator",
            discover="flowrig_ssi.discovery:find_pumps",
            discover_order=25,
            example={"flow_rate_max": "10 mL/min"},
        )
    ]
