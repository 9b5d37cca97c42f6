"""Settings of the optimizers that this plugin offers."""

import math
from typing import ClassVar, Literal

from attrs import field, frozen
from attrs.validators import ge, gt, in_, le

from flowrig.interfaces import OptimizerSettings
from flowrig.problem.space import Space

__all__ = [
    "Acquisition",
    "BayesSettings",
    "GridSettings",
    "LhsSettings",
    "PartialGridSettings",
    "RandomSettings",
    "SobolSettings",
]

MOST_POINTS = 1_000_000
"""Limit on the size of a grid, which is held in memory."""

Acquisition = Literal["ei", "pi", "ucb", "exploit", "max-variance", "thompson"]


@frozen(kw_only=True)
class DesignSettings(OptimizerSettings):
    """Settings of an optimizer that takes no notice of results."""

    seeks_fronts: ClassVar[bool] = True


@frozen(kw_only=True)
class RandomSettings(DesignSettings):
    """Settings of `random`, which has none."""


@frozen(kw_only=True)
class SobolSettings(DesignSettings):
    """Settings of `sobol`, which has none."""


@frozen(kw_only=True)
class GridSettings(DesignSettings):
    """Settings of `grid`.

    Attributes:
        levels: number of evenly spaced values of each condition, including its bounds; of a
            category all choices are taken.
        slowest_first: conditions that change rarely, the one that changes least often first; the
            others follow in the order of the space.
        back_and_forth: whether a condition goes back the way it came instead of starting anew, so
            that it never changes by more than one level.
    """

    levels: int = field(default=3, validator=[ge(2), le(1000)])
    slowest_first: tuple[str, ...] = ()
    back_and_forth: bool = False

    def objection(self, space: Space) -> str:
        """A grid of more than a million points is not listed, and each condition has one place."""
        for name in self.slowest_first:
            if name not in space.names:
                return f"slowest_first names {name!r}, which is none of {', '.join(space.names)}"
        if len(set(self.slowest_first)) < len(self.slowest_first):
            return f"slowest_first names a condition twice: {', '.join(self.slowest_first)}"
        count = math.prod(len(one.choices) or self.levels for one in space.parameters)
        if count <= MOST_POINTS:
            return ""
        return (
            f"{self.levels} levels of {len(space.names)} conditions are {count:g} "
            f"points; at most {MOST_POINTS:g} can be listed"
        )


@frozen(kw_only=True)
class PartialGridSettings(DesignSettings):
    """Settings of `partial-grid`.

    Attributes:
        levels: number of evenly spaced values of the varied condition, including its bounds.
        middle: value of the other conditions, as a fraction of their ranges.
    """

    levels: int = field(default=5, validator=[ge(2), le(1000)])
    middle: float = field(default=0.5, validator=[ge(0.0), le(1.0)])


@frozen(kw_only=True)
class LhsSettings(DesignSettings):
    """Settings of `lhs`.

    Attributes:
        designs: number of Latin hypercubes that are drawn; the one with the largest minimum
            distance between points is used.
    """

    designs: int = field(default=64, validator=[ge(1), le(10_000)])


@frozen(kw_only=True)
class BayesSettings(OptimizerSettings):
    """Settings of `bayes`.

    Attributes:
        acquisition: the function to maximize: "ei" expected improvement, "pi" probability of
            improvement, "ucb" upper confidence bound, "exploit" expected objective,
            "max-variance" standard deviation of the objective, "thompson" a random posterior
            sample of the objective.
        model: the modelled quantity: "responses", from which the objective is
            computed; "merit", the objective; or "either", whichever has the better leave-out
            predictions of the objective, where the surrogate provides them. Of an objective with
            several goals the responses, and "merit" is refused.
        ucb_beta: for "ucb", number of standard deviations that are added to the mean.
        candidates: uniform conditions that are evaluated before the best are refined.
        starts: starting points of the gradient search, where the surrogate has gradients.
        refinements: rounds of random search around the best, where it has none.
        samples: number of posterior samples of the objective.
    """

    seeks_fronts: ClassVar[bool] = True

    acquisition: Acquisition = "ei"
    model: Literal["either", "responses", "merit"] = field(
        default="either", validator=in_(("either", "responses", "merit"))
    )
    ucb_beta: float = field(default=2.0, validator=[ge(0.0), le(1e6)])
    candidates: int = field(default=500, validator=[gt(0), le(1_000_000)])
    starts: int = field(default=6, validator=[gt(0), le(1000)])
    refinements: int = field(default=6, validator=[ge(0), le(1000)])
    samples: int = field(default=128, validator=[gt(1), le(100_000)])

    @property
    def needs_surrogate(self) -> bool:
        """Every acquisition function is computed from the predictions of a surrogate."""
        return True
