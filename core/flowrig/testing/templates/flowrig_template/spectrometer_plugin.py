"""Template spectrometers for flowrig; this module imports no driver."""

from collections.abc import Sequence

from flowrig.plugins import DriverOffer, hookimpl

from .settings import TemplateSettings


@hookimpl
def flowrig_drivers() -> Sequence[DriverOffer]:
    """The offer of the driver and its emulator."""
    return [
        DriverOffer(
            kind="spectrometer",
            name="template",
            target=f"{__name__}.spectrometer:TemplateSpectrometer",
            settings=TemplateSettings,
            summary="Template spectrometers over serial",
            needs=("serial",),
            install="flowrig-template",
            limits={"integration_time_us": (1_000, 5_000_000)},
            emulator=f"{__name__}.spectrometer_emulator:TemplateEmulator",
        )
    ]
