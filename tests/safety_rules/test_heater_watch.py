"""A heater and its sensor: every fault trips, and trips once."""

import math

import pytest
from plates import heater, rules, snapshot

from flowrig.safety_rules import HeaterState, HeaterWatch, Supervisor, Thresholds

AT = Thresholds(above_c=195.0)
HOT = {"heating": True}


def tripped(looks: list[tuple[float, HeaterState]], at: Thresholds = AT) -> list[str]:
    """What a series of looks trips, in order."""
    supervisor = Supervisor([HeaterWatch("plate", at)])
    return [
        rule for time_s, state in looks for rule in rules(supervisor.check(snapshot(time_s, state)))
    ]


@pytest.mark.parametrize(
    ("state", "rule"),
    [
        (heater(25.0, sound=False), "sensor-open"),
        (heater(math.nan), "sensor-open"),
        (heater(math.inf), "sensor-open"),
        (heater(25.0, sound=False, faults=("alarm 1 warns",)), "heater-fault"),
        (heater(-60.0), "sensor-out-of-range"),
        (heater(196.0, 180.0), "over-temperature"),
    ],
)
def test_a_reading_that_cannot_be_trusted_trips_at_once(state: HeaterState, rule: str) -> None:
    """Open and shorted sensors, faults of the controller and too much heat end a run."""
    assert tripped([(0.0, state), (5.0, state)]) == [rule]


def test_a_message_names_device_cause_and_remedy() -> None:
    """One line tells a person where to look and what to do."""
    (trip,) = Supervisor([HeaterWatch("plate", AT)]).check(snapshot(0.0, heater(196.0)))
    assert str(trip) == (
        "plate: 196 °C is above the limit of 195 °C; look at the heater and its sensor, and keep "
        "the power off meanwhile"
    )


def test_a_reading_that_jumps_is_no_temperature() -> None:
    """A shorted sensor falls, a loose one jumps; what heating explains is no jump."""
    assert tripped([(0.0, heater(150.0, 150.0)), (5.0, heater(25.0, 150.0))]) == ["sensor-jump"]
    assert tripped([(0.0, heater(100.0, 150.0)), (60.0, heater(150.0, 150.0))]) == []


def test_a_heater_above_its_set_point_runs_away() -> None:
    """It trips by how far it is above, not by how hot it is."""
    looks = [(5.0 * i, heater(150.0 + i, 150.0, **HOT)) for i in range(12)]
    assert tripped(looks) == ["runaway"]
    assert tripped(looks[:10]) == []


@pytest.mark.parametrize("heating", [None, True, False])
def test_a_heater_that_rises_while_it_should_cool_is_stuck(heating: bool | None) -> None:
    """It may be far above its new set point as long as it does not rise again."""
    set_point_c = 150.0 if heating is False else 20.0
    falling = [(5.0 * i, heater(140.0 - i, set_point_c, heating=heating)) for i in range(20)]
    rising = [(100.0 + 5.0 * i, heater(121.0 + i, set_point_c, heating=heating)) for i in range(12)]
    assert tripped(falling) == []
    assert tripped([*falling, *rising]) == ["heats-unasked"]


def test_a_lower_set_point_is_no_runaway() -> None:
    """The lowest reading counts anew from the moment at which it is told to cool."""
    up = [(5.0 * i, heater(100.0 + 10.0 * i, 180.0, **HOT)) for i in range(9)]
    down = [(45.0 + 5.0 * i, heater(180.0 - i, 120.0, **HOT)) for i in range(9)]
    assert tripped([*up, *down]) == []


