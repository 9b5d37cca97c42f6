"""Regret of the optimizers on problems with known optima, beside BoTorch's where it is installed.

Run with `python benchmarks/regret.py`; `pip install "flowrig[bench]"` adds BoTorch, Ax and BayBE.
Every search starts with the same 10 Latin-hypercube experiments for each optimizer and goes on for
30, one at a time. The table has two numbers: the regret at the end, and the mean regret over the 30
experiments (the area under the curve), both averages over seeds and without noise.
"""

import argparse
import json
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
from attrs import asdict, evolve, frozen
from landscapes import LANDSCAPES, Landscape
from numpy.typing import NDArray

from flowrig.interfaces import Optimizer, OptimizerSettings, Problem, Surrogate
from flowrig.problem.designs import maximin_latin_hypercube, uniform
from flowrig_bayes.bayes import BayesianOptimizer
from flowrig_bayes.model import fit_model
from flowrig_bayes.sampled_objective import SampledObjective, stratified_normals
from flowrig_bayes.settings import BayesSettings
from flowrig_bayes.surface import Surface
from flowrig_gp.settings import GaussianProcessSettings
from flowrig_gp.surrogate import GaussianProcess

Array = NDArray[np.float64]

START, EXPERIMENTS = 10, 30
BRUTE_POINTS = 20_000
"""Random points that the search for the best condition is compared with."""


def new_gp() -> Surrogate:
    """A Gaussian process as a campaign gets it by default."""
    return GaussianProcess(GaussianProcessSettings())


def new_enn() -> Surrogate:
    """An ensemble of networks as a campaign gets it by default."""
    from flowrig_enn.settings import EnsembleSettings  # noqa: PLC0415 - PyTorch, where asked for
    from flowrig_enn.surrogate import EnsembleOfNetworks  # noqa: PLC0415

    return EnsembleOfNetworks(EnsembleSettings())


def _bayes(new_surrogate: Callable[[], Surrogate], problem: Problem) -> Optimizer:
    return BayesianOptimizer(evolve(problem, new_surrogate=new_surrogate), BayesSettings())


def _botorch(problem: Problem) -> Optimizer:
    from botorch_peer import BoTorchLogEI  # noqa: PLC0415 - an extra

    return BoTorchLogEI(problem, OptimizerSettings())


def _ax(problem: Problem) -> Optimizer:
    from library_peers import Ax  # noqa: PLC0415 - an extra

    return Ax(problem, OptimizerSettings())


def _baybe(problem: Problem) -> Optimizer:
    from library_peers import BayBE  # noqa: PLC0415 - an extra

    return BayBE(problem, OptimizerSettings())


OPTIMIZERS: dict[str, Callable[[Problem], Optimizer]] = {
    "gp": lambda problem: _bayes(new_gp, problem),
    "enn": lambda problem: _bayes(new_enn, problem),
    "botorch": _botorch,
    "ax": _ax,
    "baybe": _baybe,
}


@frozen
class Search:
    """One optimizer's search on one problem.

    Attributes:
        optimizer: its name.
        problem: its name.
        seed: of problem, noise and optimizer.
        regrets: least regret so far, after the start and after each experiment.
        decision_s: processor time of a decision [s].
    """

    optimizer: str
    problem: str
    seed: int
    regrets: tuple[float, ...]
    decision_s: float


def rows_of(landscape: Landscape, U: Array, Y: Array) -> list[dict[str, Any]]:
    """What an optimizer is told: conditions and responses by name."""
    space, names = landscape.space, landscape.objective.responses
    conditions = space.rows(space.from_unit(U))
    return [
        {**row, **dict(zip(names, map(float, y), strict=True))}
        for row, y in zip(conditions, Y, strict=True)
    ]


def search(job: tuple[str, str, int]) -> Search:
    """Run one search."""
    name, problem_name, seed = job
    landscape = LANDSCAPES[problem_name](seed)
    space = landscape.space
    rsd = landscape.rsd if all(landscape.rsd) else ()
    optimizer = OPTIMIZERS[name](Problem(space, landscape.objective, seed, new_gp, rsd))
    noise = np.random.default_rng([seed, 1])
    U = maximin_latin_hypercube(space, START, 16, np.random.default_rng([seed, 0]))
    regrets, spent_s = [], 0.0
    for _ in range(EXPERIMENTS):
        regrets.append(float(landscape.regret(U).min()))
        optimizer.ingest(rows_of(landscape, U, landscape.measure(U, noise)))
        started_s = time.process_time()
        U = space.to_unit(space.array(optimizer.suggest()))
        spent_s += time.process_time() - started_s
    regrets.append(float(landscape.regret(U).min()))
    least = tuple(map(float, np.minimum.accumulate(regrets)))
    return Search(name, problem_name, seed, least, spent_s / EXPERIMENTS)


def searches(jobs: Sequence[tuple[str, str, int]], processes: int) -> list[Search]:
    """Run searches, several at a time."""
    if processes == 1:
        return [search(job) for job in jobs]
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        return list(pool.map(search, jobs))


