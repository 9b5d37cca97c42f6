"""Ocean spectrometers, first of all the HDX, through python-seabreeze."""

from collections.abc import Sequence

from flowrig.plugins.hookspecs import hookimpl
from flowrig.plugins.offers import DriverOffer
from flowrig_ocean.settings import (
    INTEGRATION_TIME_MAX_US,
    INTEGRATION_TIME_MIN_US,
    HdxSettings,
    OceanSettings,
)

__all__ = ["HdxSettings", "OceanSettings", "flowrig_drivers"]


@hookimpl
def flowrig_drivers() -> Sequence[DriverOffer]:
    """The HDX, and the other models that python-seabreeze knows."""
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
        ),
        DriverOffer(
            kind="spectrometer",
            name="ocean",
            target="flowrig_ocean.driver:OceanSpectrometer",
            settings=OceanSettings,
            summary="other Ocean spectrometers that python-seabreeze knows, over USB",
            needs=("seabreeze", "usb"),
            install="flowrig[ocean]",
            discover="flowrig_ocean.discovery:find_others",
        ),
    ]
