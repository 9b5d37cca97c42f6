"""Template stages for flowrig; this module imports no driver."""

from collections.abc import Sequence

from flowrig.plugins import DriverOffer, hookimpl

from .stage_settings import TemplateSettings


@hookimpl
def flowrig_drivers() -> Sequence[DriverOffer]:
    """The offer of the driver and its emulator."""
    return [
        DriverOffer(
            kind="stage",
            name="template",
            target=f"{__name__}.stage:TemplateStage",
            settings=TemplateSettings,
            summary="Template stages over serial",
            needs=("serial",),
            install="flowrig-template",
            limits={"place_mm": (0.0, 50.0)},
            emulator=f"{__name__}.stage_emulator:TemplateEmulator",
        )
    ]
