"""Interlocks on what other devices report."""

import math

import pytest
from plates import stream

from flowrig.safety_rules import ReadingLimit, Snapshot, Supervisor


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
