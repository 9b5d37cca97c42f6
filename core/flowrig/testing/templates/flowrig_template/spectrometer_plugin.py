"""Template spectrometers for flowrig; nothing heavy is imported here."""

from collections.abc import Sequence

from flowrig.plugins import DriverOffer, hookimpl

from .settings import TemplateSettings


@hookimpl
def flowrig_drivers() -> Sequence[DriverOffer]:
    """The spectrometer, and the emulator that speaks its protocol."""
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
