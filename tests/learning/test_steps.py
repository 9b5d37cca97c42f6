"""Optimizers where conditions move in steps: nothing is repeated, and a rebuilt one agrees."""

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from typing import Any

import numpy as np
import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st
from learning_bench import new_gp

from flowrig.errors import NothingLeftError, OutOfRangeError
from flowrig.interfaces import Optimizer, OptimizerSettings, Problem
from flowrig.problem.door import SNAP
from flowrig.problem.objective import MaximumResponse
from flowrig.problem.space import LinearConstraint, Parameter, Space
from flowrig.testing import PlainGaussianProcess
from flowrig_bayes.bayes import BayesianOptimizer
from flowrig_bayes.grids import Grid, PartialGrid, Sobol
from flowrig_bayes.settings import (
    BayesSettings,
    GridSettings,
    LhsSettings,
    PartialGridSettings,
    RandomSettings,
    SobolSettings,
)
from flowrig_bayes.spread import LatinHypercube, UniformRandom

GRID = Space(
    (
        Parameter("temperature", 120.0, 180.0, "°C", step=15.0),
        Parameter("CuI", 80.0, 120.0, "µL/min", step=10.0),
        Parameter("ODE", 220.0, 280.0, "µL/min", step=15.0),
    )
)
LIMIT = LinearConstraint("total", {"CuI": 1.0, "ODE": 1.0}, 0.0, 360.0)
MIXED = Space((*GRID.parameters[:2], evolve(GRID.parameters[2], step=None)), (LIMIT,))
FINE = Space(tuple(evolve(one, step=(one.high - one.low) / 400.0) for one in GRID.parameters))


class Unaware(Optimizer):
    """A third party's optimizer: random points of the box, without a thought of steps, in single
    precision, and with the upper bounds now and then."""

    def _do_ingest(self, results: Sequence[Mapping[str, Any]]) -> None:
        self.known = getattr(self, "known", 0) + len(results)

    def _do_suggest(self, num_points: int) -> list[dict[str, float]]:
        space = self.problem.space
        rng = np.random.default_rng([self.problem.seed, getattr(self, "known", 0)])
        U = rng.random((400, len(space.names)))
        U[rng.random(U.shape) < 0.1] = 1.0
        X = space.from_unit(U)
        return space.rows(X[space.feasible(X)][:num_points].astype(np.float32).astype(float))


KINDS: dict[str, tuple[type[Optimizer], OptimizerSettings]] = {
    "lhs": (LatinHypercube, LhsSettings(designs=4)),
    "random": (UniformRandom, RandomSettings()),
    "sobol": (Sobol, SobolSettings()),
    "grid": (Grid, GridSettings(levels=5)),
    "coarse grid": (Grid, GridSettings(levels=3)),
    "partial grid": (PartialGrid, PartialGridSettings(levels=7)),
    "ei": (BayesianOptimizer, BayesSettings(candidates=60, samples=32)),
    "max-variance": (BayesianOptimizer, BayesSettings(acquisition="max-variance", samples=32)),
    "thompson": (BayesianOptimizer, BayesSettings(acquisition="thompson", samples=32)),
    "unaware": (Unaware, OptimizerSettings()),
}
MADE = list(KINDS)


def problem(space: Space, seed: int = 1) -> Problem:
    """A problem with a plain model."""
    return Problem(space, MaximumResponse("yield"), seed, PlainGaussianProcess)


def measured(space: Space, rows: Sequence[Mapping[str, float]], seed: int = 0) -> list[Any]:
    """Experiments on a hill with noise, of which some fail."""
    found = []
    for row in rows:
        u = space.to_unit(space.array([row]))[0]
        rng = np.random.default_rng([seed, *(int(1e6 * abs(value)) for value in u)])
        height = float(np.exp(-3.0 * np.square(u - 0.3).sum()) + 0.1 * rng.standard_normal())
        found.append({**row, "yield": height if rng.random() < 0.9 else float("nan")})
    return found


def suggested(optimizer: Optimizer) -> list[dict[str, float]] | str:
    """Three points, or what is told where nothing is left."""
    try:
        return optimizer.suggest(3)
    except NothingLeftError as error:
        return str(error)


@pytest.mark.parametrize("space", [GRID, evolve(GRID, constraints=(LIMIT,)), MIXED, FINE])
@pytest.mark.parametrize("kind", MADE)
def test_nothing_is_repeated_and_a_rebuilt_optimizer_agrees(kind: str, space: Space) -> None:
    """In batches of three: on steps and inside limits, each condition once, live and rebuilt the
    same, until nothing is left, which is told as such."""
    cls, kind_settings = KINDS[kind]
    live = cls(problem(space), kind_settings)
    rows: list[Any] = []
    for _ in range(8):
        rebuilt = cls(problem(space), kind_settings)
        if rows:
            rebuilt.ingest(rows)
        batch = suggested(live)
        assert batch == suggested(rebuilt)
        if isinstance(batch, str):
            assert "are done" in batch or "were tried" in batch
            break
        for row in batch:
            space.require_feasible(row)
        new = measured(space, batch)
        live.ingest(new)
        rows += new
    assert len({tuple(space.array([row])[0]) for row in rows}) == len(rows)
    assert len(rows) >= 10


