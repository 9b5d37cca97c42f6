"""Chemyx Fusion syringe pumps over RS-232 or USB serial."""

from collections.abc import Sequence

from flowrig.plugins import DriverOffer, hookimpl
from flowrig_chemyx.settings import (
    INNER_DIAMETER_MAX_MM,
    INNER_DIAMETER_MIN_MM,
    PLUNGER_MAX_MM_MIN,
    RATE_MAX_UL_MIN,
    RATE_MIN_UL_MIN,
    FusionSettings,
)

__all__ = ["FusionSettings", "flowrig_drivers"]


@hookimpl
def flowrig_drivers() -> Sequence[DriverOffer]:
    """Offer the Fusion driver with its emulator and its discovery."""
    return [
        DriverOffer(
            kind="pump",
            name="chemyx-fusion",
            target="flowrig_chemyx.driver:ChemyxFusion",
            settings=FusionSettings,
            summary="Chemyx Fusion syringe pumps, one or two channels, over serial",
            needs=("serial",),
            install="flowrig[chemyx]",
            limits={
                "rate_ul_min": (RATE_MIN_UL_MIN, RATE_MAX_UL_MIN),
                "plunger_mm_min": (0.0, PLUNGER_MAX_MM_MIN),
                "inner_diameter_mm": (INNER_DIAMETER_MIN_MM, INNER_DIAMETER_MAX_MM),
            },
            emulator="flowrig_chemyx.emulator.emulator:ChemyxEmulator",
            discover="flowrig_chemyx.discovery:find_fusions",
            withdraws=True,
        )
    ]
