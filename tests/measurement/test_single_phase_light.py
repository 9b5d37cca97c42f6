"""Light of a sample without a carrier: nothing but the reference shows that the source changed."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowrig.interfaces import Quality
from flowrig.interfaces.spectrometer import Frames
from flowrig.measurement.frame_checks import dimmed_flags, passing_flags
from flowrig.measurement.sample import Sample, Spectrum
from flowrig.profile.model import Channel
from flowrig.profile.model.channels import ABSORBANCE, EMISSION, Pick, SpectrumSettings

NM = np.linspace(300.0, 900.0, 601)
DARK = np.full(NM.size, 100.0)
LED = 20_000.0 * np.exp(-(((NM - 365.0) / 5.0) ** 2))
LAMP = np.full(NM.size, 20_000.0)
LEAST = 200.0
BASELINE = SpectrumSettings(baseline_nm=(700.0, 800.0))
THROUGH = Channel(name="abs", offer=ABSORBANCE, settings=BASELINE, device="a", pick="all")
ACROSS = Channel(name="pl", offer=EMISSION, settings=BASELINE, device="p", pick="all")


def sample(seen: np.ndarray, lamp: np.ndarray) -> Sample:
    counts = np.rint(DARK + np.tile(seen, (4, 1))).astype(np.uint16)
    frames = Frames(
        time_s=0.0,
        quality=Quality.GOOD,
        times_s=np.arange(4.0),
        counts=counts,
        integration_time_us=8_000,
        saturated=np.zeros(4, dtype=bool),
    )
    return Sample(frames=frames, wavelengths_nm=NM, dark=DARK, lamp=DARK + lamp)


def absorbance(height: float) -> np.ndarray:
    """An edge at 500 nm: nothing absorbs in the baseline window."""
    return height / (1.0 + np.exp((NM - 500.0) / 10.0))


def spectrum(height: float) -> Spectrum:
    return Spectrum(NM, absorbance(height), np.arange(4))


@given(height=st.floats(0.0, 2.0), left=st.floats(0.05, 2.5))
def test_light_that_passes_is_compared_with_the_reference(height: float, left: float) -> None:
    """Whatever the sample absorbs, a source outside of 65 to 125 % is a doubt, and no other is."""
    seen = left * LAMP * 10.0 ** -absorbance(height)
    flags = passing_flags(THROUGH, sample(seen, LAMP), LEAST)
    if 0.66 < left < 1.24:
        assert not flags
    elif left < 0.64 or left > 1.26:
        assert [flag.quality for flag in flags] == [Quality.DOUBTFUL]
        assert f"{left:.0%}"[:-2] in flags[0].reason


@given(height=st.floats(0.0, 1.0), left=st.floats(0.1, 3.0), glow=st.floats(0.0, 10_000.0))
def test_scattered_excitation_is_compared_with_the_absorbance(
    height: float, left: float, glow: float
) -> None:
    """Less light than the absorbance explains is a doubt; more is none, since particles scatter."""
    emitted = glow * np.exp(-(((NM - 516.0) / 10.0) ** 2))
    seen = left * (LED * 10.0 ** -absorbance(height) + emitted)
    flags = dimmed_flags(ACROSS, sample(seen, LED), [spectrum(height)], LEAST)
    if left > 0.67:
        assert not flags
    elif left < 0.63:
        assert [flag.quality for flag in flags] == [Quality.DOUBTFUL]


@pytest.mark.parametrize(
    ("lamp", "pick", "heights"),
    [
        (LED, Pick(frames=2, darkest_nm=(300.0, 400.0)), [0.0]),
        (0.005 * LED, "all", [0.0]),
        (LED, "all", []),
    ],
    ids=["carrier in the frames", "no light in the reference", "no absorbance"],
)
def test_nothing_is_said_where_nothing_is_known(
    lamp: np.ndarray, pick: Pick, heights: list[float]
) -> None:
    """Frames of a carrier tell more; without light or absorbance there is nothing to compare."""
    channel = Channel(name="pl", offer=EMISSION, settings=BASELINE, device="p", pick=pick)
    assert not dimmed_flags(channel, sample(0.1 * lamp, lamp), map(spectrum, heights), LEAST)