def ratio(own: Array, peer: Array) -> str:
    """Ratio of two means over the same seeds with its standard error, by leaving out each seed.

    Args:
        own: shape `n`.
        peer: shape `n`, in the same order.
    """
    n = len(own)
    without = (own.sum() - own) / (peer.sum() - peer)
    error = np.sqrt((n - 1) * without.var())
    return f"{own.mean() / peer.mean():.2f} ± {error:.2f}"


def print_regrets(done: Sequence[Search]) -> None:
    """One line a problem and optimizer; ratios to BoTorch, on seeds that both ran."""
    print(
        f"{'problem':10} {'optimizer':9} {'final':>7} {'area':>7}   "
        f"{'final to BoTorch':16} {'area to BoTorch':15}  decision"
    )
    for problem in dict.fromkeys(one.problem for one in done):
        for name in dict.fromkeys(one.optimizer for one in done):
            own, peer = (
                {s.seed: s for s in done if (s.problem, s.optimizer) == (problem, who)}
                for who in (name, "botorch")
            )
            if not own:
                continue
            curve = np.array([search.regrets for search in own.values()])
            both = sorted(own.keys() & peer.keys())
            ratios = ["", ""]
            if len(both) > 1:
                curves = [np.array([one[seed].regrets for seed in both]) for one in (own, peer)]
                ratios = [
                    ratio(*(c[:, -1] for c in curves)),
                    ratio(*(c[:, 1:].mean(axis=1) for c in curves)),
                ]
            decision_s = np.mean([search.decision_s for search in own.values()])
            print(
                f"{problem:10} {name:9} {curve[:, -1].mean():7.3f} {curve[:, 1:].mean():7.3f}   "
                f"{ratios[0]:16} {ratios[1]:15}  {1e3 * decision_s:.0f} ms"
            )


def print_search_quality(seeds: int) -> None:
    """The acquisition value that the search finds, beside the best of many random points."""
    print(f"\nacquisition value of the suggestion less that of the best of {BRUTE_POINTS} points")
    for name, make in LANDSCAPES.items():
        gains = []
        for seed in range(seeds):
            landscape = make(seed)
            rng = np.random.default_rng(seed)
            U = uniform(landscape.space, 30, rng)
            Y = landscape.measure(U, rng)
            problem = Problem(landscape.space, landscape.objective, seed, new_gp)
            optimizer = BayesianOptimizer(problem, BayesSettings())
            optimizer.ingest(rows_of(landscape, U, Y))
            found = landscape.space.to_unit(landscape.space.array(optimizer.suggest()))
            surface = _surface(landscape, U, Y)
            brute = surface.values(uniform(landscape.space, BRUTE_POINTS, rng)).max()
            gains.append(float(surface.values(found)[0] - brute))
        print(
            f"{name:10} least {min(gains):+.3f}, median {np.median(gains):+.3f} (logarithm of EI)"
        )


def _surface(landscape: Landscape, U: Array, Y: Array) -> Surface:
    """The acquisition function that the optimizer sees, after the same experiments."""
    settings, rng = BayesSettings(), np.random.default_rng(0)
    problem = Problem(landscape.space, landscape.objective, 0, new_gp)
    model = fit_model(problem, U, Y, U[:0], settings)
    posterior = model.surrogate.predict(U)
    values = model.objective.value(posterior.sample(settings.samples, rng))
    normals = stratified_normals(settings.samples, posterior.mean.shape[1], rng)
    objective = SampledObjective(
        model.surrogate, model.objective, model.models_objective, normals, 0.0
    )
    return Surface(objective, float(values.max(axis=1).mean()), settings)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--problems", nargs="+", choices=LANDSCAPES, default=list(LANDSCAPES))
    parser.add_argument(
        "--optimizers", nargs="+", choices=OPTIMIZERS, default=["gp", "enn", "botorch"]
    )
    parser.add_argument("--seeds", type=int, default=20, help="searches a line")
    parser.add_argument("--jobs", type=int, default=1, help="searches at a time")
    parser.add_argument("--json", type=Path, help="file for all regrets; added to what it holds")
    arguments = parser.parse_args()
    kept = _read(arguments.json)
    known = {(one.optimizer, one.problem, one.seed) for one in kept}
    wanted = [
        (optimizer, problem, seed)
        for problem in arguments.problems
        for optimizer in arguments.optimizers
        for seed in range(arguments.seeds)
    ]
    done = kept + searches([job for job in wanted if job not in known], arguments.jobs)
    if arguments.json is not None:
        arguments.json.write_text(json.dumps([asdict(one) for one in done]), encoding="utf-8")
    print_regrets([one for one in done if (one.optimizer, one.problem, one.seed) in wanted])
    print_search_quality(min(arguments.seeds, 10))


def _read(path: Path | None) -> list[Search]:
    """Searches of an earlier call."""
    if path is None or not path.exists():
        return []
    rows = json.loads(path.read_text(encoding="utf-8"))
    return [Search(**{**row, "regrets": tuple(row["regrets"])}) for row in rows]


if __name__ == "__main__":
    main()
