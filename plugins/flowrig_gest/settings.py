"""Settings of the optimizer `gest`."""

from collections.abc import Mapping
from typing import Any, ClassVar

from attrs import field, frozen
from attrs.validators import ge, le, matches_re

from flowrig.interfaces import OptimizerSettings

__all__ = ["GeneratorSettings"]


@frozen(kw_only=True)
class GeneratorSettings(OptimizerSettings):
    """Settings of `gest`.

    Attributes:
        generator: class of the generator, as "module:Class"; it must come from an installed
            distribution that requires gest-api.
        options: arguments of its constructor, besides the problem.
        initial: successful experiments before the generator is used; until then, points are spread
            over the space.
    """

    seeks_fronts: ClassVar[bool] = True

    generator: str = field(validator=matches_re(r"[\w.]+:\w+"))
    options: Mapping[str, Any] = field(factory=dict)
    initial: int = field(default=5, validator=[ge(0), le(10_000)])
