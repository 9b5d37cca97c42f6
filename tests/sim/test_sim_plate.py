"""The heated plate: ramps, settling, room temperature and sensor noise."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from sim_bench import Bench

from flowrig_sim.plate import AMBIENT_C, COOLING_C_S, HEATING_C_S, Plate

STEP_S = 0.5


@given(set_points=st.lists(st.floats(0.0, 185.0), min_size=1, max_size=6))
def test_the_plate_ramps_within_its_limits_and_never_overshoots(set_points):
    """Heating and cooling keep their rates, and no temperature passes its set point."""
    plate = Plate(0.0, STEP_S)
    for number, set_point_c in enumerate(set_points):
        before_c = plate.temperature_c
        plate.control(set_point_c, number * 600.0)
        plate.advance((number + 1) * 1200)
        history_c = plate.history_c(number * 600.0, (number + 1) * 600.0)
        speed = np.diff(history_c) / STEP_S
        assert speed.max() <= HEATING_C_S + 1e-9
        assert speed.min() >= -COOLING_C_S - 1e-9
        low, high = sorted((before_c, max(set_point_c, AMBIENT_C)))
        assert history_c.min() >= low - 1e-6
        assert history_c.max() <= high + 1e-6


def test_the_plate_settles_within_the_time_of_its_ramp_and_a_minute():
    """From the room to 150 °C takes the ramp of 20 °C/min and about a minute more."""
    bench = Bench(noise=0.0)
    bench.plate.control(150.0)
    bench.wait(375.0)
    assert bench.plate.temperature_c < 149.0
    bench.wait(60.0)
    assert abs(bench.plate.temperature_c - 150.0) < 0.5


def test_the_plate_is_never_colder_than_the_room():
    """A set point below room temperature, which means off, ends at room temperature."""
    bench = Bench(noise=0.0)
    bench.heat(120.0)
    bench.plate.control(20.0)
    bench.wait(4 * 3600.0)
    assert abs(bench.plate.temperature_c - AMBIENT_C) < 0.1


def test_the_sensor_is_noisy_by_hundredths_of_a_degree():
    """Readings of a steady plate scatter by 0.02 to 0.05 °C."""
    bench = Bench()
    readings_c = []
    for _ in range(400):
        bench.wait(5.0)
        readings_c.append(bench.plate.temperature_c)
    assert 0.02 < np.std(readings_c) < 0.05
