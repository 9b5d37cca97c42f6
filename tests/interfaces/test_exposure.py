"""Automatic exposure on a detector with offset, noise and saturation."""

import threading

import numpy as np
import pytest
from attrs import define, field
from hypothesis import given, settings
from hypothesis import strategies as st

from flowrig.clock import VirtualClock
from flowrig.errors import NotReadyError, OutOfRangeError
from flowrig.interfaces import (
    DeviceSettings,
    ExposureVerdict,
    Identity,
    Spectrometer,
    SpectrometerLimits,
)

FULL = 65_535
LIMITS = SpectrometerLimits(6_000, 9_999_999, FULL)
NM = np.linspace(200.0, 800.0, 64)


@define
class Detector:
    """Counts `offset + brightness * shape * time`, with noise, up to saturation.

    Attributes:
        counts_ms: counts a millisecond in the brightest pixel.
        offset: counts without light.
        noise: standard deviation of every pixel [counts].
        plateau: counts at which a pixel saturates.
    """

    counts_ms: float
    offset: float = 0.0
    noise: float = 0.0
    plateau: float = FULL
    shape: np.ndarray = field(factory=lambda: np.exp(-(((NM - 500.0) / 80.0) ** 2)))
    draw: np.random.Generator = field(factory=lambda: np.random.default_rng(1))

    def peak_fraction(self, time_us):
        """What the brightest pixel shows without noise, as a fraction of saturation."""
        return (self.offset + self.counts_ms * self.shape.max() * time_us * 1e-3) / FULL

    def expose(self, time_us):
        light = self.offset + self.counts_ms * self.shape * time_us * 1e-3
        light = np.minimum(light, self.plateau)
        seen = light + self.noise * self.draw.standard_normal(NM.size)
        return np.clip(np.rint(seen), 0, FULL).astype(np.uint16)


class Bench(Spectrometer):
    """A driver whose instrument is a `Detector`."""

    def __init__(self, detector, time_us=8_000):
        super().__init__("bench", DeviceSettings(address=""), VirtualClock())
        self.detector = detector
        self.sent_us = []
        self._time_us = time_us

    def _do_open(self):
        pass

    def _do_close(self):
        pass

    def _do_identify(self):
        return Identity("bench", "detector")

    def _do_limits(self):
        return LIMITS

    def _do_wavelengths_nm(self):
        return NM

    def _do_integration_time_us(self):
        return self._time_us

    def _do_set_integration_time(self, integration_time_us):
        assert isinstance(integration_time_us, int)
        self.sent_us.append(integration_time_us)
        self._time_us = integration_time_us

    def _do_acquire_frame(self):
        return self.detector.expose(self._time_us)


def opened(*args, **options):
    bench = Bench(*args, **options)
    bench.open()
    return bench


detectors = st.builds(
    Detector,
    counts_ms=st.floats(-4.0, 6.0).map(lambda power: 10.0**power),
    offset=st.floats(0.0, 5_000.0),
    noise=st.floats(0.0, 30.0),
)


@settings(max_examples=3 * settings.default.max_examples, deadline=None)
@given(
    detector=detectors,
    begin_us=st.integers(LIMITS.integration_time_min_us, LIMITS.integration_time_max_us),
    target=st.floats(0.3, 0.9),
)
def test_the_brightest_pixel_comes_to_the_target(detector, begin_us, target):
    """Whatever the light, offset, noise and first guess: on target, or as near as the limits let
    it, and it says which; few frames do."""
    bench = opened(detector, begin_us)
    found = bench.auto_expose(target)
    slack = 6 * detector.noise / FULL
    low, high = 0.95 * target - slack, 1.05 * target + slack
    truth = detector.peak_fraction(found.integration_time_us)
    assert bench.integration_time_us() == found.integration_time_us
    assert found.frames_taken <= 10
    assert found.saturation_counts == FULL
    if found.verdict is ExposureVerdict.ON_TARGET:
        assert low <= truth <= high
        assert abs(found.peak_fraction - target) <= 0.05 * target
    elif found.verdict is ExposureVerdict.TOO_WEAK:
        assert found.integration_time_us == LIMITS.integration_time_max_us
        assert truth < target + slack
    else:
        assert found.verdict is ExposureVerdict.TOO_STRONG
        assert found.integration_time_us == LIMITS.integration_time_min_us
        assert truth > target - slack


