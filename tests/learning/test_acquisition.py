"""Acquisition functions, their gradients, and the search for their highest point."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st
from learning_bench import PLQY, load_published, new_gp, smooth_problem, smooth_response

from flowrig.interfaces import Problem
from flowrig.problem.designs import uniform
from flowrig.problem.objective import MaximumResponse, Objective
from flowrig.problem.space import LinearConstraint, Parameter, Space
from flowrig_bayes.acquisition import acquisition
from flowrig_bayes.bayes import BayesianOptimizer
from flowrig_bayes.closed_form import CLOSED_FORMS, log_expected_improvement
from flowrig_bayes.model import fit_model
from flowrig_bayes.sampled_objective import SampledObjective, stratified_normals
from flowrig_bayes.settings import BayesSettings
from flowrig_bayes.surface import Surface

NORMALS = stratified_normals(4000, 1, np.random.default_rng(0))
FORMS = list(CLOSED_FORMS)


def differences(function, at: np.ndarray, step: float = 1e-6) -> np.ndarray:
    """Central differences of a number that depends on `d` numbers, shape `d`."""
    moves = step * np.eye(len(at))
    return np.array([(function(at + m) - function(at - m)) / (2.0 * step) for m in moves])


def hill_rows(problem: Problem, count: int, seed: int = 0) -> list[dict[str, Any]]:
    """Experiments on the smooth hill inside a problem's space."""
    space = problem.space
    U = uniform(space, count, np.random.default_rng(seed))
    rows = space.rows(space.from_unit(U))
    return [{**row, "pla": float(y)} for row, y in zip(rows, smooth_response(U), strict=True)]


def asked(problem: Problem, rows: list[dict[str, Any]], **chosen: Any) -> BayesianOptimizer:
    """An optimizer that has ingested experiments."""
    made = BayesianOptimizer(problem, BayesSettings(**{"candidates": 100, **chosen}))
    made.ingest(rows)
    return made


def surface_of(
    objective: Objective, X: np.ndarray, Y: np.ndarray, incumbent: float, name: str = "ei"
) -> Surface:
    """The acquisition function after experiments."""
    surrogate = new_gp()
    surrogate.fit(X, Y)
    normals = stratified_normals(128, Y.shape[1], np.random.default_rng(0))
    return Surface(
        SampledObjective(surrogate, objective, Y.shape[1] == 1, normals, 0.0),
        incumbent,
        BayesSettings(acquisition=name),
    )


@given(mean=st.floats(-3.0, 3.0), sd=st.floats(0.05, 3.0))
@settings(deadline=None, max_examples=50)
def test_log_expected_improvement_is_exact(mean: float, sd: float) -> None:
    """Near the incumbent it is the logarithm of the integral that defines it."""
    improvement = np.linspace(0.0, max(mean, 0.0) + 12.0 * sd, 20_001)
    density = np.exp(-0.5 * ((improvement - mean) / sd) ** 2) / (sd * np.sqrt(2.0 * np.pi))
    exact = np.trapezoid(improvement * density, improvement)
    value, _, _ = log_expected_improvement(np.array([mean]), np.array([sd]), 0.0, BayesSettings())

    if exact > 1e-12:
        assert value[0] == pytest.approx(np.log(exact), abs=1e-4)


def test_log_expected_improvement_far_below() -> None:
    """Thousands of deviations below the incumbent it is finite, still rises, and has no step."""
    mean = -np.concatenate([np.linspace(0.5, 1.5, 101), np.geomspace(2.0, 1e5, 400)])
    value, slope, _ = log_expected_improvement(mean, np.ones_like(mean), 0.0, BayesSettings())
    rise = (value[:-1] - value[1:]) / (mean[:-1] - mean[1:])

    assert np.isfinite(value).all()
    assert (slope > 0).all()
    assert (rise > 0.98 * np.minimum(slope[:-1], slope[1:])).all()
    assert (rise < 1.02 * np.maximum(slope[:-1], slope[1:])).all()


@pytest.mark.parametrize("name", FORMS)
@given(mean=st.floats(-4.0, 3.0), sd=st.floats(0.1, 2.0))
@settings(deadline=None, max_examples=20)
def test_derivatives_in_closed_form(name: str, mean: float, sd: float) -> None:
    """Values change with mean and standard deviation as the derivatives say."""

    def value(at: np.ndarray) -> float:
        return float(CLOSED_FORMS[name](at[:1], at[1:], 0.4, BayesSettings())[0][0])

    at = np.array([mean, sd])
    _, along_mean, along_sd = CLOSED_FORMS[name](at[:1], at[1:], 0.4, BayesSettings())

    assert [along_mean[0], along_sd[0]] == pytest.approx(differences(value, at), rel=1e-3, abs=1e-5)


