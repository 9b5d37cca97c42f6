"""From raw frames to features."""

import math

import numpy as np
import pytest
from attrs import evolve
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from flowrig.errors import InputError
from flowrig.interfaces import Frames, Quality
from flowrig.measurement.features import extract_features
from flowrig.measurement.sample import Features, Sample
from flowrig.measurement.spectra import (
    absorbance,
    area,
    interpolate_at,
    photoluminescence,
    reactive_frames,
    window_slice,
)
from flowrig.profile.model import AbsorbanceAnalysis, Analysis, PhotoluminescenceAnalysis

Array = NDArray[np.float64]

ANALYSIS = Analysis(
    frames=200,
    frame_interval_s=0.4,
    dark_frames=10,
    reactive_frames=50,
    reactive_window_nm=(250.0, 350.0),
    absorbance=AbsorbanceAnalysis(
        spectrometer="hdx_absorbance", wavelength_nm=300.0, baseline_window_nm=(700.0, 800.0)
    ),
    photoluminescence=PhotoluminescenceAnalysis(
        spectrometer="hdx_pl",
        peak_nm=446.0,
        area_window_nm=(345.0, 700.0),
        baseline_window_nm=(800.0, 1000.0),
    ),
)
WAVELENGTHS_NM = np.linspace(200.0, 1050.0, 2068)
DARK = 1350.0
SATURATION = 65535


def gaussian(center_nm: float, fwhm_nm: float) -> Array:
    """A band of height 1, shape `p`."""
    return np.exp(-4 * math.log(2) * ((WAVELENGTHS_NM - center_nm) / fwhm_nm) ** 2)


def frames_of(counts: Array) -> Frames:
    """Frames as a 16-bit detector gives them."""
    clipped = np.clip(np.rint(counts), 0, SATURATION).astype(np.uint16)
    return Frames(
        time_s=80.0,
        counts=clipped,
        times_s=0.4 * np.arange(len(clipped)),
        integration_time_us=8000,
        saturated=clipped.max(axis=1) >= SATURATION,
    )


def plug_fractions(rng: np.random.Generator) -> Array:
    """How much of each frame is reactive phase: plugs, carrier and what lies between, `n x 1`."""
    kinds = rng.permutation(np.repeat([1.0, 0.0, np.nan], [80, 40, 80]))
    mixed = rng.uniform(0.05, 0.95, kinds.shape)
    return np.where(np.isnan(kinds), mixed, kinds)[:, None]


def absorbance_sample(a300: float, seed: int = 1) -> Sample:
    """Frames of plugs whose absorbance at 300 nm is known, over a scattering offset."""
    rng = np.random.default_rng(seed)
    lamp = 8000 * np.exp(-(((WAVELENGTHS_NM - 260) / 90) ** 2)) + 30000 * gaussian(650, 500)
    band = gaussian(286, 40) + 0.9 * gaussian(305, 30)
    true = a300 * band / np.interp(300.0, WAVELENGTHS_NM, band) + 0.05
    fraction = plug_fractions(rng)
    light = fraction * lamp * 10.0**-true + (1 - fraction) * lamp
    counts = DARK + light + rng.normal(0, 5.5, (200, light.shape[1]))
    return Sample(
        frames=frames_of(counts),
        wavelengths_nm=WAVELENGTHS_NM,
        dark=np.full_like(lamp, DARK),
        lamp=DARK + lamp,
    )


def pl_sample(pla: float, seed: int = 2, led_counts: float = 20000.0) -> Sample:
    """Frames of plugs whose emission area is known, beside scattered excitation light."""
    rng = np.random.default_rng(seed)
    fraction = plug_fractions(rng)
    band = gaussian(445, 80)
    emission = pla * band / area(band, WAVELENGTHS_NM, (345.0, 700.0))
    light = fraction * emission + (1 - 0.6 * fraction) * led_counts * gaussian(300, 13.5)
    counts = DARK - 30 + light + rng.normal(0, 5.5, light.shape)
    return Sample(
        frames=frames_of(counts),
        wavelengths_nm=WAVELENGTHS_NM,
        dark=np.full_like(band, DARK),
    )


