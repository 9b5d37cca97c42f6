"""Generators of the gest-api standard as optimizers: Xopt's, and BoTorch through an example."""

import sys
from pathlib import Path

import pytest

from flowrig.errors import InputError, NothingLeftError
from flowrig.interfaces import Problem
from flowrig.problem.pareto import ParetoGoal, ParetoObjective
from flowrig.problem.space import Parameter, Space
from flowrig.testing import OptimizerBench, OptimizerConformance, PlainGaussianProcess
from flowrig.testing.conformance.learning import inside, measured
from flowrig_gest.optimizer import GeneratorOptimizer, vocabulary
from flowrig_gest.settings import GeneratorSettings

pytestmark = pytest.mark.xdist_group("xopt")

EXAMPLE = Path(__file__).parents[2] / "examples" / "botorch-generator"
XOPT = "xopt.generators.bayesian.expected_improvement:ExpectedImprovementGenerator"
QUICK = {
    "numerical_optimizer": {"name": "LBFGS", "n_restarts": 1, "max_iter": 20},
    "n_monte_carlo_samples": 16,
}


class TestXopt(OptimizerConformance):
    """Xopt's expected improvement, named by a profile."""

    @pytest.fixture
    def bench(self) -> OptimizerBench:
        settings = GeneratorSettings(generator=XOPT, options=QUICK)
        return OptimizerBench(GeneratorOptimizer, settings)

    @pytest.mark.slow
    def test_suggestions_keep_to_the_space(self, bench: OptimizerBench) -> None:
        super().test_suggestions_keep_to_the_space(bench)

    @pytest.mark.slow
    def test_it_is_no_worse_than_random_search(self, bench: OptimizerBench) -> None:
        super().test_it_is_no_worse_than_random_search(bench)

    @pytest.mark.slow
    def test_failed_experiments_are_left_out(self, bench: OptimizerBench) -> None:
        super().test_failed_experiments_are_left_out(bench)

    @pytest.mark.slow
    def test_degenerate_results_are_handled(self, bench: OptimizerBench) -> None:
        super().test_degenerate_results_are_handled(bench)

    @pytest.mark.slow
    def test_choices_and_curved_limits_are_kept(self, bench: OptimizerBench) -> None:
        super().test_choices_and_curved_limits_are_kept(bench)


@pytest.mark.slow
class TestBoTorch(OptimizerConformance):
    """BoTorch's log expected improvement, from the example of a thin plugin."""

    @pytest.fixture
    def bench(self, monkeypatch: pytest.MonkeyPatch) -> OptimizerBench:
        monkeypatch.syspath_prepend(EXAMPLE)
        from botorch_generator.generator import LogEi

        class OfTheExample(GeneratorOptimizer):
            generator_class = LogEi

        options = {"restarts": 1, "samples": 16, "steps": 20}
        return OptimizerBench(OfTheExample, GeneratorSettings(generator="a:B", options=options))

    @pytest.mark.slow
    def test_it_is_no_worse_than_random_search(self, bench: OptimizerBench) -> None:
        super().test_it_is_no_worse_than_random_search(bench)

    @pytest.mark.slow
    def test_failed_experiments_are_left_out(self, bench: OptimizerBench) -> None:
        super().test_failed_experiments_are_left_out(bench)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("antigravity:Generator", "needs the package 'antigravity'"),
        ("numpy.random:Generator", "does not require gest-api"),
        ("gest_api:Missing", "does not load"),
        ("gest_api.vocs:VOCS", "no gest_api.Generator"),
    ],
)
def test_only_generators_are_loaded(name: str, told: str) -> None:
    """A profile can make flowrig import nothing but generators of the standard."""
    bench = OptimizerBench(GeneratorOptimizer, GeneratorSettings(generator=name))
    with pytest.raises(InputError, match=told):
        bench.optimizer(bench.problem())
    assert "antigravity" not in sys.modules


