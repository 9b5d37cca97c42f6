"""Template switches for flowrig; this module imports no driver."""

from collections.abc import Sequence

from flowrig.plugins import DriverOffer, hookimpl

from .switch_settings import TemplateSettings


@hookimpl
def flowrig_drivers() -> Sequence[DriverOffer]:
    """The offer of the driver and its emulator."""
    return [
        DriverOffer(
            kind="switch",
            name="template",
            target=f"{__name__}.switch:TemplateSwitch",
            settings=TemplateSettings,
            summary="Template switches over serial",
            needs=("serial",),
            install="flowrig-template",
            emulator=f"{__name__}.switch_emulator:TemplateEmulator",
            example={"positions": {"line_1": 1, "line_2": 2}},
        )
    ]
