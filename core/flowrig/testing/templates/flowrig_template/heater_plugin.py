"""Template heaters for flowrig; this module imports no driver."""

from collections.abc import Sequence

from flowrig.plugins import DriverOffer, hookimpl

from .settings import TemplateSettings


@hookimpl
def flowrig_drivers() -> Sequence[DriverOffer]:
    """The offer of the driver and its emulator."""
    return [
        DriverOffer(
            kind="heater",
            name="template",
            target=f"{__name__}.heater:TemplateHeater",
            settings=TemplateSettings,
            summary="Template heaters over serial",
            needs=("serial",),
            install="flowrig-template",
            limits={"temperature_c": (5.0, 250.0)},
            emulator=f"{__name__}.heater_emulator:TemplateEmulator",
        )
    ]
