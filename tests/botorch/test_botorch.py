"""BoTorch as an optimizer."""

import numpy as np
import pytest
from attrs import evolve

from flowrig.errors import InputError, NothingLeftError
from flowrig.interfaces import Problem
from flowrig.learning.categories import with_categories
from flowrig.problem.objective import MaximumResponse
from flowrig.problem.pareto import ParetoGoal, ParetoObjective
from flowrig.problem.space import CurvedConstraint, LinearConstraint, Parameter, Space
from flowrig.testing import OptimizerBench, OptimizerConformance, PlainGaussianProcess
from flowrig_botorch.objectives import Objectives
from flowrig_botorch.optimizer import BoTorchOptimizer
from flowrig_botorch.settings import BoTorchSettings


@pytest.fixture(autouse=True)
def short_climbs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Climb the acquisition function, and fit, a few steps only."""
    monkeypatch.setattr("flowrig_botorch.optimizer.MAX_ITERATIONS", 8)
    monkeypatch.setattr("flowrig_botorch.models.FIT_STEPS", 12)


QUICK = {"restarts": 1, "candidates": 16, "samples": 16}


class TestSingleTask(OptimizerConformance):
    """One objective, Gaussian process."""

    @pytest.fixture
    def bench(self) -> OptimizerBench:
        return OptimizerBench(BoTorchOptimizer, BoTorchSettings(**QUICK))

    @pytest.mark.slow
    def test_suggestions_keep_to_the_space(self, bench: OptimizerBench) -> None:
        super().test_suggestions_keep_to_the_space(bench)

    @pytest.mark.slow
    def test_degenerate_results_are_handled(self, bench: OptimizerBench) -> None:
        super().test_degenerate_results_are_handled(bench)

    @pytest.mark.slow
    def test_choices_and_curved_limits_are_kept(self, bench: OptimizerBench) -> None:
        super().test_choices_and_curved_limits_are_kept(bench)

    @pytest.mark.slow
    def test_it_is_no_worse_than_random_search(self, bench: OptimizerBench) -> None:
        super().test_it_is_no_worse_than_random_search(bench)


class TestSurrogate(OptimizerConformance):
    """Over the campaign's own surrogate."""

    @pytest.fixture
    def bench(self) -> OptimizerBench:
        return OptimizerBench(BoTorchOptimizer, BoTorchSettings(model="surrogate", **QUICK))


SPACE = Space(
    (Parameter("a", 0.0, 10.0, "µL/min"), Parameter("b", 0.0, 10.0, "µL/min")),
    (LinearConstraint("total flow", {"a": 1.0, "b": 1.0}, 4.0, 16.0),),
)


def measured(points: list[dict[str, float]]) -> list[dict[str, float]]:
    """Two objectives at odds: brightness wants much of both, width little of a."""
    return [
        {**p, "bright": -((p["a"] - 8.0) ** 2) - (p["b"] - 6.0) ** 2, "width": p["a"] ** 2}
        for p in points
    ]


def start() -> list[dict[str, float]]:
    """Eight experiments."""
    U = np.random.default_rng(2).random((40, 2))
    X = SPACE.from_unit(U)
    return measured(SPACE.rows(X[SPACE.feasible(X)][:8]))


def optimizer(**settings: object) -> BoTorchOptimizer:
    """One that was told of the start."""
    problem = Problem(SPACE, MaximumResponse("bright"), 3, PlainGaussianProcess)
    made = BoTorchOptimizer(problem, BoTorchSettings(**{**QUICK, **settings}))
    made.ingest(start())
    return made


def hypervolume(rows: list[dict[str, float]]) -> float:
    """Area that the Pareto front covers, down to the worst corner."""
    front = sorted({(row["bright"], -row["width"]) for row in rows}, reverse=True)
    area, floor = 0.0, -100.0
    for bright, narrow in front:
        if narrow > floor:
            area += (bright + 100.0) * (narrow - floor)
            floor = narrow
    return area


@pytest.mark.slow
def test_several_objectives_widen_the_front() -> None:
    """With an objective to maximize and one to minimize, the hypervolume grows."""
    rows, chooser = start(), optimizer(maximize=("bright",), minimize=("width",))
    before = hypervolume(rows)
    for _ in range(2):
        fresh = measured(chooser.suggest())
        chooser.ingest(fresh)
        rows += fresh
    assert hypervolume(rows) > before


@pytest.mark.slow
def test_a_batch_over_several_objectives_keeps_the_constraint() -> None:
    """A batch of three differs, and keeps the limit on the total flow rate."""
    points = optimizer(maximize=("bright",), minimize=("width",)).suggest(3)
    X = SPACE.array(points)
    assert SPACE.feasible(X).all()
    assert len(np.unique(np.round(X, 6), axis=0)) == 3


