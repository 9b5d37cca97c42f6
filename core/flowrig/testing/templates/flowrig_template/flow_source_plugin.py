"""Template flow sources for flowrig; this module imports no driver."""

from collections.abc import Sequence

from flowrig.plugins import DriverOffer, hookimpl

from .flow_source_settings import TemplateSettings


@hookimpl
def flowrig_drivers() -> Sequence[DriverOffer]:
    """The offer of the driver and its emulator."""
    return [
        DriverOffer(
            kind="flow_source",
            name="template",
            target=f"{__name__}.flow_source:TemplateFlowSource",
            settings=TemplateSettings,
            summary="Template flow sources over serial",
            needs=("serial",),
            install="flowrig-template",
            emulator=f"{__name__}.flow_source_emulator:TemplateEmulator",
        )
    ]
