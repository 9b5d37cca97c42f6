"""The published measurements, surrogates and problems for the learning tests."""

from pathlib import Path

import numpy as np
from attrs import frozen

from flowrig.interfaces import Problem, Surrogate
from flowrig.problem.objective import MaximumResponse, PlqyProxy
from flowrig.problem.space import Parameter, Space

DATA = Path(__file__).parents[1] / "learning" / "data"
PLQY = PlqyProxy(dye_plqy=0.1336, dye_absorbance=0.9115, dye_pl_area=198493.1521)
CONDITIONS = ("temperature_c", "cui_ul_min", "zni2_ul_min", "csoa_ul_min", "ode_ul_min")
LOW = np.array([120.0, 80.0, 80.0, 20.0, 220.0])
HIGH = np.array([180.0, 120.0, 120.0, 80.0, 280.0])


@frozen(eq=False)
class Published:
    """60 experiments of one chemistry.

    Attributes:
        X: conditions in the unit cube, shape `60 x 5`.
        Y: absorbance at 300 nm and PL area [counts·nm], shape `60 x 2`.
    """

    X: np.ndarray
    Y: np.ndarray


def load_published(chemistry: str) -> Published:
    """Read one of the files in `data/`."""
    path = DATA / f"cs3cu2i5_lhs_{chemistry}.csv"
    table = np.genfromtxt(path, delimiter=",", names=True)
    X = np.stack([table[name] for name in CONDITIONS], axis=1)
    Y = np.stack([table["absorbance_300nm"], table["pl_area"]], axis=1)
    return Published((X - LOW) / (HIGH - LOW), Y)


def new_gp(seed: int = 0) -> Surrogate:
    """A Gaussian process as a campaign gets it by default."""
    from flowrig_gp.settings import GaussianProcessSettings
    from flowrig_gp.surrogate import GaussianProcess

    return GaussianProcess(GaussianProcessSettings(), seed)


def new_enn(seed: int = 0) -> Surrogate:
    """An ensemble of networks as a campaign gets it by default."""
    from flowrig_enn.settings import EnsembleSettings
    from flowrig_enn.surrogate import EnsembleOfNetworks

    return EnsembleOfNetworks(EnsembleSettings(), seed)


def smooth_problem(dimensions: int = 5, seed: int = 7) -> Problem:
    """One response, to be maximized over the box 0 to 10 in every condition."""
    parameters = tuple(Parameter(f"flow_{j}", 0.0, 10.0, "µL/min") for j in range(dimensions))
    return Problem(Space(parameters), MaximumResponse("pla", "counts·nm"), seed, new_gp)


def smooth_response(X: np.ndarray) -> np.ndarray:
    """A hill of height 1 over points of the unit cube, shape `n x d`, with its top off center."""
    top = np.linspace(0.15, 0.85, X.shape[1])
    return np.exp(-1.5 * np.square(X - top).sum(axis=1))
