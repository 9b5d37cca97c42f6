"""Offers of the core, registered through the same hooks as those of a plugin."""

from collections.abc import Sequence

from flowrig.learning.mean_of_settings import MeanOfSettings
from flowrig.plugins.hookspecs import hookimpl
from flowrig.plugins.offers import Offer
from flowrig.problem.objective import MaximumResponse, PlqyProxy, TargetObjective
from flowrig.problem.pareto import ParetoObjective
from flowrig.problem.spectral import SpectrumMatch


@hookimpl
def flowrig_objectives() -> Sequence[Offer]:
    """Objectives that need only numpy; an objective is its own settings class."""
    return [
        Offer(
            kind="objective",
            name="plqy-proxy",
            target="flowrig.problem.objective:PlqyProxy",
            settings=PlqyProxy,
            summary="PLQY relative to a reference dye, from absorbance and PL area",
        ),
        Offer(
            kind="objective",
            name="maximum",
            target="flowrig.problem.objective:MaximumResponse",
            settings=MaximumResponse,
            summary="one measured feature, as large as possible",
        ),
        Offer(
            kind="objective",
            name="target",
            target="flowrig.problem.objective:TargetObjective",
            settings=TargetObjective,
            summary="goals in order: a target within a tolerance, then narrow, then bright",
        ),
        Offer(
            kind="objective",
            name="pareto",
            target="flowrig.problem.pareto:ParetoObjective",
            settings=ParetoObjective,
            summary="several goals at once, none worth more than another: a Pareto front",
        ),
        Offer(
            kind="objective",
            name="spectrum-match",
            target="flowrig.problem.spectral:SpectrumMatch",
            settings=SpectrumMatch,
            summary="a whole spectrum, as near to a wanted one as possible",
        ),
    ]


@hookimpl
def flowrig_surrogates() -> Sequence[Offer]:
    """A surrogate that combines others."""
    return [
        Offer(
            kind="surrogate",
            name="mean-of",
            target="flowrig.learning.mean_of:MeanOf",
            settings=MeanOfSettings,
            summary="mean of several surrogates, weighted by how well each predicts",
        ),
    ]