def test_a_heater_that_does_not_rise_trips_after_its_time() -> None:
    """Too little progress trips, enough of it does not, and near the set point none is asked."""
    stuck = [(5.0 * i, heater(30.0 + 0.05 * (i % 2), 150.0, **HOT)) for i in range(40)]
    slow = [(5.0 * i, heater(30.0 + 0.2 * i, 150.0, **HOT)) for i in range(400)]
    close = [(5.0 * i, heater(143.0 + 0.05 * (i % 2), 150.0, **HOT)) for i in range(200)]
    assert tripped(stuck[:25]) == []
    assert tripped(stuck) == ["no-rise"]
    assert tripped(slow) == []
    assert tripped(close) == []


def test_a_heater_that_nobody_told_to_heat_need_not_rise() -> None:
    """A set point from before the run says nothing about what the controller does."""
    assert tripped([(5.0 * i, heater(25.0 + 0.01 * (i % 2), 150.0)) for i in range(200)]) == []


def test_a_heater_that_does_not_cool_trips_after_its_time() -> None:
    """A hot plate has to fall; one at room temperature has not."""
    hot = [(10.0 * i, heater(150.0 + 0.05 * (i % 2), 20.0)) for i in range(70)]
    assert tripped(hot[:60]) == []
    assert tripped(hot) == ["no-fall"]
    assert tripped([(10.0 * i, heater(30.0, 20.0)) for i in range(400)]) == []


def test_a_reading_that_stands_still_while_it_heats_is_frozen() -> None:
    """Only from the moment on at which it has reason to move, and only if it does not at all."""
    cold = [(5.0 * i, heater(25.0, 20.0, **HOT)) for i in range(100)]
    frozen = [(500.0 + 5.0 * i, heater(25.0, 150.0, **HOT)) for i in range(9)]
    assert tripped([*cold, *frozen[:7]]) == []
    assert tripped([*cold, *frozen]) == ["frozen-reading"]


def test_a_reading_that_stands_still_at_its_set_point_is_frozen_if_it_never_did_before() -> None:
    """Only a commissioning tells that a reading has noise; a heater that is off may stand still."""
    still = [(5.0 * i, heater(150.0, 150.0, **HOT)) for i in range(30)]
    noisy = Thresholds(above_c=195.0, still_s=60.0)
    assert tripped(still) == []
    assert tripped(still, noisy) == ["frozen-reading"]
    assert tripped([(5.0 * i, heater(25.0, 20.0)) for i in range(30)], noisy) == []


def test_a_long_gap_between_two_looks_at_a_set_point_is_no_sign_of_a_frozen_sensor() -> None:
    """A reading may be the same twice by chance; while it heats from afar, it may not."""
    noisy = Thresholds(above_c=195.0, still_s=60.0)
    alike = [(70.0 * i, heater(150.0, 150.0, **HOT)) for i in range(3)]
    assert tripped(alike, noisy) == []
    assert tripped([(70.0 * i, heater(150.0, 150.0, **HOT)) for i in range(8)], noisy) == [
        "frozen-reading"
    ]
    afar = [(0.0, heater(25.0, 20.0, **HOT)), (5.0, heater(25.0, 150.0, **HOT))]
    assert tripped([*afar, (75.0, heater(25.0, 150.0, **HOT))], noisy) == ["frozen-reading"]


def test_a_set_point_that_leaves_no_time_is_refused() -> None:
    """Detection time times heating rate plus overshoot must fit below what must not be reached."""
    at = Thresholds(above_c=195.0, heating_c_min=20.0, never_above_c=200.0)
    assert at.margin_c == pytest.approx(125.0 / 3.0 + 3.0)
    rule, cold = HeaterWatch("plate", at), snapshot(0.0, heater(25.0))
    assert not list(rule.refuse(cold, cold.with_set_points({"plate": 155.0})))
    (trip,) = rule.refuse(cold, cold.with_set_points({"plate": 156.0}))
    assert trip.rule == "heating-margin"
    unknown = HeaterWatch("plate", AT)
    assert not list(unknown.refuse(cold, cold.with_set_points({"plate": 1000.0})))
    kept = cold.with_set_points({"plate": 156.0})
    assert not list(rule.refuse(kept, kept))
