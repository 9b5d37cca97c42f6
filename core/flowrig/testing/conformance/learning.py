"""Benches for optimizers and surrogates: problems with known answers, and a plain model."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from attrs import evolve
from numpy.typing import NDArray

from flowrig.interfaces import (
    Optimizer,
    OptimizerSettings,
    Posterior,
    Problem,
    Surrogate,
    SurrogateSettings,
)
from flowrig.problem.objective import MaximumResponse
from flowrig.problem.space import CurvedConstraint, LinearConstraint, Parameter, Space
from flowrig.problem.steps import even_choices

__all__ = ["RESPONSE", "OptimizerBench", "PlainGaussianProcess", "SurrogateBench", "hill"]

Array = NDArray[np.float64]

RESPONSE = "yield"
"""The response that optimizers maximize on a bench."""


def hill(U: Array) -> Array:
    """A smooth hill of height 1, with its top away from the centre of the cube.

    Args:
        U: points of the unit cube, shape `n x d`.

    Returns:
        heights, shape `n`.
    """
    top = np.linspace(0.25, 0.7, U.shape[1])
    return np.asarray(np.exp(-3.0 * np.square(U - top).sum(axis=1)))


class _Normal(Posterior):
    """Independent normal distributions around a mean."""

    def __init__(self, mean: Array, sd: Array, noise_sd: float) -> None:
        self._mean = mean
        self._sd = sd
        self._noise_sd = noise_sd

    @property
    def mean(self) -> Array:
        return self._mean

    @property
    def sd(self) -> Array:
        return np.hypot(self._sd, self._noise_sd)

    def sample(self, count: int, rng: np.random.Generator) -> Array:
        return self._mean + self._sd * rng.standard_normal((count, 1, self._mean.shape[1]))


class PlainGaussianProcess(Surrogate):
    """A Gaussian process with a fixed length scale and noise, in numpy alone.

    Optimizers on a bench get it as their surrogate. Source: Rasmussen & Williams, Gaussian
    Processes for Machine Learning, 2006, algorithm 2.1.
    """

    _LENGTH = 0.4
    _NOISE_SD = 0.05

    def __init__(self, settings: SurrogateSettings | None = None, seed: int = 0) -> None:
        super().__init__(settings or SurrogateSettings(), seed)

    def _do_fit(self, X: Array, Y: Array) -> None:
        self._X = X
        self._center = Y.mean(axis=0)
        self._scale = np.maximum(Y.std(axis=0), 1e-9)
        covariance = self._covariance(X) + self._NOISE_SD**2 * np.eye(len(X))
        self._inverse = np.linalg.inv(covariance)
        self._weights = self._inverse @ ((Y - self._center) / self._scale)

    def _do_predict(self, X: Array) -> Posterior:
        across = self._covariance(X)
        variance = 1.0 - np.einsum("ij,jk,ik->i", across, self._inverse, across)
        sd = np.sqrt(np.maximum(variance, 1e-12))[:, None] * self._scale
        mean = self._center + (across @ self._weights) * self._scale
        return _Normal(mean, sd, self._NOISE_SD * float(self._scale.max()))

    def _covariance(self, X: Array) -> Array:
        squared = np.square(X[:, None] - self._X[None]).sum(axis=-1)
        return np.asarray(np.exp(-0.5 * squared / self._LENGTH**2))


class OptimizerBench:
    """An optimizer's class and settings, and problems for it.

    Args:
        optimizer: the optimizer's class, or a function that makes one.
        settings: the optimizer's settings.
        new_surrogate: makes the surrogate of the problem; by default `PlainGaussianProcess`.
        start: number of experiments before the first suggestion.

    Attributes:
        settings: as above.
    """

    def __init__(
        self,
        optimizer: Callable[[Problem, Any], Optimizer],
        settings: OptimizerSettings,
        *,
        new_surrogate: Callable[[], Surrogate] = PlainGaussianProcess,
        start: int = 6,
    ) -> None:
        self.start = start
        self.settings = settings
        self._optimizer = optimizer
        self._new_surrogate = new_surrogate

    def problem(self, seed: int = 0, space: Space | None = None) -> Problem:
        """A problem, by default with three flow rates whose sum is limited."""
        return Problem(
            space or limited_space(), MaximumResponse(RESPONSE), seed, self._new_surrogate
        )

    def optimizer(self, problem: Problem, results: Sequence[Mapping[str, Any]] = ()) -> Optimizer:
        """An optimizer that has received the results of experiments."""
        made = self._optimizer(problem, self.settings)
        if results:
            made.ingest(results)
        return made


def limited_space() -> Space:
    """Three flow rates [µL/min] whose sum is limited."""
    names = ("cui", "zni2", "ode")
    return Space(
        tuple(Parameter(name, 20.0, 100.0, "µL/min") for name in names),
        (LinearConstraint("total flow", dict.fromkeys(names, 1.0), 90.0, 250.0),),
    )


def box(dimensions: int) -> Space:
    """A box without constraints."""
    return Space(tuple(Parameter(f"x{j}", -1.0, 3.0, "") for j in range(dimensions)))


def thin_space() -> Space:
    """Two conditions whose difference has narrow limits."""
    coefficients = {"a": 1.0, "b": -1.0}
    return Space(
        (Parameter("a", 0.0, 10.0, "µL/min"), Parameter("b", 0.0, 10.0, "µL/min")),
        (LinearConstraint("a - b", coefficients, 1.0, 1.5),),
    )


def stepped_space() -> Space:
    """Flow rates [µL/min] whose sum is limited, two of them in steps."""
    space = limited_space()
    steps = (10.0, 16.0, None)
    return evolve(
        space,
        parameters=tuple(
            evolve(one, step=step) for one, step in zip(space.parameters, steps, strict=True)
        ),
    )


def choice_space() -> Space:
    """Two categories, a flow rate [µL/min] and a ratio; what follows from them has curved limits,
    which depend on a choice."""
    factors = np.array([1.0, 1.3, 0.8])

    def value(X: Array) -> Array:
        factor = factors[np.rint(X[:, 0]).astype(int)]
        return np.asarray(factor * X[:, 2] * X[:, 3] / (1.0 + X[:, 3]))

    return Space(
        (
            Parameter.category("acid", ("octanoic", "oleic", "stearic")),
            Parameter.category("base", ("octylamine", "oleylamine")),
            Parameter("total", 20.0, 100.0, "µL/min"),
            Parameter("ratio", 0.2, 5.0, ""),
        ),
        (),
        (CurvedConstraint("flow rate of acid [µL/min]", value, 15.0, 40.0),),
    )


def inside(space: Space, count: int, seed: int = 0) -> Array:
    """Random feasible conditions in natural units, shape `count x d`."""
    rng = np.random.default_rng(seed)
    found = np.empty((0, len(space.names)))
    while len(found) < count:
        X = space.from_unit(even_choices(space, rng.random((256, len(space.names)))))
        found = np.vstack([found, X[space.feasible(X)]])
    return found[:count]


def measured(space: Space, X: Array) -> list[dict[str, Any]]:
    """Results of experiments on the hill at conditions `X`, shape `n x d`."""
    heights = hill(space.to_unit(X))
    return [
        {**row, RESPONSE: float(height)} for row, height in zip(space.rows(X), heights, strict=True)
    ]


class SurrogateBench:
    """A surrogate's class and settings.

    Args:
        surrogate: the surrogate's class, or a function that makes one.
        settings: the surrogate's settings.
    """

    def __init__(
        self, surrogate: Callable[[Any, int], Surrogate], settings: SurrogateSettings
    ) -> None:
        self._surrogate = surrogate
        self._settings = settings

    def fresh(self, seed: int = 0) -> Surrogate:
        """A surrogate that is not fitted yet."""
        return self._surrogate(self._settings, seed)

    def fitted(self, X: Array, Y: Array, seed: int = 0) -> Surrogate:
        """A surrogate that is fitted to `X`, shape `n x d`, and `Y`, shape `n x m`."""
        made = self.fresh(seed)
        made.fit(X, Y)
        return made
