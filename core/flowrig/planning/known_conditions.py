"""Which conditions of a campaign are known before anything is measured."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from flowrig.campaign.optimizer import new_optimizer
from flowrig.errors import FlowrigError, OutOfRangeError
from flowrig.interfaces import Optimizer, Surrogate
from flowrig.problem.designs import uniform
from flowrig.problem.feasibility import pulled_inside
from flowrig.problem.space import Space
from flowrig.profile import Profile, Stage

__all__ = ["Conditions", "centre", "extremes", "foreseen", "scattered"]

Array = NDArray[np.float64]
Conditions = Mapping[str, float]

SAMPLE = 512
"""Random conditions of which the middle of a constrained space is the mean."""

MOST_CORNERS = 64
"""Corners of the box of which the nearest conditions are tried, where there are many."""


class _NeedsMeasurementsError(FlowrigError):
    """An optimizer asked for a model of what nobody has measured yet."""


def foreseen(
    profile: Profile,
    stage: Stage,
    seed: int,
    earlier: Sequence[Conditions],
    decided: Sequence[Conditions] = (),
) -> list[Conditions]:
    """The conditions of a stage that do not depend on what will be measured, in their order.

    The stage's own optimizer is asked, with the seed of the run, and told two different sets of
    invented results: what it suggests either way is what it will suggest.

    Args:
        profile: the rig, with its campaign.
        stage: which stage.
        seed: of the run.
        earlier: conditions of the stages before.
        decided: what a run has decided already in this stage.

    Returns:
        at most as many as the stage has experiments; fewer where the rest depends on results.

    Raises:
        OutOfRangeError: the optimizer suggests conditions outside its space.
    """
    known = list(decided[: stage.experiments])
    if stage.offer.missing():
        return known
    told = 0
    try:
        pair = [new_optimizer(profile, stage, seed, _no_model) for _ in range(2)]
        while len(known) < stage.experiments:
            rows = [*earlier, *known]
            for number, optimizer in enumerate(pair):
                optimizer.ingest(_invented(profile, rows[told:], number))
            told = len(rows)
            one, other = (
                _next(stage, optimizer, stage.experiments - len(known)) for optimizer in pair
            )
            if one != other:
                break
            known += one
    except OutOfRangeError:
        raise
    except FlowrigError:
        pass
    return known


def _next(stage: Stage, optimizer: Optimizer, wanted: int) -> list[Conditions]:
    """The next batch, in the order in which a campaign runs it."""
    batch: list[Conditions] = list(optimizer.suggest(min(stage.batch, wanted)))
    variable = stage.order_by
    return batch if variable is None else sorted(batch, key=lambda row: row[variable])


def _no_model() -> Surrogate:
    raise _NeedsMeasurementsError("there is nothing measured that a model could learn from")


def _invented(profile: Profile, rows: Sequence[Conditions], seed: int) -> list[dict[str, float]]:
    names = (*profile.objective.responses, profile.objective.name)
    rng = np.random.default_rng([seed, len(rows)])
    return [{**row, **{name: float(rng.uniform(0.1, 1.0)) for name in names}} for row in rows]


def centre(space: Space) -> dict[str, float]:
    """The middle of what bounds and constraints leave: the mean of uniform conditions."""
    points = uniform(space, SAMPLE, np.random.default_rng(0))
    return space.rows(space.from_unit(points.mean(axis=0, keepdims=True)))[0]


def extremes(space: Space) -> list[dict[str, float]]:
    """Conditions at the edges: corners of the box, each moved to the nearest that is allowed."""
    dimensions = len(space.names)
    numbers = np.arange(2**dimensions) if 2**dimensions <= MOST_CORNERS else None
    if numbers is None:
        corners = np.random.default_rng(0).integers(0, 2, (MOST_CORNERS, dimensions)).astype(float)
    else:
        corners = ((numbers[:, None] >> np.arange(dimensions)) & 1).astype(float)
    return space.rows(space.from_unit(pulled_inside(space, corners)))


def scattered(space: Space, count: int, seed: int) -> list[dict[str, float]]:
    """Uniform random conditions."""
    return space.rows(space.from_unit(uniform(space, count, np.random.default_rng(seed))))
