"""Campaigns that start from earlier experiments: how soon they are good, and what bad ones cost.

Run with `python benchmarks/informed.py`; 20 seeds take some minutes on one core. The new chemistry
is Chem3 at steady state, the fitted surfaces of `flowrig_sim` with the published scatter. Earlier
experiments are the 60 published ones of Chem1 as they were measured; 60 of Chem2 at the same
conditions, by its fitted surfaces, because their measurements are not in this repository; and two
kinds that mislead: the responses of Chem2 turned upside down, and in random order.
"""

import argparse
import json
import statistics
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import cache, partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from attrs import asdict, frozen
from campaigns import SteadyRig
from numpy.typing import NDArray

from flowrig.interfaces import Problem, Surrogate
from flowrig.learning.experiment_table import read_experiments
from flowrig.learning.from_campaign import with_earlier
from flowrig_bayes.bayes import BayesianOptimizer
from flowrig_bayes.settings import BayesSettings
from flowrig_gp.settings import GaussianProcessSettings
from flowrig_gp.surrogate import GaussianProcess

Array = NDArray[np.float64]
Rows = tuple[Array, Array]

DATA = Path(__file__).parents[1] / "tests" / "learning" / "data"
EXPERIMENTS = 16
CANDIDATES, STARTS_OF_SEARCH = 200, 3
"""Half of the search of an acquisition function that `bayes` makes by default."""
ENOUGH = 0.95
BEST = 0.2943
"""Highest proxy of the emulated Chem3 without scatter."""
STARTS = ("cold", "chem1", "chem2", "opposite", "shuffled")
TRUSTS = ("same-rig", "other-rig")
ACQUISITIONS = ("ei", "ucb", "exploit")


@frozen
class Campaign:
    """One campaign of 16 experiments.

    Attributes:
        start: which earlier experiments.
        trust: how far they are trusted.
        acquisition: of the optimizer.
        seed: of scatter and optimizer.
        best: highest proxy without scatter so far, after each experiment.
        first: measured proxy of the first experiment.
        median: median proxy of the earlier experiments; nan without.
    """

    start: str
    trust: str
    acquisition: str
    seed: int
    best: tuple[float, ...]
    first: float
    median: float

    @property
    def enough_after(self) -> float:
        """Experiments until a condition with 95 % of the highest proxy; infinity if never."""
        reached = (n for n, value in enumerate(self.best, 1) if value >= ENOUGH * BEST)
        return float(next(reached, np.inf))

    @property
    def area(self) -> float:
        """Mean of the best proxy so far over the experiments."""
        return float(np.mean(self.best))


def new_gp() -> Surrogate:
    """The surrogate of the default campaign."""
    return GaussianProcess(GaussianProcessSettings())


@cache
def earlier(start: str) -> Rows:
    """Conditions in the unit cube, and absorbance and PL area, of 60 earlier experiments."""
    rig = SteadyRig("chem1" if start == "chem1" else "chem2", 77)
    space, objective = rig.profile.space, rig.profile.objective
    table = read_experiments(DATA / "cs3cu2i5_lhs_chem1.csv", space, objective.responses)
    if start == "chem1":
        return table.X, table.Y
    measured = rig.run(space.rows(space.from_unit(table.X)))
    Y = np.array([[row[name] for name in objective.responses] for row in measured])
    if start == "opposite":
        Y = Y.max(axis=0) + Y.min(axis=0) - Y
    if start == "shuffled":
        Y = np.random.default_rng(5).permutation(Y)
    return table.X, Y


@cache
def surrogates(start: str, trust: str) -> tuple[Callable[[], Surrogate], float]:
    """What makes surrogates for a start, and the median proxy of its earlier experiments."""
    if start == "cold":
        return new_gp, float("nan")
    X, Y = earlier(start)
    profile = SteadyRig("chem3", 0).profile
    proxy = profile.objective.value(Y)
    sources = [(X, np.column_stack([Y, proxy]))]
    make = with_earlier(new_gp, sources, [trust == "same-rig"], profile.space)
    return make, float(np.median(proxy))


def campaign(job: tuple[str, str, str, int]) -> Campaign:
    """Run one campaign."""
    start, trust, acquisition, seed = job
    rig = SteadyRig("chem3", seed)
    space, objective = rig.profile.space, rig.profile.objective
    make, median = surrogates(start, trust)
    problem = Problem(space, objective, seed, make, rig.profile.rsd, start != "cold")
    settings = BayesSettings(
        acquisition=acquisition, candidates=CANDIDATES, starts=STARTS_OF_SEARCH
    )
    optimizer = BayesianOptimizer(problem, settings)
    for _ in range(EXPERIMENTS):
        optimizer.ingest(rig.run(optimizer.suggest()))
    best = tuple(map(float, np.maximum.accumulate(rig.true)))
    return Campaign(start, trust, acquisition, seed, best, rig.proxies[0], median)


def row(own: Sequence[Campaign], cold: Sequence[Campaign]) -> str:
    """One line of the table; areas are compared with cold starts of the same seeds."""
    one = own[0]
    after = statistics.median(c.enough_after for c in own)
    reached = sum(np.isfinite(c.enough_after) for c in own)
    soon = f"{after:g}" if np.isfinite(after) else "never"
    firsts = [c.first for c in own]
    above = "" if np.isnan(one.median) else f"{sum(f > one.median for f in firsts)} of {len(own)}"
    ratio = np.mean([c.area for c in own]) / np.mean([c.area for c in cold])
    lost = [np.mean([BEST - c.area for c in some]) for some in (own, cold)]
    return (
        f"| {one.start} | {one.trust if one.start != 'cold' else ''} | {one.acquisition} | "
        f"{statistics.median(firsts):.1%} | {above} | {soon} ({reached} of {len(own)}) | "
        f"{np.mean([c.best[-1] for c in own]):.1%} | {ratio:.2f} | {lost[0] / lost[1]:.2f} |"
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=20, help="campaigns a row")
    parser.add_argument("--jobs", type=int, default=1, help="campaigns at a time")
    parser.add_argument("--starts", nargs="+", choices=STARTS, default=list(STARTS))
    parser.add_argument("--trusts", nargs="+", choices=TRUSTS, default=list(TRUSTS))
    parser.add_argument("--acquisitions", nargs="+", choices=ACQUISITIONS, default=["ei"])
    parser.add_argument("--json", type=Path, help="file for every campaign")
    asked = parser.parse_args()
    print(
        "| start | trust | chooses | first measured, median | above the median of the earlier |"
        " 95 % of the highest after | at the end | area to cold | lost area to cold |"
    )
    print("|---|---|---|---|---|---|---|---|---|")
    everything: list[Campaign] = []
    with ProcessPoolExecutor(asked.jobs, mp_context=get_context("spawn")) as pool:
        run = partial(pool.map, campaign) if asked.jobs > 1 else partial(map, campaign)
        for acquisition in asked.acquisitions:
            seeds = range(1, asked.seeds + 1)
            cold = list(run([("cold", "", acquisition, seed) for seed in seeds]))
            for start in asked.starts:
                for trust in asked.trusts if start != "cold" else [""]:
                    jobs = [(start, trust, acquisition, seed) for seed in seeds]
                    own = cold if start == "cold" else list(run(jobs))
                    everything += own
                    print(row(own, cold), flush=True)
    if asked.json:
        asked.json.write_text(json.dumps([asdict(one) for one in everything], indent=1))


if __name__ == "__main__":
    main()
