"""Template phase sensors for flowrig; this module imports no driver."""

from collections.abc import Sequence

from flowrig.plugins import DriverOffer, hookimpl

from .phase_sensor_settings import TemplateSettings


@hookimpl
def flowrig_drivers() -> Sequence[DriverOffer]:
    """The offer of the driver and its emulator."""
    return [
        DriverOffer(
            kind="phase_sensor",
            name="template",
            target=f"{__name__}.phase_sensor:TemplatePhaseSensor",
            settings=TemplateSettings,
            summary="Template phase sensors over serial",
            needs=("serial",),
            install="flowrig-template",
            emulator=f"{__name__}.phase_sensor_emulator:TemplateEmulator",
        )
    ]
