"""Settings of BoTorch as an optimizer."""

from typing import ClassVar, Literal

from attrs import field, frozen
from attrs.validators import ge, in_, le

from flowrig.interfaces import OptimizerSettings
from flowrig.problem.space import Space

__all__ = ["BoTorchSettings"]

Model = Literal["single-task", "saas", "surrogate"]


@frozen(kw_only=True)
class BoTorchSettings(OptimizerSettings):
    """Settings of `botorch`.

    Attributes:
        model: "single-task" Gaussian process of each objective; "saas" the same with a prior
            that few of many conditions matter; "surrogate" the campaign's own surrogate of the
            responses.
        maximize: features to maximize, or the objective of the campaign by its name; if `minimize`
            is empty too, that objective alone, or each of its goals if it has several.
        minimize: features to minimize.
        restarts: starting points of the maximization of the acquisition function.
        candidates: random conditions from which the starting points are chosen; with "surrogate",
            from which the next conditions are chosen.
        samples: posterior samples of the acquisition function.
    """

    seeks_fronts: ClassVar[bool] = True

    model: Model = field(default="single-task", validator=in_(("single-task", "saas", "surrogate")))
    maximize: tuple[str, ...] = ()
    minimize: tuple[str, ...] = ()
    restarts: int = field(default=8, validator=[ge(1), le(1000)])
    candidates: int = field(default=256, validator=[ge(1), le(1_000_000)])
    samples: int = field(default=128, validator=[ge(1), le(100_000)])

    @property
    def needs_surrogate(self) -> bool:
        """The other models are BoTorch's own."""
        return self.model == "surrogate"

    def objection(self, space: Space) -> str:
        """Each objective is named once."""
        named = [*self.maximize, *self.minimize]
        twice = next((name for place, name in enumerate(named) if name in named[:place]), None)
        if twice is None:
            return ""
        return f"{twice!r} is named twice; expected each name once in `maximize` and `minimize`"