@pytest.mark.parametrize("name", FORMS)
@pytest.mark.parametrize(("mean", "sd"), [(0.0, 1.0), (1.0, 0.3), (-0.5, 0.8)])
def test_samples_agree_with_the_closed_form(name: str, mean: float, sd: float) -> None:
    """On samples of a normal figure of merit every function is what its formula says."""
    chosen = BayesSettings(acquisition=name)
    exact, _, _ = CLOSED_FORMS[name](np.array([mean]), np.array([sd]), 0.4, chosen)
    sampled, _ = acquisition(mean + sd * NORMALS, 0.4, chosen)

    assert sampled[0] == pytest.approx(exact[0], abs=0.04)


@pytest.mark.parametrize("name", FORMS)
@pytest.mark.parametrize("incumbent", [0.1, 0.3, 3.0])
def test_gradients_of_a_composite(name: str, incumbent: float) -> None:
    """For the PLQY proxy of two responses the value climbs as its gradient says."""
    data = load_published("chem3")
    surface = surface_of(PLQY, data.X[:30], data.Y[:30], incumbent, name)
    for u in np.random.default_rng(1).random((3, 5)):
        value, slope = surface.value_and_gradient(u)

        assert value == pytest.approx(surface.values(u[None])[0])
        assert slope == pytest.approx(
            differences(lambda x: surface.values(x[None])[0], u, 1e-5),
            rel=2e-3, abs=2e-3 * np.abs(slope).max(),
        )  # fmt: skip


@pytest.mark.parametrize("name", FORMS)
def test_gradients_of_one_response(name: str) -> None:
    """For one response in closed form the value climbs as its gradient says."""
    X = np.random.default_rng(0).random((20, 3))
    surface = surface_of(MaximumResponse("pla"), X, smooth_response(X)[:, None] - 0.5, 0.4, name)
    for u in np.random.default_rng(1).random((3, 3)):
        slope = surface.value_and_gradient(u)[1]

        assert slope == pytest.approx(
            differences(lambda x: surface.values(x[None])[0], u),
            rel=2e-3, abs=2e-3 * np.abs(slope).max(),
        )  # fmt: skip


@pytest.mark.parametrize("name", FORMS)
def test_search_finds_the_highest_point(name: str) -> None:
    """No point of a fine grid is noticeably better than what is suggested."""
    problem = smooth_problem(2)
    X = np.random.default_rng(3).random((12, 2))
    Y = smooth_response(X)[:, None] - 2.0
    rows = [
        {**row, "pla": float(y)}
        for row, y in zip(problem.space.rows(problem.space.from_unit(X)), Y[:, 0], strict=True)
    ]
    (point,) = asked(problem, rows, acquisition=name).suggest()
    surrogate = new_gp()
    surrogate.fit(X, Y)
    incumbent = float(surrogate.predict(X).latent_mean.max())
    surface = surface_of(problem.objective, X, Y, incumbent, name)
    axis = np.linspace(0.0, 1.0, 101)
    grid = surface.values(np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2))
    found = surface.values(problem.space.to_unit(problem.space.array([point])))[0]

    assert found > grid.max() - 0.005 * np.ptp(grid[grid > np.quantile(grid, 0.5)])


def test_climbs_keep_to_an_equality() -> None:
    """Where a sum is fixed, the best point under it is found, not just any."""
    names = ("flow_0", "flow_1", "flow_2")
    limit = LinearConstraint("total flow rate", dict.fromkeys(names, 1.0), 12.0, 12.0)
    problem = smooth_problem(3)
    problem = evolve(problem, space=evolve(problem.space, constraints=(limit,)))
    (point,) = asked(problem, hill_rows(problem, 25), acquisition="exploit").suggest()
    height = smooth_response(problem.space.to_unit(problem.space.array([point])))[0]
    many = uniform(problem.space, 2000, np.random.default_rng(1))

    assert sum(point.values()) == pytest.approx(12.0, abs=1e-6)
    assert height > smooth_response(many).max() - 0.02


def test_pending_points_are_respected() -> None:
    """Asked again before the results are in, it suggests something else; then it goes on as new."""
    problem = smooth_problem(2)
    rows = hill_rows(problem, 8)
    lived = asked(problem, rows, acquisition="max-variance")
    first, second = lived.suggest()[0], lived.suggest()[0]
    news = [{**first, "pla": 0.3}, {**second, "pla": 0.2}]
    lived.ingest(news)
    gap = np.abs(np.subtract(*problem.space.to_unit(problem.space.array([first, second])))).max()

    assert gap > 0.1
    assert lived.suggest() == asked(problem, rows + news, acquisition="max-variance").suggest()


