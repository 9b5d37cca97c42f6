"""Plugin `bayes`: Bayesian optimization with any surrogate, and designs without a surrogate."""

from collections.abc import Sequence

from flowrig.plugins import Offer, hookimpl
from flowrig_bayes.settings import (
    BayesSettings,
    GridSettings,
    LhsSettings,
    PartialGridSettings,
    RandomSettings,
    SobolSettings,
)

__all__ = ["flowrig_optimizers"]

_BAYES = Offer(
    kind="optimizer",
    name="bayes",
    target="flowrig_bayes.bayes:BayesianOptimizer",
    settings=BayesSettings,
    summary="Bayesian optimization: EI, PI, UCB, exploitation, maximum variance, Thompson",
    needs=("scipy",),
    install="flowrig[bayes]",
)

_DESIGNS = (
    Offer(
        kind="optimizer",
        name="lhs",
        target="flowrig_bayes.spread:LatinHypercube",
        settings=LhsSettings,
        summary="Latin hypercube, the most evenly spread of several",
    ),
    Offer(
        kind="optimizer",
        name="random",
        target="flowrig_bayes.spread:UniformRandom",
        settings=RandomSettings,
        summary="uniform random conditions",
    ),
    Offer(
        kind="optimizer",
        name="sobol",
        target="flowrig_bayes.grids:Sobol",
        settings=SobolSettings,
        summary="scrambled Sobol sequence",
        needs=("scipy",),
        install="flowrig[bayes]",
    ),
    Offer(
        kind="optimizer",
        name="grid",
        target="flowrig_bayes.grids:Grid",
        settings=GridSettings,
        summary="every combination of evenly spaced values",
    ),
    Offer(
        kind="optimizer",
        name="partial-grid",
        target="flowrig_bayes.grids:PartialGrid",
        settings=PartialGridSettings,
        summary="one condition at a time through its range",
    ),
)


@hookimpl
def flowrig_optimizers() -> Sequence[Offer]:
    """Offer Bayesian optimization and the designs without a surrogate."""
    return [_BAYES, *_DESIGNS]
