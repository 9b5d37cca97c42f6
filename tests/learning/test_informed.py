"""Starts from earlier experiments: they guide before anything new is measured."""

from collections.abc import Callable

import numpy as np
import pytest
from learning_bench import load_published, new_gp, smooth_response

from flowrig.errors import InputError
from flowrig.interfaces import Problem, Surrogate
from flowrig.learning.from_campaign import with_earlier
from flowrig.learning.informed import Discrepancy, InformedStart
from flowrig.problem.objective import MaximumResponse, Objective, PlqyProxy
from flowrig.problem.space import Parameter, Space
from flowrig_bayes.bayes import BayesianOptimizer
from flowrig_bayes.settings import BayesSettings

SPACE = Space(tuple(Parameter(f"x{j}", 0.0, 1.0, "") for j in range(3)))
RIG = Space(tuple(Parameter(f"x{j}", 0.0, 1.0, "") for j in range(5)))
PROXY = PlqyProxy(dye_plqy=0.1336, dye_absorbance=0.9115, dye_pl_area=198493.1521)


def source(kind: str, count: int = 24) -> tuple[np.ndarray, np.ndarray]:
    """Earlier experiments with one response, which is the objective too: alike, opposite or none
    that depends on the conditions."""
    rng = np.random.default_rng(4)
    X = rng.random((count, 3))
    hill = smooth_response(np.clip(X + 0.05, 0.0, 1.0))
    y = {"alike": 0.2 + hill, "opposite": 1.2 - hill, "unrelated": rng.random(count)}[kind]
    return X, np.column_stack([y, y])


def surrogates(kind: str, *, same_rig: bool) -> Callable[[], Surrogate]:
    """A factory of surrogates that start from earlier experiments."""
    return with_earlier(new_gp, [source(kind)], [same_rig], SPACE)


def bayes(
    make: Callable[[], Surrogate], space: Space, objective: Objective, acquisition: str = "ei"
) -> BayesianOptimizer:
    """An optimizer in a campaign that has earlier experiments."""
    settings = BayesSettings(acquisition=acquisition, candidates=100, starts=3)  # type: ignore[arg-type]
    return BayesianOptimizer(Problem(space, objective, 1, make, (), earlier=True), settings)


@pytest.mark.parametrize("count", [0, 1, 6])
def test_differences_are_a_posterior_with_gradients(count: int) -> None:
    """Also of no measurement; what is left out is what a fit without it predicts."""
    rng = np.random.default_rng(2)
    X, Y = rng.random((count, 3)), rng.normal(size=(count, 2)) * [0.3, 20.0]
    model = Discrepancy(np.array([0.4, 30.0]), np.array([0.02, 1.0]), 0.5)
    model.fit(X, Y)
    points, step = rng.random((4, 3)), 1e-6
    mean_slope, sd_slope = model.predict(points).latent_gradients()  # type: ignore[attr-defined]
    for j in range(3):
        ahead, behind = (model.predict(points + s * step * np.eye(3)[j]) for s in (1, -1))
        scale = np.array([1.0, 100.0])
        for slope, name in ((mean_slope, "latent_mean"), (sd_slope, "latent_sd")):
            change = (getattr(ahead, name) - getattr(behind, name)) / (2 * step)
            np.testing.assert_allclose(slope[..., j] / scale, change / scale, atol=1e-4)
    samples = model.predict(points).sample(4000, rng)
    np.testing.assert_allclose(samples.std(axis=0), model.predict(points).latent_sd, rtol=0.06)  # type: ignore[attr-defined]


def test_without_new_experiments_it_is_the_model_of_the_earlier_ones() -> None:
    model = surrogates("alike", same_rig=True)()
    assert model.least_experiments == 0
    model.fit(np.empty((0, 3)), np.empty((0, 1)))
    X, Y = source("alike")
    earlier = new_gp()
    earlier.fit(X, Y)
    np.testing.assert_allclose(model.predict(X).mean, earlier.predict(X).mean[:, :1])
    told, left_out = model.unseen_earlier(), earlier.unseen()
    assert told is not None
    assert left_out is not None
    for shown, known in zip(told, (Y, *left_out), strict=True):
        np.testing.assert_allclose(shown, known)
    with pytest.raises(InputError, match="at least 2 experiments"):
        earlier.fit(X[:1], Y[:1])


