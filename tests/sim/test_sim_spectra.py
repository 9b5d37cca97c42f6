"""Raw frames of the fluidic world: processed as published, they give the truth; phases, noise."""

import numpy as np
import pytest
from sim_bench import CENTRE, EXPOSURE_US, STANDSTILL, Bench

from flowrig.interfaces import Quality

CONDITIONS = [
    CENTRE,
    {"temperature": 180.0, "CuI": 120.0, "ZnI2": 120.0, "CsOA": 20.0, "ODE": 220.0},
    {"temperature": 125.0, "CuI": 85.0, "ZnI2": 90.0, "CsOA": 75.0, "ODE": 275.0},
    {"temperature": 165.0, "CuI": 115.0, "ZnI2": 85.0, "CsOA": 40.0, "ODE": 230.0},
]


@pytest.mark.parametrize("chemistry", ["chem1", "chem2", "chem3"])
def test_processed_frames_give_the_truth(chemistry):
    """Without drift, absorbance and PL area from raw frames agree with the truth within 1.1 %."""
    bench = Bench(chemistry=chemistry, noise=0.0, flow_ripple=0.0)
    references = bench.references()
    for conditions in CONDITIONS:
        bench.wait(2.5 * bench.start(conditions))
        measured = bench.measure(references)
        absorbance, area = bench.world.truth(conditions)
        assert measured.quality is Quality.GOOD
        assert measured.values["a300"] == pytest.approx(absorbance, rel=0.011)
        assert measured.values["pla"] == pytest.approx(area, rel=0.011)


def test_noisy_frames_scatter_around_the_truth():
    """With all noise the mean over several samples is within 5 % of the truth."""
    bench = Bench(3)
    references = bench.references()
    conditions = CONDITIONS[1]
    bench.wait(2.5 * bench.start(conditions))
    values = []
    for _ in range(8):
        measured = bench.measure(references).values
        values.append([measured["a300"], measured["pla"]])
        bench.wait(300.0)
    assert np.mean(values, axis=0) == pytest.approx(bench.world.truth(conditions), rel=0.05)


def test_carrier_alone_is_the_lamp_reference():
    """With only carrier in the cells the absorbance spectrometer sees the bare lamp."""
    bench = Bench(noise=0.0)
    lamp = bench.absorbance.expose(EXPOSURE_US)
    bench.wait(2.0 * bench.start(CENTRE))
    assert min(bench.absorbance.expose(EXPOSURE_US).sum() for _ in range(5)) < lamp.sum()
    bench.flow(STANDSTILL | {"PFO": 500.0})
    bench.wait(240.0)
    assert np.array_equal(bench.absorbance.expose(EXPOSURE_US), lamp)


def test_frames_of_a_standing_rig_show_one_phase():
    """When nothing flows, the phase in front of the detector stays."""
    bench = Bench(noise=0.0)
    bench.wait(3.0 * bench.start(CENTRE))
    bench.flow(STANDSTILL)
    bench.wait(5.0)
    first = bench.absorbance.expose(EXPOSURE_US)
    bench.wait(60.0)
    assert np.array_equal(bench.absorbance.expose(EXPOSURE_US), first)


def test_slugs_and_carrier_alternate():
    """Of 200 frames of 8 ms, about two in five see slugs alone and a few see carrier alone."""
    bench = Bench(noise=0.0, flow_ripple=0.0)
    bench.wait(3.0 * bench.start(CENTRE))
    seen = []
    for _ in range(200):
        seen.append(int(bench.absorbance.expose(EXPOSURE_US)[:300].sum()))
        bench.wait(0.4)
    darkest, brightest = min(seen), max(seen)
    assert 60 <= sum(s - darkest < 0.002 * darkest for s in seen) <= 100
    assert 1 <= sum(brightest - s < 0.002 * brightest for s in seen) <= 30


def test_darkness_is_a_pedestal_with_read_noise():
    """With the light shut both detectors read about 1357 counts with a noise of 5.5 counts."""
    bench = Bench()
    for body in (bench.absorbance, bench.pl):
        body.light(False)
        frames = np.array([body.expose(EXPOSURE_US) for _ in range(50)], dtype=float)[:, 2:]
        assert frames.mean() == pytest.approx(1357.0, abs=1.0)
        assert frames.std(axis=0).mean() == pytest.approx(5.5, rel=0.1)


def test_long_exposures_saturate_and_frames_stay_16_bit():
    """Counts grow with the exposure up to full scale."""
    bench = Bench()
    short, long = bench.absorbance.expose(6_000), bench.absorbance.expose(100_000)
    assert short.shape == (2068,)
    assert short.dtype == long.dtype == np.uint16
    assert short.max() < 65_535
    assert long.max() == 65_535


def test_emission_scales_with_exposure():
    """Twice the exposure gives twice the counts above dark."""
    bench = Bench(noise=0.0)
    single, double = bench.pl.expose(8_000), bench.pl.expose(16_000)
    bench.pl.light(False)
    dark = bench.pl.expose(8_000).astype(float)
    assert (double - dark).sum() == pytest.approx(2 * (single - dark).sum(), rel=1e-3)


def test_wavelengths_cover_what_the_published_processing_needs():
    """Absorbance reaches from below 250 to 800 nm, emission from below 250 beyond 1000 nm."""
    bench = Bench()
    for body, longest_nm in ((bench.absorbance, 800.0), (bench.pl, 1000.0)):
        wavelengths_nm = np.polynomial.polynomial.polyval(
            np.arange(2068), body.wavelength_coefficients
        )
        assert np.all(np.diff(wavelengths_nm) > 0)
        assert wavelengths_nm[0] < 250.0
        assert wavelengths_nm[-1] > longest_nm


def test_a_lamp_that_fades_loses_light_in_both_cells():
    """Counts above dark fall by the same share in every hour."""
    bench = Bench(noise=0.0, lamp_fade_per_h=0.02)
    for body in (bench.absorbance, bench.pl):
        body.light(False)
        dark = body.expose(1_000).astype(float)
        body.light(True)
        first = (body.expose(1_000) - dark).sum()
        bench.wait(3600.0)
        assert (body.expose(1_000) - dark).sum() / first == pytest.approx(0.98, abs=2e-3)
