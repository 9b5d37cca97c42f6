"""Optimizers: Bayesian optimization over any surrogate, Latin hypercube and random sampling."""

from collections.abc import Sequence

from flowrig.hookspecs import hookimpl
from flowrig.offers import Offer
from flowrig_bayes.settings import BayesSettings, LhsSettings, RandomSettings


@hookimpl
def flowrig_optimizers() -> Sequence[Offer]:
    """The optimizers; their surrogates may need more."""
    return [
        Offer(
            kind="optimizer",
            name="bayes",
            target="flowrig_bayes.bayes:BayesianOptimizer",
            settings=BayesSettings,
            summary="Bayesian optimization: EI, PI, UCB, exploitation, maximum variance, Thompson",
            needs=("scipy",),
            install="flowrig[bayes]",
        ),
        Offer(
            kind="optimizer",
            name="lhs",
            target="flowrig_bayes.spread:LatinHypercube",
            settings=LhsSettings,
            summary="Latin hypercube, the best spread of several",
        ),
        Offer(
            kind="optimizer",
            name="random",
            target="flowrig_bayes.spread:UniformRandom",
            settings=RandomSettings,
            summary="uniform random conditions",
        ),
    ]
