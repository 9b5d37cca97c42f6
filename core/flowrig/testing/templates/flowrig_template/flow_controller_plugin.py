"""Template flow controllers for flowrig; this module imports no driver."""

from collections.abc import Sequence

from flowrig.plugins import DriverOffer, hookimpl

from .flow_controller_settings import TemplateSettings


@hookimpl
def flowrig_drivers() -> Sequence[DriverOffer]:
    """The offer of the driver and its emulator."""
    return [
        DriverOffer(
            kind="flow_controller",
            name="template",
            target=f"{__name__}.flow_controller:TemplateFlowController",
            settings=TemplateSettings,
            summary="Template flow controllers over serial",
            needs=("serial",),
            install="flowrig-template",
            limits={"flow_ml_min": (0.0, 100.0)},
            emulator=f"{__name__}.flow_controller_emulator:TemplateEmulator",
        )
    ]
