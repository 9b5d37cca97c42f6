"""The door: whatever comes out of it, the rig does, and the guard of the rig lets through."""

import math
from typing import Any

import numpy as np
import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from flowrig.errors import NothingLeftError, OutOfRangeError
from flowrig.plugins.registry import Plugins
from flowrig.problem import feasibility
from flowrig.problem.door import SNAP, Door
from flowrig.problem.space import LinearConstraint, Parameter, Space
from flowrig.problem.steps import nearest_allowed
from flowrig.profile import LinearRule, Profile, Variable, load_profile
from flowrig.safety.guard import require_flow_rates, require_set_points

PROFILE = load_profile("cs3cu2i5-heatup-chem3", Plugins.discover())
GRID = Space(
    (
        Parameter("temperature", 120.0, 180.0, "°C", step=15.0),
        Parameter("CuI", 80.0, 120.0, "µL/min", step=10.0),
        Parameter("ODE", 220.0, 280.0, "µL/min", step=15.0),
    )
)

UNIT = st.one_of(
    st.floats(0.0, 1.0),
    st.sampled_from([0.0, 1.0, 0.25, 0.5]),
    st.sampled_from([0.0, 1.0]).flatmap(
        lambda bound: st.floats(-2e-6, 2e-6).map(lambda e: bound + e)
    ),
)
"""Fractions of a range: inside, on a bound, and a little beside one."""

RANGES = {"temperature": (120.0, 180.0), "CuI": (80.0, 120.0), "ZnI2": (80.0, 120.0),
          "CsOA": (20.0, 80.0), "ODE": (220.0, 280.0)}  # fmt: skip


@st.composite
def rigs(draw: st.DrawFn) -> Profile:
    """The published rig with other ranges, with and without steps, with limits that are reached."""
    variables = []
    for variable in PROFILE.variables:
        low, high = RANGES[variable.name]
        begin = low + (high - low) * draw(st.floats(0.0, 0.4))
        end = high - (high - low) * draw(st.floats(0.0, 0.4))
        parts = draw(st.sampled_from([None, None, 1, 3, 7, 10]))
        step = None if parts is None else (end - begin) / parts
        variables.append(evolve(variable, range=(begin, end), step=step))
    scale = draw(st.sampled_from([0.5, 0.1, 1.0 / 3.0, 0.7]))
    chosen = [v.stream for v in variables if v.stream is not None]
    rule = LinearRule(dict.fromkeys(chosen, scale), draw(st.sampled_from([0.0, 0.1, -3.7, 1e6])))
    ends = [sum(v.range[end] for v in variables if v.stream) for end in (0, 1)]
    least, most = (rule.constant_ul_min + scale * end for end in ends)
    share = draw(st.sampled_from([0.0, 0.3, 0.5]))
    limits = (least + share * (most - least), most - share * (most - least))
    streams = dict(PROFILE.streams)
    streams["PFO"] = evolve(streams["PFO"], flow_rate_ul_min=limits)
    wide = evolve(PROFILE.limits, total_flow_ul_min=(0.0, 1e6))
    return evolve(
        PROFILE,
        variables=tuple(variables),
        streams={**streams, **_reaching(variables, streams)},
        dependent_flows={"PFO": rule},
        limits=wide,
    )


def _reaching(variables: list[Variable], streams: dict[str, Any]) -> dict[str, Any]:
    """Streams whose limits are exactly the ranges of their variables."""
    return {
        v.stream: evolve(streams[v.stream], flow_rate_ul_min=v.range)
        for v in variables
        if v.stream is not None
    }


@given(rig=rigs(), data=st.data())
def test_the_guard_lets_through_what_the_door_does(rig: Profile, data: st.DataObject) -> None:
    """Set points and flow rates, derived ones included, lie inside the limits, to the last bit."""
    space, door = rig.space, Door(rig.space)
    U = np.array([[data.draw(UNIT) for _ in space.names]])
    (wanted,) = space.rows(space.from_unit(U))
    try:
        found = door.admit(wanted)
    except OutOfRangeError:
        assert not space.feasible(space.array([wanted]))[0] or any(
            one.step for one in space.parameters
        )
        return

    space.require_feasible(found)
    rates = rig.flow_rates_ul_min(found)
    require_flow_rates(rig, rates)
    require_set_points(rig, rig.set_points_c(found))
    for stream, rate in rates.items():
        low, high = rig.streams[stream].flow_rate_ul_min
        assert low <= rate <= high
    assert door.admit(found) == found
    if space.feasible(space.array([wanted]))[0] and not any(one.step for one in space.parameters):
        moved = space.to_unit(space.array([found])) - U
        assert np.abs(moved).max() <= 2 * SNAP


@pytest.mark.parametrize("excess", [1e-13, 1e-9, 3e-8, 5e-7])
def test_what_is_slightly_outside_is_moved_onto_the_limit(excess: float) -> None:
    """Single precision, text and the unit cube lose a little; that is no reason to refuse."""
    space = Space(
        (Parameter("a", 0.1, 0.7, "µL/min"), Parameter("b", 0.0, 1.0, "")),
        (LinearConstraint("sum", {"a": 1.0, "b": 1.0}, 0.0, 1.2),),
    )
    found = Door(space).admit({"b": 0.5 + excess, "a": 0.7 * (1.0 + excess)})
    assert found["a"] <= 0.7
    assert list(found) == ["a", "b"]
    assert sum(found.values()) <= 1.2
    assert Door(space).admit({"a": 0.1 - 0.6 * excess, "b": -excess}) == {"a": 0.1, "b": 0.0}


