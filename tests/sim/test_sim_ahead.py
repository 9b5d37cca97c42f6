"""Exposures that are computed before their time: the same counts, whatever happens meanwhile."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sim_bench import CENTRE, Bench

from flowrig.interfaces.detecting import _wakes_s
from flowrig_sim.flow.slugs import SlugTrain
from flowrig_sim.optics.detector import PIXELS, UV_COEFFICIENTS, Detector

HAPPENINGS = {
    "nothing": lambda bench: None,
    "flow": lambda bench: bench.flow({"CuI": 120.0}),
    "standstill": lambda bench: bench.flow(dict.fromkeys(bench.profile.streams, 0.0)),
    "heat": lambda bench: bench.plate.control(171.0),
    "dark": lambda bench: bench.pl.light(False),
    "light": lambda bench: bench.pl.light(True),
    "bubble": lambda bench: bench.absorbance.faults["bubble"].switch(True),
    "no bubble": lambda bench: bench.absorbance.faults["bubble"].switch(False),
    "no slugs": lambda bench: bench.pl.faults["no-slugs"].switch(True),
    "late": lambda bench: bench.wait(0.07),
    "look": lambda bench: bench.plate.temperature_c,
    "one more": lambda bench: bench.absorbance.expose(8000),
}

SAMPLES = st.lists(
    st.tuples(
        st.integers(1, 30),
        st.sampled_from([0.0, 0.1, 0.4]),
        st.sampled_from([6000, 8000]),
        st.dictionaries(st.integers(0, 29), st.sampled_from(sorted(HAPPENINGS)), max_size=3),
    ),
    min_size=1,
    max_size=4,
)


def running(seed: int) -> Bench:
    """The reference rig, with slugs in its cells."""
    bench = Bench(seed)
    bench.start(CENTRE)
    bench.wait(250.0)
    return bench


def frames(bench: Bench, samples: object, *, planned: bool) -> list[np.ndarray]:
    """Frames of both spectrometers, and temperatures, while things happen."""
    seen = []
    for count, interval_s, exposure_us, happenings in samples:
        start_s, period_s = bench.now_s, max(interval_s, exposure_us * 1e-6)
        bench.clock.plan(_wakes_s(start_s, period_s, count) if planned else ())
        for index in range(count):
            seen += [bench.absorbance.expose(exposure_us), bench.pl.expose(exposure_us)]
            HAPPENINGS[happenings.get(index, "nothing")](bench)
            bench.clock.sleep_until(start_s + (index + 1) * period_s)
        bench.clock.plan(())
        seen.append(np.array([bench.plate.temperature_c]))
    return seen


def assert_same(samples: object, seed: int) -> None:
    """Frames one by one are those that were computed ahead."""
    one_by_one = frames(running(seed), samples, planned=False)
    at_once = frames(running(seed), samples, planned=True)
    for one, other in zip(one_by_one, at_once, strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_command_in_the_middle_of_a_sample_acts_from_its_moment_on():
    """The frames before it stay as they are."""
    assert_same([(12, 0.4, 8000, {3: "look", 5: "flow"}), (4, 0.0, 6000, {1: "dark"})], seed=1)


def test_a_command_just_before_the_last_frame_acts_on_it():
    """What was seen ahead of that frame is forgotten, though its time is the same."""
    assert_same([(6, 0.6, 8000, {4: "standstill"})], seed=1)


@pytest.mark.slow
@settings(max_examples=25)
@given(samples=SAMPLES, seed=st.integers(1, 3))
def test_frames_that_were_computed_ahead_are_those_of_their_time(samples, seed):
    """Commands, lights, faults and lateness in the middle of a sample act from their moment on."""
    assert_same(samples, seed)


def test_a_sample_is_computed_in_one_call(monkeypatch: pytest.MonkeyPatch):
    """Both detectors look ahead once for 200 frames, and the liquid is computed once for both."""
    bench = running(1)
    calls = []
    read, foresee = Detector.read_into, type(bench.world._fluid)._foresee
    monkeypatch.setattr(
        Detector,
        "read_into",
        lambda one, counts, light: calls.append(1) or read(one, counts, light),
    )
    monkeypatch.setattr(
        type(bench.world._fluid), "_foresee", lambda *a: calls.append("liquid") or foresee(*a)
    )
    frames(bench, [(200, 0.4, 8000, {})], planned=True)
    assert calls.count("liquid") == 1
    assert calls.count(1) <= 2 * 13


@settings(max_examples=8)
@given(
    parts=st.lists(st.integers(1, 20), min_size=1, max_size=3), noise=st.sampled_from([0.0, 1.0])
)
def test_a_detector_draws_the_same_noise_in_any_grouping(parts, noise):
    """Frames one by one and many at once; after a rewind they come again."""
    light = np.linspace(0.0, 70_000.0, PIXELS, dtype=np.float32)
    single = Detector(UV_COEFFICIENTS, np.random.default_rng(7), noise)
    grouped = Detector(UV_COEFFICIENTS, np.random.default_rng(7), noise)
    for count in parts:
        expected = np.stack([single.read(light) for _ in range(count)])
        found = np.empty((count, PIXELS), np.uint16)
        mark = grouped.mark()
        grouped.read_into(found, np.broadcast_to(light, found.shape))
        np.testing.assert_array_equal(found, expected)
        grouped.rewind(mark, count - 1)
        np.testing.assert_array_equal(grouped.read(light), expected[-1])


def test_a_train_of_slugs_stands_where_it_stood_after_a_rewind():
    """Later exposures see the same fractions."""
    trains = [SlugTrain(0.762, 1.016, np.random.default_rng(3)) for _ in range(2)]
    mark, places = trains[0].mark(), []
    for index in range(9):
        trains[0].reactive_fraction(5.0 * index, 0.6, 750.0, 0.008)
        places.append(trains[0].place)
    for index in range(4):
        trains[1].reactive_fraction(5.0 * index, 0.6, 750.0, 0.008)
    trains[0].rewind(mark, 4, places[3])
    seen = [one.reactive_fraction(21.0, 0.6, 750.0, 0.008) for one in trains]
    assert seen[0] == seen[1]
