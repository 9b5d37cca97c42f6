"""The published campaign on the emulated rig: results of each optimizer, and their speed.

Run with `python benchmarks/campaigns.py`. A campaign is the published one: 60 Latin-hypercube
experiments, 15 by expected improvement, one by pure exploitation (Sadeghi et al., Digital Discovery
2025, 4, 1722), whose best in-situ PLQY proxies were 26.7, 26.9 and 31.5 % with the precursors
Chem1, Chem2 and Chem3. The rig is the emulated one at steady state: the chemistry of `flowrig_sim`
with the published scatter of repeated measurements, without plumbing and spectra, so that a
campaign takes seconds. `recipe` is the paper's own learning, written anew from its description.
"""

import argparse
import json
import statistics
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from multiprocessing import get_context
from pathlib import Path
from time import process_time

import numpy as np
from attrs import asdict, frozen
from numpy.typing import NDArray
from published_recipe import PublishedEnsemble

from flowrig.interfaces import Optimizer, Problem, Surrogate
from flowrig.plugins.registry import Plugins
from flowrig.profile import Profile, load_profile
from flowrig_bayes.bayes import BayesianOptimizer
from flowrig_bayes.settings import BayesSettings, LhsSettings, RandomSettings
from flowrig_bayes.spread import LatinHypercube, UniformRandom
from flowrig_enn.settings import EnsembleSettings
from flowrig_enn.surrogate import EnsembleOfNetworks
from flowrig_gp.settings import GaussianProcessSettings
from flowrig_gp.surrogate import GaussianProcess
from flowrig_sim.fluid_state import FluidState
from flowrig_sim.optics.spectra import EmissionOptics
from flowrig_sim.settings import FluidicSettings

Array = NDArray[np.float64]

PUBLISHED = {"chem1": 0.267, "chem2": 0.269, "chem3": 0.315}
RIG_RSD = np.array([0.031, 0.042])
"""Relative standard deviations of absorbance and PL area at steady state, as published."""

CELL_MM = 1.016
"""Light path of the flow cells, FEP tubing of 0.04 in."""

EXPLORE, IMPROVE, EXPLOIT = 60, 15, 1
ENOUGH = 0.95

SURROGATES: dict[str, Callable[[], Surrogate]] = {
    "gp": lambda: GaussianProcess(GaussianProcessSettings()),
    "enn": lambda: EnsembleOfNetworks(EnsembleSettings()),
    "recipe": PublishedEnsemble,
}
SPREADS = ("lhs", "random", "random-16")


@frozen
class Campaign:
    """What one campaign came to.

    Attributes:
        chemistry: which precursors.
        policy: who chose.
        seed: of the choice and the scatter.
        best: highest measured proxy.
        best_true: highest proxy without scatter.
        enough_after: experiments after the exploration until the measured proxy reached 95 % of the
            published best; None if it did not.
        decision_s: median processor time [s] of a decision with a model; 0 without.
    """

    chemistry: str
    policy: str
    seed: int
    best: float
    best_true: float
    enough_after: int | None
    decision_s: float


@cache
def _profile(chemistry: str) -> Profile:
    return load_profile(f"cs3cu2i5-heatup-{chemistry}", Plugins.discover())


class SteadyRig:
    """The emulated rig at steady state.

    Args:
        chemistry: which precursors.
        seed: of the scatter.
    """

    def __init__(self, chemistry: str, seed: int) -> None:
        self.profile = _profile(chemistry)
        assert self.profile.simulation is not None
        settings = self.profile.simulation.settings
        assert isinstance(settings, FluidicSettings)
        self._fluid = FluidState(self.profile, settings, seed, None, 0.0)
        self._optics = EmissionOptics(np.linspace(200.0, 1100.0, 901), CELL_MM)
        self._rng = np.random.default_rng([seed, 1])
        self.true: list[float] = []
        self.rows: list[dict[str, float]] = []

    def run(self, points: Sequence[dict[str, float]]) -> list[dict[str, float]]:
        """Measure conditions; one row each with conditions, responses and the proxy."""
        objective, fresh = self.profile.objective, []
        for point in points:
            product = self._fluid.steady_product(point)
            absorbance = self._optics.absorption.at(product, 300.0)
            exact = np.array([absorbance, self._optics.area(product)])
            measured = exact * (1.0 + RIG_RSD * self._rng.standard_normal(2))
            responses = dict(zip(objective.responses, map(float, measured), strict=True))
            fresh.append({**point, **responses, objective.name: float(objective.value(measured))})
            self.true.append(float(objective.value(exact)))
        self.rows += fresh
        return fresh

    @property
    def proxies(self) -> list[float]:
        """Every measured proxy, in order."""
        return [row[self.profile.objective.name] for row in self.rows]