def test_several_goals_are_so_many_objectives() -> None:
    """A generator for several gets the merit of each; one for a single objective is refused."""
    goals = tuple(ParetoGoal(response=name, worst=4.0, best=0.0) for name in ("a", "b"))
    space = Space((Parameter("x", 0.0, 1.0, ""),))
    problem = Problem(space, ParetoObjective(goals), 1, PlainGaussianProcess)
    assert vocabulary(problem).objective_names == ["merit of a", "merit of b"]
    options = {**QUICK, "reference_point": {"merit of a": 0.0, "merit of b": 0.0}}
    mobo = "xopt.generators.bayesian.mobo:MOBOGenerator"
    found = GeneratorOptimizer(problem, GeneratorSettings(generator=mobo, options=options))
    found.ingest([{"x": x, "a": 4 * x**2, "b": 4 * (1 - x) ** 2} for x in (0.0, 0.5, 1.0)])
    assert found._generator.data["merit of b"].tolist() == pytest.approx([0.0, 0.75, 1.0])
    with pytest.raises(InputError, match="does not support multi-objective"):
        GeneratorOptimizer(problem, GeneratorSettings(generator=XOPT, options=QUICK))


def test_a_generator_that_fails_is_told_and_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a generator raises, points are spread over the space, and the reason says so."""
    monkeypatch.syspath_prepend(EXAMPLE)
    from botorch_generator.generator import LogEi

    class Broken(LogEi):
        def suggest(self, num_points):
            raise RuntimeError("the model did not converge")

    class Ours(GeneratorOptimizer):
        generator_class = Broken

    bench = OptimizerBench(Ours, GeneratorSettings(generator="a:B"))
    problem = bench.problem()
    rows = measured(problem.space, inside(problem.space, 6))
    (suggestion,) = bench.optimizer(problem, rows).suggest_explained()
    assert "Broken failed: the model did not converge" in suggestion.reason


def test_a_generator_that_knows_no_steps_repeats_none() -> None:
    """What it suggests is rounded, to other conditions where those were measured, to the end."""
    space = Space(tuple(Parameter(name, 0.0, 10.0, "µL/min", step=5.0) for name in "ab"))
    settings = GeneratorSettings(generator=XOPT, options=QUICK)
    bench = OptimizerBench(GeneratorOptimizer, settings)
    made = bench.optimizer(bench.problem(space=space))
    rows = []
    while len(rows) < 9:
        new = measured(space, space.array(made.suggest(2)))
        made.ingest(new)
        rows += new
    assert len({(row["a"], row["b"]) for row in rows}) == 9
    with pytest.raises(NothingLeftError, match="all 9 conditions"):
        made.suggest()


@pytest.mark.slow
def test_a_genetic_algorithm_has_the_same_children_in_a_resumed_run() -> None:
    """Where a generation is a batch: the profile `whole-spectrum` has one of Xopt's."""
    space = Space(tuple(Parameter(name, 0.0, 10.0, "µL/min") for name in "abc"))
    generator = "xopt.generators.ga.cnsga:CNSGAGenerator"
    settings = GeneratorSettings(generator=generator, options={"population_size": 6})
    bench = OptimizerBench(GeneratorOptimizer, settings)
    problem = bench.problem(space=space)
    rows = measured(space, inside(space, 6))
    going = bench.optimizer(problem, rows)
    for _ in range(2):
        children = going.suggest(6)
        new = measured(space, space.array(children))
        assert len({tuple(one.values()) for one in children}) == 6
        going.ingest(new)
        rows += new
    assert bench.optimizer(problem, rows).suggest(6) == going.suggest(6)


@pytest.mark.slow
def test_a_generator_that_knows_no_categories_finds_the_best_choice() -> None:
    """Each choice is a number for it; what it suggests has the name of a choice."""
    heights = {"toluene": 1.0, "hexane": 4.0, "octane": 2.0}
    liquid = Parameter.category("liquid", list(heights))
    space = Space((liquid, Parameter("rate", 10.0, 50.0, "µL/min")))
    settings = GeneratorSettings(generator=XOPT, options=QUICK, initial=6)
    bench = OptimizerBench(GeneratorOptimizer, settings)
    rows = [
        {"liquid": one, "rate": rate, "yield": height - ((rate - 30.0) / 20.0) ** 2}
        for one, height in heights.items()
        for rate in (15.0, 45.0)
    ]
    (suggested,) = bench.optimizer(bench.problem(space=space), rows).suggest_explained()
    assert "ExpectedImprovement" in suggested.reason
    assert suggested.conditions["liquid"] == "hexane"
