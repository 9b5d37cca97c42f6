"""The Template surrogate for flowrig; this module imports neither numpy nor the model."""

from collections.abc import Sequence

from flowrig.plugins import Offer, hookimpl

from .surrogate_settings import TemplateSurrogateSettings


@hookimpl
def flowrig_surrogates() -> Sequence[Offer]:
    """The offer of the polynomial."""
    return [
        Offer(
            kind="surrogate",
            name="template",
            target=f"{__name__}.surrogate:TemplateSurrogate",
            settings=TemplateSurrogateSettings,
            summary="a Bayesian polynomial",
        )
    ]
