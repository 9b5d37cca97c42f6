"""The Template optimizer for flowrig; nothing heavy is imported here."""

from collections.abc import Sequence

from flowrig.plugins import Offer, hookimpl

from .optimizer_settings import TemplateOptimizerSettings


@hookimpl
def flowrig_optimizers() -> Sequence[Offer]:
    """The search."""
    return [
        Offer(
            kind="optimizer",
            name="template",
            target=f"{__name__}.optimizer:TemplateOptimizer",
            settings=TemplateOptimizerSettings,
            summary="random steps from the best condition so far",
        )
    ]
