"""Offers BoTorch's generator to flowrig."""

from attrs import field, frozen

from flowrig.plugins import Offer, hookimpl
from flowrig_gest import GeneratorSettings


@frozen(kw_only=True)
class LogEiSettings(GeneratorSettings):
    """The generator is known; `options` and `initial` remain."""

    generator: str = field(default="botorch_generator.generator:LogEi", init=False)


@hookimpl
def flowrig_optimizers():
    """Offer it under a name of its own."""
    return [
        Offer(
            kind="optimizer",
            name="botorch-logei",
            target="flowrig_gest.optimizer:GeneratorOptimizer",
            settings=LogEiSettings,
            summary="BoTorch's log expected improvement",
            needs=("gest_api", "botorch"),
            install="botorch-generator",
        )
    ]
