"""Template photon counters for flowrig; this module imports no driver."""

from collections.abc import Sequence

from flowrig.plugins import DriverOffer, hookimpl

from .tcspc_settings import TemplateSettings


@hookimpl
def flowrig_drivers() -> Sequence[DriverOffer]:
    """The offer of the driver and its emulator."""
    return [
        DriverOffer(
            kind="tcspc",
            name="template",
            target=f"{__name__}.tcspc:TemplateTcspc",
            settings=TemplateSettings,
            summary="Template photon counters over serial",
            needs=("serial",),
            install="flowrig-template",
            emulator=f"{__name__}.tcspc_emulator:TemplateEmulator",
        )
    ]
