"""Systems of equations: what they decide, where they have a solution, and which limits cut them."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from flowrig.errors import OutOfRangeError
from flowrig.problem.designs import uniform
from flowrig.problem.door import Door
from flowrig.problem.feasibility import pulled_inside
from flowrig.problem.forms import Form, Ratio
from flowrig.problem.space import Parameter, Space
from flowrig.problem.system import Equation, Limit, System

STREAMS = ("A", "B", "C", "D")
TOTAL = Ratio(Form(0.0, dict.fromkeys(STREAMS, 1.0)))


def only(name: str) -> Ratio:
    return Ratio(Form(0.0, {name: 1.0}))


def share(name: str, *others: str) -> Ratio:
    return Ratio(Form(0.0, {name: 1.0}), Form(0.0, dict.fromkeys((name, *others), 1.0)))


def by_shares(*limits: Limit) -> System:
    """A total of 500, and shares of three of the four streams."""
    parameters = [
        Parameter("total", 400.0, 600.0, "µL/min"),
        *(Parameter(f"x{name}", 0.1, 0.25, "") for name in "ABC"),
    ]
    equations = [
        Equation(TOTAL, "total", "total"),
        *(Equation(Ratio(only(one).above, TOTAL.above), f"x{one}", f"x{one}") for one in "ABC"),
    ]
    return System(parameters, STREAMS, {(): equations}, limits)


def space_of(system: System) -> Space:
    return Space(system.parameters, *system.constraints)


def test_shares_of_a_total_are_solved() -> None:
    """Ratios become flow rates that add up to the total."""
    conditions = {"total": 500.0, "xA": 0.1, "xB": 0.2, "xC": 0.25}
    controls = by_shares().controls(conditions)
    assert controls == pytest.approx({"A": 50.0, "B": 100.0, "C": 125.0, "D": 225.0})


@st.composite
def systems(draw: st.DrawFn) -> System:
    """Random quotients of sums of streams, with ranges around one positive solution."""
    numbers = st.integers(0, 3).map(float)
    rates = {name: draw(st.integers(20, 200)) * 1.0 for name in STREAMS}
    parameters, equations = [], []
    for index in range(len(STREAMS)):
        above = {name: one for name in STREAMS if (one := draw(numbers))}
        below = {name: one for name in STREAMS if (one := draw(numbers))}
        ratio = Ratio(Form(0.0, above), Form(0.0, below) if draw(st.booleans()) else Form(1.0))
        value = ratio.value(rates)
        assume(np.isfinite(value) and value > 0.0)
        parameters.append(Parameter(f"v{index}", 0.9 * value, 1.1 * value, ""))
        equations.append(Equation(ratio, f"v{index}", f"v{index}"))
    system = System(parameters, STREAMS, {(): equations}, [])
    (branch,) = system.branches.values()
    assume(not branch.structure.open and not branch.structure.surplus)
    corners = system.corners(())
    assert corners is not None
    signs = np.sign(branch.determinant(corners))
    assume((np.abs(branch.determinant(corners)) > 1e-4).all())
    assume((signs == signs[0]).all())
    return system


@given(systems(), st.lists(st.floats(0.0, 1.0), min_size=4, max_size=4))
def test_what_is_solved_gives_the_values_back(system: System, where: list[float]) -> None:
    """Where the determinant has one sign at all corners, every condition inside has a solution
    that gives its values."""
    space = Space(system.parameters)
    X = space.from_unit(np.array([where]))
    (branch,) = system.branches.values()
    controls = dict(zip(STREAMS, system.solve(X)[0].tolist(), strict=True))
    for equation, value in zip(branch.equations, X[0], strict=True):
        below = equation.ratio.below.value(controls)
        assume(abs(below) > 1e-6)
        assert equation.ratio.value(controls) == pytest.approx(value, rel=1e-6)


@given(systems(), st.data())
@settings(max_examples=40)
def test_a_limit_that_is_dropped_holds_everywhere(system: System, data: st.DataObject) -> None:
    """Extremes of a limited quotient are at corners, so that what holds there holds inside."""
    limit = Limit("B", only("B"), -np.inf, np.inf)
    ends = system.extremes(limit)
    assert ends is not None
    where = data.draw(st.lists(st.floats(0.0, 1.0), min_size=4, max_size=4))
    X = Space(system.parameters).from_unit(np.array([where]))
    width = max(abs(ends[0]), abs(ends[1]), 1.0)
    assert ends[0] - 1e-7 * width <= system.values(limit, X)[0] <= ends[1] + 1e-7 * width


def test_limits_that_always_hold_are_no_constraints() -> None:
    """A window around the corners leaves the box as it is; one that cuts it becomes curved."""
    wide, narrow = Limit("A", only("A"), 40.0, 150.0), Limit("D", only("D"), 100.0, 200.0)
    assert by_shares(wide).constraints == ((), ())
    linear, (curved,) = by_shares(wide, narrow).constraints
    assert linear == ()
    assert curved.label == "D"


def test_a_linear_limit_stays_linear() -> None:
    """Where all that is set is a linear function of the variables, so are the limits."""
    parameters = [Parameter("A", 10.0, 90.0, "µL/min"), Parameter("sum", 50.0, 150.0, "µL/min")]
    equations = [
        Equation(only("A"), "A", "A"),
        Equation(Ratio(Form(0.0, {"A": 1.0, "B": 1.0})), "sum", "sum"),
    ]
    system = System(parameters, ("A", "B"), {(): equations}, [Limit("B", only("B"), 20.0, 80.0)])
    (linear,), curved = system.constraints
    assert curved == ()
    assert linear.coefficients == {"A": -1.0, "sum": 1.0}
    assert (linear.low, linear.high) == (20.0, 80.0)


def limited() -> Space:
    """Shares with two limits that cut the box."""
    return space_of(
        by_shares(
            Limit("D", only("D"), 150.0, 250.0),
            Limit("A / B", Ratio(only("A").above, only("B").above), 0.8, 1.6),
        )
    )


@given(st.lists(st.floats(-0.2, 1.2), min_size=4, max_size=4))
def test_points_are_pulled_inside_curved_limits(where: list[float]) -> None:
    """A point that breaks curved limits comes to rest inside them, and one inside stays."""
    space, point = limited(), np.array([where])
    moved = pulled_inside(space, point)
    assert len(moved) == 1
    assert space.feasible(space.from_unit(moved), 0.0).all()
    inside = np.clip(point, 0.0, 1.0)
    if space.feasible(space.from_unit(inside), 0.0)[0]:
        assert (moved == inside).all()


@given(st.integers(0, 10_000), st.floats(-9e-7, 9e-7))
def test_the_door_moves_conditions_onto_curved_limits(seed: int, excess: float) -> None:
    """What exceeds a limit by less than the door's tolerance comes out inside, and then stays."""
    space = limited()
    (row,) = space.rows(space.from_unit(uniform(space, 1, np.random.default_rng(seed))))
    row = {name: value * (1.0 + excess) for name, value in row.items()}
    door = Door(space)
    try:
        admitted = door.admit(row)
    except OutOfRangeError:
        assert not space.feasible(space.array([row]), 1e-6)[0]
        return
    space.require_feasible(admitted)
    assert door.admit(admitted) == admitted


