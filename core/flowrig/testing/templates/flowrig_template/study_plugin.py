"""The Template study for flowrig; this module does not import the study itself."""

from collections.abc import Sequence

from flowrig.plugins import Offer, hookimpl

from .study_settings import TemplateStudySettings


@hookimpl
def flowrig_studies() -> Sequence[Offer]:
    """The offer of the ends."""
    return [
        Offer(
            kind="study",
            name="template",
            target=f"{__name__}.study:TemplateStudy",
            settings=TemplateStudySettings,
            summary="the ends of the first condition",
        )
    ]
