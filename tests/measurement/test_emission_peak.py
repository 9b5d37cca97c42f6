"""Peak and width of an emission band."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowrig.measurement.emission_peak import find_peak, photon_energy_ev

WAVELENGTHS_NM = np.linspace(345.0, 700.0, 864)


def band(center_nm: float, fwhm_nm: float, height: float = 1.0) -> np.ndarray:
    """A Gaussian band."""
    return height * np.exp(-4 * math.log(2) * ((WAVELENGTHS_NM - center_nm) / fwhm_nm) ** 2)


@given(st.floats(400, 640), st.floats(12, 90), st.floats(1e-3, 1e6))
def test_a_band_is_found_as_it_is(center_nm: float, fwhm_nm: float, height: float) -> None:
    """Place, height and width of a band are right between the pixels, at any scale."""
    peak = find_peak(band(center_nm, fwhm_nm, height), WAVELENGTHS_NM)
    assert peak is not None
    assert peak.wavelength_nm == pytest.approx(center_nm, abs=0.02)
    assert peak.height == pytest.approx(height, rel=0.003)
    if WAVELENGTHS_NM[0] < center_nm - fwhm_nm and center_nm + fwhm_nm < WAVELENGTHS_NM[-1]:
        assert peak.fwhm_nm == pytest.approx(fwhm_nm, rel=0.02)


def test_noise_moves_a_broad_band_little() -> None:
    """With noise of 2 % the peak of a band of 80 nm is right to a nanometre, its width to four."""
    rng = np.random.default_rng(1)
    for _ in range(20):
        noise = 0.02 * rng.standard_normal(WAVELENGTHS_NM.size)
        peak = find_peak(band(446.0, 80.0) + noise, WAVELENGTHS_NM)
        assert peak is not None
        assert abs(peak.wavelength_nm - 446.0) < 1.0
        assert abs(peak.fwhm_nm - 80.0) < 4.0


@pytest.mark.parametrize(
    "values",
    [
        np.zeros(864),
        np.linspace(1.0, 2.0, 864),
        -band(446.0, 80.0),
        np.random.default_rng(2).standard_normal(864),
        np.full(864, np.nan),
    ],
    ids=["nothing", "slope", "dip", "noise", "nan"],
)
def test_no_band_is_no_peak(values: np.ndarray) -> None:
    """A flank, noise or nothing at all has no peak."""
    assert find_peak(values, WAVELENGTHS_NM) is None


def test_a_band_that_leaves_the_window_has_no_width() -> None:
    """Where one flank is cut off above half height the peak stays and the width does not."""
    peak = find_peak(band(360.0, 80.0), WAVELENGTHS_NM)
    assert peak is not None
    assert peak.wavelength_nm == pytest.approx(360.0, abs=0.5)
    assert math.isnan(peak.fwhm_nm)


def test_a_photon_of_516_nm_has_2_4_ev() -> None:
    """Wavelength and energy are those of one photon."""
    assert photon_energy_ev(516.6008) == pytest.approx(2.4, abs=1e-4)
