"""Interlocks on what other devices report."""

import math
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from plates import stream

from flowrig.safety_rules import FrozenReading, ReadingLimit, Snapshot, Supervisor


def at(time_s: float, value: float, state: str = "running") -> Snapshot:
    """The rig with one reading and one stream."""
    return Snapshot(time_s, {}, {"CuI": stream(state)}, {"gauge.pressure": value})


def limit(breaks: str, value: float, **more: object) -> ReadingLimit:
    """An interlock on the pressure."""
    return ReadingLimit("gauge.pressure", breaks, value, "bar", **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("breaks", "inside", "outside", "said"),
    [
        ("above", 6.0, 6.01, "pressure is 6.01 bar, above 6 bar"),
        ("below", 6.0, 5.99, "pressure is 5.99 bar, below 6 bar"),
        ("above", -1e9, math.nan, "pressure has no value"),
        ("below", 1e9, math.nan, "pressure has no value"),
    ],
)
def test_a_limit_is_included(breaks: str, inside: float, outside: float, said: str) -> None:
    """What is just inside passes, what is just outside or unknown trips with the device's name."""
    rule = limit(breaks, 6.0, action="halt")
    assert not list(rule.check(at(0.0, inside)))
    (trip,) = rule.check(at(1.0, outside))
    assert (trip.device, trip.cause, trip.action) == ("gauge", said, "halt")


def test_a_rise_is_measured_over_some_time() -> None:
    """One step of noise is no rise; a slow rise that lasts is one."""
    noisy = limit("rises faster than", 1.0)
    values = [1.0, 1.2, 1.0, 1.2, 1.0]
    assert not [trip for n, one in enumerate(values) for trip in noisy.check(at(5.0 * n, one))]
    rising = limit("rises faster than", 1.0)
    trips = [
        (n, trip.cause) for n in range(12) for trip in rising.check(at(5.0 * n, 1.0 + 0.1 * n))
    ]
    assert trips[0] == (4, "pressure rises by 1.2 bar/min, more than 1 bar/min")
    steady = limit("rises faster than", 1.0)
    assert not [t for n in range(60) for t in steady.check(at(5.0 * n, 1.0 + 0.08 * n))]


def test_a_rule_holds_while_its_streams_flow() -> None:
    """A pressure without flow matters only to a rule without streams."""
    rule = limit("above", 6.0, streams=("CuI",))
    assert not list(rule.check(at(0.0, 9.0, "stopped")))
    assert list(rule.check(at(1.0, 9.0)))


def test_a_broken_rule_refuses_a_start() -> None:
    """A stream does not start into a line whose pressure is too high, and may stop in it."""
    rules = Supervisor([limit("above", 6.0, streams=("CuI",), action="hold")])
    standing = at(0.0, 9.0, "stopped")
    assert rules.refuse(standing, standing.with_flow(("CuI",), running=True))
    flowing = at(0.0, 9.0)
    assert not rules.refuse(flowing, flowing.with_flow(("CuI",), running=False))
    assert not rules.refuse(flowing, flowing)


def frozen(**more: object) -> FrozenReading:
    """A pressure that has to change within a minute of flow."""
    return FrozenReading("gauge.pressure", 60.0, streams=("CuI",), **more)  # type: ignore[arg-type]


def trips_of(rule: FrozenReading, looks: Iterable[Snapshot]) -> list[tuple[float, str]]:
    """Time and cause of each trip."""
    return [(look.time_s, trip.cause) for look in looks for trip in rule.check(look)]


def test_a_reading_that_stands_still_while_liquid_flows_is_frozen() -> None:
    """After the time with flow, with the device's name; afterwards a person may try again."""
    rule = frozen(action="hold")
    found = trips_of(rule, (at(5.0 * n, 1.2) for n in range(30)))
    assert found[0] == (60.0, "pressure has stood still for 60 s while liquid flows")
    assert [time_s for time_s, _ in found] == [60.0, 120.0]


def test_a_sound_reading_at_rest_may_stand_still() -> None:
    """Hours of 0.0 bar without flow do not count, and neither does the first minute after them."""
    rule = frozen()
    assert not trips_of(rule, (at(60.0 * n, 0.0, "stopped") for n in range(600)))
    assert not trips_of(rule, (at(36_000.0 + 5.0 * n, 0.0) for n in range(12)))


def test_pauses_do_not_hide_a_frozen_reading() -> None:
    """A reading that stays the same when the flow stops and starts again is frozen all the same."""
    looks = [at(5.0 * n, 1.2, "running" if n % 4 else "stopped") for n in range(40)]
    assert trips_of(frozen(), looks)


@pytest.mark.parametrize("value", [1.2, math.nan])
def test_a_long_gap_between_two_looks_is_no_sign_of_the_sensor(value: float) -> None:
    """A computer that slept for an hour has not seen the reading; one without a value is frozen."""
    rule = frozen()
    assert not trips_of(rule, [at(0.0, value), at(3600.0, value)])
    assert trips_of(rule, (at(3600.0 + 5.0 * n, value) for n in range(20)))


@given(st.lists(st.tuples(st.floats(0.1, 19.0), st.booleans()), min_size=1, max_size=60))
def test_a_reading_that_changes_by_a_digit_is_never_frozen(
    looks: list[tuple[float, bool]],
) -> None:
    """Whatever flows, and however often it is looked at."""
    rule, now_s = frozen(), 0.0
    for number, (gap_s, flows) in enumerate(looks):
        now_s += gap_s
        value = 1.2 + 0.1 * (number % 2)
        assert not list(rule.check(at(now_s, value, "running" if flows else "stopped")))


def test_a_frozen_sensor_refuses_no_start() -> None:
    """Only flow shows whether it works again."""
    rule = frozen(grace_s=100.0)
    assert not trips_of(rule, (at(5.0 * n, 1.2) for n in range(20)))
    standing = at(100.0, 1.2, "stopped")
    assert not list(rule.refuse(standing, standing.with_flow(("CuI",), running=True)))


def test_the_pressure_of_a_line_names_the_line() -> None:
    """Where each line has a gauge and an interlock of its own, the message tells the line."""
    names = [f"pressures.pressure_{line}" for line in range(1, 17)]
    rules = [ReadingLimit(name, "above", 6.0, "bar", action="hold") for name in names]
    for blocked in names:
        readings = {name: 6.2 if name == blocked else 2.0 for name in names}
        seen = Snapshot(0.0, {}, {"CuI": stream("running")}, readings)
        (trip,) = (trip for rule in rules for trip in rule.check(seen))
        quantity = blocked.partition(".")[2]
        assert str(trip) == (
            f"pressures: {quantity} is 6.2 bar, above 6 bar; look for a blocked or leaking line"
        )
