"""Ax and BayBE, as they set themselves, behind flowrig's optimizer interface."""

import logging
import warnings
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import torch  # noqa: TID251 - the peers compute with it
from ax.api.client import Client
from ax.api.configs import RangeParameterConfig
from baybe.parameters import NumericalContinuousParameter
from baybe.recommenders import BotorchRecommender
from baybe.searchspace import SearchSpace
from baybe.targets import NumericalTarget
from numpy.typing import NDArray

from flowrig.interfaces import Optimizer, OptimizerSettings, Problem

__all__ = ["Ax", "BayBE"]

Array = NDArray[np.float64]


class _Library(Optimizer):
    """Is told the measured figure of merit at points of the unit cube, anew for each decision."""

    def __init__(self, problem: Problem, settings: OptimizerSettings) -> None:
        super().__init__(problem, settings)
        self._rows: list[Mapping[str, Any]] = []
        self._names = [f"x{j}" for j in range(len(problem.space.names))]

    def _do_ingest(self, results: Sequence[Mapping[str, Any]]) -> None:
        self._rows += results

    def _do_suggest(self, num_points: int) -> list[dict[str, float]]:
        space, objective = self.problem.space, self.problem.objective
        responses = np.array([[row[name] for name in objective.responses] for row in self._rows])
        X = space.to_unit(space.array(self._rows))
        torch.set_num_threads(1)
        torch.manual_seed(1000 * self.problem.seed + len(self._rows))
        logging.disable(logging.WARNING)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            chosen = self._next(X, objective.value(responses), num_points)
        return space.rows(space.from_unit(chosen))

    @abstractmethod
    def _next(self, X: Array, y: Array, count: int) -> Array:
        """Points to try, shape `count x d`."""


class Ax(_Library):
    """A `Client` with its default generation strategy after the start."""

    def _next(self, X: Array, y: Array, count: int) -> Array:
        client = Client(random_seed=self.problem.seed)
        client.configure_experiment(
            [
                RangeParameterConfig(name=n, bounds=(0.0, 1.0), parameter_type="float")
                for n in self._names
            ]
        )
        client.configure_optimization(objective="y")
        client.configure_generation_strategy(initialization_budget=0)  # the start is there already
        for row, value in zip(X.tolist(), y.tolist(), strict=True):
            trial = client.attach_trial(dict(zip(self._names, row, strict=True)))
            client.complete_trial(trial, raw_data={"y": value})
        trials = client.get_next_trials(count)
        return np.array([[point[n] for n in self._names] for point in trials.values()])


class BayBE(_Library):
    """`BotorchRecommender` with its default surrogate and acquisition function."""

    def _next(self, X: Array, y: Array, count: int) -> Array:
        space = SearchSpace.from_product(
            [NumericalContinuousParameter(name=n, bounds=(0.0, 1.0)) for n in self._names]
        )
        told = pd.DataFrame(X, columns=self._names).assign(y=y)
        objective = NumericalTarget(name="y").to_objective()
        found = BotorchRecommender().recommend(count, space, objective, told)
        return np.clip(found[self._names].to_numpy(dtype=float), 0.0, 1.0)
