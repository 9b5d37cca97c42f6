"""What every optimizer must keep to, and that the Bayesian one is worth its time."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st
from learning_bench import smooth_problem, smooth_response

from flowrig.errors import InputError
from flowrig.interfaces import Optimizer, OptimizerSettings, Posterior, Problem, Surrogate
from flowrig.interfaces.surrogate import SurrogateSettings
from flowrig.problem.objective import MaximumResponse, Objective
from flowrig.problem.space import LinearConstraint, Parameter, Space
from flowrig_bayes.bayes import BayesianOptimizer
from flowrig_bayes.settings import BayesSettings, LhsSettings, RandomSettings
from flowrig_bayes.spread import LatinHypercube, UniformRandom

KINDS: dict[str, tuple[type[Optimizer], OptimizerSettings]] = {
    "lhs": (LatinHypercube, LhsSettings(designs=8)),
    "random": (UniformRandom, RandomSettings()),
    "bayes": (BayesianOptimizer, BayesSettings(candidates=60, samples=64)),
}


class _Plane(Posterior):
    """The sum of the conditions, with a little doubt."""

    def __init__(self, X: np.ndarray) -> None:
        self._mean = X.sum(axis=1, keepdims=True)

    @property
    def mean(self) -> np.ndarray:
        return self._mean

    @property
    def sd(self) -> np.ndarray:
        return np.full_like(self._mean, 0.1)

    def sample(self, count: int, rng: np.random.Generator) -> np.ndarray:
        return self._mean + 0.1 * rng.standard_normal((count, 1, 1))


class Plane(Surrogate):
    """Knows that more is better, without learning anything; remembers what it was shown."""

    shown: list[tuple[np.ndarray, np.ndarray]]

    def __init__(self) -> None:
        super().__init__(SurrogateSettings())
        self.shown = []

    def _do_fit(self, X: np.ndarray, Y: np.ndarray) -> None:
        self.shown.append((X, Y))

    def _do_predict(self, X: np.ndarray) -> Posterior:
        return _Plane(X)


class Ratio(Objective):
    """Not finite where the response is negative."""

    name = "ratio"
    unit = ""
    responses = ("pla",)

    def value(self, responses: np.ndarray) -> np.ndarray:
        with np.errstate(invalid="ignore"):
            return np.sqrt(responses[..., 0])


def measured(problem: Problem, count: int, seed: int = 0) -> list[dict[str, Any]]:
    """Experiments on the smooth hill, without noise."""
    U = np.random.default_rng(seed).random((count, len(problem.space.names)))
    X = problem.space.from_unit(U)
    responses = smooth_response(U)
    return [
        {**row, "pla": float(y)} for row, y in zip(problem.space.rows(X), responses, strict=True)
    ]


def optimizer(kind: str, problem: Problem, results: list[Mapping[str, Any]] = ()) -> Optimizer:
    """An optimizer of a kind, with some results."""
    cls, kind_settings = KINDS[kind]
    made = cls(problem, kind_settings)
    made.ingest(results)
    return made


@st.composite
def constrained_spaces(draw: st.DrawFn) -> Space:
    """Boxes with constraints that at least one point meets; some leave only a plane or a corner."""
    d = draw(st.integers(2, 5))
    scale = draw(st.sampled_from([1e-3, 1.0, 400.0]))
    parameters = tuple(Parameter(f"flow_{j}", scale, 3.0 * scale, "µL/min") for j in range(d))
    inside = np.array([draw(st.floats(1.0, 3.0)) for _ in range(d)]) * scale
    constraints = []
    for number in range(draw(st.integers(0, 2))):
        factors = np.array(
            [draw(st.floats(-2.0, 2.0).map(lambda f: round(f, 2))) for _ in range(d)]
        )
        total = float(factors @ inside)
        widths = [0.3, 5.0] if number else [0.0, 0.01, 0.3, 5.0]
        below, above = (draw(st.sampled_from(widths)) * scale for _ in range(2))
        coefficients = dict(zip((p.name for p in parameters), map(float, factors), strict=True))
        constraints.append(
            LinearConstraint(f"limit {number}", coefficients, total - below, total + above)
        )
    return Space(parameters, tuple(constraints))


@pytest.mark.parametrize("kind", list(KINDS))
@given(space=constrained_spaces(), seed=st.integers(0, 2**31), count=st.integers(1, 4))
@settings(deadline=None, max_examples=12)
def test_suggestions_are_feasible(kind: str, space: Space, seed: int, count: int) -> None:
    """Suggested conditions keep to bounds and constraints, also where these are equalities."""
    problem = Problem(space, MaximumResponse("pla"), seed, Plane)
    results = [{**dict.fromkeys(space.names, value), "pla": value} for value in range(6)]

    suggested = optimizer(kind, problem, results).suggest(count)

    assert len(suggested) == count
    assert space.feasible(space.array(suggested)).all()


def test_impossible_constraints() -> None:
    """The message about constraints that exclude each other names them."""
    problem = smooth_problem(2)
    limit = LinearConstraint("total flow rate", {"flow_0": 1.0, "flow_1": 1.0}, 30.0, 40.0)
    impossible = evolve(problem, space=evolve(problem.space, constraints=(limit,)))

    with pytest.raises(InputError, match="total flow rate"):
        optimizer("random", impossible).suggest(3)


@pytest.mark.parametrize("kind", list(KINDS))
def test_rebuilt_optimizer_suggests_the_same(kind: str) -> None:
    """What is suggested follows from what was ingested, in one go or bit by bit."""
    problem = smooth_problem(3)
    results = measured(problem, 12)
    bit_by_bit = optimizer(kind, problem, results[:5])
    bit_by_bit.ingest(results[5:])

    assert bit_by_bit.suggest(2) == optimizer(kind, problem, results).suggest(2)


@pytest.mark.parametrize("kind", ["lhs", "random"])
def test_rebuilt_design_goes_on(kind: str) -> None:
    """After its points were measured, a design goes on as one that is rebuilt from them."""
    problem = smooth_problem(3)
    first = optimizer(kind, problem)
    results = [{**point, "pla": 1.0} for point in first.suggest(6)]
    first.ingest(results)

    assert first.suggest(4) == optimizer(kind, problem, results).suggest(4)


@pytest.mark.parametrize("kind", ["lhs", "random"])
def test_later_points_are_new(kind: str) -> None:
    """Asking again before anything is measured gives other points."""
    asked = optimizer(kind, smooth_problem(3))

    assert asked.suggest(5) != asked.suggest(5)


@pytest.mark.parametrize("kind", list(KINDS))
def test_seeds_differ(kind: str) -> None:
    """Another seed gives other points."""
    one, two = (
        optimizer(kind, problem, measured(problem, 8)).suggest(3)
        for problem in (smooth_problem(3, seed=1), smooth_problem(3, seed=2))
    )

    assert one != two


@given(count=st.integers(1, 40), seed=st.integers(0, 2**31))
@settings(deadline=None, max_examples=20)
def test_latin_hypercube_fills_every_slice(count: int, seed: int) -> None:
    """In a box without constraints every condition takes one value in each of `n` equal slices."""
    problem = smooth_problem(4, seed=seed)
    points = optimizer("lhs", problem).suggest(count)
    slices = np.floor(problem.space.to_unit(problem.space.array(points)) * count)

    assert (np.sort(slices, axis=0) == np.arange(count)[:, None]).all()


@pytest.mark.parametrize("value", [None, float("nan"), float("inf"), "saturated"])
def test_failed_experiments_are_left_out(value: object) -> None:
    """An experiment without a finite response is not shown to the surrogate, not even as zero."""
    seen = Plane()
    problem = evolve(smooth_problem(2), new_surrogate=lambda: seen)
    sound = measured(problem, 6)
    failed = [{**row, "pla": value} for row in measured(problem, 3, seed=1)]
    absent = [{name: row[name] for name in problem.space.names} for row in failed]

    optimizer("bayes", problem, sound + failed + absent).suggest()

    X, Y = seen.shown[0]
    assert len(X) == 6
    assert Y[:, 0].tolist() == [row["pla"] for row in sound]


def test_without_experience_points_are_spread() -> None:
    """With too few sound experiments no model is asked, and the reason says so."""
    problem = smooth_problem(3)
    failed = [{**row, "pla": float("nan")} for row in measured(problem, 9)]

    suggested = optimizer("bayes", problem, failed).suggest_explained(4)

    assert len(suggested) == 4
    assert all("space filling" in suggestion.reason for suggestion in suggested)
    assert suggested[0].mean == {}


@pytest.mark.parametrize(
    ("acquisition", "reason"),
    [
        ("ei", "expected improvement"),
        ("pi", "probability of improvement"),
        ("ucb", "upper confidence bound"),
        ("exploit", "expected figure of merit"),
        ("max-variance", "standard deviation"),
    ],
)
def test_suggestions_explain_themselves(acquisition: str, reason: str) -> None:
    """A suggestion carries what the surrogate expects, and its reason names unit and policy."""
    problem = smooth_problem(2)
    explained = BayesianOptimizer(problem, BayesSettings(acquisition=acquisition, candidates=200))
    explained.ingest(measured(problem, 10))

    (suggestion,) = explained.suggest_explained()

    assert suggestion.reason.startswith(reason)
    assert suggestion.reason.endswith("%" if acquisition == "pi" else "counts·nm")
    assert suggestion.mean["pla"] == pytest.approx(suggestion.objective_mean, abs=0.05)
    assert suggestion.sd["pla"] > 0


def test_exploitation_goes_to_the_top() -> None:
    """Pure exploitation of a well-known smooth hill ends near its top, also in a corner."""
    problem = smooth_problem(2)
    hill = BayesianOptimizer(problem, BayesSettings(acquisition="exploit"))
    hill.ingest(measured(problem, 30))
    corner = optimizer("bayes", evolve(problem, new_surrogate=Plane), measured(problem, 6))

    (top,) = problem.space.to_unit(problem.space.array(hill.suggest()))
    (highest,) = problem.space.to_unit(problem.space.array(corner.suggest()))

    assert smooth_response(top[None])[0] > 0.98
    assert (highest > 0.999).all()


def test_batch_is_spread_by_what_it_expects() -> None:
    """Points of one batch differ, because each counts those before it as measured."""
    problem = smooth_problem(2)
    chooser = BayesianOptimizer(problem, BayesSettings(acquisition="max-variance", candidates=200))
    chooser.ingest(measured(problem, 6))

    U = problem.space.to_unit(problem.space.array(chooser.suggest(3)))

    distances = np.linalg.norm(U[:, None] - U[None], axis=-1)[np.triu_indices(3, 1)]
    assert distances.min() > 0.2


def test_undefined_figures_of_merit_are_avoided() -> None:
    """Where samples have no finite figure of merit, they count as the worst and not as the best."""
    problem = evolve(smooth_problem(2), objective=Ratio())
    rows = [{**row, "pla": row["pla"] - 0.6} for row in measured(problem, 25)]

    (suggestion,) = optimizer("bayes", problem, rows).suggest_explained()

    assert np.isfinite(suggestion.objective_mean)
    assert suggestion.mean["pla"] > 0.1


def test_experiments_outside_the_space_teach_but_are_not_repeated() -> None:
    """Results from a wider space are learnt from; what is suggested stays in this one."""
    problem = smooth_problem(2)
    rows = [{"flow_0": 10.0 + j, "flow_1": 10.0 + j, "pla": float(j)} for j in range(6)]

    suggested = optimizer("bayes", evolve(problem, new_surrogate=Plane), rows).suggest(2)

    assert problem.space.feasible(problem.space.array(suggested)).all()


def noisy_best(chooser: Optimizer, problem: Problem, seed: int) -> float:
    """The true height of the best of 12 + 15 experiments, the last 15 chosen by an optimizer."""
    rng = np.random.default_rng(seed)
    rows: list[dict[str, Any]] = []
    points = LatinHypercube(problem, LhsSettings()).suggest(12)
    while len(rows) < 27:
        U = problem.space.to_unit(problem.space.array(points))
        noisy = smooth_response(U) * (1.0 + 0.04 * rng.standard_normal(len(U)))
        new = [{**point, "pla": float(y)} for point, y in zip(points, noisy, strict=True)]
        chooser.ingest(new)
        rows += new
        points = chooser.suggest(1)
    return float(smooth_response(problem.space.to_unit(problem.space.array(rows))).max())


@pytest.mark.slow
def test_bayes_beats_random() -> None:
    """On a noisy hill over five conditions, Bayesian optimization finds higher than random."""
    gains = []
    for seed in range(4):
        problem = smooth_problem(5, seed)
        bayes = BayesianOptimizer(problem, BayesSettings(candidates=500, samples=128))
        random = UniformRandom(problem, RandomSettings())
        gains.append(noisy_best(bayes, problem, seed) - noisy_best(random, problem, seed))

    assert min(gains) >= 0.0
    assert np.mean(gains) > 0.08


def test_offers_load_without_their_packages() -> None:
    """The plugins describe themselves without importing torch or scikit-learn, and then load."""
    import subprocess
    import sys

    code = (
        "import sys, flowrig_gp, flowrig_enn, flowrig_bayes\n"
        "offers = [*flowrig_gp.flowrig_surrogates(), *flowrig_enn.flowrig_surrogates(),"
        " *flowrig_bayes.flowrig_optimizers()]\n"
        "assert not {'torch', 'sklearn', 'scipy'} & set(sys.modules)\n"
        "print(*(offer.load().__name__ for offer in offers if offer.name in ('lhs', 'random')))\n"
        "assert not {'torch', 'sklearn', 'scipy'} & set(sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert sorted(done.stdout.split()) == ["LatinHypercube", "UniformRandom"]

    import flowrig_bayes
    import flowrig_enn
    import flowrig_gp

    surrogates = [*flowrig_gp.flowrig_surrogates(), *flowrig_enn.flowrig_surrogates()]
    offers = {one.name: one for one in (*surrogates, *flowrig_bayes.flowrig_optimizers())}
    assert {name: offers[name].load().__name__ for name in ("gp", "enn", "bayes")} == {
        "gp": "GaussianProcess",
        "enn": "EnsembleOfNetworks",
        "bayes": "BayesianOptimizer",
    }
