"""Conditions that optimizers may choose, drawn at random as nothing is known of the results."""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from flowrig.planning.known_conditions import allowed_rows
from flowrig.problem.designs import maximin_latin_hypercube, uniform
from flowrig.problem.middle import SAMPLE
from flowrig.problem.space import Space

__all__ = ["DRAWS", "drawn_conditions"]

Array = NDArray[np.float64]

DRAWS: Final = 24
"""Number of draws."""

STRETCH: Final = 2.0
"""How far conditions are moved away from the middle of the space, at most to its edge.

With 2 about half of the values of each condition are at an edge, where models are least certain and
acquisition functions often look."""


def drawn_conditions(space: Space, count: int, before: int = 0) -> list[list[dict[str, Any]]]:
    """Draws of the conditions that an optimizer may choose one after the other.

    An optimizer looks around a place where it expects the best, in a region whose width depends on
    how sure it is. Neither is known, so each draw has a place and a width of its own. Over all
    draws, places are a Latin hypercube of the space. Widths lie between 0 and 1, the whole space:
    even numbers `u`, raised to the power `1 + before / (2 d)` in a space of `d` conditions. This
    follows the mean widths of the campaigns of docs/systems.md. Within a draw, conditions are a
    Latin hypercube of its region. The draws are always the same.

    Args:
        space: bounds and constraints.
        count: number of conditions in a draw.
        before: number of experiments before them: the more, the surer the optimizer.

    Returns:
        the draws; one has fewer conditions, or is missing, where steps and constraints leave hardly
        any room.
    """
    rng = np.random.default_rng(0)
    middle = uniform(space, SAMPLE, rng).mean(axis=0)
    places = _spread(space, DRAWS, middle, rng)
    widths = ((rng.permutation(DRAWS) + 0.5) / DRAWS) ** (1.0 + 0.5 * before / len(space.names))
    is_category = np.array([bool(one.choices) for one in space.parameters])
    draws = []
    for place, width in zip(places, widths, strict=True):
        spread = _spread(space, count, middle, rng)
        is_kept = rng.random(spread.shape) >= width
        points = np.where(
            is_category, np.where(is_kept, place, spread), place + width * (spread - place)
        )
        draws.append(allowed_rows(space, points))
    return [one for one in draws if one]


def _spread(space: Space, count: int, middle: Array, rng: np.random.Generator) -> Array:
    """A Latin hypercube, shape `n x d`, whose numbers are moved away from the middle."""
    points = maximin_latin_hypercube(space, count, 1, rng)
    moved = np.clip(middle + STRETCH * (points - middle), 0.0, 1.0)
    return np.where([bool(one.choices) for one in space.parameters], points, moved)
