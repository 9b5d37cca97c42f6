"""Points that are moved until bounds and constraints hold."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowrig.problem.feasibility import pulled_inside
from flowrig.problem.space import LinearConstraint, Parameter, Space

RATES = tuple(Parameter(name, 10.0, 200.0, "µL/min") for name in "ab")


@pytest.mark.parametrize(("low", "high"), [(-math.inf, 120.0), (300.0, math.inf)])
@given(points=st.lists(st.tuples(st.floats(-0.5, 1.5), st.floats(-0.5, 1.5)), min_size=1))
def test_points_are_pulled_inside_a_constraint_with_one_open_side(low, high, points):
    """No point is lost, and each ends on the right side of the only bound there is."""
    space = Space(RATES, (LinearConstraint("total flow", {"a": 1.0, "b": 1.0}, low, high),))

    moved = pulled_inside(space, np.array(points))

    assert len(moved) == len(points)
    total = space.from_unit(moved).sum(axis=1)
    assert (total >= low).all()
    assert (total <= high).all()
