"""A controller neither swings nor winds up, whatever the rig makes of its output."""

import math
from collections import deque

from hypothesis import given, settings
from hypothesis import strategies as st

from flowrig.procedure.control.controller import LEAST_SHARE, Controller, Settings

LATE = 200
"""Corrections after which a loop has come to rest."""


def known(**changed: float) -> Settings:
    """A loop with a gain of 0.1 and a value of 25."""
    return Settings(
        **{
            "at": 25.0,
            "gain": 0.1,
            "low": 50.0,
            "high": 600.0,
            "integral": 0.5,
            "proportional": 0.0,
            "tolerance": 0.01,
            **changed,
        }
    )


def course(controller: Controller, ratio: float, dead: int, lag: float, count: int) -> list[float]:
    """Readings at corrections of a rig whose gain is `ratio` times the known one.

    Args:
        controller: the loop.
        ratio: true gain over the known one.
        dead: how many corrections later an output shows.
        lag: share of a change that has not come by the next correction.
        count: how many corrections.
    """
    known = controller.settings
    on_the_way = deque([controller.output] * (dead + 1), maxlen=dead + 1)
    reading = ratio * known.gain * controller.output
    readings = []
    for _ in range(count):
        reading = lag * reading + (1.0 - lag) * ratio * known.gain * on_the_way[0]
        readings.append(reading)
        on_the_way.append(controller.correct([reading]))
    return readings


@settings(max_examples=40, deadline=None)
@given(
    ratio=st.floats(0.5, 3.0),
    dead=st.integers(0, 2),
    lag=st.floats(0.0, 0.7),
    begin=st.floats(50.0, 600.0),
    integral=st.floats(0.1, 0.6),
    proportional=st.floats(0.0, 0.2),
)
def test_it_comes_to_rest_near_its_value(
    *, ratio: float, dead: int, lag: float, begin: float, integral: float, proportional: float
) -> None:
    """Over dead times of two corrections, and gains of half to thrice the known one."""
    controller = Controller(known(integral=integral, proportional=proportional), begin)
    readings = course(controller, ratio, dead, lag, LATE)
    reachable = ratio * 5.0 <= 25.0 <= ratio * 60.0
    last = readings[-10:]
    assert max(last) - min(last) < 1e-9
    if reachable:
        assert all(abs(one - 25.0) <= 0.25 + 1e-9 for one in last)


@settings(max_examples=40, deadline=None)
@given(ratio=st.floats(0.3, 20.0), dead=st.integers(0, 3), begin=st.floats(50.0, 600.0))
def test_it_swings_ever_less_even_where_its_gain_is_far_off(
    ratio: float, dead: int, begin: float
) -> None:
    """Corrections shrink where the error changes its sign; the output stays in its window."""
    controller = Controller(known(low=0.0, high=600.0), begin)
    outputs = []
    for reading in course(controller, ratio, dead, 0.0, LATE):
        assert math.isfinite(reading)
        outputs.append(controller.output)
        assert 0.0 <= controller.output <= 600.0
    early, late = course_range(outputs[:50]), course_range(outputs[-20:])
    assert late <= early + 1e-9
    assert controller.share >= LEAST_SHARE
    if ratio * 0.5 * LEAST_SHARE * (2 * dead + 1) < 1.0:
        assert late < 0.02 * 600.0


def course_range(values: list[float]) -> float:
    """Distance of the highest from the lowest."""
    return max(values) - min(values)


@given(error=st.floats(1.0, 1e6), count=st.integers(1, 500))
def test_nothing_winds_up_at_a_limit(error: float, count: int) -> None:
    """However long it was there, the first error the other way brings it back."""
    controller = Controller(known(), 300.0)
    for _ in range(count):
        controller.correct([25.0 - error])
    controller.correct([25.0 - error])
    high = controller.output
    controller.correct([26.0])
    assert controller.output < high


def test_a_correction_is_limited_and_a_small_error_is_none() -> None:
    """By a fifth of the window; inside the tolerance nothing is changed."""
    controller = Controller(known(), 50.0)
    assert controller.correct([-1e9]) == 50.0 + 0.2 * 550.0
    assert controller.correct([25.2]) == 160.0
