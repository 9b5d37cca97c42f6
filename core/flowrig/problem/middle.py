"""The middle of a search space."""

from typing import Any

import numpy as np

from flowrig.problem.designs import uniform
from flowrig.problem.door import Door
from flowrig.problem.space import Space

__all__ = ["SAMPLE", "centre"]

SAMPLE = 512
"""Random conditions whose mean is taken as the middle of a constrained space."""


def centre(space: Space) -> dict[str, Any]:
    """The middle of the allowed space: what is nearest to the mean of uniform random conditions."""
    points = uniform(space, SAMPLE, np.random.default_rng(0))
    middle = points.mean(axis=0)
    if space.curved or space.has_choices:  # the mean may be outside, or between two choices
        middle = points[int(np.square(points - middle).sum(axis=1).argmin())]
    (row,) = space.rows(space.from_unit(middle[None]))
    return Door(space).admit(row)
