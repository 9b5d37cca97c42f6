"""Ocean Insight HDX spectrometers, through python-seabreeze."""

from collections.abc import Sequence

from flowrig.hookspecs import hookimpl
from flowrig.offers import DriverOffer
from flowrig_ocean.settings import (
    INTEGRATION_TIME_MAX_US,
    INTEGRATION_TIME_MIN_US,
    HdxSettings,
)

__all__ = ["HdxSettings", "flowrig_drivers"]


@hookimpl
def flowrig_drivers() -> Sequence[DriverOffer]:
    """The HDX, over Ethernet or USB."""
    return [
        DriverOffer(
            kind="spectrometer",
            name="ocean-hdx",
            target="flowrig_ocean.driver:OceanHdx",
            settings=HdxSettings,
            summary="Ocean Insight HDX, over Ethernet (recommended) or USB",
            needs=("seabreeze", "usb"),
            install="flowrig[ocean]",
            limits={"integration_time_us": (INTEGRATION_TIME_MIN_US, INTEGRATION_TIME_MAX_US)},
            emulator="flowrig_ocean.emulator:HdxEmulator",
            reply_shape="flowrig_ocean.shape:reply_shape",
            discover="flowrig_ocean.discovery:find_hdxs",
        )
    ]
