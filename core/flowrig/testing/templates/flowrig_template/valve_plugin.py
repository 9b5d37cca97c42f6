"""Template valves for flowrig; this module imports no driver."""

from collections.abc import Sequence

from flowrig.plugins import DriverOffer, hookimpl

from .valve_settings import TemplateSettings


@hookimpl
def flowrig_drivers() -> Sequence[DriverOffer]:
    """The offer of the driver and its emulator."""
    return [
        DriverOffer(
            kind="valve",
            name="template",
            target=f"{__name__}.valve:TemplateValve",
            settings=TemplateSettings,
            summary="Template valves over serial",
            needs=("serial",),
            install="flowrig-template",
            emulator=f"{__name__}.valve_emulator:TemplateEmulator",
            example={"positions": {"run": 1, "fill": 2}},
        )
    ]