@pytest.mark.parametrize(
    ("conditions", "told"),
    [
        ({"temperature": 181.0, "CuI": 80.0, "ODE": 220.0}, "temperature = 181 °C is outside"),
        ({"temperature": math.nan, "CuI": 80.0, "ODE": 220.0}, "temperature = nan"),
        ({"temperature": "hot", "CuI": 80.0, "ODE": 220.0}, "temperature = 'hot' is no number"),
        ({"temperature": None, "CuI": 80.0, "ODE": 220.0}, "is no number"),
        ({"temperature": 120.0, "CuI": 80.0}, "ODE missing"),
        ({"temperature": 120.0, "CuI": 80.0, "ODE": 220.0, "x": 1.0}, "x unknown"),
    ],
)
def test_the_rest_is_refused_with_its_reason(conditions: dict[str, Any], told: str) -> None:
    """Out of bounds by more than rounding, no number, no such name."""
    with pytest.raises(OutOfRangeError, match=told):
        Door(GRID).admit(conditions)


def test_a_broken_constraint_is_refused_where_steps_are_not_to_blame() -> None:
    """Half a step of each parameter is what an optimizer that rounds may be wrong by."""
    limit = LinearConstraint("total", {"CuI": 1.0, "ODE": 1.0}, 0.0, 350.0)
    space = evolve(GRID, constraints=(limit,))
    found = Door(space).admit({"temperature": 120.0, "CuI": 100.0, "ODE": 262.0})
    space.require_feasible(found)
    with pytest.raises(OutOfRangeError, match="total: 380"):
        Door(space).admit({"temperature": 120.0, "CuI": 110.0, "ODE": 270.0})


def test_steps_that_end_a_little_above_the_bound_stay_below_it() -> None:
    """0.1 and three steps of 0.2 are computed as more than 0.7; a heater would refuse that."""
    space = Space((Parameter("a", 0.1, 0.7, "", step=0.2),))
    assert 0.1 + 3 * 0.2 > 0.7
    assert Door(space).admit({"a": 0.7}) == {"a": 0.7}


@given(data=st.data(), d=st.integers(1, 4))
def test_no_condition_of_a_grid_comes_twice_unless_it_is_asked_for(
    data: st.DataObject, d: int
) -> None:
    """Rounding repeats nothing: the nearest that was not tried is taken, until all were."""
    steps = [data.draw(st.integers(1, 3)) for _ in range(d)]
    space = Space(
        tuple(Parameter(f"x{j}", -1.0, 2.0, "", step=3.0 / n) for j, n in enumerate(steps)),
        (LinearConstraint("sum", {"x0": 1.0}, -math.inf, data.draw(st.sampled_from([2.0, 0.5]))),),
    )
    door, found = Door(space), []
    total = len(Door(space).untried())
    rng = np.random.default_rng(data.draw(st.integers(0, 1000)))
    while len(found) < total:
        (row,) = space.rows(space.from_unit(rng.random((1, d))))
        if space.feasible(space.array([row]))[0]:
            found.append(door.admit(row))
            door.note(found[-1])
            space.require_feasible(found[-1])
    assert len({tuple(row.values()) for row in found}) == total
    assert door.admit(found[0]) == found[0]
    with pytest.raises(NothingLeftError, match=f"all {total} conditions"):
        door.admit_new(found[0])
    with pytest.raises(NothingLeftError):
        door.require_untried()


def test_beside_parameters_without_steps_the_next_step_is_taken() -> None:
    """A space that cannot be listed is searched outwards; other values stay as they are."""
    space = Space((GRID.parameters[0], Parameter("b", 0.0, 1.0, "")))
    door = Door(space)
    assert door.untried() is None
    door.note({"temperature": 135.0, "b": 1.0})
    assert door.admit({"temperature": 138.0, "b": 1.0}) == {"temperature": 150.0, "b": 1.0}
    assert door.admit({"temperature": 138.0, "b": 0.5}) == {"temperature": 135.0, "b": 0.5}
    assert door.admit({"temperature": 135.0, "b": 1.0}) == {"temperature": 135.0, "b": 1.0}
    door.require_untried()


def test_where_steps_alone_break_a_limit_other_values_move() -> None:
    """An equality of a stepped and another flow rate has points, and they are found."""
    limit = LinearConstraint("sum", {"a": 1.0, "b": 1.0}, 10.0, 10.0)
    space = Space(
        (Parameter("a", 0.0, 10.0, "", step=4.0), Parameter("b", 0.0, 10.0, "")), (limit,)
    )
    assert Door(space).admit({"a": 5.0, "b": 5.0}) == pytest.approx({"a": 4.0, "b": 6.0})


def test_steps_that_miss_a_limit_are_passed_over_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """No round of projections is spent where no value of the other parameters meets the limit."""
    space = Space(
        (
            Parameter("A", 0.0, 100.0, "µL/min", step=1.0),
            Parameter("B", 0.0, 10.0, "µL/min"),
        ),
        (LinearConstraint("A + B", {"A": 1.0, "B": 1.0}, 0.0, 60.0),),
    )
    rounds: list[int] = []
    projected = feasibility._projected

    def counted(*arguments: Any) -> Any:
        rounds.append(1)
        return projected(*arguments)

    monkeypatch.setattr(feasibility, "_projected", counted)
    found = nearest_allowed(space, np.array([100.0, 5.0]))

    assert found is not None
    assert found[0] == 60.0
    assert len(rounds) < 5
