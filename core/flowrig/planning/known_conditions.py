"""Conditions of a campaign that are known before anything is measured."""

import math
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial
from itertools import product
from typing import Any

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from flowrig.campaign.optimizer import new_optimizer
from flowrig.campaign.order import in_order
from flowrig.errors import FlowrigError, NothingLeftError, OutOfRangeError
from flowrig.interfaces import Optimizer, Point, StudyPoint, Surrogate
from flowrig.problem.designs import uniform
from flowrig.problem.door import Door
from flowrig.problem.feasibility import pulled_inside
from flowrig.problem.middle import centre
from flowrig.problem.space import Space, Value
from flowrig.profile import Profile, Stage
from flowrig.profile.controls.beyond import widened
from flowrig.profile.controls.studies import asked, new_study, require_points, study_rig

__all__ = [
    "Conditions",
    "Known",
    "Planned",
    "allowed_rows",
    "centre",
    "conditions_of",
    "extremes",
    "known_conditions",
    "scattered",
]

Array = NDArray[np.float64]
Conditions = Mapping[str, Value]
Planned = Conditions | Point
"""Conditions, or a point of a study."""

MOST_CORNERS = 64
"""Most corners of the box that are tried; of more than these, a random choice."""


class _NeedsMeasurementsError(FlowrigError):
    """An optimizer asked for a model before anything was measured."""


@frozen
class Known:
    """What is known of a stage in advance.

    Attributes:
        conditions: the conditions that do not depend on what will be measured, in their order; of a
            study its points.
        over: why the stage ends after them; "" if it goes on, or has all its experiments.
    """

    conditions: Sequence[Planned]
    over: str = ""


def known_conditions(
    profile: Profile,
    stage: Stage,
    seed: int,
    earlier: Sequence[Conditions],
    decided: Sequence[Conditions] = (),
) -> Known:
    """The conditions of a stage that do not depend on what will be measured, in their order.

    Two optimizers of the stage get different invented results. What both suggest is known.

    Args:
        profile: the rig, with its campaign.
        stage: the stage.
        seed: of the run.
        earlier: conditions of the stages before that this one learns from.
        decided: conditions that a run has already decided in this stage.

    Returns:
        at most as many as the stage has experiments; fewer if the rest depends on results.

    Raises:
        OutOfRangeError: the optimizer suggests conditions outside its space.
    """
    if stage.is_study:
        return _points(profile, stage, seed)
    known = list(decided[: stage.experiments])
    if stage.offer.missing():
        return Known(known)
    ingested = 0
    try:
        pair = [new_optimizer(profile, stage, seed, _no_model) for _ in range(2)]
        while len(known) < stage.experiments:
            rows = [*earlier, *known]
            for number, optimizer in enumerate(pair):
                optimizer.ingest(_invented_results(profile, rows[ingested:], number))
            ingested = len(rows)
            wanted = stage.experiments - len(known)
            before = rows[-1] if rows else None
            one, other = (_next(profile, stage, each, wanted, before) for each in pair)
            if one != other:
                break
            known += one
    except OutOfRangeError:
        raise
    except NothingLeftError as error:
        return Known(known, str(error))
    except FlowrigError:  # it needs a model or true results: the rest is not known
        pass
    return Known(known)


def conditions_of(planned: Planned) -> Conditions:
    """The conditions of what is planned."""
    return planned.conditions if isinstance(planned, Point) else planned


def _points(profile: Profile, stage: Stage, seed: int) -> Known:
    """The points of a study, if all measurements were alike and none was made before it."""
    if stage.offer.missing():
        return Known([])
    before = () if profile.campaign is None else profile.campaign.before(stage)
    rig = study_rig(widened(profile, stage), seed, ahead=sum(one.experiments for one in before))
    study, done = new_study(stage, rig), list[StudyPoint]()
    features = dict.fromkeys(study.rig.units, 1.0)
    while len(done) < stage.experiments:
        asked_for = asked(partial(study.next_points, tuple(done)))
        last = done[-1].point if done else None
        points = require_points(asked_for, study.rig, stage.experiments - len(done), last)
        if not points:
            break
        done += [
            StudyPoint(number=number, point=one, features=features, objective=1.0)
            for number, one in enumerate(points, len(done) + 1)
        ]
    return Known([one.point for one in done], over="its study needs no more")


def _next(
    profile: Profile, stage: Stage, optimizer: Optimizer, wanted: int, before: Conditions | None
) -> list[Conditions]:
    """The next batch, in the order in which a campaign runs it."""
    batch: list[Conditions] = list(optimizer.suggest(min(stage.batch, wanted)))
    return [batch[place] for place in in_order(profile, stage, batch, before)]


def _no_model() -> Surrogate:
    raise _NeedsMeasurementsError("nothing is measured yet that a model could be fitted to")


def _invented_results(
    profile: Profile, rows: Sequence[Conditions], seed: int
) -> list[dict[str, Any]]:
    names = (*profile.objective.responses, profile.objective.name)
    rng = np.random.default_rng([seed, len(rows)])
    return [{**row, **{name: float(rng.uniform(0.1, 1.0)) for name in names}} for row in rows]


def extremes(space: Space) -> list[dict[str, Any]]:
    """Conditions at the edges: corners of the box, for every choice of a category, each moved to
    the nearest that is allowed."""
    sizes = [len(one.choices) or 2 for one in space.parameters]
    if math.prod(sizes) > MOST_CORNERS:
        numbers = np.random.default_rng(0).integers(0, sizes, (MOST_CORNERS, len(sizes)))
    else:
        # The first condition changes fastest.
        numbers = np.array(list(product(*map(range, reversed(sizes)))))[:, ::-1]
    corners = numbers / (np.array(sizes) - 1.0)
    return allowed_rows(space, corners)


def scattered(space: Space, count: int, seed: int) -> list[dict[str, Any]]:
    """Uniform random conditions; fewer where steps and constraints leave hardly any room."""
    return allowed_rows(space, uniform(space, count, np.random.default_rng(seed)))


def allowed_rows(space: Space, points: Array) -> list[dict[str, Any]]:
    """Points of the unit cube, shape `n x d`, as the nearest conditions that the rig can do.

    Those that have none near are left out.
    """
    door, found = Door(space), list[dict[str, Any]]()
    for row in space.rows(space.from_unit(pulled_inside(space, points))):
        with suppress(OutOfRangeError):
            found.append(door.admit(row))
    return found
