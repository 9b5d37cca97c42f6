"""Which conditions a search space holds, where a constraint may be open on one side."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowrig.errors import OutOfRangeError
from flowrig.problem.space import LinearConstraint, Parameter, Space

BOUND = st.floats(-300.0, 300.0, width=32)


def space_with(low: float, high: float) -> Space:
    """Two flow rates whose sum is constrained."""
    rates = tuple(Parameter(name, -200.0, 200.0, "µL/min") for name in "ab")
    return Space(rates, (LinearConstraint("total flow", {"a": 1.0, "b": 1.0}, low, high),))


@given(
    a=st.floats(-200.0, 200.0),
    b=st.floats(-200.0, 200.0),
    low=BOUND | st.just(-math.inf),
    high=BOUND | st.just(math.inf),
)
def test_an_open_side_lets_the_other_count(a, b, low, high):
    """A sum beyond a finite bound is refused, also where the other bound is infinite, and every
    sum between the bounds is taken, both by rows and by names."""
    space, total = space_with(low, high), a + b
    slack = 1e-6
    taken = bool(space.feasible(np.array([[a, b]]))[0])

    if low <= total <= high:
        assert taken
    if total < low - slack or total > high + slack:
        assert not taken
    if taken:
        space.require_feasible({"a": a, "b": b})
    else:
        with pytest.raises(OutOfRangeError, match="total flow"):
            space.require_feasible({"a": a, "b": b})


@given(a=st.floats(-200.0, 200.0), b=st.floats(-200.0, 200.0))
def test_a_constraint_without_bounds_takes_everything(a, b):
    """Where both sides are open, nothing inside the box is refused."""
    assert space_with(-math.inf, math.inf).feasible(np.array([[a, b]])).all()
