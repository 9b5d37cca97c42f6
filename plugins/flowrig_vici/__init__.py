"""VICI Valco actuators of selector, injection and switching valves, over RS-232, USB or RS-485."""

from collections.abc import Sequence

from flowrig.plugins import DriverOffer, hookimpl
from flowrig_vici.settings import ViciSettings

__all__ = ["ViciSettings", "flowrig_drivers"]


@hookimpl
def flowrig_drivers() -> Sequence[DriverOffer]:
    """Offer the driver with its emulator."""
    return [
        DriverOffer(
            kind="valve",
            name="vici",
            discover="flowrig_vici.discovery:find_actuators",
            discover_order=30,
            target="flowrig_vici.driver:ViciValve",
            settings=ViciSettings,
            summary="VICI Valco valves with an electric actuator, multiposition or two-position",
            needs=("serial",),
            install="flowrig[vici]",
            emulator="flowrig_vici.emulator:ViciEmulator",
            example={"positions": {"run": 1, "fill": 2}},
        )
    ]
