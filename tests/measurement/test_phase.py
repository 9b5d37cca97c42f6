"""Slugs that pass light gates, and a window of a spectrometer."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowrig.measurement.reductions.phase import NAMES, PhaseAnalysis
from flowrig.measurement.reductions.settings import PhaseSettings
from flowrig_sim.views import PassingSlugs

NOBODY = (None, None)


def train(velocity: float, slug_mm: float, gap_mm: float, *, seed: int = 1, dark: bool = True):
    """Two gates 8 mm apart, and slugs whose lengths vary by a fifth."""
    rng = np.random.default_rng(seed)
    edges = np.cumsum(np.tile([slug_mm, gap_mm], 200) * rng.uniform(0.8, 1.2, 400))
    step_s = 0.1 * min(slug_mm, gap_mm) / velocity
    times_s = np.arange(600) * step_s
    head = velocity * times_s[:, None] - np.array([0.0, 8.0])
    inside = np.searchsorted(edges, -head + edges[-1] - 10.0) % 2 == 0
    levels = np.where(inside == dark, 1.0, 2.0) + 0.02 * rng.standard_normal(inside.shape)
    return levels, times_s


@settings(max_examples=12, deadline=None)
@given(
    st.floats(2.0, 100.0), st.floats(1.0, 5.0), st.floats(0.6, 4.0),
    st.booleans(), st.integers(0, 99),
)  # fmt: skip
def test_velocity_lengths_and_share_are_found(velocity, slug_mm, gap_mm, dark, seed) -> None:
    """Within the length of a frame, for slugs of any brightness."""
    levels, times_s = train(velocity, slug_mm, gap_mm, seed=seed, dark=dark)
    analysis = PhaseAnalysis(PhaseSettings(reactive="dark" if dark else "bright"))
    looked = analysis.reduce_series(levels, times_s, np.array([0.0, 8.0]), *NOBODY)
    found = looked.quantities
    assert found["velocity"] == pytest.approx(velocity, rel=0.05)
    assert found["slug_length"] == pytest.approx(slug_mm, rel=0.15)
    assert found["carrier_length"] == pytest.approx(gap_mm, rel=0.15)
    assert found["reactive_share"] == pytest.approx(slug_mm / (slug_mm + gap_mm), abs=0.05)
    assert found["frequency"] == pytest.approx(velocity / (slug_mm + gap_mm), rel=0.1)
    assert not looked.flags
    np.testing.assert_array_equal(looked.values, levels[:, 0])


def test_one_gate_has_no_velocity() -> None:
    """A window of a spectrometer is one gate."""
    levels, times_s = train(20.0, 2.0, 1.0)
    nm = np.linspace(300.0, 800.0, 50)
    frames = np.repeat(1000.0 * levels[:, :1], 50, axis=1)
    found = PhaseAnalysis(PhaseSettings(window_nm=(400.0, 500.0))).reduce_series(
        frames, times_s, nm, *NOBODY
    )
    assert found.quantities["reactive_share"] == pytest.approx(2 / 3, abs=0.05)
    assert math.isnan(found.quantities["velocity"])
    beyond = PhaseAnalysis(PhaseSettings(window_nm=(900.0, 950.0)))
    assert beyond.reduce_series(frames, times_s, nm, *NOBODY).flags


@pytest.mark.parametrize("noise", [0.0, 0.02, 0.5])
def test_one_phase_is_not_taken_for_two(noise: float) -> None:
    """Noise alone has no slugs, however large it is."""
    rng = np.random.default_rng(2)
    levels = 2.0 + noise * rng.standard_normal((400, 2))
    looked = PhaseAnalysis(PhaseSettings()).reduce_series(
        levels, np.arange(400.0), np.array([0.0, 8.0]), *NOBODY
    )
    assert set(looked.quantities) == set(NAMES)
    assert all(math.isnan(one) for one in looked.quantities.values())
    assert "cannot be told apart" in looked.flags[0]


def test_frames_that_are_too_slow_are_told() -> None:
    """A slug that is seen in one frame has no length."""
    levels, times_s = train(20.0, 2.0, 2.0)
    looked = PhaseAnalysis(PhaseSettings()).reduce_series(
        levels[::12], times_s[::12], np.array([0.0, 8.0]), *NOBODY
    )
    assert any("take frames faster" in one for one in looked.flags)


@given(st.floats(0.2, 0.8), st.integers(0, 999))
def test_emulated_slugs_keep_their_places(share: float, seed: int) -> None:
    """What passes one point passes the next one later, and slugs are their share of the volume."""
    slugs = PassingSlugs(0.762, 0.762, np.random.default_rng(seed))
    area_mm2 = math.pi / 4 * 0.762**2
    volumes_ul = 1000.0 + np.arange(400) * 0.25
    here = [slugs.reactive_at(one, share, 0.0) for one in volumes_ul]
    assert np.mean(here) == pytest.approx(share, abs=0.15)
    for one, seen in zip(volumes_ul[:50], here, strict=False):
        later = (volumes_ul[-1] - one) / area_mm2
        assert slugs.reactive_at(volumes_ul[-1], share, later + 1e-9) == seen or one in volumes_ul
    assert PassingSlugs(0.7, 0.7, np.random.default_rng(seed)).reactive_at(5.0, 1.0, 3.0) == 1.0