@pytest.mark.parametrize("kind", ["lhs", "random", "ei", "unaware", "grid"])
def test_a_small_grid_is_measured_once_and_to_its_end(kind: str) -> None:
    """All conditions come, in batches that end short, and then the optimizer says so."""
    space = Space(tuple(evolve(one, step=(one.high - one.low) / 2.0) for one in GRID.parameters))
    cls, kind_settings = KINDS[kind]
    optimizer = cls(problem(space), kind_settings)
    rows: list[Any] = []
    while len(rows) < 27:
        new = measured(space, optimizer.suggest(4))
        optimizer.ingest(new)
        rows += new
    assert len({tuple(space.array([row])[0]) for row in rows}) == len(rows) == 27
    with pytest.raises(NothingLeftError, match="all 27"):
        optimizer.suggest(4)


def test_asking_twice_gives_other_points() -> None:
    """What was suggested and not yet measured is not suggested again."""
    for kind in ("lhs", "random", "grid", "ei"):
        cls, kind_settings = KINDS[kind]
        optimizer = cls(problem(GRID), kind_settings)
        optimizer.ingest(measured(GRID, GRID.rows(GRID.from_unit(np.eye(3)))))
        both = [*optimizer.suggest(5), *optimizer.suggest(5)]
        assert len({tuple(row.values()) for row in both}) == 10


def test_exploitation_may_measure_the_best_again() -> None:
    """Replicates are done where they are asked for."""
    optimizer = BayesianOptimizer(problem(GRID), BayesSettings(acquisition="exploit"))
    every = optimizer.door.untried()
    assert every is not None
    rows = [{**row, "yield": hill(GRID, row)} for row in GRID.rows(every)]
    optimizer.ingest(rows)
    for _ in range(3):
        (best,) = optimizer.suggest()
        assert hill(GRID, best) > 0.9
        optimizer.ingest([{**best, "yield": hill(GRID, best)}])


@pytest.mark.slow
def test_noise_makes_no_suggestion_of_a_grid_repeat() -> None:
    """Expected improvement on a noisy hill over 5 x 5 x 5 conditions, with a model whose length
    scales are fitted: none of 15 suggestions repeats, each is that of a rebuilt optimizer, and the
    best of the 125 conditions is found."""
    for seed in range(1, 4):
        made = Problem(GRID, MaximumResponse("yield"), seed, lambda: new_gp(0))
        rng = np.random.default_rng(seed)
        rows: list[dict[str, Any]] = []
        live = BayesianOptimizer(made, BayesSettings())
        batch = LatinHypercube(made, LhsSettings()).suggest(10)
        while len(rows) < 25:
            new = [
                {**one, "yield": hill(GRID, one) + 0.03 * rng.standard_normal()} for one in batch
            ]
            live.ingest(new)
            rows += new
            rebuilt = BayesianOptimizer(made, BayesSettings())
            rebuilt.ingest(rows)
            batch = live.suggest()
            assert batch == rebuilt.suggest()
        done = GRID.array(rows)
        assert len(np.unique(done, axis=0)) == 25
        every = live.door.untried()
        assert every is not None
        assert max(hill(GRID, row) for row in rows) >= max(hill(GRID, x) for x in GRID.rows(every))


def hill(space: Space, row: Mapping[str, float]) -> float:
    """A smooth hill whose top lies beside the grid."""
    u = space.to_unit(space.array([row]))[0]
    return float(np.exp(-3.0 * np.square(u - [0.3, 0.7, 0.55]).sum()))


def test_values_without_steps_are_optimized_between_steps_of_others() -> None:
    """The height over a value without steps is climbed, though another one has steps."""
    space = Space((Parameter("a", 0.0, 1.0, "", step=0.25), Parameter("b", 0.0, 1.0, "")))
    made = Problem(space, MaximumResponse("yield"), 2, lambda: new_gp(0))
    optimizer = BayesianOptimizer(made, BayesSettings(acquisition="exploit"))
    U = np.random.default_rng(1).random((25, 2))
    U[:, 0] = np.round(4 * U[:, 0]) / 4
    optimizer.ingest(
        [
            {"a": a, "b": b, "yield": float(np.exp(-3 * ((a - 0.6) ** 2 + (b - 0.37) ** 2)))}
            for a, b in U.tolist()
        ]
    )
    (row,) = optimizer.suggest()
    assert row["a"] == 0.5
    assert row["b"] == pytest.approx(0.37, abs=0.05)


class Fixed(Optimizer):
    """Suggests what it is given."""

    points: list[dict[str, float]]

    def _do_ingest(self, results: Sequence[Mapping[str, Any]]) -> None:
        pass

    def _do_suggest(self, num_points: int) -> list[dict[str, float]]:
        return self.points[:num_points]


@given(
    u=st.lists(st.floats(-0.3, 1.3), min_size=3, max_size=3),
    few=st.sampled_from([GRID, FINE]),
)
@settings(max_examples=60)
def test_what_a_third_party_suggests_is_done_or_refused(u: list[float], few: Space) -> None:
    """Slightly beside a bound it is moved, far outside it is refused with a reason; on steps it
    always is afterwards."""
    optimizer = Fixed(problem(few), OptimizerSettings())
    optimizer.points = few.rows(few.from_unit(np.array([u])))
    inside = all(-SNAP <= value <= 1.0 + SNAP for value in u)
    with nullcontext() if inside else pytest.raises(OutOfRangeError, match="is outside"):
        few.require_feasible(optimizer.suggest()[0])