def test_little_room_is_filled() -> None:
    """A design in a thin curved layer has as many points as were wanted, all inside."""
    space = space_of(by_shares(Limit("D", only("D"), 199.99, 200.0)))
    points = uniform(space, 40, np.random.default_rng(0))
    assert len(points) == 40
    assert space.feasible(space.from_unit(points)).all()


def test_who_decides_nothing_and_what_is_too_much_are_named() -> None:
    """The underdetermined and the overdetermined part of the equations are told apart."""
    parameters = [Parameter("a", 1.0, 2.0, ""), Parameter("b", 1.0, 2.0, "")]
    equations = [
        Equation(only("A"), "a", "a"),
        Equation(only("A"), 3.0, "A twice"),
        Equation(share("B", "C"), "b", "b"),
    ]
    (branch,) = System(parameters, STREAMS[:3], {(): equations}, []).branches.values()
    assert [branch.unknowns[one] for one in branch.structure.open] == ["B", "C"]
    assert [branch.equations[one].label for one in branch.structure.surplus] == ["A twice"]


def test_ratios_alone_have_no_scale() -> None:
    """Without a total, a time or a rate the determinant is 0 everywhere."""
    parameters = [Parameter("x", 0.2, 0.4, ""), Parameter("y", 0.2, 0.4, "")]
    equations = [
        Equation(share("A", "B"), "x", "x"),
        Equation(Ratio(only("B").above, only("A").above), "y", "y"),
    ]
    system = System(parameters, ("A", "B"), {(): equations}, [])
    (branch,) = system.branches.values()
    assert branch.has_no_scale
    assert np.isnan(system.solve(np.array([[0.25, 3.0]]))).all()


