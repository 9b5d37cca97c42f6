"""Lifetimes from histograms of single photons."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowrig.measurement.reductions.decay import NAMES, DecayAnalysis
from flowrig.measurement.reductions.decay_fit import _scaled_erfc, _smeared, fit_decay
from flowrig.measurement.reductions.settings import DecaySettings

BIN_NS = 0.25
AXIS_NS = (np.arange(400) + 0.5) * BIN_NS
PULSE_NS, SD_NS = 2.0, 0.106


def expected(components: tuple[tuple[float, float], ...], photons: float, offset: float):
    """Counts after a Gaussian response, added up on a grid finer than the bins."""
    fine = 40
    edges = np.arange(AXIS_NS.size * fine + 1) * BIN_NS / fine - PULSE_NS
    total = sum(a * tau for a, tau in components)
    left = sum(a * tau * np.exp(-np.maximum(edges, 0.0) / tau) for a, tau in components) / total
    sd = SD_NS / BIN_NS * fine
    reach = math.ceil(6 * sd)
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sd) ** 2)
    seen = np.convolve(-np.diff(left), kernel / kernel.sum(), mode="same")
    return photons * seen.reshape(-1, fine).sum(axis=1) + offset


def reduced(counts, **keys):
    return DecayAnalysis(DecaySettings(**keys)).reduce(
        np.asarray(counts, float)[None], AXIS_NS, None, None
    )


@settings(max_examples=10, deadline=None)
@given(st.floats(0.5, 20.0), st.floats(0.0, 20.0), st.integers(0, 2**31))
def test_one_lifetime_is_found_within_its_uncertainty(tau_ns, offset, seed) -> None:
    """With the response of the instrument, and behind the peak without it."""
    counts = np.random.default_rng(seed).poisson(expected(((1.0, tau_ns),), 30_000, offset))
    for keys in ({"response_ns": 0.25}, {"fit_ns": (3.0, 100.0)}):
        found = reduced(counts, **keys).quantities
        assert found["lifetime"] == pytest.approx(tau_ns, abs=5.5 * found["lifetime_sd"])
        assert found["lifetime"] == pytest.approx(found["intensity_lifetime"])
        assert found["lifetime_sd"] < 0.15 * tau_ns
        assert math.isnan(found["fast"])


@pytest.mark.slow
def test_the_uncertainty_is_that_of_repeated_measurements() -> None:
    """The scatter of 25 fits agrees with the standard deviation that each tells."""
    rng = np.random.default_rng(5)
    true = expected(((0.7, 3.0), (0.3, 20.0)), 50_000, 3.0)
    keys = {"exponentials": 2, "response_ns": 0.25}
    found = [reduced(rng.poisson(true), **keys).quantities for _ in range(25)]
    for name in ("lifetime", "intensity_lifetime", "fast", "slow"):
        scatter = np.std([one[name] for one in found])
        assert 0.6 < scatter / np.mean([one[f"{name}_sd"] for one in found]) < 1.6, name
    assert np.mean([one["misfit"] for one in found]) == pytest.approx(1.0, abs=0.08)


def test_means_of_two_lifetimes_are_those_of_the_book() -> None:
    """Without noise: amplitudes, both means, and the curve are the true ones."""
    true = expected(((0.7, 3.0), (0.3, 20.0)), 1e7, 30.0)
    found = reduced(true, exponentials=2, response_ns=2.3548 * SD_NS).quantities
    assert found["fast"] == pytest.approx(3.0, rel=2e-3)
    assert found["slow"] == pytest.approx(20.0, rel=2e-3)
    assert found["fast_share"] == pytest.approx(0.7, rel=2e-3)
    assert found["lifetime"] == pytest.approx(0.7 * 3 + 0.3 * 20, rel=2e-3)
    assert found["intensity_lifetime"] == pytest.approx(
        (0.7 * 9 + 0.3 * 400) / (0.7 * 3 + 0.3 * 20), rel=2e-3
    )
    assert found["offset"] == pytest.approx(30.0, rel=0.1)


def test_a_sample_without_light_has_no_lifetime_and_says_why() -> None:
    """Few photons, none at all, and a flat background."""
    rng = np.random.default_rng(1)
    for level, said in ((0.0, "too few"), (2.0, "decays"), (20.0, "decays"), (2000.0, "decays")):
        for keys in ({}, {"exponentials": 2}, {"response_ns": 0.25}):
            looked = reduced(rng.poisson(np.full(AXIS_NS.size, level)), **keys)
            assert math.isnan(looked.quantities["lifetime"])
            assert set(looked.quantities) == set(NAMES)
            assert said in looked.flags[0] or "too few" in looked.flags[0]


def test_one_lifetime_that_does_not_fit_is_told() -> None:
    """Two lifetimes that are taken for one."""
    counts = np.random.default_rng(1).poisson(expected(((0.7, 3.0), (0.3, 20.0)), 50_000, 3.0))
    assert "do not fit the decay" in reduced(counts).flags[0]
    assert not reduced(counts, exponentials=2).flags


def test_odd_counts_give_numbers_or_nothing() -> None:
    """One full bin among empty ones, and a rise instead of a fall."""
    for counts in ([0] * 8 + [1000], list(range(0, 2000, 100))):
        check_fit(counts, 1, None)


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(0, 5000), min_size=8, max_size=40),
    st.sampled_from([1, 2]),
    st.sampled_from([None, 0.3]),
)
def test_any_counts_give_numbers_or_nothing(counts, exponentials, sd_ns) -> None:
    """No histogram, however odd, makes the search fail."""
    check_fit(counts, exponentials, sd_ns)


def check_fit(counts, exponentials, sd_ns) -> None:
    """A fit has lifetimes in rising order, and no number that is none."""
    axis = np.arange(len(counts)) + 0.5
    found = fit_decay(np.array(counts, float), axis, exponentials, 0.5, sd_ns)
    if found is not None:
        assert all(one > 0 for one in found.lifetimes_ns)
        assert math.isfinite(found.amplitude_mean_ns[0])
        assert list(found.lifetimes_ns) == sorted(found.lifetimes_ns)


@given(st.floats(0.0, 25.0))
def test_the_error_function_is_that_of_the_standard_library(x) -> None:
    """To seven digits, where that of the library is not 0 yet."""
    found = float(_scaled_erfc(np.array(x)))
    assert found == pytest.approx(math.exp(x * x) * math.erfc(x), rel=2e-7)


@given(st.floats(-50.0, 200.0), st.floats(0.01, 1000.0), st.floats(0.01, 5.0))
def test_a_smeared_decay_is_a_number_for_any_times(time_ns, tau_ns, sd_ns) -> None:
    """Between 0 and 1, without overflow."""
    assert 0.0 <= float(_smeared(np.array(time_ns), tau_ns, sd_ns)) <= 1.0 + 1e-6
