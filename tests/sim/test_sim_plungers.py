"""Plungers of the fluidic world: volumes, end stops and the ripple of the flow."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sim_bench import Bench

from flowrig.errors import InputError, OutOfRangeError
from flowrig.interfaces.pump import Syringe
from flowrig_sim.flow.plunger import LEAD_MM, Plunger, Plungers

SYRINGE = Syringe(50_000.0, 28.6)
rates = st.floats(0.0, 500.0)
moves = st.lists(st.tuples(rates, st.floats(0.0, 600.0)), max_size=8)


@given(moves=moves, reads=st.lists(st.floats(0.0, 1.0), max_size=4))
def test_moved_volume_is_the_integral_of_the_commanded_rate(moves, reads):
    """The moved volume is rate times time, however often it is read in between."""
    plunger = Plunger(SYRINGE, 50_000.0, 0.01, 0.3, 0.0)
    time_s, expected_ul = 0.0, 0.0
    for rate_ul_min, duration_s in moves:
        plunger.push(rate_ul_min, time_s)
        for share in reads:
            plunger.moved_ul(time_s + share * duration_s)
        time_s += duration_s
        expected_ul += rate_ul_min * duration_s / 60.0
    assert plunger.moved_ul(time_s) == pytest.approx(expected_ul, rel=1e-12, abs=1e-9)
    assert plunger.moved_ul(time_s) + plunger.fill_ul(time_s) == pytest.approx(50_000.0)


@given(rate=st.floats(1.0, 500.0), ripple=st.floats(0.0, 0.1), phase=st.floats(0.0, 6.0))
def test_ripple_swings_the_flow_by_its_amplitude_once_a_turn(rate, ripple, phase):
    """The delivered flow stays within the ripple of the command and is exact after whole turns."""
    plunger = Plunger(SYRINGE, 50_000.0, ripple, phase, 0.0)
    plunger.push(rate, 0.0)
    turn_s = LEAD_MM * math.pi / 4 * 28.6**2 / rate * 60.0
    times_s = np.linspace(0.0, turn_s, 101)
    flow = np.diff(Plungers([plunger]).delivered_ul(times_s)[0]) / np.diff(times_s) * 60.0
    assert np.all(np.abs(flow / rate - 1.0) <= ripple + 1e-6)
    assert Plungers([plunger]).delivered_ul(times_s)[0][-1] == pytest.approx(
        plunger.moved_ul(turn_s), rel=1e-9
    )


@pytest.mark.parametrize("rate", [-math.inf, math.nan, math.inf])
def test_a_rate_that_is_not_finite_is_refused(rate):
    """A rate that is infinite or nan is refused, and nothing moves."""
    bench = Bench()
    with pytest.raises(OutOfRangeError, match="a finite rate"):
        bench.flow({"CuI": rate})
    bench.wait(10.0)
    assert bench.world.pump("pump_cui").moved_ul == 0.0


@given(moves=st.lists(st.tuples(st.floats(-500.0, 500.0), st.floats(0.0, 600.0)), max_size=8))
def test_withdrawing_fills_the_syringe_and_never_reverses_the_line(moves):
    """Withdrawn liquid is in the syringe, up to its capacity; nothing flows back out of the
    reactor, and the line continues where it stopped."""
    plunger = Plunger(SYRINGE, 49_000.0, 0.01, 0.3, 0.0)
    time_s, expected_ul, furthest_ul, delivered_ul = 0.0, 0.0, 0.0, 0.0
    for rate_ul_min, duration_s in moves:
        plunger.push(rate_ul_min, time_s)
        times_s = np.linspace(time_s, time_s + duration_s, 5)
        delivered = Plungers([plunger]).delivered_ul(times_s)[0]
        assert np.all(np.diff([delivered_ul, *delivered]) >= -1e-6)
        time_s, delivered_ul = time_s + duration_s, delivered[-1]
        expected_ul = min(max(expected_ul + rate_ul_min * duration_s / 60.0, -1_000.0), 49_000.0)
        furthest_ul = max(furthest_ul, expected_ul)
    assert plunger.moved_ul(time_s) == pytest.approx(expected_ul, abs=1e-6)
    assert plunger.fill_ul(time_s) == pytest.approx(49_000.0 - expected_ul)
    assert delivered_ul == pytest.approx(furthest_ul, abs=5.0)


def test_a_full_syringe_stalls_a_pump_that_withdraws():
    """At the other end stop the pump stalls, and pushing clears it."""
    bench = Bench(fill_ul={"CuI": 49_900.0})
    pump = bench.world.pump("pump_cui")
    pump.push(-100.0)
    bench.wait(59.0)
    assert not pump.stalled
    bench.wait(2.0)
    assert pump.stalled
    assert pump.fill_ul == pytest.approx(50_000.0)
    pump.push(1.0)
    assert not pump.stalled


def test_an_empty_syringe_stalls_its_pump_and_stops_its_flow():
    """At the end stop the pump stalls, all liquid is out, and stopping clears the stall."""
    bench = Bench(fill_ul={"CuI": 100.0})
    pump = bench.world.pump("pump_cui")
    bench.flow({"CuI": 100.0, "ODE": 200.0})
    bench.wait(59.0)
    assert not pump.stalled
    bench.wait(2.0)
    assert pump.stalled
    assert pump.fill_ul == 0.0
    assert pump.moved_ul == 100.0
    assert not bench.world.pump("pump_ode").stalled
    bench.flow({"CuI": 0.0})
    assert not pump.stalled


def test_syringes_are_full_by_default():
    """A resumed rig starts with the given liquid; streams without an entry have full syringes."""
    bench = Bench(fill_ul={"CuI": 1234.0})
    assert bench.world.pump("pump_cui").fill_ul == 1234.0
    assert bench.world.pump("pump_ode").fill_ul == 100_000.0
    assert bench.world.pump("pump_ode").inner_diameter_mm == 34.9


@pytest.mark.parametrize(
    ("fill_ul", "message"), [({"CuI": 60_000.0}, "cannot hold"), ({"KI": 1.0}, "no stream KI")]
)
def test_an_impossible_filling_is_refused(fill_ul, message):
    """A filling that no syringe can have is refused with the reason."""
    with pytest.raises(InputError, match=message):
        Bench(fill_ul=fill_ul)


@given(
    moves=st.lists(st.tuples(st.floats(-500.0, 500.0), st.floats(0.0, 3600.0)), max_size=6),
    loss=st.floats(0.0, 0.1),
)
def test_a_worn_seal_loses_a_share_that_grows_with_time(moves, loss):
    """What is lost of each command is its share half way through the command's new volume."""
    sound, worn = (
        Plunger(Syringe(math.inf, 28.6), 1e9, 0.0, 0.3, 0.0, loss_per_h=one) for one in (0.0, loss)
    )
    time_s, expected_ul = 0.0, 0.0
    for rate_ul_min, duration_s in moves:
        times_s = np.array([time_s, time_s + duration_s])
        for plunger in (sound, worn):
            plunger.push(rate_ul_min, time_s)
        before_ul, after_ul = Plungers([sound]).delivered_ul(times_s)[0]
        pushed_ul = after_ul - before_ul
        if pushed_ul > 0.0:
            middle_s = time_s + duration_s - pushed_ul / rate_ul_min * 30.0
            expected_ul += pushed_ul * loss * middle_s / 3600.0
        time_s += duration_s
        lost_ul = after_ul - Plungers([worn]).delivered_ul(times_s)[0, -1]
        assert lost_ul == pytest.approx(expected_ul, rel=1e-9, abs=1e-6)
        assert worn.moved_ul(time_s) == sound.moved_ul(time_s)
