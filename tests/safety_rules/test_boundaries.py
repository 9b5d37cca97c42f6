"""Where a rule begins: what is just inside passes, what is just outside does not."""

import pytest
from attrs import evolve
from plates import heater, rules, snapshot, stream
from test_heater_watch import AT, HOT, tripped
from test_thresholds import ASSUMED, MEASURED

from flowrig.profile.supervision import thresholds_of
from flowrig.safety_rules import (
    FlowNeedsSteadyTemperature,
    HeaterWatch,
    HeatNeedsFlow,
    OperatingLimits,
    Supervisor,
    SyringeNotEmpty,
    Thresholds,
)


@pytest.mark.parametrize(("reads_c", "expected"), [(160.0, []), (160.1, ["runaway"])])
def test_runaway_begins_above_its_distance(reads_c: float, expected: list[str]) -> None:
    """Ten degrees above are allowed by default, no more; the message says how many it is."""
    looks = [(0.0, heater(150.0, 150.0, **HOT)), (5.0, heater(reads_c, 150.0, **HOT))]
    assert tripped(looks) == expected
    watch = Supervisor([HeaterWatch("plate", AT)])
    watch.check(snapshot(*looks[0]))
    (trip,) = watch.check(snapshot(5.0, heater(162.0, 150.0, **HOT)))
    assert "is 12 °C above its set point" in trip.cause


@pytest.mark.parametrize(("reads_c", "expected"), [(-50.0, []), (-50.1, ["sensor-out-of-range"])])
def test_the_lowest_reading_is_one(reads_c: float, expected: list[str]) -> None:
    """Below it there is none; the highest is one too."""
    assert tripped([(0.0, heater(reads_c))]) == expected
    assert tripped([(0.0, heater(195.0, 190.0))]) == []


def test_near_the_set_point_begins_at_its_distance() -> None:
    """Exactly there neither progress is asked for nor a reading that moves."""
    at_edge = [(5.0 * i, heater(142.0, 150.0, **HOT)) for i in range(60)]
    assert tripped(at_edge) == []
    farther = [(5.0 * i, heater(141.9, 150.0, **HOT)) for i in range(8)]
    assert tripped(farther) == ["frozen-reading"]


def test_a_reading_is_timed_from_the_moment_at_which_it_has_reason_to_move() -> None:
    """A set point that moves away begins the time anew, even from the very edge."""
    at_edge = [(5.0 * i, heater(142.0, 150.0, **HOT)) for i in range(20)]
    moved = [(100.0 + 5.0 * i, heater(142.0, 151.0, **HOT)) for i in range(8)]
    assert tripped([*at_edge, *moved[:7]]) == []
    assert tripped([*at_edge, *moved]) == ["frozen-reading"]


def test_progress_is_timed_to_its_last_second() -> None:
    """Two degrees in exactly the time are enough, and so is exactly the time without them."""
    enough = [(0.0, heater(30.0, 150.0, **HOT)), (120.0, heater(32.0, 150.0, **HOT))]
    late = [(0.0, heater(30.0, 150.0, **HOT)), (121.0, heater(31.9, 150.0, **HOT))]
    assert tripped([*enough, (240.0, heater(33.9, 150.0, **HOT))]) == []
    assert tripped(late) == ["no-rise"]


def test_the_highest_set_point_is_refused_itself() -> None:
    """The margin has to be less than what is left, not as much."""
    at = Thresholds(above_c=195.0, never_above_c=200.0)
    rule, cold = HeaterWatch("plate", at), snapshot(0.0, heater(25.0))
    highest_c = 200.0 - at.margin_c
    assert at.highest_set_point_c() == highest_c
    assert list(rule.refuse(cold, cold.with_set_points({"plate": highest_c})))
    assert not list(rule.refuse(cold, cold.with_set_points({"plate": highest_c - 0.1})))


