"""The Template quality check for flowrig; this module does not import the check itself."""

from collections.abc import Sequence

from flowrig.plugins import Offer, hookimpl

from .quality_settings import TemplateQualitySettings


@hookimpl
def flowrig_quality() -> Sequence[Offer]:
    """The offer of the check."""
    return [
        Offer(
            kind="quality",
            name="template",
            target=f"{__name__}.quality:TemplateQuality",
            settings=TemplateQualitySettings,
            summary="a feature far from all earlier ones",
        )
    ]
