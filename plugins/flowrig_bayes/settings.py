"""Settings of the optimizers that this plugin offers."""

from typing import Literal

from attrs import field, frozen
from attrs.validators import ge, gt, in_, le

from flowrig.interfaces import OptimizerSettings

__all__ = [
    "Acquisition",
    "BayesSettings",
    "GridSettings",
    "LhsSettings",
    "PartialGridSettings",
    "RandomSettings",
    "SobolSettings",
]

Acquisition = Literal["ei", "pi", "ucb", "exploit", "max-variance", "thompson"]


@frozen(kw_only=True)
class RandomSettings(OptimizerSettings):
    """Settings of `random`: there are none."""


@frozen(kw_only=True)
class SobolSettings(OptimizerSettings):
    """Settings of `sobol`: there are none."""


@frozen(kw_only=True)
class GridSettings(OptimizerSettings):
    """Settings of `grid`.

    Attributes:
        levels: evenly spaced values of each condition, its bounds included.
    """

    levels: int = field(default=3, validator=ge(2))


@frozen(kw_only=True)
class PartialGridSettings(OptimizerSettings):
    """Settings of `partial-grid`.

    Attributes:
        levels: evenly spaced values of the condition that is varied, its bounds included.
        middle: where the others are held, as a fraction of their ranges.
    """

    levels: int = field(default=5, validator=ge(2))
    middle: float = field(default=0.5, validator=[ge(0.0), le(1.0)])


@frozen(kw_only=True)
class LhsSettings(OptimizerSettings):
    """Settings of `lhs`.

    Attributes:
        designs: how many Latin hypercubes are drawn; the one whose closest pair of points is
            farthest apart is taken.
    """

    designs: int = field(default=64, validator=ge(1))


@frozen(kw_only=True)
class BayesSettings(OptimizerSettings):
    """Settings of `bayes`.

    Attributes:
        acquisition: what the next condition should have most of: "ei" expected improvement, "pi"
            probability of improvement, "ucb" upper confidence bound, "exploit" expected figure of
            merit, "max-variance" its uncertainty, "thompson" a figure of merit that is drawn at
            random from what the surrogate holds possible.
        model: what the surrogate models: the "responses", from which the figure of merit is
            computed; the figure of "merit" itself; or "either", whichever foretells experiments
            better that it has not learnt from, where the surrogate can tell.
        ucb_beta: for "ucb", how many standard deviations are added to the mean.
        candidates: conditions that are looked at all over the space before the best are refined.
        starts: how many of the best, apart from each other, are climbed from, where the surrogate
            tells gradients.
        refinements: rounds of random search around the best, where it does not.
        samples: posterior samples that the figure of merit is computed on.
    """

    acquisition: Acquisition = "ei"
    model: Literal["either", "responses", "merit"] = field(
        default="either", validator=in_(("either", "responses", "merit"))
    )
    ucb_beta: float = field(default=2.0, validator=ge(0.0))
    candidates: int = field(default=500, validator=gt(0))
    starts: int = field(default=6, validator=gt(0))
    refinements: int = field(default=6, validator=ge(0))
    samples: int = field(default=128, validator=gt(1))
