"""Template syringe pumps for flowrig; this module imports no driver."""

from collections.abc import Sequence

from flowrig.plugins import DriverOffer, hookimpl

from .settings import TemplateSettings


@hookimpl
def flowrig_drivers() -> Sequence[DriverOffer]:
    """The offer of the driver and its emulator."""
    return [
        DriverOffer(
            kind="pump",
            name="template",
            target=f"{__name__}.pump:TemplatePump",
            settings=TemplateSettings,
            summary="Template syringe pumps over serial",
            needs=("serial",),
            install="flowrig-template",
            limits={"rate_ul_min": (0.1, 120_000.0), "inner_diameter_mm": (0.1, 50.0)},
            emulator=f"{__name__}.pump_emulator:TemplateEmulator",
        )
    ]
