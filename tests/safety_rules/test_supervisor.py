"""All rules together: limits, streams, and the latch."""

import math

import pytest
from plates import heater, rules, snapshot, stream

from flowrig.safety_rules import OperatingLimits, Snapshot, StreamWatch, Supervisor, SyringeNotEmpty

LIMITS = OperatingLimits({"plate": (0.0, 185.0)}, {"a": (20.0, 100.0)})


def rig(set_point_c: float = 20.0, rate_ul_min: float = 50.0, **more: object) -> Snapshot:
    streams = {"a": stream("running", rate_ul_min=rate_ul_min)}
    return snapshot(0.0, heater(25.0, set_point_c, **more), streams)


@pytest.mark.parametrize("wanted_c", [-1.0, 186.0, math.nan, math.inf])
def test_a_set_point_outside_its_limits_is_refused(wanted_c: float) -> None:
    """Too low, too high, and what is no number."""
    refused = LIMITS.refuse(rig(), rig().with_set_points({"plate": wanted_c}))
    assert rules(list(refused)) == ["operating-limits"]


@pytest.mark.parametrize("rate_ul_min", [19.9, 100.1, math.nan])
def test_a_flow_rate_outside_its_limits_is_refused(rate_ul_min: float) -> None:
    """Too low, too high, and what is no number; the reason says the limits."""
    (trip,) = LIMITS.refuse(rig(), rig().with_rates({"a": rate_ul_min}))
    assert "20 to 100 µL/min" in str(trip)


def test_what_is_inside_its_limits_or_was_there_before_passes() -> None:
    """Limits are about what a command changes."""
    wanted = rig().with_set_points({"plate": 185.0}).with_rates({"a": 100.0 + 1e-12})
    assert not list(LIMITS.refuse(rig(), wanted))
    assert not list(LIMITS.refuse(rig(-5.0, 0.0), rig(-5.0, 0.0)))


def test_a_set_point_from_elsewhere_above_its_limit_trips() -> None:
    """Somebody turned it up at the controller; one that is off may show what it likes."""
    assert rules(list(LIMITS.check(rig(190.0)))) == ["operating-limits"]
    assert not list(LIMITS.check(rig(190.0, heating=False)))
    assert not list(LIMITS.check(rig(-5.0)))


def test_a_stream_that_was_started_has_to_run() -> None:
    """A stalled pump trips with its name; one that was never started does not."""
    for state, wanted, expected in (
        ("stalled", True, ["stream-stopped"]),
        ("stopped", True, ["stream-stopped"]),
        ("running", True, []),
        ("stopped", False, []),
    ):
        now = snapshot(streams={"a": stream(state, wanted=wanted)})
        assert rules(Supervisor([StreamWatch()]).check(now)) == expected


def test_a_trip_is_told_once_and_lets_nothing_pass_until_it_is_reset() -> None:
    """Even when its cause is gone; another rule's reset does not free it."""
    supervisor = Supervisor([StreamWatch(), LIMITS])
    sound, stalled = rig(), snapshot(streams={"a": stream("stalled", wanted=True)})
    assert supervisor.refuse(sound, sound) == []
    assert rules(supervisor.check(stalled)) == ["stream-stopped"]
    assert supervisor.check(stalled) == []
    assert supervisor.check(sound) == []
    supervisor.reset("operating-limits")
    assert rules(supervisor.refuse(sound, sound)) == ["stream-stopped"]
    assert rules(list(supervisor.latched)) == ["stream-stopped"]
    supervisor.reset("stream-stopped")
    assert supervisor.refuse(sound, sound) == []
    assert rules(supervisor.check(stalled)) == ["stream-stopped"]


def test_a_hold_is_not_latched() -> None:
    """A syringe that is empty waits for a refill, and for nothing else."""
    supervisor = Supervisor([SyringeNotEmpty(100.0, streams=("a",), action="hold")])
    assert supervisor.check(snapshot(streams={"a": stream("running", left_ul=10.0)}))
    assert supervisor.latched == ()