@pytest.mark.parametrize(
    ("detector", "frames"),
    [(Detector(100.0), 4), (Detector(500.0, offset=1500.0), 5), (Detector(1e4, noise=10.0), 5)],
    ids=["dark", "with offset", "saturated"],
)
def test_few_frames_do(detector, frames):
    """A linear detector takes four frames, one with an offset five; two are checks."""
    found = opened(detector).auto_expose()
    assert found.verdict is not ExposureVerdict.UNSTEADY
    assert found.frames_taken <= frames


@settings(max_examples=3 * settings.default.max_examples, deadline=None)
@given(
    plateau=st.floats(0.3, 0.9),
    counts_ms=st.floats(-1.5, 3.5).map(lambda power: 10.0**power),
    offset=st.floats(0.0, 3_000.0),
    noise=st.floats(0.0, 30.0),
    begin_us=st.integers(LIMITS.integration_time_min_us, LIMITS.integration_time_max_us),
)
def test_a_plateau_below_the_top_is_found(plateau, counts_ms, offset, noise, begin_us):
    """A detector that saturates below the top of its converter is exposed to a fraction of what it
    really reaches; its saturation is told, or at least not exceeded."""
    detector = Detector(counts_ms, offset, noise, plateau * FULL)
    bench = opened(detector, begin_us)
    found = bench.auto_expose(0.8)
    assert found.frames_taken <= 12
    light = detector.peak_fraction(found.integration_time_us)
    slack = 6 * noise / FULL
    if found.verdict is ExposureVerdict.ON_TARGET:
        assert light <= plateau + slack, "the frame on target is saturated"
        if found.integration_time_us < 0.7 * LIMITS.integration_time_max_us:
            assert found.saturation_counts == pytest.approx(plateau * FULL, rel=0.01)
            assert light == pytest.approx(0.8 * plateau, rel=0.06, abs=slack)
    elif found.verdict is ExposureVerdict.TOO_WEAK:
        assert light < 0.8
    else:
        assert found.verdict is ExposureVerdict.TOO_STRONG
        assert found.integration_time_us == LIMITS.integration_time_min_us
        assert light > 0.75 * plateau


@pytest.mark.parametrize("plateau", [16_383, 40_000, 52_000, 52_428, 53_000, 55_000, 60_000])
@pytest.mark.parametrize("begin_us", [6_000, 70_000, 90_000, 2_000_000])
def test_a_plateau_around_the_target_is_found(plateau, begin_us):
    """Also where the plateau lies in the range that counts as on target, or the search begins on
    it."""
    detector = Detector(600.0, offset=900.0, noise=8.0, plateau=plateau)
    found = opened(detector, begin_us).auto_expose(0.8)
    assert found.verdict is ExposureVerdict.ON_TARGET
    assert found.saturation_counts == pytest.approx(plateau, rel=0.01)
    light = detector.peak_fraction(found.integration_time_us) * FULL
    assert light == pytest.approx(0.8 * plateau, rel=0.05)


def test_a_plateau_is_found_where_no_longer_time_is_allowed():
    """With the target at the longest allowed time, shorter frames show the plateau."""
    detector = Detector(600.0, offset=900.0, plateau=53_000)
    bench = opened(detector, 8_000)
    found = bench.auto_expose(0.8, longest_us=100_000)
    assert found.saturation_counts == pytest.approx(53_000, rel=0.01)
    assert max(bench.sent_us) <= 100_000


