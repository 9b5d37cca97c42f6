"""The search space: bounds, steps and constraints of conditions, and the unit cube over it."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from attrs import evolve, field, frozen
from numpy.typing import NDArray

from flowrig.errors import InputError, OutOfRangeError

__all__ = [
    "MOST_STEPS",
    "ROUNDING",
    "CurvedConstraint",
    "LinearConstraint",
    "Parameter",
    "Space",
    "Value",
    "plain_number",
    "within",
]

Array = NDArray[np.float64]

Value = float | str
"""The value of a condition: a number, or the name of a choice."""

ROUNDING = 1e-9
"""Excess over a limit that counts as a rounding error, as a fraction of the range or of the limit.
Everything that compares conditions, or flow rates that follow from them, with limits takes this."""

OFF_STEP = 1e-6
"""Distance from a step that counts as a rounding error, in steps: values reach a check through text
and the unit cube."""

MOST_STEPS = 1_000_000
"""Most steps of a parameter: far more than any instrument can set."""

LONGEST_PLAIN = 1e7
"""From here on a number for people has an exponent."""


def plain_number(value: float) -> str:
    """Four digits of a number for people, or all before the point: 21460, and not 2.146e+04."""
    return f"{value:.0f}" if 1e4 <= abs(value) < LONGEST_PLAIN else f"{value:.4g}"


def within(value: float, low: float, high: float, constant: float = 0.0) -> float:
    """A computed value, moved onto a limit that it exceeds by a rounding error only.

    Args:
        value: the value.
        low: lower limit, in the same unit; `-inf` for none.
        high: upper limit; `inf` for none.
        constant: the part of the value that a constraint has subtracted from its limits.

    Returns:
        the limit if the value exceeds it by less than twice the tolerance of the constraint, as a
        sum that is computed in another order may differ; any other value as it is.
    """
    limits = [low, high, low - constant, high - constant]
    slack = 2.0 * ROUNDING * max([1.0, *(abs(one) for one in limits if math.isfinite(one))])
    if low - slack <= value < low:
        return low
    return high if high < value <= high + slack else value


@frozen
class Parameter:
    """One condition that the optimizer chooses.

    Attributes:
        name: for instance "temperature" or the name of a stream.
        low: lower bound, in `unit`.
        high: upper bound, in `unit`.
        unit: "°C", "µL/min", …
        step: distance of allowed values, counted from `low`, in `unit`; None allows all values.
        choices: names of a category without an order. In arrays each is its number from 0, so that
            `low` is 0, `high` the last number, and `step` 1; see `Parameter.category`.
    """

    name: str
    low: float
    high: float
    unit: str
    step: float | None = None
    choices: tuple[str, ...] = ()

    @classmethod
    def category(cls, name: str, choices: Sequence[str]) -> "Parameter":
        """A condition with names for values, at least two of them."""
        return cls(name, 0.0, len(choices) - 1.0, "", 1.0, tuple(choices))

    def __attrs_post_init__(self) -> None:
        if self.step is not None and not 0.0 < self.step <= self.high - self.low:
            raise InputError(f"{self.name}: a step of {self.step:g} does not fit into its range")
        if not self.low < self.high:
            raise InputError(f"{self.name}: lower bound {self.low} is not below {self.high}")
        if not math.isfinite(self.high - self.low):
            raise InputError(f"{self.name}: the range {self.low:g} to {self.high:g} is too wide")
        if self.step is not None and self.high - self.low > MOST_STEPS * self.step:
            raise InputError(
                f"{self.name}: its range has more than {MOST_STEPS:,} steps of {self.step:g}"
            )

    @property
    def steps(self) -> int | None:
        """Number of steps from the lower bound to the largest allowed value; None without steps."""
        if self.step is None:
            return None
        return math.floor((self.high - self.low) / self.step + OFF_STEP)

    def number_of(self, value: Any) -> float:
        """The number of a value in arrays: its own, or of a choice the place in `choices`.

        Raises:
            OutOfRangeError: there is no such choice.
        """
        if not isinstance(value, str):
            return float(value)
        if not self.choices:
            raise OutOfRangeError(f"{self.name} = {value!r} is no number")
        if value not in self.choices:
            raise OutOfRangeError(f"{self.name} = {value!r} is none of {', '.join(self.choices)}")
        return float(self.choices.index(value))

    def value_of(self, number: float) -> Any:
        """The value of a number in arrays: the name of a choice, else a plain float."""
        if not self.choices:
            return float(number)
        return self.choices[min(max(round(number), 0), len(self.choices) - 1)]

    def at_step(self, number: int) -> float:
        """The value after a number of steps; never above the upper bound, also where it is computed
        as a little more."""
        assert self.step is not None
        return min(self.low + number * self.step, self.high)

    def require_inside(self, value: float, tolerance: float = ROUNDING) -> None:
        """Check a value against the bounds.

        Args:
            value: the value, in `unit`.
            tolerance: accepted excess over a bound, as a fraction of the range.

        Raises:
            OutOfRangeError: it is outside, or no number.
        """
        slack = tolerance * (self.high - self.low)
        # Negated, so that nan is refused as well.
        if not (self.low - slack <= value <= self.high + slack):
            raise OutOfRangeError(
                f"{self.name} = {value:g} {self.unit} is outside "
                f"{self.low:g} to {self.high:g} {self.unit}"
            )


@frozen
class LinearConstraint:
    """`low <= sum(coefficient * condition) <= high`, for instance a limit on the total flow rate.

    Attributes:
        label: name of the constraint in messages.
        coefficients: coefficients by parameter name; 0 for other parameters.
        low: lower bound, in the unit of the sum; `-inf` for none.
        high: upper bound, in the unit of the sum; `inf` for none.
    """

    label: str
    coefficients: Mapping[str, float]
    low: float
    high: float

    def holds(self, total: Array, tolerance: float) -> NDArray[np.bool_]:
        """Whether each sum lies within the bounds.

        Args:
            total: sums, of any shape.
            tolerance: accepted excess over a bound, as a fraction of the larger finite bound or of
                one unit, whichever is larger.

        Returns:
            booleans, in the shape of `total`.
        """
        finite = [abs(bound) for bound in (self.low, self.high) if np.isfinite(bound)]
        width = tolerance * max([1.0, *finite])
        return np.asarray((total >= self.low - width) & (total <= self.high + width))

    def require(self, total: float, tolerance: float = ROUNDING, more: float = 0.0) -> None:
        """Check a sum against the bounds.

        Args:
            total: the sum.
            tolerance: as of `holds`.
            more: accepted excess besides, in the unit of the sum.

        Raises:
            OutOfRangeError: it is outside, or no number.
        """
        wider = evolve(self, low=self.low - more, high=self.high + more) if more else self
        if not wider.holds(np.asarray(total), tolerance):
            raise OutOfRangeError(
                f"{self.label}: {total:g} is outside {self.low:g} to {self.high:g}"
            )


@frozen
class CurvedConstraint:
    """`low <= value(conditions) <= high`, for instance a limit on a flow rate that follows from a
    ratio and a time.

    Attributes:
        label: name of the constraint in messages.
        value: the limited value, shape `n`, from conditions in natural units, shape `n x d`; nan
            where there is none, which breaks the constraint.
        low: lower bound, in the unit of the value; `-inf` for none.
        high: upper bound; `inf` for none.
    """

    label: str
    value: Callable[[Array], Array] = field(eq=False)
    low: float
    high: float

    @property
    def bounds(self) -> LinearConstraint:
        """The bounds on the value, with the tolerances of a linear constraint."""
        return LinearConstraint(self.label, {}, self.low, self.high)

    def slack(self, X: Array) -> Array:
        """Distance of the value from its nearest bound, negative outside, shape `n`."""
        value = self.value(X)
        return np.asarray(np.minimum(value - self.low, self.high - value))


@frozen
class Space:
    """A box of `d` parameters with constraints.

    Attributes:
        parameters: the parameters, in the order of the columns of all arrays of conditions.
        constraints: the linear constraints besides the bounds.
        curved: the other constraints.
    """

    parameters: tuple[Parameter, ...]
    constraints: tuple[LinearConstraint, ...] = field(default=())
    curved: tuple[CurvedConstraint, ...] = field(default=())

    @property
    def names(self) -> tuple[str, ...]:
        """Parameter names, in column order."""
        return tuple(parameter.name for parameter in self.parameters)

    @property
    def units(self) -> dict[str, str]:
        """Units by parameter name, in column order."""
        return {parameter.name: parameter.unit for parameter in self.parameters}

    @property
    def low(self) -> Array:
        """Lower bounds, shape `d`."""
        return np.array([parameter.low for parameter in self.parameters])

    @property
    def high(self) -> Array:
        """Upper bounds, shape `d`."""
        return np.array([parameter.high for parameter in self.parameters])

    def to_unit(self, X: Array) -> Array:
        """Conditions in natural units, shape `n x d`, as points of the unit cube."""
        return np.asarray((X - self.low) / (self.high - self.low))

    def from_unit(self, U: Array) -> Array:
        """Points of the unit cube, shape `n x d`, as conditions in natural units."""
        return np.asarray(self.low + U * (self.high - self.low))

    @property
    def labels(self) -> tuple[str, ...]:
        """Names of all constraints."""
        return (*(one.label for one in self.constraints), *(one.label for one in self.curved))

    @property
    def has_choices(self) -> bool:
        """Whether a parameter is a category."""
        return any(one.choices for one in self.parameters)

    def array(self, rows: Sequence[Mapping[str, Value]]) -> Array:
        """Conditions as mappings by name, converted to an array of shape `n x d`."""
        if self.has_choices:
            numbers = [[one.number_of(row[one.name]) for one in self.parameters] for row in rows]
        else:
            numbers = [[row[name] for name in self.names] for row in rows]  # type: ignore[misc]
        return np.array(numbers, dtype=float).reshape(len(rows), len(self.names))

    def rows(self, X: Array) -> list[dict[str, Any]]:
        """An array of conditions, shape `n x d`, converted to one mapping by name per row."""
        if self.has_choices:
            return [
                {p.name: p.value_of(v) for p, v in zip(self.parameters, x, strict=True)} for x in X
            ]
        return [dict(zip(self.names, map(float, row), strict=True)) for row in X]

    def feasible(self, X: Array, tolerance: float = ROUNDING) -> NDArray[np.bool_]:
        """Whether each row of `X` lies inside bounds and constraints; steps are not checked.

        Args:
            X: conditions in natural units, shape `n x d`.
            tolerance: accepted excess, as a fraction of each range; see `LinearConstraint.holds`.

        Returns:
            booleans, shape `n`.
        """
        slack = tolerance * (self.high - self.low)
        inside = np.asarray(((self.low - slack <= X) & (self.high + slack >= X)).all(axis=1))
        for constraint in self.constraints:
            total = X @ np.array([constraint.coefficients.get(name, 0.0) for name in self.names])
            inside &= constraint.holds(total, tolerance)
        for curved in self.curved:
            # Only inside the box: outside it there may be no value.
            inside[inside] = curved.bounds.holds(curved.value(X[inside]), tolerance)
        return inside

    def holds(self, conditions: Mapping[str, Value]) -> bool:
        """Whether conditions by name lie inside bounds and constraints; steps are not checked."""
        return bool(self.feasible(self.array([conditions]))[0])

    def require_feasible(self, conditions: Mapping[str, Value]) -> None:
        """Check the names and values of conditions, steps included.

        Args:
            conditions: values in natural units by parameter name.

        Raises:
            OutOfRangeError: a name is missing or unknown, or a value is not finite, out of bounds,
                off its steps, or breaks a constraint; the message names it.
        """
        missing = [name for name in self.names if name not in conditions]
        unknown = [str(name) for name in conditions if name not in self.names]
        if missing or unknown:
            wrong = [f"{', '.join(missing)} missing"] if missing else []
            wrong += [f"{', '.join(unknown)} unknown"] if unknown else []
            raise OutOfRangeError(
                f"conditions must name {', '.join(self.names)}: {' and '.join(wrong)}"
            )
        numbers = {one.name: one.number_of(conditions[one.name]) for one in self.parameters}
        for parameter in self.parameters:
            value = numbers[parameter.name]
            parameter.require_inside(value)
            if parameter.step is not None and _off_step(value, parameter.low, parameter.step):
                raise OutOfRangeError(
                    f"{parameter.name} = {value:g} {parameter.unit} is not {parameter.low:g} and "
                    f"whole steps of {parameter.step:g} {parameter.unit}"
                )
        for constraint in self.constraints:
            total = sum(c * numbers[name] for name, c in constraint.coefficients.items())
            constraint.require(total)
        for curved in self.curved:
            x = np.array([list(numbers.values())])
            curved.bounds.require(float(curved.value(x)[0]))


def _off_step(value: float, low: float, step: float) -> bool:
    steps = (value - low) / step
    return abs(steps - round(steps)) > OFF_STEP