@pytest.mark.parametrize("name", [*FORMS, "thompson"])
def test_failed_experiments_are_kept_away_from(name: str) -> None:
    """Where an experiment failed, no other is suggested, however promising the place."""
    problem = smooth_problem(2)
    rows = hill_rows(problem, 10)
    (promising,) = asked(problem, rows, acquisition=name).suggest()
    failed = {**promising, "pla": float("nan")}
    (other,) = asked(problem, [*rows, failed], acquisition=name).suggest()
    gap = np.abs(np.subtract(*problem.space.to_unit(problem.space.array([promising, other])))).max()

    assert gap > 0.05


def test_measured_conditions_are_not_repeated() -> None:
    """Improvement is not sought at a condition that was measured, exploitation may repeat one."""
    space = Space((Parameter("flow_0", 0.0, 10.0, "µL/min"),))
    problem = Problem(space, MaximumResponse("pla"), 3, new_gp)
    rows = [{"flow_0": x, "pla": x} for x in (0.0, 2.5, 5.0, 7.5, 10.0)]
    (improving,) = asked(problem, rows).suggest()
    (exploiting,) = asked(problem, rows, acquisition="exploit").suggest()

    assert min(abs(improving["flow_0"] - row["flow_0"]) for row in rows) > 1e-3
    assert exploiting["flow_0"] == pytest.approx(10.0)


def test_thompson_draws() -> None:
    """Different seeds draw different functions; with many experiments all end near the top."""
    problem = smooth_problem(2)
    few, many = hill_rows(problem, 5), hill_rows(problem, 40)
    chosen = [
        problem.space.to_unit(
            problem.space.array(
                [asked(evolve(problem, seed=s), rows, acquisition="thompson").suggest()[0]
                 for s in range(5)]
            )
        )
        for rows in (few, many)
    ]  # fmt: skip

    assert chosen[0].std(axis=0).max() > 0.03
    assert (smooth_response(chosen[1]) > 0.95).all()


class Quotient(Objective):
    """Of two responses."""

    name = "quotient"
    unit = ""
    responses = ("a", "b")

    def value(self, responses: np.ndarray) -> np.ndarray:
        return responses[..., 0] / responses[..., 1]


class Fold(Quotient):
    """How near a smooth response is to another, with a sharp top."""

    def value(self, responses: np.ndarray) -> np.ndarray:
        return -np.abs(responses[..., 0] - responses[..., 1])


def wild_quotient(X: np.ndarray) -> np.ndarray:
    """Two rough responses whose quotient is a smooth hill."""
    rough = 2.0 + np.sin(25.0 * X[:, 0]) * np.cos(19.0 * X[:, 1])
    return np.stack([smooth_response(X) * rough, rough], axis=1)


def smooth_pair(X: np.ndarray) -> np.ndarray:
    """Two smooth responses that cross several times."""
    return np.stack([2.0 + np.sin(9.0 * X[:, 0]), 2.0 + X[:, 1]], axis=1)


@pytest.mark.parametrize(
    ("objective", "truth", "itself"),
    [(Quotient(), wild_quotient, True), (Fold(), smooth_pair, False)],
    ids=["quotient of rough responses", "fold of smooth ones"],
)
def test_what_foretells_better_is_modelled(
    objective: Objective, truth: Callable[[np.ndarray], np.ndarray], itself: bool
) -> None:
    """A figure of merit smoother than its responses is modelled itself, a rougher one is not."""
    X = np.random.default_rng(0).random((40, 2))
    problem = evolve(smooth_problem(2), objective=objective)
    chosen = {
        model: fit_model(problem, X, truth(X), X[:0], BayesSettings(model=model)).models_objective
        for model in ("either", "responses", "merit")
    }

    assert chosen == {"either": itself, "responses": False, "merit": True}


def test_climbs_at_once_end_where_single_ones_do() -> None:
    """In a box the search finds what it finds where a constraint that binds nothing is added."""
    names = [f"flow_{j}" for j in range(4)]
    wide = LinearConstraint("total flow rate", dict.fromkeys(names, 1.0), -1.0, 1000.0)
    box = smooth_problem(4)
    bound = evolve(box, space=evolve(box.space, constraints=(wide,)))
    rows = hill_rows(box, 20)
    (one,), (other,) = (asked(problem, rows).suggest() for problem in (box, bound))
    gap = np.subtract(*(box.space.to_unit(box.space.array([point])) for point in (one, other)))

    assert np.abs(gap).max() < 1e-3
