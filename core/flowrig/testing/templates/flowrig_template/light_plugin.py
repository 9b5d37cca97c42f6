"""Template lights for flowrig; this module imports no driver."""

from collections.abc import Sequence

from flowrig.plugins import DriverOffer, hookimpl

from .light_settings import TemplateSettings


@hookimpl
def flowrig_drivers() -> Sequence[DriverOffer]:
    """The offer of the driver and its emulator."""
    return [
        DriverOffer(
            kind="light",
            name="template",
            target=f"{__name__}.light:TemplateLight",
            settings=TemplateSettings,
            summary="Template lights over serial",
            needs=("serial",),
            install="flowrig-template",
            limits={"intensity_percent": (0.0, 100.0)},
            emulator=f"{__name__}.light_emulator:TemplateEmulator",
        )
    ]
