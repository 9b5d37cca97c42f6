"""The quality checks that come with flowrig: the kit, and what they find in known samples."""

import math

import attrs
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowrig.interfaces import CheckedSample, CheckedSpectrum, Doubt, QualityCheck
from flowrig.plugins.registry import Plugins
from flowrig.testing import Level, QualityBench
from flowrig.testing.conformance.installed import score_offer
from flowrig_quality.drift import Drift, seasonal_trend
from flowrig_quality.outlier import SpectralOutlier, box_tail
from flowrig_quality.settings import DriftSettings, OutlierSettings

OUTLIER = QualityBench(SpectralOutlier, OutlierSettings())


@pytest.mark.parametrize("name", ["spectral-outlier", "drift"])
def test_it_is_gold(name: str) -> None:
    plugins = Plugins.discover()
    assert score_offer(plugins.offer("quality", name), plugins=plugins).level is Level.GOLD


def with_band(one: CheckedSample, height: float) -> CheckedSample:
    """A sample with a band that no other has."""
    spectrum = one.spectra["photoluminescence"]
    band = height * np.exp(-(((spectrum.axis - 700.0) / 20.0) ** 2))
    changed = CheckedSpectrum(spectrum.axis, spectrum.values + band)
    return attrs.evolve(one, spectra={"photoluminescence": changed})


def outlier(sample: CheckedSample, earlier: list[CheckedSample]) -> list[Doubt]:
    return OUTLIER.fresh().doubts(sample, earlier)  # type: ignore[return-value]


def test_a_new_band_is_doubted_and_a_brighter_sample_is_not() -> None:
    *earlier, last = OUTLIER.samples()
    (doubt,) = outlier(with_band(last, 0.2), earlier)
    assert "photoluminescence" in doubt.text
    assert doubt.p is not None
    assert doubt.p < 0.001
    spectrum = last.spectra["photoluminescence"]
    brighter = CheckedSpectrum(spectrum.axis, 5.0 * spectrum.values + 3.0)
    assert not outlier(attrs.evolve(last, spectra={"photoluminescence": brighter}), earlier)


def test_too_few_or_bad_spectra_judge_nothing() -> None:
    *earlier, last = OUTLIER.samples()
    strange = with_band(last, 5.0)
    assert not outlier(strange, earlier[:11])
    assert outlier(strange, earlier[:12])
    assert not outlier(strange, [attrs.evolve(one, quality="bad") for one in earlier])


def test_the_tail_of_residuals_is_that_of_chi_square() -> None:
    """Of 2000 residuals of the same distribution, about as many are beyond a level as it says."""
    rng = np.random.default_rng(1)
    known = 3.0 * rng.chisquare(5.0, 20_000)
    tails = np.array([box_tail(float(x), known) for x in 3.0 * rng.chisquare(5.0, 2000)])
    for level in (0.2, 0.05, 0.01):
        assert (tails < level).mean() == pytest.approx(level, rel=0.5)


def repeats(values: list[float], every: int = 2) -> list[CheckedSample]:
    """Samples at one condition with others between them."""
    return [
        CheckedSample(
            number=number,
            conditions={"a": 1.0} if number % every == 0 else {"a": 1.0 + number},
            features={"pla": value if number % every == 0 else 50.0 * number},
            measured_s=600.0 * number,
        )
        for number, value in ((every * n, v) for n, v in enumerate(values, 1))
    ]


def drift(samples: list[CheckedSample], **changed: object) -> list[Doubt]:
    check: QualityCheck = Drift(attrs.evolve(DriftSettings(), **changed))  # type: ignore[arg-type]
    return list(check.doubts(samples[-1], samples[:-1]))


def test_a_condition_that_fades_is_doubted() -> None:
    rng = np.random.default_rng(2)
    faded = [100.0 * 0.97**n * (1.0 + 0.01 * float(rng.standard_normal())) for n in range(8)]
    (doubt,) = drift(repeats(faded))
    assert "has fallen by" in doubt.text
    assert not drift(repeats(faded), least_change=0.5)
    assert not drift(repeats(faded), features=("a300",))
    assert not drift(repeats(faded)[:5])


@settings(deadline=None, max_examples=30)
@given(st.lists(st.floats(0.5, 2.0), min_size=6, max_size=12))
def test_the_trend_of_reversed_values_is_the_opposite(values: list[float]) -> None:
    """The test has no direction, and no scale."""
    up = seasonal_trend([[(float(n), math.log(v)) for n, v in enumerate(values)]])
    down = seasonal_trend([[(float(n), -math.log(v)) for n, v in enumerate(values)]])
    assert up.p == down.p
    assert up.slope_per_s == pytest.approx(-down.slope_per_s)
    assert 0.0 <= up.p <= 1.0
