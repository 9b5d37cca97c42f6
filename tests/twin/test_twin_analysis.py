"""Shapley values, learning curves and surfaces of a twin."""

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from flowrig.errors import InputError
from flowrig.learning.experiment_table import Experiments
from flowrig.learning.training_set import TrainingSet
from flowrig.problem.objective import MaximumResponse
from flowrig.problem.space import CurvedConstraint, Parameter, Space
from flowrig.problem.steps import even_choices
from flowrig.report.twin_page import render_twin
from flowrig.testing import PlainGaussianProcess
from flowrig.twin.learning_curve import learning_curve, training_sizes
from flowrig.twin.shapley import shapley_values
from flowrig.twin.study import TwinStudy, study_twin
from flowrig.twin.surfaces import surface

Array = NDArray[np.float64]


def bumpy(X: Array) -> Array:
    """Something with interactions."""
    return np.asarray(X[:, 0] * X[:, 1] + np.sin(3.0 * X[:, 2]) + 0.5 * X[:, 0])


@settings(max_examples=30)
@given(st.integers(0, 2**32 - 1), st.integers(1, 5))
def test_shapley_values_add_up(seed: int, d: int) -> None:
    """The base and the values of all conditions make the prediction."""
    rng = np.random.default_rng(seed)
    weights = rng.normal(size=(d, d))
    explained, background = rng.random((4, d)), rng.random((7, d))

    def quadratic(X: Array) -> Array:
        return np.einsum("ki,ij,kj->k", X, weights, X)

    found = shapley_values(quadratic, explained, background)
    assert np.allclose(found.base + found.values.sum(axis=1), quadratic(explained))
    assert np.isclose(found.base, quadratic(background).mean())


def test_shapley_values_are_the_mean_gain_over_all_orders() -> None:
    """They agree with the definition: the mean gain over every order of the conditions."""
    rng = np.random.default_rng(3)
    row, background = rng.random(3), rng.random((5, 3))
    expected = np.zeros(3)
    for order in permutations(range(3)):
        mixed = background.copy()
        before = bumpy(mixed).mean()
        for j in order:
            mixed[:, j] = row[j]
            after = bumpy(mixed).mean()
            expected[j] += (after - before) / 6
            before = after
    found = shapley_values(bumpy, row[None], background)
    assert np.allclose(found.values[0], expected)


def test_a_condition_without_effect_has_no_value() -> None:
    """What does not change the prediction ranks last, with zero."""
    rng = np.random.default_rng(4)
    found = shapley_values(lambda X: 2.0 * X[:, 1], rng.random((6, 3)), rng.random((6, 3)))
    assert found.ranking[0] == 1
    assert np.allclose(found.importance[[0, 2]], 0.0)


def test_too_many_conditions_are_refused() -> None:
    """Beyond twelve conditions the subsets are too many."""
    with pytest.raises(InputError, match="at most 12"):
        shapley_values(lambda X: X[:, 0], np.zeros((1, 13)), np.zeros((1, 13)))


def test_a_learning_curve_rises() -> None:
    """With more experiments the others are predicted better, and less uncertain."""
    rng = np.random.default_rng(5)
    X = rng.random((60, 3))
    Y = bumpy(X)[:, None] + 0.02 * rng.normal(size=(60, 1))
    points = learning_curve(
        TrainingSet(X, Y, MaximumResponse("height")),
        lambda seed: PlainGaussianProcess(seed=seed),
        sizes=training_sizes(len(X), 3),
        repeats=3,
    )
    assert [point.experiments for point in points] == [8, 28, 48]
    assert points[0].r2 < points[-1].r2
    assert points[-1].r2 > 0.9
    assert points[0].sd_mean > points[-1].sd_mean


def test_a_learning_curve_needs_experiments() -> None:
    """The message about too few experiments has the number that is needed."""
    with pytest.raises(InputError, match="at least 10 experiments"):
        training_sizes(9)


def test_a_surface_lies_where_it_says() -> None:
    """Rows run along the first condition, columns along the second, the rest is held."""
    made = surface(
        lambda U: (U[:, 0] + 10 * U[:, 2], 0 * U[:, 1]), 3, 0, 2, level="high", points=(3, 3)
    )
    assert made.mean.tolist() == [[0, 5, 10], [0.5, 5.5, 10.5], [1, 6, 11]]
    assert surface(
        lambda U: (U[:, 1], U[:, 0]), 3, 0, 2, level="medium", points=(2, 2)
    ).mean.tolist() == [
        [0.5, 0.5],
        [0.5, 0.5],
    ]


@pytest.mark.parametrize(("first", "second", "level"), [(0, 0, "low"), (0, 3, "low"), (0, 1, "x")])
def test_a_surface_that_cannot_be(first: int, second: int, level: str) -> None:
    """One condition twice, none, or an unknown level is refused."""
    with pytest.raises(InputError):
        surface(lambda U: (U[:, 0], U[:, 0]), 3, first, second, level=level)


def studied(*parameters: Parameter, limit: float = 2.0) -> TwinStudy:
    """The study of a plain model of 20 experiments on a slope."""
    forbids = CurvedConstraint("sum", lambda X: X[:, :2].sum(axis=1), -np.inf, limit)
    space = Space(parameters, (), (forbids,))
    U = even_choices(space, np.random.default_rng(4).random((20, len(parameters))))
    slope = np.arange(len(parameters), 0, -1)
    experiments = Experiments(X=U, Y=(U @ slope)[:, None])
    data = experiments.training_set(MaximumResponse("yield"))
    return study_twin(data, space, lambda seed: PlainGaussianProcess(seed=seed), repeats=1)


A, B = Parameter("a", 0.0, 1.0, "mm"), Parameter("b", 0.0, 1.0, "mm")
ACID, BASE = (Parameter.category(n, c) for n, c in (("acid", "xyz"), ("base", "uv")))


def test_surfaces_are_shown_for_every_choice() -> None:
    """Two numbers over all pairs of choices; blank where a limit forbids."""
    study = studied(A, B, ACID, BASE, limit=1.5)
    assert len(study.surfaces) == 6
    assert {tuple(one.held.values()) for one in study.surfaces} == {
        (acid, base) for acid in (0.0, 0.5, 1.0) for base in (0.0, 1.0)
    }
    assert all(np.isnan(one.mean[-1, -1]) and one.mean[0, 0] >= 0.0 for one in study.surfaces)
    page = render_twin(study, "ligands", "plain")
    assert "acid y, base v;" in page
    assert "Blank: conditions that a limit forbids" in page


def test_a_category_can_be_an_axis() -> None:
    """With one number, the surfaces have the choices along an axis."""
    study = studied(A, ACID)
    (made,) = study.surfaces
    assert sorted(made.mean.shape) == [3, 25]
    assert all(f">{name}<" in render_twin(study, "acids", "plain") for name in "xyz")
