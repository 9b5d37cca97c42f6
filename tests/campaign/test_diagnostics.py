"""Signs that a campaign learns less than it could."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowrig.campaign.diagnostics import (
    AGAIN,
    MOST_CENTRES,
    drift,
    explained_share,
    explains_nothing,
    many_failed,
    same_again,
    without_effect,
)

COUNT = 60


def spread_out(seed: int = 0) -> np.ndarray:
    """Conditions in the unit cube of three dimensions."""
    return np.random.default_rng(seed).random((COUNT, 3))


def test_the_same_conditions_again_and_again_are_counted() -> None:
    """A settled optimizer is told with how often, and since when."""
    X = spread_out()
    assert same_again(X, range(1, COUNT + 1)) is None
    settled = np.vstack([X, np.full((AGAIN + 2, 3), 0.25) + np.linspace(0, 0.004, 3)])
    found = same_again(settled, range(1, len(settled) + 1))
    assert found is not None
    assert f"{AGAIN + 2} times" in found.text
    assert f"first in experiment {COUNT + 1} and last in {len(settled)}" in found.text


def test_repeats_are_found_as_soon_as_there_are_enough() -> None:
    """The newest experiment alone shows them, and at the end all do, wherever they lie."""
    rng = np.random.default_rng(1)
    for centre in rng.random((20, 3)):
        X = np.vstack([spread_out(), centre + 0.003 * rng.random((AGAIN, 3))])
        for count in range(COUNT + 1, len(X) + 1):
            found = same_again(X[:count], range(1, count + 1), [count - 1])
            assert (found is not None) == (count == len(X))
        mixed = rng.permutation(X)
        assert same_again(mixed, range(1, len(X) + 1)) is not None


class Counted(np.ndarray):
    """Counts the numbers whose magnitude is taken, which is done once for each comparison."""

    compared = 0

    def __array_ufunc__(self, ufunc, method, *inputs, **options):
        plain = [np.asarray(one) if isinstance(one, Counted) else one for one in inputs]
        if ufunc is np.absolute:
            Counted.compared += plain[0].size
        result = getattr(ufunc, method)(*plain, **options)
        return result.view(Counted) if isinstance(result, np.ndarray) else result


def test_comparisons_grow_in_proportion_to_experiments() -> None:
    """After each experiment one is compared with all others, and at the end a few dozen are."""
    for count in (500, 5000):
        X = np.random.default_rng(5).random((count, 3)).view(Counted)
        for centres, most in (([count - 1], 1), (None, MOST_CENTRES)):
            Counted.compared = 0
            same_again(X, range(count), centres)
            assert 0 < Counted.compared <= most * X.size


def test_no_experiments_have_no_symptom() -> None:
    """A campaign that has not begun is healthy."""
    assert same_again(np.empty((0, 3)), []) is None
    assert many_failed([]) is None


@given(st.lists(st.booleans(), max_size=60))
def test_failures_are_told_when_they_are_many(sound: list[bool]) -> None:
    """At least three, and more than a fifth."""
    failed = sound.count(False)
    assert (many_failed(sound) is not None) == (failed >= 3 and 5 * failed > len(sound))


def test_a_surrogate_that_explains_nothing_is_told() -> None:
    """Predictions without relation to what was measured, and only those."""
    rng = np.random.default_rng(2)
    measured = rng.standard_normal(COUNT)
    found = explains_nothing(measured, 0.1 * rng.standard_normal(COUNT))
    assert found is not None
    assert "R²" in found.text
    assert explains_nothing(measured, measured + 0.5 * rng.standard_normal(COUNT)) is None
    assert explains_nothing(measured[:10], np.zeros(10)) is None
    assert explained_share(measured, measured) == 1.0
    assert explained_share(np.ones(5), np.ones(5)) == 0.0


def test_a_condition_without_effect_is_named() -> None:
    """Shuffling it changes no prediction; a model that explains little names none."""

    def predict(X: np.ndarray) -> np.ndarray:
        return np.asarray(np.sin(3 * X[:, 0]) + 0.5 * X[:, 2] + 0.001 * X[:, 1])

    found = without_effect(predict, spread_out(), ["T", "CuI", "ODE"], 0.9, seed=1)
    assert found is not None
    assert found.text.startswith("CuI has no effect")
    assert without_effect(predict, spread_out(), ["T", "CuI", "ODE"], 0.2, seed=1) is None


def test_a_flat_model_blames_no_condition() -> None:
    """Where nothing has an effect, no single condition is to blame."""
    flat = without_effect(lambda X: np.zeros(len(X)), spread_out(), ["T", "CuI", "ODE"], 0.9, 1)
    assert flat is None


@pytest.mark.parametrize(("slope", "word"), [(0.05, "rises"), (-0.05, "falls")])
def test_drift_is_told_with_its_direction(slope: float, word: str) -> None:
    """A lamp that ages by three standard deviations over the campaign is seen."""
    noise = np.random.default_rng(3).standard_normal(COUNT)
    found = drift(noise + slope * np.arange(COUNT))
    assert found is not None
    assert word in found.text


def test_noise_is_hardly_ever_a_drift() -> None:
    """Among 300 campaigns with normal or heavy-tailed noise hardly any is blamed."""
    rng = np.random.default_rng(4)
    told = [drift(rng.standard_t(3, size=40)) is not None for _ in range(300)]
    assert sum(told) <= 2
