"""Designs that go through a list: grids and the Sobol sequence."""

import numpy as np
import pytest

from flowrig.errors import InputError
from flowrig.interfaces import Problem
from flowrig.problem.objective import MaximumResponse
from flowrig.problem.space import LinearConstraint, Parameter, Space
from flowrig.testing import OptimizerBench, OptimizerConformance, PlainGaussianProcess
from flowrig_bayes.grids import Grid, PartialGrid, Sobol
from flowrig_bayes.settings import GridSettings, PartialGridSettings, SobolSettings

SQUARE = Space((Parameter("a", 0.0, 10.0, "µL/min"), Parameter("b", 0.0, 20.0, "µL/min")))


def problem(space: Space = SQUARE) -> Problem:
    """A problem in two flow rates."""
    return Problem(space, MaximumResponse("yield"), 1, PlainGaussianProcess)


class TestSobol(OptimizerConformance):
    """The Sobol sequence passes the kit."""

    @pytest.fixture
    def bench(self) -> OptimizerBench:
        return OptimizerBench(Sobol, SobolSettings())


def test_a_grid_is_every_combination() -> None:
    """Three levels of two conditions are nine points, the last condition fastest."""
    points = Grid(problem(), GridSettings(levels=3)).suggest(9)
    assert [(p["a"], p["b"]) for p in points[:4]] == [(0, 0), (0, 10), (0, 20), (5, 0)]
    assert len({tuple(p.values()) for p in points}) == 9


def test_what_changes_slowly_goes_first() -> None:
    """The named conditions change least often; back and forth, one value by one level at a time."""
    space = Space((*SQUARE.parameters, Parameter.category("acid", ("x", "y", "z"))))
    plain = Grid(problem(space), GridSettings(slowest_first=("acid", "b"))).suggest(27)
    assert [p["acid"] for p in plain] == ["x"] * 9 + ["y"] * 9 + ["z"] * 9
    assert [p["a"] for p in plain[:6]] == [0.0, 5.0, 10.0] * 2
    settings = GridSettings(slowest_first=("acid", "b"), back_and_forth=True)
    walk = Grid(problem(space), settings).suggest(27)
    assert {tuple(p.values()) for p in walk} == {tuple(p.values()) for p in plain}
    U = space.to_unit(space.array(walk))
    assert np.abs(np.diff(U, axis=0)).sum(axis=1) == pytest.approx(0.5)


@pytest.mark.parametrize("names", [("a", "c"), ("a", "a")])
def test_an_order_of_other_conditions_is_refused(names: tuple[str, ...]) -> None:
    """A condition that is not in the space, or named twice, is named before the run."""
    settings = GridSettings(slowest_first=names)
    assert repr(names[1]) in settings.objection(SQUARE) or "twice" in settings.objection(SQUARE)
    with pytest.raises(InputError, match="slowest_first"):
        Grid(problem(), settings)


def test_a_partial_grid_varies_one_condition() -> None:
    """Each point but the first differs from the middle in one condition."""
    points = PartialGrid(problem(), PartialGridSettings(levels=5)).suggest(9)
    middle = np.array([5.0, 10.0])
    changed = [(np.array(list(p.values())) != middle).sum() for p in points]
    assert changed == [0] + [1] * 8


def test_what_was_measured_is_not_asked_again() -> None:
    """A grid that is rebuilt from the journal goes on, whatever else was measured."""
    grid = Grid(problem(), GridSettings(levels=2))
    first = grid.suggest(2)
    rebuilt = Grid(problem(), GridSettings(levels=2))
    rebuilt.ingest([{"a": 3.0, "b": 4.0, "yield": 1.0}, *({**p, "yield": 1.0} for p in first)])
    assert rebuilt.suggest(2) == grid.suggest(2)


def test_points_outside_are_left_out_and_the_end_is_reported() -> None:
    """Constraints thin the grid; after its last point it says so, with what to do."""
    limit = LinearConstraint("total flow", {"a": 1.0, "b": 1.0}, 0.0, 12.0)
    grid = Grid(problem(Space(SQUARE.parameters, (limit,))), GridSettings(levels=3))
    assert len(grid.suggest(9)) == 4
    with pytest.raises(InputError, match="all 4 points of the grid are done; plan fewer"):
        grid.suggest()


def test_a_grid_beyond_measure_is_refused() -> None:
    """Too many combinations are reported before they are listed."""
    wide = Space(tuple(Parameter(f"x{j}", 0.0, 1.0, "") for j in range(12)))
    with pytest.raises(InputError, match="at most 1e\\+06"):
        Grid(problem(wide), GridSettings(levels=4))


def test_a_sobol_sequence_is_even() -> None:
    """Of 16 points, every half of every axis holds eight."""
    U = SQUARE.to_unit(SQUARE.array(Sobol(problem(), SobolSettings()).suggest(16)))
    assert ((U < 0.5).sum(axis=0) == 8).all()