def test_the_sparse_model_finds_the_condition_that_matters() -> None:
    """Among eight conditions of which one matters, the next point is where that one is high."""
    space = Space(tuple(Parameter(f"x{j}", 0.0, 1.0, "") for j in range(8)))
    X = np.random.default_rng(5).random((20, 8))
    problem = Problem(space, MaximumResponse("bright"), 1, PlainGaussianProcess)
    chooser = BoTorchOptimizer(problem, BoTorchSettings(model="saas", **QUICK))
    chooser.ingest([{**row, "bright": -((row["x3"] - 0.9) ** 2)} for row in space.rows(X)])
    (point,) = chooser.suggest()
    assert 0.75 < point["x3"] <= 1.0


def test_the_goals_of_the_campaign_are_its_objectives() -> None:
    """Where the settings name none: the merits, in which both goals are to be large."""
    goals = (
        ParetoGoal(response="bright", worst=-100.0, best=0.0),
        ParetoGoal(response="width", worst=100.0, best=0.0),
    )
    sought = Objectives.of(ParetoObjective(goals), BoTorchSettings())
    assert sought.of_result({"bright": -50.0, "width": 20.0}) == pytest.approx([0.5, 0.8])
    assert np.isnan(sought.of_result({"bright": -50.0})).any()
    assert sought.of_responses(np.array([[-50.0, 20.0]])) == pytest.approx(np.array([[0.5, 0.8]]))


@pytest.mark.slow
def test_the_front_of_the_campaign_is_widened() -> None:
    """A suggestion for the goals of the objective is better than none, from its reference point."""
    goals = (
        ParetoGoal(response="bright", worst=-100.0, best=0.0),
        ParetoGoal(response="width", worst=100.0, best=0.0),
    )
    problem = Problem(SPACE, ParetoObjective(goals), 3, PlainGaussianProcess)
    chooser = BoTorchOptimizer(problem, BoTorchSettings(**QUICK))
    rows = start()
    chooser.ingest(rows)
    before = hypervolume(rows)
    for _ in range(2):
        fresh = measured(chooser.suggest())
        chooser.ingest(fresh)
        rows += fresh
    assert hypervolume(rows) > before


def test_objectives_that_cannot_be_are_refused() -> None:
    """An objective named twice, or unknown to the surrogate, is refused with what to do."""
    with pytest.raises(InputError, match="named twice"):
        optimizer(maximize=("bright",), minimize=("bright",))
    with pytest.raises(InputError, match="use the model 'single-task'"):
        optimizer(model="surrogate", maximize=("bright",), minimize=("width",)).suggest()


@pytest.mark.parametrize("model", ["single-task", "surrogate"])
def test_steps_are_chosen_once_and_to_their_end(model: str) -> None:
    """Of seven allowed conditions on the steps the three that are left are suggested, then none."""
    space = evolve(SPACE, parameters=tuple(evolve(one, step=5.0) for one in SPACE.parameters))
    problem = Problem(space, MaximumResponse("bright"), 3, PlainGaussianProcess)
    made = BoTorchOptimizer(problem, BoTorchSettings(model=model, **QUICK))
    allowed = made.door.untried()
    assert allowed is not None
    rows = measured(space.rows(allowed[::2]))
    made.ingest(rows)
    first = made.suggest(1)
    made.ingest(measured(first))
    rest = made.suggest(4)
    found = [tuple(row.values()) for row in [*rows, *first, *rest]]
    assert {one[:2] for one in found} == {tuple(row) for row in allowed.tolist()}
    assert len(found) == len(allowed) == 7
    made.ingest(measured(rest))
    with pytest.raises(NothingLeftError, match="all 7 conditions"):
        made.suggest()


@pytest.mark.parametrize("model", ["single-task", "surrogate"])
def test_the_best_choice_is_found(model: str) -> None:
    """With a category of three choices, the one with the highest hill is suggested."""
    heights = {"toluene": 1.0, "hexane": 4.0, "octane": 2.0}
    liquid = Parameter.category("liquid", list(heights))
    space = Space((liquid, Parameter("rate", 10.0, 50.0, "µL/min")))
    problem = Problem(
        space,
        MaximumResponse("bright"),
        3,
        lambda: with_categories(PlainGaussianProcess(), space),
    )
    made = BoTorchOptimizer(problem, BoTorchSettings(model=model, **QUICK))
    made.ingest(
        [
            {"liquid": one, "rate": rate, "bright": height - ((rate - 30.0) / 20.0) ** 2}
            for one, height in heights.items()
            for rate in (15.0, 25.0, 45.0)
        ]
    )
    (point,) = made.suggest()
    assert point["liquid"] == "hexane"


def test_a_climb_keeps_a_curved_limit() -> None:
    """The best conditions lie on a limit that is not linear, and are found there."""
    curved = CurvedConstraint("a·b", lambda X: X[:, 0] * X[:, 1], -np.inf, 30.0)
    space = Space(SPACE.parameters, (), (curved,))
    problem = Problem(space, MaximumResponse("bright"), 3, PlainGaussianProcess)
    made = BoTorchOptimizer(problem, BoTorchSettings(restarts=2, candidates=64, samples=64))
    X = space.from_unit(np.random.default_rng(2).random((40, 2)))
    made.ingest(measured(space.rows(X[space.feasible(X)])))
    (point,) = made.suggest()
    assert 28.0 < point["a"] * point["b"] <= 30.0 + 1e-6