def test_a_detector_that_is_saturated_at_every_time_is_too_bright():
    """Counts that no integration time changes are no dark frame if they are many."""
    found = opened(Detector(1e6, plateau=40_000)).auto_expose(0.8)
    assert found.verdict is ExposureVerdict.TOO_STRONG
    assert found.saturation_counts == 40_000


def test_only_the_window_counts():
    """Pixels outside the wavelength window may saturate."""
    detector = Detector(100.0, shape=np.where(NM < 350.0, 1000.0, 1.0))
    found = opened(detector).auto_expose(window_nm=(400.0, 800.0))
    assert found.verdict is ExposureVerdict.ON_TARGET
    assert found.integration_time_us == pytest.approx(0.8 * FULL / 100.0 * 1e3, rel=0.05)


def test_the_bounds_of_the_caller_hold():
    """No time outside the caller's bounds is ever set."""
    bench = opened(Detector(20.0), 8_000)
    found = bench.auto_expose(shortest_us=10_000, longest_us=50_000)
    assert found.verdict is ExposureVerdict.TOO_WEAK
    assert found.integration_time_us == 50_000
    assert all(10_000 <= time_us <= 50_000 for time_us in bench.sent_us)


@settings(max_examples=100, deadline=None)
@given(seed=st.integers(0, 2**32), frames_max=st.integers(1, 12))
def test_flickering_light_ends_too(seed, frames_max):
    """In light that jumps about the search ends after the frames that it was given."""
    draw = np.random.default_rng(seed)
    detector = Detector(1.0)
    bench = opened(detector)
    expose = detector.expose
    taken = []

    def flickering(time_us):
        detector.counts_ms = 10.0 ** draw.uniform(-2.0, 5.0)
        taken.append(time_us)
        return expose(time_us)

    bench._do_acquire_frame = lambda: flickering(bench.integration_time_us())
    found = bench.auto_expose(frames_max=frames_max)
    assert len(taken) == found.frames_taken <= frames_max
    assert found.integration_time_us in taken
    assert bench.integration_time_us() == found.integration_time_us


@pytest.mark.parametrize(
    "wrong",
    [
        {"target_fraction": 0.0},
        {"target_fraction": 1.0},
        {"target_fraction": 0.98},
        {"target_fraction": float("nan")},
        {"tolerance": 0.0},
        {"shortest_us": 5_999},
        {"longest_us": 10_000_000},
        {"shortest_us": 20_000, "longest_us": 10_000},
        {"window_nm": (900.0, 1000.0)},
        {"frames_max": 0},
    ],
    ids=str,
)
def test_what_makes_no_sense_is_refused_before_a_frame(wrong):
    """A senseless request raises, and neither sets a time nor takes a frame."""
    bench = opened(Detector(1.0))
    bench._do_acquire_frame = lambda: pytest.fail("a frame was taken")
    with pytest.raises(OutOfRangeError):
        bench.auto_expose(**wrong)
    assert not bench.sent_us


def test_it_can_be_abandoned():
    """Another thread ends the search before its next frame."""
    bench = opened(Detector(1.0))
    expose = bench.detector.expose

    def abandoned(time_us):
        thread = threading.Thread(target=bench.abandon)
        thread.start()
        thread.join()
        return expose(time_us)

    bench.detector = Detector(1.0)
    bench._do_acquire_frame = lambda: abandoned(bench.integration_time_us())
    with pytest.raises(NotReadyError, match="abandoned"):
        bench.auto_expose()
    assert len(bench.sent_us) <= 1


def test_a_closed_device_is_not_ready():
    """Before open() there is nothing to expose."""
    with pytest.raises(NotReadyError):
        Bench(Detector(1.0)).auto_expose()


def test_the_mean_of_frames_is_over_all_of_them():
    """Averaging keeps the pixels and is exact."""
    bench = opened(Detector(100.0, noise=50.0))
    frames = bench.acquire(5)
    np.testing.assert_array_equal(frames.mean_counts(), frames.counts.astype(float).mean(axis=0))
