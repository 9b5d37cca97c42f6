"""Thresholds that a commissioning gives, and plates that live by them."""

import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st
from plates import FULL_POWER_C, SimulatedPlate, rules, watched

from flowrig.profile.supervision import Commissioning, thresholds_of
from flowrig.safety_rules import HeaterWatch, Supervisor, Thresholds

ASSUMED = Thresholds(above_c=195.0, heating_c_min=20.0, never_above_c=215.0)
MEASURED = Commissioning(
    gain=1.0,
    dead_time_s=2.0,
    time_constant_s=15.0,
    heating_c_min=20.0,
    overshoot_c=0.1,
    noise_c=0.02,
    still_s=5.0,
    set_point_c=120.0,
)
COMMISSIONED = thresholds_of(ASSUMED, MEASURED)


def supervisor(at: Thresholds) -> Supervisor:
    return Supervisor([HeaterWatch("plate", at)])


def test_a_commissioning_keeps_limits_and_tightens_the_rest() -> None:
    """A fast and quiet plate is watched more closely than one of which nothing is known."""
    assert (COMMISSIONED.above_c, COMMISSIONED.never_above_c) == (195.0, 215.0)
    assert COMMISSIONED.rise_s < ASSUMED.rise_s
    assert COMMISSIONED.runaway_c < ASSUMED.runaway_c
    assert COMMISSIONED.still_s == 50.0


def test_a_reading_without_noise_tells_nothing_by_standing_still() -> None:
    """No threshold is made of it, and the margin says how long a fault would last."""
    silent = thresholds_of(ASSUMED, evolve(MEASURED, noise_c=0.0))
    assert silent.still_s is None
    assert silent.detection_s < COMMISSIONED.detection_s


def test_a_slow_noisy_heater_is_given_time() -> None:
    """Thresholds follow dead time, time constant, noise and overshoot."""
    slow = thresholds_of(
        ASSUMED, evolve(MEASURED, dead_time_s=60.0, time_constant_s=900.0, overshoot_c=8.0)
    )
    assert slow.rise_s > 300.0
    assert slow.runaway_c >= 16.0
    assert slow.near_c >= 16.0
    assert slow.frozen_s >= 120.0


seeds = st.integers(0, 2**32 - 1)
set_points = st.lists(st.floats(60.0, 180.0), min_size=1, max_size=3)


@settings(max_examples=15, deadline=None)
@given(seed=seeds, wanted_c=set_points, look_s=st.sampled_from([1.0, 2.0, 5.0]))
def test_a_healthy_plate_never_trips(seed: int, wanted_c: list[float], look_s: float) -> None:
    """Heating, cooling, resting and going off, with the sensor's noise, are no faults."""
    for at in (ASSUMED, COMMISSIONED):
        plate, watch = SimulatedPlate(seed), supervisor(at)
        assert not list(watched(plate, watch, 60.0, look_s))
        for set_point_c in wanted_c:
            plate.set(set_point_c)
            assert not list(watched(plate, watch, 600.0, look_s))
        plate.off()
        assert not list(watched(plate, watch, 900.0, look_s))


@settings(max_examples=15, deadline=None)
@given(seed=seeds, at_c=st.floats(30.0, 179.9), set_point_c=st.just(180.0))
def test_a_sensor_that_freezes_while_heating_is_noticed_in_time(
    seed: int, at_c: float, set_point_c: float
) -> None:
    """Wherever it freezes, the plate stays within the margin; near its set point by its noise."""
    for at in (ASSUMED, COMMISSIONED):
        if at is ASSUMED and at_c > set_point_c - at.near_c - 1.0:
            continue  # nothing but a commissioning tells
        plate, watch = SimulatedPlate(seed), supervisor(at)
        plate.set(set_point_c)
        while plate.true_c < at_c and not watch.check(plate.look(1.0)):
            pass
        frozen_c = plate.reading_c()
        plate.read = lambda true_c, frozen_c=frozen_c: frozen_c
        trips = []
        while not trips and plate.now_s < 3000.0:
            trips = watch.check(plate.look(5.0))
        assert rules(trips)[0] in {"frozen-reading", "no-rise"}
        assert plate.highest_c <= set_point_c + at.margin_c


@pytest.mark.parametrize("at", [ASSUMED, COMMISSIONED])
@pytest.mark.parametrize(
    ("set_point_c", "off"), [(120.0, False), (170.0, False), (120.0, True), (60.0, True)]
)
def test_an_output_that_sticks_trips_before_the_plate_is_too_hot(
    at: Thresholds, set_point_c: float, off: bool
) -> None:
    """Whether the heater should hold or be off, a welded relay is noticed by what it does."""
    plate, watch = SimulatedPlate(1), supervisor(at)
    plate.set(set_point_c)
    assert not list(watched(plate, watch, 900.0))
    if off:
        plate.off()
        assert not list(watched(plate, watch, 60.0))
    plate.stuck_c = FULL_POWER_C
    (trip,) = watched(plate, watch, 60.0)
    assert trip.rule in {"runaway", "heats-unasked"}
    assert plate.highest_c < set_point_c + 25.0


@pytest.mark.parametrize("at", [ASSUMED, COMMISSIONED])
def test_a_heater_without_power_trips(at: Thresholds) -> None:
    """A cartridge that has burnt out, or a fuse that has blown, is noticed by what it does not."""
    plate, watch = SimulatedPlate(1, stuck_c=-273.15), supervisor(at)
    plate.set(150.0)
    (trip,) = watched(plate, watch, 150.0)
    assert trip.rule == "no-rise"


@pytest.mark.parametrize(("at", "part"), [(ASSUMED, 0.02), (COMMISSIONED, 0.1)])
def test_a_sensor_that_fell_out_of_its_well_trips(at: Thresholds, part: float) -> None:
    """It reads a part of what the plate rises by; the plate has not gone above its set point."""
    plate, watch = SimulatedPlate(1), supervisor(at)
    plate.read = lambda true_c: 25.0 + part * (true_c - 25.0)
    plate.set(150.0)
    trips = []
    while not trips:
        trips = watch.check(plate.look(5.0))
    assert rules(trips) == ["no-rise"]
    assert plate.highest_c < 150.0
