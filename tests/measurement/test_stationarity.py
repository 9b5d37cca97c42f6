"""When features stand still: the drift of the last looks."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowrig.measurement.stationarity import Look, assess_steadiness, drift

VALUES = st.lists(st.floats(0.1, 10.0), min_size=3, max_size=12)


@given(VALUES, st.floats(0.1, 100.0))
def test_a_drift_is_the_rise_of_the_fitted_line(values: list[float], scale: float) -> None:
    """As NumPy fits it, relative to the mean; no unit of value or time changes it."""
    times = [0.5 * i for i in range(len(values))]
    slope = np.polyfit(times, values, 1)[0]
    relative, t_value = drift(times, values)
    assert relative == pytest.approx(slope * (times[-1] - times[0]) / np.mean(values), abs=1e-9)
    assert math.copysign(1.0, relative) == math.copysign(1.0, t_value) or relative == 0.0
    scaled, _ = drift([scale * t for t in times], [scale * v for v in values])
    assert scaled == pytest.approx(relative, abs=1e-6)


def looks(*values: float) -> list[Look]:
    """One feature at looks 0.5 τ apart, from 2 τ on."""
    return [
        Look(residence_times=2.0 + 0.5 * i, values={"pla": value, "a300": 1.0})
        for i, value in enumerate(values)
    ]


@pytest.mark.parametrize(
    ("values", "reached"),
    [
        ((1.0, 1.0, 1.0), False),  # too few to tell
        ((1.0, 1.01, 0.99, 1.0), True),
        ((1.0, 1.0, 1.0, 5.0), False),  # the front comes
        ((1.0, 1.0, 5.0, 5.0), False),
        ((1.0, 5.0, 5.0, 5.0), False),
        ((1.0, 5.0, 5.0, 5.0, 5.0), True),
        ((5.0, 5.0, float("nan"), 5.0), False),
        ((0.0, 0.0, 0.0, 0.0), False),
    ],
)
def test_features_stand_still_once_the_last_looks_do(
    values: tuple[float, ...], reached: bool
) -> None:
    """All of them, over so many looks; a step within them is none, nor is a missing value."""
    found = assess_steadiness(looks(*values), ("pla", "a300"), 4, 0.05)
    assert found.reached is reached
    assert found.residence_times == 2.0 + 0.5 * (len(values) - 1)
    if len(values) >= 4 and not reached:
        assert found.worst == "pla"
