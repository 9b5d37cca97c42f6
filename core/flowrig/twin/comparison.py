"""Optimizers side by side on a twin: the same start, the same noise, many seeds."""

from collections.abc import Callable, Sequence
from time import process_time

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from flowrig.interfaces import Optimizer, Problem, Surrogate
from flowrig.profile import Stage
from flowrig.twin.stand_in import StandIn

__all__ = ["Contender", "Curves", "Race", "race", "summarize"]

Array = NDArray[np.float64]

QUARTILES = (0.25, 0.5, 0.75)


@frozen
class Contender:
    """An optimizer that takes part.

    Attributes:
        name: what the figure calls it.
        stage: the optimizer with its settings.
    """

    name: str
    stage: Stage


@frozen(eq=False, kw_only=True)
class Race:
    """One campaign of one contender.

    Attributes:
        contender: its name.
        seed: of the start and the noise.
        best: best noise-free figure of merit so far, after each experiment, shape `n`.
        decision_s: processor time [s] of each decision after the start.
    """

    contender: str
    seed: int
    best: Array
    decision_s: tuple[float, ...]


@frozen(eq=False, kw_only=True)
class Curves:
    """The campaigns of one contender together.

    Attributes:
        contender: its name.
        quartiles: regret at the lower, middle and upper quartile, shape `3 x n`.
        final: median regret after the last experiment.
        area: mean of the median regret over the experiments after the start.
        decision_s: median processor time [s] of a decision.
    """

    contender: str
    quartiles: Array
    final: float
    area: float
    decision_s: float


def race(
    stand_in: StandIn,
    contender: Contender,
    new_surrogate: Callable[[], Surrogate],
    starters: Stage,
    *,
    experiments: int,
    seed: int,
) -> Race:
    """Run one campaign on a twin.

    Args:
        stand_in: the twin.
        contender: who chooses after the start.
        new_surrogate: makes the model that the contender may ask for.
        starters: the stage that all begin with; the same points for one seed.
        experiments: how many follow the start.
        seed: of the start and the noise.
    """
    rng = np.random.default_rng([seed, 1])
    problem = Problem(stand_in.space, stand_in.objective, seed, new_surrogate)
    first: Optimizer = starters.offer.load()(problem, starters.settings)
    rows = [
        {**point, **stand_in.measure(point, rng)} for point in first.suggest(starters.experiments)
    ]
    chooser: Optimizer = contender.stage.offer.load()(problem, contender.stage.settings)
    chooser.ingest(rows)
    seconds = []
    for _ in range(experiments):
        began = process_time()
        (point,) = chooser.suggest(1)
        seconds.append(process_time() - began)
        rows.append({**point, **stand_in.measure(point, rng)})
        chooser.ingest(rows[-1:])
    space = stand_in.space
    truth = stand_in.truth(space.to_unit(space.array(rows)))
    return Race(
        contender=contender.name,
        seed=seed,
        best=np.maximum.accumulate(truth),
        decision_s=tuple(seconds),
    )


def summarize(races: Sequence[Race], optimum: float, start: int) -> list[Curves]:
    """Regret curves with quartiles, one for each contender, in the order of appearance.

    Args:
        races: campaigns of equal length.
        optimum: the highest figure of merit on the twin.
        start: how many experiments the contenders did not choose.
    """
    curves = []
    for name in dict.fromkeys(one.contender for one in races):
        own = [one for one in races if one.contender == name]
        regret = np.maximum(optimum - np.array([one.best for one in own]), 0.0)
        quartiles = np.quantile(regret, QUARTILES, axis=0)
        curves.append(
            Curves(
                contender=name,
                quartiles=quartiles,
                final=float(quartiles[1, -1]),
                area=float(quartiles[1, start:].mean()),
                decision_s=float(np.median([s for one in own for s in one.decision_s])),
            )
        )
    return curves
