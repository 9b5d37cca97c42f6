"""Template stirrers for flowrig; this module imports no driver."""

from collections.abc import Sequence

from flowrig.plugins import DriverOffer, hookimpl

from .stirrer_settings import TemplateSettings


@hookimpl
def flowrig_drivers() -> Sequence[DriverOffer]:
    """The offer of the driver and its emulator."""
    return [
        DriverOffer(
            kind="stirrer",
            name="template",
            target=f"{__name__}.stirrer:TemplateStirrer",
            settings=TemplateSettings,
            summary="Template stirrers over serial",
            needs=("serial",),
            install="flowrig-template",
            limits={"speed_rpm": (0.0, 1500.0)},
            emulator=f"{__name__}.stirrer_emulator:TemplateEmulator",
        )
    ]
