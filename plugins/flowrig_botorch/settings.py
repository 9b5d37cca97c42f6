"""Settings of BoTorch as an optimizer."""

from typing import Literal

from attrs import field, frozen
from attrs.validators import ge, in_

from flowrig.interfaces import OptimizerSettings

__all__ = ["BoTorchSettings"]

Model = Literal["single-task", "saas", "surrogate"]


@frozen(kw_only=True)
class BoTorchSettings(OptimizerSettings):
    """What BoTorch maximizes, with which model.

    Attributes:
        model: "single-task" Gaussian process of each figure; "saas" the same with a prior by which
            few of many conditions matter; "surrogate" the campaign's own surrogate of the
            responses.
        maximize: figures to maximize: features, or the figure of merit by its name; with `minimize`
            empty too, the figure of merit alone.
        minimize: figures to minimize.
        restarts: starting points from which the acquisition function is climbed.
        candidates: conditions among which these are chosen; with "surrogate", from which the next
            ones are.
        samples: posterior samples of the acquisition function.
    """

    model: Model = field(default="single-task", validator=in_(("single-task", "saas", "surrogate")))
    maximize: tuple[str, ...] = ()
    minimize: tuple[str, ...] = ()
    restarts: int = field(default=8, validator=ge(1))
    candidates: int = field(default=256, validator=ge(1))
    samples: int = field(default=128, validator=ge(1))
