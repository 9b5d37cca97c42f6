"""The Template chemistry for flowrig; this module does not import the chemistry itself."""

from collections.abc import Sequence

from flowrig.plugins import Offer, hookimpl

from .chemistry_settings import TemplateChemistrySettings


@hookimpl
def flowrig_chemistries() -> Sequence[Offer]:
    """The offer of the nanocrystals."""
    return [
        Offer(
            kind="chemistry",
            name="template",
            target=f"{__name__}.chemistry:TemplateChemistry",
            settings=TemplateChemistrySettings,
            summary="nanocrystals that grow with time",
        )
    ]
