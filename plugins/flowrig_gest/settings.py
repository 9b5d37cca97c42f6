"""Settings of the optimizer that asks somebody else's generator."""

from collections.abc import Mapping
from typing import Any

from attrs import field, frozen
from attrs.validators import ge, matches_re

from flowrig.interfaces import OptimizerSettings

__all__ = ["GeneratorSettings"]


@frozen(kw_only=True)
class GeneratorSettings(OptimizerSettings):
    """Which generator, and with what.

    Attributes:
        generator: where its class is, as "module:Class"; it must come from an installed
            distribution that requires gest-api.
        options: what its constructor is called with, besides the problem.
        initial: how many experiments must have succeeded before the generator is asked; points are
            spread over the space until then.
    """

    generator: str = field(validator=matches_re(r"[\w.]+:\w+"))
    options: Mapping[str, Any] = field(factory=dict)
    initial: int = field(default=5, validator=ge(0))
