"""Interlocks hold whichever side a change comes from, and no command may break them."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from plates import heater, rules, snapshot, stream

from flowrig.safety_rules import (
    FlowNeedsSteadyTemperature,
    HeatNeedsFlow,
    Snapshot,
    SyringeNotEmpty,
)

RUNNING, STOPPED = stream("running"), stream()


def heat_needs_flow(grace_s: float = 0.0) -> HeatNeedsFlow:
    return HeatNeedsFlow("plate", 60.0, streams=("a", "b"), grace_s=grace_s)


def steady(or_below_c: float | None = None, grace_s: float = 0.0) -> FlowNeedsSteadyTemperature:
    return FlowNeedsSteadyTemperature("plate", 5.0, or_below_c, streams=("a",), grace_s=grace_s)


def rig(
    temperature_c: float, set_point_c: float, a: str = "stopped", time_s: float = 0.0
) -> Snapshot:
    return snapshot(time_s, heater(temperature_c, set_point_c), {"a": stream(a), "b": STOPPED})


@pytest.mark.parametrize(
    ("now", "broken"),
    [
        (rig(25.0, 20.0), False),
        (rig(25.0, 150.0), True),
        (rig(80.0, 20.0), True),
        (rig(math.nan, 20.0), True),
        (rig(150.0, 150.0, "running"), False),
        (rig(150.0, 150.0, "delayed"), True),
    ],
)
def test_heat_needs_flow_by_what_is_hot_or_told_to_get_hot(now: Snapshot, broken: bool) -> None:
    """Both a hot heater and a high set point need a stream; what cannot be read counts as hot."""
    assert [t.rule for t in heat_needs_flow().check(now)] == ["heat-needs-flow"] * broken


def test_a_heater_that_is_off_may_cool_below_the_limit_without_flow() -> None:
    """The set point that a controller keeps while it is off asks for no flow."""
    off = heater(50.0, 150.0, heating=False)
    assert not list(heat_needs_flow().check(snapshot(0.0, off, {"a": STOPPED, "b": STOPPED})))


def test_a_grace_time_begins_anew_when_the_rule_holds_again() -> None:
    """It trips only after an unbroken time, whichever side broke it."""
    rule = heat_needs_flow(grace_s=30.0)
    for time_s, state in (
        (0.0, "stopped"),
        (20.0, "running"),
        (40.0, "stopped"),
        (69.0, "stopped"),
    ):
        assert not list(rule.check(rig(150.0, 150.0, state, time_s)))
    assert list(rule.check(rig(150.0, 150.0, "stopped", 70.0)))


def test_heating_without_flow_is_refused_whatever_the_grace_time() -> None:
    """The command to heat is refused; to cool down or to start the stream is not."""
    for rule in (heat_needs_flow(), heat_needs_flow(grace_s=60.0)):
        cold, hot = rig(25.0, 20.0), rig(150.0, 150.0)
        assert list(rule.refuse(cold, cold.with_set_points({"plate": 150.0})))
        assert not list(rule.refuse(hot, hot.with_flow(("a",), running=True)))
        assert not list(rule.refuse(hot, hot.with_set_points({"plate": 100.0})))


def test_the_last_stream_of_a_hot_heater_is_stopped_only_within_a_grace_time() -> None:
    """Without one, the command that stops the last stream is refused; the first of two is not."""
    hot = rig(150.0, 150.0, "running")
    stopped = hot.with_flow(("a",), running=False)
    assert list(heat_needs_flow().refuse(hot, stopped))
    assert not list(heat_needs_flow(grace_s=60.0).refuse(hot, stopped))
    both = hot.with_flow(("b",), running=True)
    assert not list(heat_needs_flow().refuse(both, both.with_flow(("a",), running=False)))


@pytest.mark.parametrize(
    ("now", "broken"),
    [
        (rig(150.0, 150.0, "running"), False),
        (rig(144.0, 150.0, "running"), True),
        (rig(156.0, 150.0, "running"), True),
        (rig(math.nan, 150.0, "running"), True),
        (rig(25.0, 150.0), False),
    ],
)
def test_flow_needs_a_steady_temperature(now: Snapshot, broken: bool) -> None:
    """Too cold, too hot and unreadable are all not steady; without flow nothing is asked."""
    assert bool(list(steady().check(now))) is broken


def test_below_its_limit_a_stream_may_flow_at_any_set_point() -> None:
    """Carrier flows through a cold reactor, and does no more as it gets warm."""
    assert not list(steady(or_below_c=60.0).check(rig(25.0, 150.0, "running")))
    assert list(steady(or_below_c=60.0).check(rig(61.0, 150.0, "running")))


def test_a_stream_is_not_started_nor_a_set_point_moved_while_it_would_break_the_rule() -> None:
    """Starting too early and changing the set point under flow are both refused."""
    rule = steady(grace_s=30.0)
    heating, running = rig(100.0, 150.0), rig(150.0, 150.0, "running")
    assert list(rule.refuse(heating, heating.with_flow(("a",), running=True)))
    assert list(rule.refuse(running, running.with_set_points({"plate": 120.0})))
    assert not list(rule.refuse(running, running.with_rates({"a": 5.0})))
    assert not list(rule.refuse(heating, heating.with_flow(("b",), running=True)))
    late = rig(100.0, 150.0, "running")
    assert not list(rule.refuse(late, late.with_flow(("a",), running=False)))
    assert not list(rule.refuse(late, late.with_rates({"a": 5.0})))


def test_a_syringe_is_not_emptied_to_its_end() -> None:
    """A stream that runs below its remainder trips, and one that is there is not started."""
    rule = SyringeNotEmpty(100.0, streams=("a",), action="hold")
    full, empty = stream("running", left_ul=101.0), stream("running", left_ul=100.0)
    assert not list(rule.check(snapshot(streams={"a": full})))
    (trip,) = rule.check(snapshot(streams={"a": empty}))
    assert (trip.device, trip.action) == ("pump", "hold")
    rest = snapshot(streams={"a": stream(left_ul=50.0)})
    assert rules(list(rule.refuse(rest, rest.with_flow(("a",), running=True)))) == [rule.name]
    running = rest.with_flow(("a",), running=True)
    assert not list(rule.refuse(running, running.with_rates({"a": 1.0})))


temperatures = st.floats(0.0, 200.0) | st.just(math.nan)


@given(
    before_c=temperatures,
    set_point_c=st.floats(0.0, 200.0),
    wanted_c=st.floats(0.0, 200.0),
    a=st.booleans(),
)
def test_what_passes_the_gate_is_broken_by_no_look_that_finds_the_rig_so(
    before_c: float, set_point_c: float, wanted_c: float, a: bool
) -> None:
    """A command from a sound state that is let through leaves a sound state."""
    for rule in (heat_needs_flow(), steady(), steady(or_below_c=60.0)):
        for command in (
            lambda now: now.with_set_points({"plate": wanted_c}),
            lambda now: now.with_flow(("a",), running=not a),
        ):
            now = rig(before_c, set_point_c, "running" if a else "stopped")
            after = command(now)
            if not list(rule.check(now)) and not list(rule.refuse(now, after)):
                assert not list(rule.check(after))
