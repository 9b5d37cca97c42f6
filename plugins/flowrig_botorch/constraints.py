"""The constraints of a space in the form in which BoTorch takes them."""

from collections.abc import Callable

import numpy as np
import torch

from flowrig.problem.feasibility import curved_slopes
from flowrig.problem.one_hot import OneHot
from flowrig.problem.space import CurvedConstraint, Space

__all__ = ["curved_inequalities", "linear_inequalities"]

Keep = Callable[[torch.Tensor], torch.Tensor]


def linear_inequalities(
    space: Space, columns: OneHot
) -> list[tuple[torch.Tensor, torch.Tensor, float]] | None:
    """Linear constraints in the unit cube, each as `sum(coefficient * u) >= bound`.

    Args:
        space: the space.
        columns: the columns of its conditions.

    Returns:
        None if there are none.
    """
    width = space.high - space.low
    kept = np.array(columns.kept)
    found = []
    for constraint in space.constraints:
        raw = np.array([constraint.coefficients.get(name, 0.0) for name in space.names])
        offset, used = float(raw @ space.low), np.flatnonzero(raw)
        for sign, bound in ((1.0, constraint.low), (-1.0, constraint.high)):
            if np.isfinite(bound):
                slope = torch.as_tensor(sign * (raw * width)[used])
                found.append((torch.as_tensor(kept[used]), slope, sign * (bound - offset)))
    return found or None


def curved_inequalities(space: Space, columns: OneHot) -> list[tuple[Keep, bool]]:
    """The other constraints, each as a function of one point that is not negative inside.

    Args:
        space: the space.
        columns: the columns of its conditions.
    """
    return [
        (_keep(space, columns, curved, sign, bound), True)
        for curved in space.curved
        for sign, bound in ((1.0, curved.low), (-1.0, curved.high))
        if np.isfinite(bound)
    ]


def _keep(
    space: Space, columns: OneHot, curved: CurvedConstraint, sign: float, bound: float
) -> Keep:
    finite = [abs(one) for one in (curved.low, curved.high) if np.isfinite(one)]
    scale = sign / max(1.0, *finite)
    numbers = [j for j, one in enumerate(space.parameters) if not one.choices]
    kept = np.array(columns.kept)[numbers]

    def keep(w: torch.Tensor) -> torch.Tensor:
        u = columns.narrow(w.detach().numpy()[None])
        value = float(curved.value(space.from_unit(u))[0])
        slope = np.zeros(len(w))
        slope[kept] = scale * curved_slopes(space, curved, u)[0, numbers]
        excess = scale * (value - bound) if np.isfinite(value) else -1.0
        # The value comes from numpy: torch gets the slope by a term that is zero.
        return excess + (torch.as_tensor(slope) * (w - w.detach())).sum()

    return keep