def campaign(chemistry: str, policy: str, seed: int) -> Campaign:
    """Run one campaign."""
    rig = SteadyRig(chemistry, seed)
    problem = Problem(
        rig.profile.space,
        rig.profile.objective,
        seed,
        SURROGATES.get(policy, SURROGATES["gp"]),
        rig.profile.rsd,
    )
    seconds: list[float] = []
    if policy == "random-16":
        rig.run(UniformRandom(problem, RandomSettings()).suggest(IMPROVE + EXPLOIT))
    elif policy == "lhs":
        rig.run(LatinHypercube(problem, LhsSettings()).suggest(EXPLORE + IMPROVE + EXPLOIT))
    else:
        rig.run(LatinHypercube(problem, LhsSettings()).suggest(EXPLORE))
        for acquisition in ["ei"] * IMPROVE + ["exploit"] * EXPLOIT:
            rig.run([_choose(problem, policy, acquisition, rig.rows, seconds)])
    enough = ENOUGH * PUBLISHED[chemistry]
    reached = [i + 1 for i, proxy in enumerate(rig.proxies) if proxy >= enough]
    start = 0 if policy == "random-16" else EXPLORE
    return Campaign(
        chemistry,
        policy,
        seed,
        max(rig.proxies),
        max(rig.true),
        max(reached[0] - start, 0) if reached else None,
        statistics.median(seconds) if seconds else 0.0,
    )


def _choose(
    problem: Problem,
    policy: str,
    acquisition: str,
    rows: list[dict[str, float]],
    seconds: list[float],
) -> dict[str, float]:
    optimizer: Optimizer
    if policy == "random":
        optimizer = UniformRandom(problem, RandomSettings())
    else:
        optimizer = BayesianOptimizer(problem, BayesSettings(acquisition=acquisition))
    optimizer.ingest(rows)
    began = process_time()
    (point,) = optimizer.suggest()
    if policy != "random":
        seconds.append(process_time() - began)
    return point


def _row(chemistry: str, policy: str, done: list[Campaign]) -> str:
    best = [one.best for one in done]
    reached = [one.enough_after for one in done if one.enough_after is not None]
    soon = f"{statistics.median(reached):g} ({len(reached)} of {len(done)})" if reached else "never"
    return (
        f"| {chemistry} | {policy} | {statistics.median(best):.1%} | {min(best):.1%} to "
        f"{max(best):.1%} | {statistics.median(one.best_true for one in done):.1%} | "
        f"{PUBLISHED[chemistry]:.1%} | {soon} | "
        f"{statistics.median(one.decision_s for one in done):.2g} |"
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=10, help="campaigns a row")
    parser.add_argument("--recipe-seeds", type=int, default=2, help="campaigns with the recipe")
    parser.add_argument("--jobs", type=int, default=1, help="campaigns at a time")
    parser.add_argument("--chemistries", nargs="+", choices=PUBLISHED, default=list(PUBLISHED))
    parser.add_argument(
        "--policies", nargs="+", choices=[*SURROGATES, *SPREADS, "random"],
        default=["gp", "enn", "recipe", "lhs", "random", "random-16"],
    )  # fmt: skip
    parser.add_argument("--json", type=Path, help="file for every campaign")
    asked = parser.parse_args()
    rows = [(chemistry, policy) for chemistry in asked.chemistries for policy in asked.policies]
    print(
        "| chemistry | policy | best measured, median | range | best without scatter, median |"
        " published | 95 % of it after (campaigns) | s a decision |"
    )
    print("|---|---|---|---|---|---|---|---|")
    everything: list[Campaign] = []
    with ProcessPoolExecutor(asked.jobs, mp_context=get_context("spawn")) as pool:
        for chemistry, policy in rows:
            count = asked.recipe_seeds if policy == "recipe" else asked.seeds
            seeds = range(1, count + 1)
            done = list(pool.map(campaign, [chemistry] * count, [policy] * count, seeds))
            everything += done
            print(_row(chemistry, policy, done), flush=True)
    if asked.json:
        asked.json.write_text(json.dumps([asdict(one) for one in everything], indent=1))


if __name__ == "__main__":
    main()
