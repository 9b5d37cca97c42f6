"""Problems with known optima on which optimizers are compared.

Three standard test functions without noise, and smooth stand-ins for the three published
chemistries with the rig's noise, whose optimum is moved to a random place inside the space: in a
corner, where the published data have it, it would be found too easily.
"""

from collections.abc import Callable

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from flowrig.problem.objective import MaximumResponse, Objective, PlqyProxy
from flowrig.problem.space import Parameter, Space
from flowrig_sim.chemistry.formulations import FORMULATIONS, Formulation
from flowrig_sim.optics.spectra import dye_area

__all__ = ["LANDSCAPES", "Landscape"]

Array = NDArray[np.float64]

RIG_RSD = (0.031, 0.042)
"""Relative standard deviations of absorbance and PL area at steady state (Sadeghi et al., Digital
Discovery 2025, 4, 1722)."""
CHEMISTRY_SPACE = Space(
    (
        Parameter("temperature", 120.0, 180.0, "°C"),
        Parameter("CuI", 80.0, 120.0, "µL/min"),
        Parameter("ZnI2", 80.0, 120.0, "µL/min"),
        Parameter("CsOA", 20.0, 80.0, "µL/min"),
        Parameter("ODE", 220.0, 280.0, "µL/min"),
    )
)


@frozen(eq=False)
class Landscape:
    """One problem.

    Attributes:
        space: where to search.
        objective: what to maximize.
        truth: responses without noise, shape `n x m`, at points of the unit cube, shape `n x d`.
        best: the largest figure of merit.
        rsd: relative standard deviation of a measurement of each response.
        scale: factor to the unit in which regrets are told.
    """

    space: Space
    objective: Objective
    truth: Callable[[Array], Array]
    best: float
    rsd: tuple[float, ...]
    scale: float = 1.0

    def regret(self, U: Array) -> Array:
        """How far below the best, without noise, shape `n`."""
        return self.scale * (self.best - self.objective.value(self.truth(U)))

    def measure(self, U: Array, rng: np.random.Generator) -> Array:
        """Responses with noise, shape `n x m`."""
        exact = self.truth(U)
        return exact * (1.0 + np.array(self.rsd) * rng.standard_normal(exact.shape))


HARTMANN_ALPHA = np.array([1.0, 1.2, 3.0, 3.2])
HARTMANN_A = np.array(
    [
        [10.0, 3.0, 17.0, 3.5, 1.7, 8.0],
        [0.05, 10.0, 17.0, 0.1, 8.0, 14.0],
        [3.0, 3.5, 1.7, 10.0, 17.0, 8.0],
        [17.0, 8.0, 0.05, 10.0, 0.1, 14.0],
    ]
)
HARTMANN_P = 1e-4 * np.array(
    [
        [1312.0, 1696.0, 5569.0, 124.0, 8283.0, 5886.0],
        [2329.0, 4135.0, 8307.0, 3736.0, 1004.0, 9991.0],
        [2348.0, 1451.0, 3522.0, 2883.0, 3047.0, 6650.0],
        [4047.0, 8828.0, 8732.0, 5743.0, 1091.0, 381.0],
    ]
)
HARTMANN_BEST = 3.32237


def _hartmann6(U: Array) -> Array:
    """Six conditions, one narrow hill among others (Dixon & Szegö, 1978)."""
    exponents = (HARTMANN_A * np.square(U[:, None] - HARTMANN_P)).sum(axis=2)
    return (np.exp(-exponents) @ HARTMANN_ALPHA)[:, None]


def _ackley5(U: Array) -> Array:
    """A ripple on a funnel over -5 to 10 in five conditions (Ackley, 1987), negated."""
    x = -5.0 + 15.0 * U
    funnel = 20.0 * np.exp(-0.2 * np.sqrt(np.square(x).mean(axis=1)))
    ripple = np.exp(np.cos(2.0 * np.pi * x).mean(axis=1))
    return (funnel + ripple - 20.0 - np.e)[:, None]


def _levy5(U: Array) -> Array:
    """Valleys in a bowl over -10 to 10 in five conditions (Levy & Montalvo, 1985), negated."""
    w = 1.0 + (-10.0 + 20.0 * U - 1.0) / 4.0
    first = np.square(np.sin(np.pi * w[:, 0]))
    inner = w[:, :-1] - 1.0
    waves = np.square(inner) * (1.0 + 10.0 * np.square(np.sin(np.pi * w[:, :-1] + 1.0)))
    last = np.square(w[:, -1] - 1.0) * (1.0 + np.square(np.sin(2.0 * np.pi * w[:, -1])))
    return -(first + waves.sum(axis=1) + last)[:, None]


def _box(low: float, high: float, dimensions: int) -> Space:
    return Space(tuple(Parameter(f"x{j}", low, high, "") for j in range(dimensions)))


def _analytic(truth: Callable[[Array], Array], space: Space, best: float) -> Landscape:
    return Landscape(space, MaximumResponse("y"), truth, best, (0.0,))


def _responses(formulation: Formulation, X: Array) -> Array:
    """Absorbance and PL area at conditions in natural units, shape `n x 2`."""
    rows = []
    for temperature_c, *flows in X.tolist():
        cui, zni2, csoa, _ = (flow / sum(flows) for flow in flows)
        reactive = formulation.concentrations(cui, zni2, csoa)
        crystals = formulation.crystal_yield_percent(reactive, temperature_c)
        absorbance = formulation.absorbance(reactive, temperature_c, crystals)
        area = dye_area((formulation.background_percent + crystals) / 100.0, absorbance)
        rows.append((absorbance, area))
    return np.array(rows)


def _chemistry(name: str, seed: int) -> Landscape:
    """A chemistry whose best corner is moved inside, to a place that the seed decides."""
    formulation, space = FORMULATIONS[name], CHEMISTRY_SPACE
    objective = PlqyProxy(dye_plqy=0.1336, dye_absorbance=0.9115, dye_pl_area=198493.1521)
    corners = np.stack(np.meshgrid(*[[0.0, 1.0]] * 5), axis=-1).reshape(-1, 5)
    heights = objective.value(_responses(formulation, space.from_unit(corners)))
    corner = corners[np.argmax(heights)]
    top = 0.2 + 0.6 * np.random.default_rng([seed, 7]).random(5)
    reach = np.maximum(top, 1.0 - top)

    def truth(U: Array) -> Array:
        fallen = np.square((U - top) / reach)
        moved = np.where(corner == 1.0, 1.0 - fallen, fallen)
        return _responses(formulation, space.from_unit(moved))

    return Landscape(space, objective, truth, float(heights.max()), RIG_RSD, scale=100.0)


def _moved(name: str) -> Callable[[int], Landscape]:
    return lambda seed: _chemistry(name, seed)


LANDSCAPES: dict[str, Callable[[int], Landscape]] = {
    "hartmann6": lambda _: _analytic(_hartmann6, _box(0.0, 1.0, 6), HARTMANN_BEST),
    "ackley5": lambda _: _analytic(_ackley5, _box(-5.0, 10.0, 5), 0.0),
    "levy5": lambda _: _analytic(_levy5, _box(-10.0, 10.0, 5), 0.0),
    **{name: _moved(name) for name in FORMULATIONS},
}
"""By name; each is made from a seed, which moves the optimum of the chemistries."""
