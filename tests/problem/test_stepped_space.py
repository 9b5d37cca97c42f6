"""Conditions that move in steps, and set points that do not move at all."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowrig.errors import InputError, OutOfRangeError
from flowrig.interfaces import Problem
from flowrig.plugins.registry import Plugins
from flowrig.problem.door import Door
from flowrig.problem.objective import MaximumResponse
from flowrig.problem.space import LinearConstraint, Parameter, Space
from flowrig.profile import load_profile
from flowrig.testing import PlainGaussianProcess
from flowrig_bayes.settings import RandomSettings
from flowrig_bayes.spread import UniformRandom

SPACE = Space(
    (
        Parameter("temperature", 120.0, 180.0, "°C", step=5.0),
        Parameter("CuI", 80.0, 120.0, "µL/min", step=0.5),
        Parameter("ODE", 220.0, 280.0, "µL/min"),
    ),
    (LinearConstraint("total", {"CuI": 1.0, "ODE": 1.0}, 310.0, 390.0),),
)


@given(st.lists(st.floats(0.0, 1.0), min_size=3, max_size=3))
def test_the_nearest_step_is_taken(u: list[float]) -> None:
    """Values come onto steps, not farther than one step away, and inside the constraints."""
    (wanted,) = SPACE.rows(SPACE.from_unit(np.array([u])))
    if SPACE.feasible(SPACE.array([wanted]))[0]:
        found = Door(SPACE).admit(wanted)
        assert abs(found["temperature"] - wanted["temperature"]) <= 2.5 + 1e-9
        assert abs(found["CuI"] - wanted["CuI"]) <= 0.5 + 1e-9
        assert abs(found["ODE"] - wanted["ODE"]) <= 0.5
        SPACE.require_feasible(found)


def test_every_optimizer_suggests_steps() -> None:
    """The interface brings suggestions onto the steps; an optimizer need not know of them."""
    problem = Problem(SPACE, MaximumResponse("pla"), 1, PlainGaussianProcess)
    for point in UniformRandom(problem, RandomSettings()).suggest(20):
        assert point["temperature"] % 5.0 == 0.0
        assert point["CuI"] % 0.5 == 0.0
        SPACE.require_feasible(point)


def test_a_value_between_steps_is_refused() -> None:
    """What a person asks for by hand is on a step, or told."""
    with pytest.raises(OutOfRangeError, match="whole steps of 5 °C"):
        SPACE.require_feasible({"temperature": 122.0, "CuI": 100.0, "ODE": 250.0})


def test_a_step_fits_into_its_range() -> None:
    """A step wider than the range is a mistake."""
    with pytest.raises(InputError, match="does not fit"):
        Parameter("x", 0.0, 1.0, "", step=2.0)


FIXED = """\
extends = "cs3cu2i5-heatup-chem3"
title = "at one temperature"
{fixed}
[[space]]
name = "CuI"
stream = "CuI"
range = ["80 uL/min", "120 uL/min"]
step = "{step}"

[[space]]
name = "ZnI2"
stream = "ZnI2"
range = ["80 uL/min", "120 uL/min"]

[[space]]
name = "CsOA"
stream = "CsOA"
range = ["20 uL/min", "80 uL/min"]

[[space]]
name = "ODE"
stream = "ODE"
range = ["220 uL/min", "280 uL/min"]

[campaign]
[[campaign.stages]]
name = "x"
optimizer = "lhs"
experiments = 2
"""


@pytest.fixture
def profile(tmp_path: Path) -> Callable[..., Path]:
    """Writes the reference rig with a fixed temperature."""

    def write(fixed: str, step: str = "5 uL/min") -> Path:
        path = tmp_path / "fixed.toml"
        path.write_text(FIXED.format(fixed=fixed, step=step), encoding="utf-8")
        return path

    return write


def test_a_fixed_set_point(profile: Callable[..., Path]) -> None:
    """A heater without a variable keeps the set point that the profile fixes."""
    rig = load_profile(profile('[fixed_temperatures]\nplate = "150 degC"'), Plugins.discover())
    assert rig.space.names == ("CuI", "ZnI2", "CsOA", "ODE")
    assert rig.space.parameters[0].step == 5.0
    assert rig.set_points_c({"CuI": 100.0}) == {"plate": 150.0}


@pytest.mark.parametrize(
    ("fixed", "step", "told"),
    [
        ("", "5 uL/min", "fixed_temperatures"),
        ('[fixed_temperatures]\nplate = "300 degC"', "5 uL/min", "300 °C is outside"),
        ('[fixed_temperatures]\nplates = "150 degC"', "5 uL/min", "no heater 'plates'"),
        ('[fixed_temperatures]\nplate = "150 degC"', "50 uL/min", "step of 50 µL/min does not fit"),
    ],
)
def test_what_does_not_fit_is_told(
    profile: Callable[..., Path], fixed: str, step: str, told: str
) -> None:
    """A heater that nobody decides of, a set point out of limits, a step that is too wide."""
    with pytest.raises(InputError, match=told):
        load_profile(profile(fixed, step), Plugins.discover())
