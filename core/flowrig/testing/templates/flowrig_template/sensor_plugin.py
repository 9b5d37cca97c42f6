"""Template sensors for flowrig; this module imports no driver."""

from collections.abc import Sequence

from flowrig.plugins import DriverOffer, hookimpl

from .sensor_settings import TemplateSettings


@hookimpl
def flowrig_drivers() -> Sequence[DriverOffer]:
    """The offer of the driver and its emulator."""
    return [
        DriverOffer(
            kind="sensor",
            name="template",
            target=f"{__name__}.sensor:TemplateSensor",
            settings=TemplateSettings,
            summary="Template sensors over serial",
            needs=("serial",),
            install="flowrig-template",
            emulator=f"{__name__}.sensor_emulator:TemplateEmulator",
        )
    ]
