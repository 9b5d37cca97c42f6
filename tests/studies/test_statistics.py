"""Probabilities against published tables, and intervals against their promise."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowrig_studies.distributions import chi2_quantile, f_sf, student_quantile, student_two_sided
from flowrig_studies.residence import steady_after
from flowrig_studies.statistics import line, one_way, plateau_from, pooled_spread, spread


@pytest.mark.parametrize(
    ("found", "table"),
    [
        (student_quantile(0.975, 1), 12.7062),
        (student_quantile(0.975, 10), 2.22814),
        (student_quantile(0.95, 120), 1.65765),
        (chi2_quantile(0.025, 9), 2.70039),
        (chi2_quantile(0.975, 9), 19.02277),
        (chi2_quantile(0.95, 1), 3.84146),
        (f_sf(4.10282, 2, 10), 0.05),
        (f_sf(2.60490, 3, 1e9), 0.05),
    ],
)
def test_quantiles_are_those_of_the_tables(found: float, table: float) -> None:
    assert found == pytest.approx(table, rel=1e-4)


@given(t=st.floats(0.0, 50.0), df=st.integers(1, 500))
def test_t_squared_is_f(t: float, df: int) -> None:
    """The two-sided t test is the F test with one degree of freedom above."""
    assert student_two_sided(t, df) == pytest.approx(f_sf(t * t, 1, df), abs=1e-9)


@given(p=st.floats(0.51, 0.999), df=st.integers(1, 300))
def test_a_quantile_has_its_share_below(p: float, df: int) -> None:
    t = student_quantile(p, df)
    assert 1.0 - student_two_sided(t, df) / 2.0 == pytest.approx(p, abs=1e-9)


def test_intervals_of_the_scatter_keep_their_promise() -> None:
    """95 of 100 intervals hold the true relative standard deviation."""
    rng = np.random.default_rng(1)
    hits = [
        found.low <= 0.05 <= found.high
        for found in (spread(rng.normal(1.0, 0.05, 12)) for _ in range(200))
    ]
    assert 0.92 <= np.mean(hits) <= 0.98


@given(factor=st.floats(1e-3, 1e6), other=st.floats(1e-3, 1e6))
def test_a_scatter_has_no_unit(factor: float, other: float) -> None:
    """Conditions of any size count alike."""
    one, two = np.array([0.9, 1.0, 1.1]), np.array([1.95, 2.05])
    plain, scaled = pooled_spread([one, two]), pooled_spread([factor * one, other * two])
    assert scaled.rsd == pytest.approx(plain.rsd)
    assert scaled.df == plain.df == 3


def test_chance_is_found_as_often_as_promised() -> None:
    """Of lines through noise, and of levels that are alike, one in twenty is significant."""
    rng = np.random.default_rng(2)
    x = np.arange(10.0)
    slopes = [line(x, rng.normal(1.0, 0.1, 10)).p < 0.05 for _ in range(200)]
    levels = [one_way([rng.normal(1.0, 0.03, 3) for _ in range(4)]) < 0.05 for _ in range(200)]
    assert 0.02 <= np.mean(slopes) <= 0.08
    assert 0.02 <= np.mean(levels) <= 0.08


def test_a_line_without_enough_points_says_nothing() -> None:
    assert math.isnan(line([1.0, 2.0], [1.0, 2.0]).p)
    assert math.isnan(line([1.0, 1.0, 1.0], [1.0, 2.0, 3.0]).p)


def test_a_plateau_begins_where_levels_no_longer_differ() -> None:
    levels = np.repeat([1.0, 2.0, 3.0, 4.0, 5.0], 3)
    height = np.where(levels >= 3.0, 1.0, levels / 3.0)
    noise = np.tile([0.99, 1.0, 1.01], 5)
    assert plateau_from(levels, height * noise)[0] == 3.0
    assert plateau_from(levels, levels * noise)[0] is None
    assert plateau_from(levels, noise)[0] == 1.0


def test_without_repeats_a_plateau_needs_a_known_scatter() -> None:
    levels, height = [1.0, 2.0, 3.0], [0.5, 0.99, 1.0]
    assert plateau_from(levels, height) == (None, pytest.approx(math.nan, nan_ok=True))
    assert plateau_from(levels, height, 0.02)[0] == 2.0


def test_steady_is_what_stays_inside_the_scatter_of_the_end() -> None:
    times = np.arange(0.2, 3.01, 0.2)
    noise = 0.01 * np.cos(np.arange(len(times)) * 2.0)
    values = np.where(times < 1.1, 0.5, 1.0) + noise
    assert steady_after(times, values) == pytest.approx(1.2)
    assert steady_after(times, 1.0 + noise) == pytest.approx(0.2)
    assert math.isnan(steady_after(times[:2], values[:2]))
