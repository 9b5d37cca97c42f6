"""Watlow F4T temperature controller over Ethernet."""

from collections.abc import Sequence

from flowrig.plugins import DriverOffer, hookimpl
from flowrig_watlow.settings import F4TSettings

__all__ = ["F4TSettings", "flowrig_drivers"]


@hookimpl
def flowrig_drivers() -> Sequence[DriverOffer]:
    """Offer the F4T.

    The controller accepts parameters up to ±99 999 (Watlow, "F4T Setup and Operations User's
    Guide", 0600-0093-0000). The limits of the offer are those of the silicone-oil baths, Peltier
    stages and hot plates that heat flow reactors.
    """
    return [
        DriverOffer(
            kind="heater",
            name="watlow-f4t",
            target="flowrig_watlow.driver:WatlowF4T",
            settings=F4TSettings,
            summary="Watlow F4T controller, one control loop, SCPI and Modbus over Ethernet",
            needs=("pyvisa", "pyvisa_py", "pymodbus"),
            install="flowrig[watlow]",
            limits={"temperature_c": (-100.0, 400.0)},
            emulator="flowrig_watlow.emulator.emulator:WatlowEmulator",
            reply_shape="flowrig_watlow.modbus.frame:reply_shape",
            discover="flowrig_watlow.discovery:find_f4ts",
        )
    ]