@pytest.mark.parametrize("same_rig", [True, False])
def test_what_contradicts_new_experiments_loses_its_share(same_rig: bool) -> None:
    """Experiments that agree keep the larger share, on another rig less of it."""
    X = np.random.default_rng(1).random((9, 3))
    Y = 0.2 + smooth_response(X)[:, None]
    shares = {}
    for kind in ("alike", "opposite"):
        model = surrogates(kind, same_rig=same_rig)()
        model.fit(X, Y)
        assert isinstance(model, InformedStart)
        shares[kind] = float(model.share[0])
    assert shares["opposite"] < 0.35 < shares["alike"]


def test_the_first_condition_is_the_best_of_the_earlier_model() -> None:
    """No blind experiments; a batch does not measure the same place twice."""
    first, *others = bayes(
        surrogates("alike", same_rig=True), SPACE, MaximumResponse("y")
    ).suggest_explained(3)
    _, Y = source("alike")
    hill = 0.2 + smooth_response(np.clip(SPACE.array([first.conditions]) + 0.05, 0.0, 1.0))
    assert hill[0] > np.quantile(Y[:, 0], 0.9)
    assert first.reason.startswith("expected figure of merit")
    assert not any("space filling" in one.reason for one in (first, *others))
    places = SPACE.array([one.conditions for one in (first, *others)])
    assert np.abs(places[1:] - places[:1]).max(axis=1).min() > 1e-3


@pytest.mark.parametrize(
    ("kind", "same_rig", "blind"),
    [("alike", False, False), ("unrelated", False, True), ("unrelated", True, False)],
)
def test_experiments_of_another_rig_guide_if_they_explain_themselves(
    kind: str, same_rig: bool, blind: bool
) -> None:
    optimizer = bayes(surrogates(kind, same_rig=same_rig), SPACE, MaximumResponse("y"))
    (first,) = optimizer.suggest_explained(1)
    assert first.reason.startswith("space filling") == blind


def test_a_campaign_without_earlier_experiments_begins_blind() -> None:
    """The model is not even asked for."""

    def no_model() -> Surrogate:
        raise AssertionError("a model was asked for")

    problem = Problem(SPACE, MaximumResponse("y"), 1, no_model)
    (first,) = BayesianOptimizer(problem, BayesSettings()).suggest_explained(1)
    assert first.reason.startswith("space filling")


def test_published_chem1_guides_chem3() -> None:
    """From the 60 measured rows of Chem1, on the twin of the 60 of Chem3: the first condition is
    better than the median of Chem1, and 95 % of the best is reached in at most six."""
    first, third = load_published("chem1"), load_published("chem3")
    twin = new_gp()
    twin.fit(third.X, third.Y)

    def truth(X: np.ndarray) -> np.ndarray:
        return PROXY.value(twin.predict(X).mean)

    corners = np.stack(np.meshgrid(*[[0.0, 0.5, 1.0]] * 5), axis=-1).reshape(-1, 5)
    best = float(truth(corners).max())
    proxy = PROXY.value(first.Y)
    make = with_earlier(new_gp, [(first.X, np.column_stack([first.Y, proxy]))], [True], RIG)
    optimizer, found = bayes(make, RIG, PROXY), []
    for _ in range(6):
        (point,) = optimizer.suggest(1)
        X = RIG.array([point])
        found.append(float(truth(X)[0]))
        responses = dict(zip(PROXY.responses, map(float, twin.predict(X).mean[0]), strict=True))
        optimizer.ingest([{**point, **responses}])
        if found[-1] > 0.95 * best:
            break
    assert found[0] > np.median(proxy)
    assert max(found) > 0.95 * best