@given(
    x=st.floats(0.05, 0.95),
    rate=st.floats(1.0, 500.0),
    others=st.lists(st.sampled_from("BCD"), min_size=1, max_size=3, unique=True),
)
def test_a_share_of_streams_that_are_set_is_solved(
    x: float, rate: float, others: list[str]
) -> None:
    """A flow rate below the line is a scale too; what is solved gives back the ratio."""
    names = ("A", *others)
    parameters = [Parameter("x", 0.05, 0.95, ""), Parameter("rate", 1.0, 500.0, "µL/min")]
    equations = [
        Equation(share("A", *others), "x", "x"),
        *(Equation(only(name), "rate", name) for name in others),
    ]
    system = System(parameters, names, {(): equations}, [])
    (branch,) = system.branches.values()
    assert not branch.has_no_scale
    signs = np.sign(branch.determinant(system.corners((), branch.core_columns)))
    assert signs[0]
    assert (signs == signs[0]).all()
    (row,) = system.solve(np.array([[x, rate]]))
    assert row[0] / row.sum() == pytest.approx(x)
    assert row[1:] == pytest.approx(rate)


def test_a_stream_that_stands_is_no_scale() -> None:
    """A share of streams of which the other one stands is a ratio of 0 and 0."""
    equations = [Equation(share("A", "B"), "x", "x"), Equation(only("B"), 0.0, "B stands")]
    system = System([Parameter("x", 0.2, 0.4, "")], ("A", "B"), {(): equations}, [])
    (branch,) = system.branches.values()
    assert branch.has_no_scale


def test_choices_have_equations_of_their_own() -> None:
    """Each choice stops the other stream; a stopped stream has no smallest flow rate."""
    parameters = [Parameter.category("which", ["A", "B"]), Parameter("rate", 50.0, 90.0, "µL/min")]
    together = Equation(Ratio(Form(0.0, {"A": 1.0, "B": 1.0})), "rate", "rate")
    system = System(
        parameters,
        ("A", "B"),
        {
            (0,): [Equation(only("B"), 0.0, "which"), together],
            (1,): [Equation(only("A"), 0.0, "which"), together],
        },
        [
            Limit("A", only("A"), 60.0, 100.0, {"A": 0.0}),
            Limit("B", only("B"), 40.0, 100.0, {"B": 0.0}),
        ],
    )
    space = space_of(system)
    assert system.controls({"which": "B", "rate": 55.0}) == {"A": 0.0, "B": 55.0}
    assert list(space.feasible(np.array([[0.0, 55.0], [0.0, 65.0], [1.0, 55.0]]))) == [
        False,
        True,
        True,
    ]
    assert space.rows(np.array([[1.0, 55.0]])) == [{"which": "B", "rate": 55.0}]
    with pytest.raises(OutOfRangeError, match="none of A, B"):
        space.array([{"which": "C", "rate": 55.0}])
