"""Template collectors for flowrig; this module imports no driver."""

from collections.abc import Sequence

from flowrig.plugins import DriverOffer, hookimpl

from .collector_settings import TemplateSettings


@hookimpl
def flowrig_drivers() -> Sequence[DriverOffer]:
    """The offer of the driver and its emulator."""
    return [
        DriverOffer(
            kind="collector",
            name="template",
            target=f"{__name__}.collector:TemplateCollector",
            settings=TemplateSettings,
            summary="Template collectors over serial",
            needs=("serial",),
            install="flowrig-template",
            emulator=f"{__name__}.collector_emulator:TemplateEmulator",
            example={"positions": {"drain": 1, "tube_1": 2}},
        )
    ]