def test_limits_themselves_are_allowed() -> None:
    """Lowest and highest set point and flow rate are values that may be asked for."""
    limits = OperatingLimits({"plate": (0.0, 185.0)}, {"a": (20.0, 100.0)})
    now = snapshot(0.0, heater(25.0, 50.0), {"a": stream(rate_ul_min=50.0)})
    for set_point_c, rate_ul_min in ((0.0, 20.0), (185.0, 100.0)):
        wanted = now.with_set_points({"plate": set_point_c}).with_rates({"a": rate_ul_min})
        assert not list(limits.refuse(now, wanted))
        assert not list(limits.check(wanted))


def test_interlocks_begin_beyond_their_numbers() -> None:
    """A tolerance, a limit and a remainder are still fine, unless they are what has to be left."""
    steady = FlowNeedsSteadyTemperature("plate", 5.0, 60.0, streams=("a",))
    running = {"a": stream("running")}
    assert not list(steady.check(snapshot(0.0, heater(145.0, 150.0), running)))
    assert not list(steady.check(snapshot(0.0, heater(60.0, 150.0), running)))
    hot = HeatNeedsFlow("plate", 60.0, streams=("a",))
    assert not list(hot.check(snapshot(0.0, heater(60.0, 60.0), {"a": stream()})))


@pytest.mark.parametrize(("left_ul", "says"), [(50.0, "holds 0.05 mL"), (-9.0, "holds 0.00 mL")])
def test_a_syringe_says_what_is_left(left_ul: float, says: str) -> None:
    """In millilitres, and never less than nothing."""
    now = snapshot(streams={"a": stream("running", left_ul=left_ul)})
    (trip,) = Supervisor([SyringeNotEmpty(100.0, streams=("a",))]).check(now)
    assert says in trip.cause
    assert "0.1 mL have to stay" in trip.cause
    assert rules([trip]) == ["syringe-not-empty"]


@pytest.mark.parametrize(
    ("more", "runaway_c", "overshoot_c"),
    [
        ({}, 5.0, 0.12),
        ({"overshoot_c": 4.0}, 8.12, 4.0),
        ({"dead_time_s": 60.0}, 20.0, 0.12),
        ({"noise_c": 1.0}, 6.2, 6.0),
    ],
)
def test_thresholds_are_what_a_model_says(
    more: dict[str, float], runaway_c: float, overshoot_c: float
) -> None:
    """Runaway by overshoot, noise, or what the heater still gives in its dead time."""
    at = thresholds_of(ASSUMED, evolve(MEASURED, **more))
    assert at.runaway_c == pytest.approx(runaway_c)
    assert at.overshoot_c == pytest.approx(overshoot_c)


def test_the_times_of_a_model() -> None:
    """Progress in three times dead time plus rise; the slower of ramp and exponential counts."""
    quick = thresholds_of(ASSUMED, MEASURED)
    assert quick.rise_s == pytest.approx(3.0 * (2.0 + 2.0 / (20.0 / 60.0)))
    slow = thresholds_of(ASSUMED, evolve(MEASURED, time_constant_s=80.0))
    assert slow.rise_s == pytest.approx(3.0 * (2.0 + 2.0 / (8.0 / 80.0)))
    assert thresholds_of(ASSUMED, evolve(MEASURED, still_s=1.0)).still_s == 30.0
    assert quick.detection_s == 5.0 + 50.0


@pytest.mark.parametrize(("reads_c", "expected"), [(155.0, []), (155.1, ["sensor-jump"])])
def test_a_jump_is_more_than_what_heating_explains(reads_c: float, expected: list[str]) -> None:
    """A step of 25 °C, and half a degree for every second since the last look."""
    looks = [(1000.0, heater(100.0, 180.0)), (1060.0, heater(reads_c, 180.0))]
    watch = Supervisor([HeaterWatch("plate", AT)])
    watch.check(snapshot(*looks[0]))
    trips = watch.check(snapshot(*looks[1]))
    assert rules(trips) == expected
    assert all("to 155.1 °C within 60 s" in trip.cause for trip in trips)
