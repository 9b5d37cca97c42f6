"""Ocean Insight HDX and other Ocean spectrometers, through python-seabreeze."""

from collections.abc import Sequence

from flowrig.plugins import DriverOffer, hookimpl
from flowrig_ocean.settings import (
    INTEGRATION_TIME_MAX_US,
    INTEGRATION_TIME_MIN_US,
    WAVELENGTH_MAX_NM,
    WAVELENGTH_MIN_NM,
    HdxSettings,
    OceanSettings,
)

__all__ = ["HdxSettings", "OceanSettings", "flowrig_drivers"]


@hookimpl
def flowrig_drivers() -> Sequence[DriverOffer]:
    """Offer the HDX, and the other models that python-seabreeze supports."""
    return [
        DriverOffer(
            kind="spectrometer",
            name="ocean-hdx",
            target="flowrig_ocean.driver:OceanHdx",
            settings=HdxSettings,
            summary="Ocean Insight HDX, over Ethernet (recommended) or USB",
            needs=("seabreeze", "usb"),
            install="flowrig[ocean]",
            limits={
                "integration_time_us": (INTEGRATION_TIME_MIN_US, INTEGRATION_TIME_MAX_US),
                "wavelength_nm": (WAVELENGTH_MIN_NM, WAVELENGTH_MAX_NM),
            },
            emulator="flowrig_ocean.emulator.emulator:HdxEmulator",
            reply_shape="flowrig_ocean.wire.reply_shape:reply_shape",
            discover="flowrig_ocean.discovery:find_hdxs",
        ),
        DriverOffer(
            kind="spectrometer",
            name="ocean",
            target="flowrig_ocean.driver:OceanSpectrometer",
            settings=OceanSettings,
            summary="other Ocean spectrometers that python-seabreeze supports, over USB",
            needs=("seabreeze", "usb"),
            install="flowrig[ocean]",
            emulator="flowrig_ocean.emulator.ocean_emulator:OceanEmulator",
            discover="flowrig_ocean.discovery:find_others",
        ),
    ]