def features_of(
    absorbed: Sample, emitted: Sample, analysis: Analysis = ANALYSIS, **how: float
) -> Features:
    """Features of the two spectrometers."""
    samples = {"hdx_absorbance": absorbed, "hdx_pl": emitted}
    return extract_features(analysis, samples, analysis.table_features, **how)


@pytest.mark.parametrize(("a300", "pla"), [(0.2, 30_000.0), (0.65, 120_000.0), (1.2, 450_000.0)])
def test_known_features_come_back(a300: float, pla: float) -> None:
    """Frames made from a known absorbance and PL area give them back within 1.5 %."""
    found = features_of(absorbance_sample(a300), pl_sample(pla))
    assert found.values["a300"] == pytest.approx(a300, rel=0.015)
    assert found.values["pla"] == pytest.approx(pla, rel=0.015)
    height = pla / area(gaussian(445, 80), WAVELENGTHS_NM, (345.0, 700.0))
    assert found.values["pli"] == pytest.approx(height, rel=0.015)
    assert found.quality is Quality.GOOD
    assert found.flags == ()


def test_only_plugs_are_averaged() -> None:
    """The reactive frames are frames without carrier, listed in the order of time."""
    sample = absorbance_sample(0.65)
    used = features_of(sample, pl_sample(1e5)).spectra["absorbance"].frames
    pure = np.flatnonzero(plug_fractions(np.random.default_rng(1)) == 1.0)
    assert len(used) == 50
    assert set(used) <= set(pure)
    assert list(used) == sorted(used)


@given(st.permutations(range(12)))
def test_order_of_frames_does_not_matter(order: list[int]) -> None:
    """Permuted frames select the same spectra."""
    wavelengths_nm = np.linspace(250.0, 350.0, 20)
    counts = (100 + 7 * np.arange(12)[:, None] + np.zeros((12, 20))).astype(np.uint16)
    straight = counts[reactive_frames(counts, wavelengths_nm, (250, 350), 5)]
    shuffled = counts[order]
    chosen = shuffled[reactive_frames(shuffled, wavelengths_nm, (250, 350), 5)]
    assert sorted(chosen[:, 0]) == sorted(straight[:, 0])


positive = st.floats(min_value=0.05, max_value=20.0)


@given(factor=positive, offset=st.floats(min_value=-500.0, max_value=5000.0))
def test_absorbance_needs_no_absolute_counts(factor: float, offset: float) -> None:
    """Absorbance stays as it is when all counts are scaled or shifted alike."""
    lamp = 5000 + 3000 * gaussian(600, 300)
    sample = lamp * 10.0 ** -(0.8 * gaussian(290, 60) + 0.03)
    plain = absorbance(sample, np.zeros_like(lamp), lamp, WAVELENGTHS_NM, (700, 800))
    moved = absorbance(
        factor * sample + offset,
        np.full_like(lamp, offset),
        factor * lamp + offset,
        WAVELENGTHS_NM,
        (700, 800),
    )
    np.testing.assert_allclose(moved, plain, atol=1e-9)


@given(factor=positive, offset=st.floats(min_value=-500.0, max_value=5000.0))
def test_emission_is_linear(factor: float, offset: float) -> None:
    """Emission scales with the light, whatever dark counts lie under it."""
    light = 9000 * gaussian(445, 80)
    plain = photoluminescence(light, np.zeros_like(light), WAVELENGTHS_NM, (800, 1000))
    dark = np.full_like(light, offset)
    moved = photoluminescence(factor * light + offset + 12.0, dark, WAVELENGTHS_NM, (800, 1000))
    np.testing.assert_allclose(moved, factor * plain, atol=1e-6)


@given(slope=st.floats(-5, 5), height=st.floats(-100, 100))
def test_area_of_a_straight_line_is_exact(slope: float, height: float) -> None:
    """The trapezoid rule integrates a straight line exactly between its first and last pixel."""
    window = WAVELENGTHS_NM[window_slice(WAVELENGTHS_NM, (345.0, 700.0))]
    width, middle = window[-1] - window[0], (window[-1] + window[0]) / 2
    found = area(height + slope * WAVELENGTHS_NM, WAVELENGTHS_NM, (345.0, 700.0))
    assert found == pytest.approx(width * (height + slope * middle), rel=1e-9, abs=1e-6)


