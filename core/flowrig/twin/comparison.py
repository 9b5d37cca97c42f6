"""Optimizers side by side on a twin: the same start, the same noise, many seeds."""

from collections.abc import Callable, Sequence
from time import process_time

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from flowrig.errors import NothingLeftError
from flowrig.interfaces import Optimizer, Problem, Surrogate
from flowrig.profile import Stage
from flowrig.twin.twin_rig import TwinRig

__all__ = ["ComparedOptimizer", "RegretCurves", "TwinCampaign", "run_on_twin", "summarize"]

Array = NDArray[np.float64]

QUARTILES = (0.25, 0.5, 0.75)


@frozen
class ComparedOptimizer:
    """An optimizer in a comparison.

    Attributes:
        name: its name in the figure.
        stage: the optimizer with its settings.
    """

    name: str
    stage: Stage


@frozen(eq=False, kw_only=True)
class TwinCampaign:
    """One campaign of one optimizer on the twin.

    Attributes:
        optimizer: name of the optimizer.
        seed: of the start and the noise.
        best: best noise-free objective so far, after each experiment, shape `n`.
        decision_s: processor time [s] of each decision after the start.
    """

    optimizer: str
    seed: int
    best: Array
    decision_s: tuple[float, ...]


@frozen(eq=False, kw_only=True)
class RegretCurves:
    """Regret over the campaigns of one optimizer: the optimum less the best objective so far.

    Attributes:
        optimizer: name of the optimizer.
        quartiles: regret at the lower, middle and upper quartile, shape `3 x n`.
        final: median regret after the last experiment.
        area: mean of the median regret over the experiments after the start.
        decision_s: median processor time [s] of a decision.
    """

    optimizer: str
    quartiles: Array
    final: float
    area: float
    decision_s: float


def run_on_twin(
    twin_rig: TwinRig,
    optimizer: ComparedOptimizer,
    new_surrogate: Callable[[], Surrogate],
    starters: Stage,
    *,
    experiments: int,
    seed: int,
) -> TwinCampaign:
    """Run one campaign on a twin.

    Args:
        twin_rig: the twin.
        optimizer: chooses after the start.
        new_surrogate: makes the model that an optimizer can ask for.
        starters: the first stage; all optimizers get the same points for one seed.
        experiments: number of experiments after the start.
        seed: of the start and the noise.
    """
    rng = np.random.default_rng([seed, 1])
    problem = Problem(twin_rig.space, twin_rig.objective, seed, new_surrogate)
    first: Optimizer = starters.offer.load()(problem, starters.settings)
    rows = [
        {**point, **twin_rig.measure(point, rng)} for point in first.suggest(starters.experiments)
    ]
    chooser: Optimizer = optimizer.stage.offer.load()(problem, optimizer.stage.settings)
    chooser.ingest(rows)
    seconds = []
    for _ in range(experiments):
        began = process_time()
        try:
            (point,) = chooser.suggest(1)
        except NothingLeftError:  # the best stays what it is
            break
        seconds.append(process_time() - began)
        rows.append({**point, **twin_rig.measure(point, rng)})
        chooser.ingest(rows[-1:])
    space = twin_rig.space
    truth = twin_rig.truth(space.to_unit(space.array(rows)))
    best = np.full(starters.experiments + experiments, truth.max())
    best[: len(truth)] = np.maximum.accumulate(truth)
    return TwinCampaign(
        optimizer=optimizer.name, seed=seed, best=best, decision_s=tuple(seconds) or (0.0,)
    )


def summarize(campaigns: Sequence[TwinCampaign], optimum: float, start: int) -> list[RegretCurves]:
    """Regret curves with quartiles, one for each optimizer, in the order of appearance.

    Args:
        campaigns: campaigns of equal length.
        optimum: the highest objective on the twin.
        start: number of experiments that the optimizers did not choose.
    """
    curves = []
    for name in dict.fromkeys(one.optimizer for one in campaigns):
        own = [one for one in campaigns if one.optimizer == name]
        regret = np.maximum(optimum - np.array([one.best for one in own]), 0.0)
        quartiles = np.quantile(regret, QUARTILES, axis=0)
        curves.append(
            RegretCurves(
                optimizer=name,
                quartiles=quartiles,
                final=float(quartiles[1, -1]),
                area=float(quartiles[1, start:].mean()),
                decision_s=float(np.median([s for one in own for s in one.decision_s])),
            )
        )
    return curves
