"""Optimizers side by side on a twin."""

import json
from pathlib import Path

import numpy as np
import pytest
from attrs import evolve
from click.testing import CliRunner

from flowrig.cli import main
from flowrig.cli.results.bench import split
from flowrig.errors import InputError
from flowrig.plugins.registry import Plugins
from flowrig.problem.objective import MaximumResponse
from flowrig.problem.steps import near_steps
from flowrig.testing import PlainGaussianProcess
from flowrig.testing.conformance.learning import hill, limited_space
from flowrig.twin.choice import choose_optimizer
from flowrig.twin.comparison import ComparedOptimizer, TwinCampaign, run_on_twin, summarize
from flowrig.twin.twin_rig import TwinRig

pytestmark = pytest.mark.xdist_group("bench")  # what they share is made once

PUBLISHED = Path(__file__).parents[1] / "learning" / "data" / "cs3cu2i5_lhs_chem3.csv"


@pytest.fixture(scope="module")
def twin_rig() -> TwinRig:
    """The twin of a smooth hill in a constrained space."""
    rng = np.random.default_rng(0)
    U = rng.random((80, 3))
    model = PlainGaussianProcess()
    model.fit(U, hill(U)[:, None])
    return TwinRig(model, limited_space(), MaximumResponse("height"))


def test_a_twin_measures_with_noise_around_the_truth(twin_rig: TwinRig) -> None:
    """Measurements scatter around the noise-free value, and the objective follows from them."""
    conditions = {"cui": 50.0, "zni2": 40.0, "ode": 70.0}
    rng = np.random.default_rng(1)
    rows = [twin_rig.measure(conditions, rng) for _ in range(200)]
    heights = np.array([row["height"] for row in rows])
    U = twin_rig.space.to_unit(twin_rig.space.array([conditions]))
    assert heights.std() > 0
    assert abs(heights.mean() - twin_rig.truth(U)[0]) < 4 * heights.std() / np.sqrt(200)


def test_the_optimum_is_not_below_any_point(twin_rig: TwinRig) -> None:
    """No condition inside the constraints is better than the optimum, but for a hair."""
    rng = np.random.default_rng(2)
    U = rng.random((5000, 3))
    inside = twin_rig.space.feasible(twin_rig.space.from_unit(U))
    assert twin_rig.truth(U[inside]).max() <= twin_rig.optimum() + 1e-6


@pytest.mark.parametrize("free", [(), ("ode",), ("zni2", "ode")])
def test_the_optimum_lies_on_the_steps(twin_rig: TwinRig, free: tuple[str, ...]) -> None:
    """No condition that the rig can do is better, and one of them is as good."""
    parameters = tuple(
        one if one.name in free else evolve(one, step=20.0) for one in twin_rig.space.parameters
    )
    stepped = TwinRig(
        twin_rig._surrogate, evolve(twin_rig.space, parameters=parameters), twin_rig.objective
    )
    U = near_steps(stepped.space, np.random.default_rng(3).random((20_000, 3)))
    inside = stepped.space.feasible(stepped.space.from_unit(U))
    best = stepped.truth(U[inside]).max()
    assert best == pytest.approx(stepped.optimum(), abs=2e-3)
    assert best <= stepped.optimum() + 1e-6
    assert stepped.optimum() < twin_rig.optimum()


def test_a_comparison_goes_on_where_nothing_is_left(twin_rig: TwinRig) -> None:
    """An optimizer that has measured a small grid keeps the best that it has found."""
    plugins = Plugins.discover()
    parameters = tuple(evolve(one, step=80.0) for one in twin_rig.space.parameters)
    small = TwinRig(
        twin_rig._surrogate, evolve(twin_rig.space, parameters=parameters), twin_rig.objective
    )
    done = run_on_twin(
        small,
        ComparedOptimizer("random", choose_optimizer("random", 9, plugins)),
        PlainGaussianProcess,
        choose_optimizer("lhs", 3, plugins),
        experiments=9,
        seed=1,
    )
    assert done.best.shape == (12,)
    assert done.best[-1] == pytest.approx(small.optimum())
    assert len(done.decision_s) < 9


def test_all_begin_alike_and_a_seed_repeats(twin_rig: TwinRig) -> None:
    """Contenders share the start of a seed, and a run_on_twin repeats exactly."""
    plugins = Plugins.discover()
    start = choose_optimizer("lhs", 6, plugins)
    campaigns = [
        run_on_twin(
            twin_rig,
            ComparedOptimizer(name, choose_optimizer(name, 3, plugins)),
            PlainGaussianProcess,
            start,
            experiments=3,
            seed=4,
        )
        for name in ("random", "random", "lhs")
    ]
    assert np.array_equal(campaigns[0].best, campaigns[1].best)
    assert np.array_equal(campaigns[0].best[:6], campaigns[2].best[:6])
    assert len(campaigns[0].decision_s) == 3


def test_curves_are_quartiles_of_the_regret() -> None:
    """Regret is the distance to the optimum; its quartiles are over the seeds."""
    campaigns = [
        TwinCampaign(optimizer="a", seed=i, best=np.array([0.0, float(i)]), decision_s=(0.1,))
        for i in range(5)
    ]
    (curves,) = summarize(campaigns, 4.0, start=1)
    assert curves.quartiles.tolist() == [[4, 1], [4, 2], [4, 3]]
    assert curves.final == curves.area == 2.0


def test_a_list_of_optimizers() -> None:
    """Commas inside a table belong to the table, and nothing is raced twice."""
    listed = "bayes, { optimizer = 'bayes', acquisition = 'ucb' } ,lhs, bayes"
    assert split(listed) == ["bayes", "{ optimizer = 'bayes', acquisition = 'ucb' }", "lhs"]


def test_a_wrong_optimizer_is_refused() -> None:
    """An unknown optimizer or setting is refused with what would do."""
    plugins = Plugins.discover()
    with pytest.raises(InputError, match=r"one of .*bayes"):
        choose_optimizer("bays", 1, plugins)
    with pytest.raises(InputError, match="acquisition"):
        choose_optimizer("{ optimizer = 'bayes', acquisition = 'best' }", 1, plugins)


@pytest.mark.slow
def test_the_command_draws_the_curves(tmp_path: Path) -> None:
    """Two processes, two optimizers, a page and numbers."""
    out = tmp_path / "bench.html"
    done = CliRunner().invoke(
        main,
        ["bench", "cs3cu2i5-heatup-chem3", "--twin", str(PUBLISHED), "--surrogate", "gp",
         "--optimizers", "random,lhs", "--seeds", "2", "--start", "5", "--experiments", "3",
         "--jobs", "2", "--out", str(out), "--json"],
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    printed = json.loads(done.stdout)
    assert [one["optimizer"] for one in printed] == ["random", "lhs"]
    assert all(np.shape(one["regret_quartiles"]) == (3, 8) for one in printed)
    assert "All begin with the same" in out.read_text(encoding="utf-8")