def test_interpolation_is_linear_between_pixels() -> None:
    """A value between two pixels lies on the line between theirs."""
    grid = np.array([299.0, 301.0])
    assert interpolate_at(np.array([1.0, 2.0]), grid, 300.5) == pytest.approx(1.75)


def test_no_light_is_bad_not_silent() -> None:
    """Where no light came through, the absorbance is nan and the features say BAD."""
    sample = absorbance_sample(0.65)
    found = features_of(evolve(sample, dark=sample.dark + 30_000.0), pl_sample(1e5))
    assert math.isnan(found.values["a300"])
    assert math.isfinite(found.values["pla"])
    assert found.quality is Quality.BAD
    assert any("a300 has no finite value" in flag.reason for flag in found.flags)


def test_a_dim_lamp_is_doubtful() -> None:
    """A lamp that gives few counts where the absorbance is read makes the value doubtful."""
    sample = absorbance_sample(0.65)
    found = features_of(sample, pl_sample(1e5), lamp_counts_min=1e5)
    assert found.quality is Quality.DOUBTFUL
    assert any("counts at 300 nm" in flag.reason for flag in found.flags)


def test_saturation_counts_only_where_it_is_read() -> None:
    """A saturated emission is doubtful; saturated excitation light outside the windows is not."""
    bright = features_of(absorbance_sample(0.65), pl_sample(8e6))
    assert bright.quality is Quality.DOUBTFUL
    assert any("hdx_pl: 50 of 50 used frames are saturated" in f.reason for f in bright.flags)
    led = features_of(absorbance_sample(0.65), pl_sample(1e5, led_counts=250_000.0))
    assert led.quality is Quality.GOOD


def test_a_spectrum_that_stands_still_is_bad() -> None:
    """Two exposures never give the same counts in every pixel; one repeated is an old one."""
    sample = pl_sample(1e5)
    stale = evolve(sample.frames, counts=np.tile(sample.frames.counts[:1], (200, 1)))
    found = features_of(absorbance_sample(0.65), evolve(sample, frames=stale))
    assert found.quality is Quality.BAD
    assert any("hdx_pl: all 200 frames are one and the same" in f.reason for f in found.flags)


def test_doubtful_frames_make_doubtful_features() -> None:
    """Features are never better than the frames they came from."""
    sample = pl_sample(1e5)
    frames = evolve(sample.frames, quality=Quality.DOUBTFUL)
    found = features_of(absorbance_sample(0.65), evolve(sample, frames=frames))
    assert found.quality is Quality.DOUBTFUL


def test_impossible_requests_are_refused() -> None:
    """Too few frames, unseen windows and missing references are errors with a sentence."""
    sample, emission = absorbance_sample(0.65), pl_sample(1e5)
    with pytest.raises(InputError, match="expected at least 500 frames, got 200"):
        features_of(sample, emission, evolve(ANALYSIS, reactive_frames=500))
    with pytest.raises(InputError, match="no pixel lies between 1100 and 1200 nm"):
        window_slice(WAVELENGTHS_NM, (1100.0, 1200.0))
    with pytest.raises(InputError, match="150 nm is outside"):
        interpolate_at(WAVELENGTHS_NM, WAVELENGTHS_NM, 150.0)
    with pytest.raises(InputError, match="lamp reference"):
        features_of(evolve(sample, lamp=None), emission)
    with pytest.raises(InputError, match="expected 2068 pixels"):
        evolve(sample, dark=np.zeros(10))


def test_no_emission_is_a_value() -> None:
    """A sample that does not glow has an area near zero and no shape; only the shape is missing."""
    found = features_of(absorbance_sample(0.65), pl_sample(0.0))
    assert all(math.isnan(found.values[name]) for name in ("peak_nm", "peak_ev", "fwhm_nm"))
    assert [flag.reason for flag in found.flags] == ["hdx_pl: no emission peak in 345 to 700 nm"]
    assert np.isfinite([found.values[name] for name in ("a300", "pla")]).all()
    assert abs(found.values["pla"]) < 300.0
    assert found.quality is Quality.GOOD


