"""New Era syringe pumps over RS-232: NE-1000 and pumps with the same protocol."""

from collections.abc import Sequence

from flowrig.plugins import DriverOffer, hookimpl
from flowrig_newera.settings import (
    INNER_DIAMETER_MAX_MM,
    INNER_DIAMETER_MIN_MM,
    RATE_MAX_UL_MIN,
    RATE_MIN_UL_MIN,
    NewEraSettings,
)

__all__ = ["NewEraSettings", "flowrig_drivers"]


@hookimpl
def flowrig_drivers() -> Sequence[DriverOffer]:
    """Offer the driver with its emulator and its discovery."""
    return [
        DriverOffer(
            kind="pump",
            name="new-era",
            discover="flowrig_newera.discovery:find_pumps",
            discover_order=10,
            target="flowrig_newera.driver:NewEraPump",
            settings=NewEraSettings,
            summary="New Era NE-1000 syringe pumps and pumps with its protocol, one or a chain",
            needs=("serial",),
            install="flowrig[newera]",
            limits={
                "rate_ul_min": (RATE_MIN_UL_MIN, RATE_MAX_UL_MIN),
                "inner_diameter_mm": (INNER_DIAMETER_MIN_MM, INNER_DIAMETER_MAX_MM),
            },
            emulator="flowrig_newera.emulator.emulator:NewEraEmulator",
            withdraws=True,
            dead_man_setting="safe_mode_s",
        )
    ]
