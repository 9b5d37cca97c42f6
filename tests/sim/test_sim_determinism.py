"""Determinism: the same commands give the same rig, whatever is read in between and by whom."""

import threading

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from sim_bench import CENTRE, EXPOSURE_US, Bench

SCRIPT = (
    (0.0, {"CuI": 100.0, "ZnI2": 90.0, "CsOA": 40.0, "ODE": 250.0, "PFO": 240.0}),
    (97.3, {"CsOA": 80.0, "PFO": 260.0}),
    (210.4, {"CuI": 0.0, "ZnI2": 0.0, "CsOA": 0.0, "ODE": 0.0, "PFO": 0.0}),
    (260.1, {"CuI": 120.0, "ZnI2": 110.0, "CsOA": 25.0, "ODE": 230.0, "PFO": 242.5}),
)
END_S = 400.0


def read_everything(bench):
    """Read every body; reading must not change anything."""
    for stream in bench.profile.streams.values():
        pump = bench.world.pump(stream.pump)
        _ = pump.fill_ul, pump.moved_ul, pump.stalled
    _ = bench.plate.temperature_c
    bench.world.truth(CENTRE)


def outcome(seed, reads_s):
    """Frames, temperature and volume at the end of a scripted run with reads at some times [s]."""
    bench = Bench(seed)
    bench.plate.control(160.0)
    commands = dict(SCRIPT)
    for time_s in sorted({*commands, *reads_s, END_S}):
        bench.clock.sleep_until(time_s)
        bench.flow(commands.get(time_s, {}))
        if time_s in reads_s:
            read_everything(bench)
    frames = []
    for _ in range(3):
        frames += [bench.absorbance.expose(EXPOSURE_US), bench.pl.expose(EXPOSURE_US)]
        bench.wait(0.4)
    return np.array(frames), bench.plate.temperature_c, bench.world.pump("pump_cui").moved_ul


@settings(max_examples=15, deadline=None)
@given(reads_s=st.lists(st.floats(0.0, END_S), max_size=12))
def test_reading_changes_nothing(reads_s):
    """Extra reads at any time leave all later counts, temperatures and volumes as they were."""
    expected, read = outcome(5, []), outcome(5, reads_s)
    assert np.array_equal(read[0], expected[0])
    assert read[1:] == expected[1:]


def test_reading_on_a_dense_grid_changes_nothing():
    """Reads every 0.1 s, also exactly on the world's own time grid, change nothing."""
    expected, read = outcome(6, []), outcome(6, [k / 10 for k in range(int(10 * END_S))])
    assert np.array_equal(read[0], expected[0])
    assert read[1:] == expected[1:]


@given(seed=st.integers(0, 2**31))
@settings(max_examples=5, deadline=None)
def test_a_seed_replays_and_another_does_not(seed):
    """The same seed gives the same frames, another seed gives others."""
    first, again, other = (outcome(s, [])[0] for s in (seed, seed, seed + 1))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_the_order_of_calls_at_one_moment_does_not_matter():
    """Commands and exposures at one moment give the same results in any order."""
    results = []
    for frame_first in (True, False):
        bench = Bench(7)
        bench.start(CENTRE)
        bench.wait(200.0)
        if frame_first:
            frame = bench.absorbance.expose(EXPOSURE_US)
        bench.pl.expose(EXPOSURE_US)
        bench.flow({"CuI": 0.0, "PFO": 400.0})
        bench.plate.control(120.0)
        if not frame_first:
            frame = bench.absorbance.expose(EXPOSURE_US)
        temperature_c = bench.plate.temperature_c
        bench.wait(100.0)
        results.append((frame, temperature_c, bench.pl.expose(EXPOSURE_US)))
    assert np.array_equal(results[0][0], results[1][0])
    assert results[0][1] == results[1][1]
    assert np.array_equal(results[0][2], results[1][2])


def test_threads_can_read_at_once():
    """Several threads that read at one moment get the same frames as a single thread."""
    bench, alone = Bench(8), Bench(8)
    for rig in (bench, alone):
        rig.start(CENTRE)
        rig.wait(300.0)
    frames = {}

    def expose(name, body):
        frames[name] = [body.expose(EXPOSURE_US) for _ in range(30)]

    threads = [
        threading.Thread(target=expose, args=("absorbance", bench.absorbance)),
        threading.Thread(target=expose, args=("pl", bench.pl)),
        threading.Thread(target=read_everything, args=(bench,)),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for name, body in (("absorbance", alone.absorbance), ("pl", alone.pl)):
        assert np.array_equal(frames[name], [body.expose(EXPOSURE_US) for _ in range(30)])