def test_no_excitation_is_doubtful() -> None:
    """No emission with scattered light of the source is a result; without it, the source is out."""
    lit, out = pl_sample(0.0), pl_sample(0.0, led_counts=0.0)
    lamp = DARK + 20000.0 * gaussian(300, 13.5)
    good = features_of(absorbance_sample(0.65), evolve(lit, lamp=lamp))
    assert not any("excitation" in flag.reason for flag in good.flags)
    found = features_of(absorbance_sample(0.65), evolve(out, lamp=lamp))
    reason = "hdx_pl: no more light than in the dark: the excitation is out"
    assert reason in [flag.reason for flag in found.flags]
    assert found.quality is Quality.DOUBTFUL


def test_excitation_that_was_never_seen_is_doubtful() -> None:
    """A source that was out when the reference was taken is not taken for a dark sample."""
    out = pl_sample(0.0, led_counts=0.0)
    found = features_of(absorbance_sample(0.65), evolve(out, lamp=out.dark))
    reason = "hdx_pl: no more light than in the dark: the excitation is out, or nothing emits"
    assert reason in [flag.reason for flag in found.flags]
    assert found.quality is Quality.DOUBTFUL


def test_the_shape_of_the_emission_is_read() -> None:
    """Peak and width of a known band come back within a nanometre and two."""
    values = features_of(absorbance_sample(0.65), pl_sample(120_000.0)).values
    assert values["peak_nm"] == pytest.approx(445.0, abs=1.0)
    assert values["peak_ev"] == pytest.approx(1239.842 / values["peak_nm"], rel=1e-6)
    assert values["fwhm_nm"] == pytest.approx(80.0, abs=2.0)


def test_plugs_and_light_that_are_not_as_they_should_be_are_doubtful() -> None:
    """No plugs, less light than in the reference, and plugs of which frames caught only parts."""
    sound, emission = absorbance_sample(0.65), pl_sample(120_000.0)
    assert sound.lamp is not None
    counts, lamp = sound.frames.counts.astype(float), sound.lamp
    whole = counts[np.argsort(counts.sum(axis=1))[:60]]
    carrier = lamp + np.random.default_rng(3).normal(0.0, 5.5, (200, lamp.size))
    parts = np.linspace(0.2, 0.9, 60)[:, None]
    cases = {
        "plugs cannot be told": carrier,
        "of the reference's light": DARK + 0.3 * (counts - DARK),
        "caught only a part": np.vstack([carrier[60:], parts * carrier[:60] + (1 - parts) * whole]),
    }
    assert features_of(sound, emission).flags == ()
    for words, seen in cases.items():
        found = features_of(evolve(sound, frames=frames_of(seen)), emission)
        assert found.quality is Quality.DOUBTFUL
        assert any(words in flag.reason for flag in found.flags), words


@given(
    st.integers(2, 6),
    st.lists(st.floats(0.0, 1.0), min_size=18, max_size=18),
    st.floats(0.2, 1.5),
)
@example(2, [0.92, 0.88, 0.85, 0.81, *[0.4] * 10, *[0.0] * 4], 1.5)
@settings(max_examples=20)
def test_parts_of_plugs_do_not_lower_an_absorbance_without_a_flag(
    whole: int, mixed: list[float], a300: float
) -> None:
    """Of a short sample few frames show a whole plug, and frames of parts count with them."""
    sound = absorbance_sample(a300)
    assert sound.lamp is not None
    light, clear = sound.frames.counts.min(axis=0) - DARK, sound.lamp - DARK
    fraction = np.array([1.0] * whole + mixed + [0.0] * (6 - whole))[:, None]
    counts = DARK + fraction * light + (1 - fraction) * clear
    few = evolve(ANALYSIS, frames=24, reactive_frames=6)
    emission = pl_sample(1e5)
    found = features_of(evolve(sound, frames=frames_of(counts)), emission, few)
    plain = features_of(sound, emission)
    assert found.quality is not Quality.GOOD or found.values["a300"] > 0.8 * plain.values["a300"]


def test_light_is_not_looked_at_where_every_frame_counts() -> None:
    """A flow without carrier has no frame that could have the whole light."""
    sound = absorbance_sample(0.65)
    counts = sound.frames.counts.astype(float)
    plugs = evolve(sound, frames=frames_of(counts[np.argsort(counts.sum(axis=1))[:50]]))
    one_phase = features_of(plugs, pl_sample(120_000.0))
    assert not any("light" in flag.reason for flag in one_phase.flags)
