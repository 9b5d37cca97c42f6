"""The Template surrogate for flowrig; nothing heavy is imported here."""

from collections.abc import Sequence

from flowrig.plugins import Offer, hookimpl

from .surrogate_settings import TemplateSurrogateSettings


@hookimpl
def flowrig_surrogates() -> Sequence[Offer]:
    """The polynomial."""
    return [
        Offer(
            kind="surrogate",
            name="template",
            target=f"{__name__}.surrogate:TemplateSurrogate",
            settings=TemplateSurrogateSettings,
            summary="a Bayesian polynomial",
        )
    ]
