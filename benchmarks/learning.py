"""How well the learning plugins find good conditions in a fast stand-in for the reference rig.

Run with `python benchmarks/learning.py`. Every campaign is the published one: 60 Latin-hypercube
experiments, 15 by expected improvement, one by pure exploitation (Sadeghi et al., Digital Discovery
2025, 4, 1722), which reached a best in-situ PLQY proxy of 31.5 % with the Chem3 precursors; 16
random experiments reached 17.4 %.
"""

import argparse
import statistics
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from flowrig.interfaces import Optimizer, Problem, Surrogate
from flowrig.objective import PlqyProxy
from flowrig.space import Parameter, Space
from flowrig_bayes.bayes import BayesianOptimizer
from flowrig_bayes.settings import BayesSettings, LhsSettings, RandomSettings
from flowrig_bayes.spread import LatinHypercube, UniformRandom
from flowrig_enn.settings import EnsembleSettings
from flowrig_enn.surrogate import EnsembleOfNetworks
from flowrig_gp.settings import GaussianProcessSettings
from flowrig_gp.surrogate import GaussianProcess

Array = NDArray[np.float64]

SPACE = Space(
    (
        Parameter("temperature", 120.0, 180.0, "°C"),
        Parameter("CuI", 80.0, 120.0, "µL/min"),
        Parameter("ZnI2", 80.0, 120.0, "µL/min"),
        Parameter("CsOA", 20.0, 80.0, "µL/min"),
        Parameter("ODE", 220.0, 280.0, "µL/min"),
    )
)
OBJECTIVE = PlqyProxy(dye_plqy=0.1336, dye_absorbance=0.9115, dye_pl_area=198493.1521)

FEEDS_MM = np.array([2.115, 1.587, 59.26])
"""Chem3 feeds after their dilution with ODE, as CuI, ZnI2, Cs [mmol/L]."""
CENTER_MM = np.array([0.37, 0.277, 5.1])
"""Concentrations in the reactive phase that the coefficients are relative to [mmol/L]."""
BACKGROUND, SATURATION = 1.84, 60.0
G_BASE, G_HEAT, G_HEAT_CS = -2.562, 2.413, -0.652
G_FEEDS = np.array([5.643, 5.041, -11.234])
A_BASE, A_HEAT, A_PLQY = 0.653, (-0.040, 0.124, 0.088), -0.118
A_FEEDS = np.array([0.342, 0.187, -0.061])
"""Coefficients of smooth functions fitted to the 60 published Chem3 experiments: proxy (R² 0.975)
and absorbance (R² 0.79)."""
RSD = np.array([0.031, 0.042])
"""Relative standard deviations of absorbance and PL area at steady state, as published."""


def true_responses(X: Array) -> Array:
    """Absorbance at 300 nm and PL area [counts·nm] without noise.

    Args:
        X: conditions in natural units, shape `n x 5`.

    Returns:
        shape `n x 2`.
    """
    temperature_k = X[:, 0] + 273.15
    heat = (1.0 / 423.15 - 1.0 / temperature_k) * 423.15**2 / 30.0
    relative = FEEDS_MM * X[:, 1:4] / X[:, 1:].sum(axis=1, keepdims=True) / CENTER_MM
    logs = np.log(relative)
    drive = G_BASE + G_HEAT * heat + logs @ G_FEEDS + G_HEAT_CS * heat * logs[:, 2]
    emission = SATURATION * (1.0 - np.exp(-3.0 * np.logaddexp(0.0, drive) / SATURATION))
    step = (X[:, 0] - 150.0) / 30.0
    absorbance = (
        A_BASE
        + sum(c * step**power for power, c in enumerate(A_HEAT, start=1))
        + (relative - 1.0) @ A_FEEDS
        + A_PLQY * emission / 10.0
    )
    proxy = (BACKGROUND + emission) / 100.0
    absorbed = (1.0 - 10.0**-absorbance) / (1.0 - 10.0**-OBJECTIVE.dye_absorbance)
    pl_area = proxy / OBJECTIVE.dye_plqy * OBJECTIVE.dye_pl_area * absorbed
    return np.stack([absorbance, pl_area], axis=1)


def experiment(optimizer_points: list[dict[str, float]], rng: np.random.Generator) -> list[dict]:
    """Measure conditions with the rig's noise; one row each with conditions and responses."""
    exact = true_responses(SPACE.array(optimizer_points))
    measured = exact * (1.0 + RSD * rng.standard_normal(exact.shape))
    return [
        {**point, **dict(zip(OBJECTIVE.responses, map(float, row), strict=True))}
        for point, row in zip(optimizer_points, measured, strict=True)
    ]


def proxies(rows: list[dict]) -> Array:
    """The measured figure of merit of each row, a fraction."""
    return OBJECTIVE.value(np.array([[row[name] for name in OBJECTIVE.responses] for row in rows]))


def campaign(new_surrogate: Callable[[], Surrogate], seed: int) -> tuple[float, float]:
    """60 + 15 + 1 experiments.

    Returns:
        the best measured proxy, and the true one at the last, exploiting experiment.
    """
    rng = np.random.default_rng([seed, 1])
    problem = Problem(SPACE, OBJECTIVE, seed, new_surrogate)
    rows = experiment(LatinHypercube(problem, LhsSettings()).suggest(60), rng)
    for acquisition in ["ei"] * 15 + ["exploit"]:
        optimizer: Optimizer = BayesianOptimizer(problem, BayesSettings(acquisition=acquisition))
        optimizer.ingest(rows)
        rows += experiment(optimizer.suggest(), rng)
    last = true_responses(SPACE.array(rows[-1:]))
    return float(proxies(rows).max()), float(OBJECTIVE.value(last)[0])


def random_search(seed: int) -> float:
    """The best measured proxy of 16 random experiments."""
    rng = np.random.default_rng([seed, 1])
    problem = Problem(SPACE, OBJECTIVE, seed, lambda: GaussianProcess(GaussianProcessSettings()))
    return float(
        proxies(experiment(UniformRandom(problem, RandomSettings()).suggest(16), rng)).max()
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=5, help="campaigns a row")
    seeds = range(parser.parse_args().seeds)
    corners = SPACE.from_unit(np.random.default_rng(0).integers(0, 2, (4096, 5)).astype(float))
    corner = OBJECTIVE.value(true_responses(corners)).max()
    print(f"best corner of the space, without noise: {corner:.1%}")
    print(f"{'':10} best measured (median, range)     true at the last point (median)")
    for name, new_surrogate in {
        "gp": lambda: GaussianProcess(GaussianProcessSettings()),
        "enn": lambda: EnsembleOfNetworks(EnsembleSettings()),
    }.items():
        best, last = zip(*(campaign(new_surrogate, seed) for seed in seeds), strict=True)
        print(
            f"{name:10} {statistics.median(best):.1%} ({min(best):.1%} to {max(best):.1%})"
            f"            {statistics.median(last):.1%}"
        )
    best = [random_search(seed) for seed in seeds]
    print(f"{'random 16':10} {statistics.median(best):.1%} ({min(best):.1%} to {max(best):.1%})")


if __name__ == "__main__":
    main()
