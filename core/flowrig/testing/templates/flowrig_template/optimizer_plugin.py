"""The Template optimizer for flowrig; this module imports neither numpy nor the model."""

from collections.abc import Sequence

from flowrig.plugins import Offer, hookimpl

from .optimizer_settings import TemplateOptimizerSettings


@hookimpl
def flowrig_optimizers() -> Sequence[Offer]:
    """The offer of the search."""
    return [
        Offer(
            kind="optimizer",
            name="template",
            target=f"{__name__}.optimizer:TemplateOptimizer",
            settings=TemplateOptimizerSettings,
            summary="random steps from the best condition so far",
        )
    ]
