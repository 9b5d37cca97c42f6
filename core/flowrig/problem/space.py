"""The search space: bounds, steps and constraints of conditions, and the unit cube over it."""

from collections.abc import Mapping, Sequence

import numpy as np
from attrs import field, frozen
from numpy.typing import NDArray

from flowrig.errors import InputError, OutOfRangeError

__all__ = ["LinearConstraint", "Parameter", "Space"]

Array = NDArray[np.float64]


@frozen
class Parameter:
    """One condition that the optimizer chooses.

    Attributes:
        name: for instance "temperature" or the name of a stream.
        low: lower bound, in `unit`.
        high: upper bound, in `unit`.
        unit: "°C", "µL/min", …
        step: distance of allowed values, counted from `low`, in `unit`; None allows all values.
    """

    name: str
    low: float
    high: float
    unit: str
    step: float | None = None

    def __attrs_post_init__(self) -> None:
        if self.step is not None and not 0.0 < self.step <= self.high - self.low:
            raise InputError(f"{self.name}: a step of {self.step:g} does not fit into its range")
        if not self.low < self.high:
            raise InputError(f"{self.name}: lower bound {self.low} is not below {self.high}")


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


@frozen
class Space:
    """A box of `d` parameters with linear constraints.

    Attributes:
        parameters: the parameters, in the order of the columns of all arrays of conditions.
        constraints: the constraints besides the bounds.
    """

    parameters: tuple[Parameter, ...]
    constraints: tuple[LinearConstraint, ...] = field(default=())

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

    def array(self, rows: Sequence[Mapping[str, float]]) -> Array:
        """Conditions as mappings by name, converted to an array of shape `n x d`."""
        return np.array([[row[name] for name in self.names] for row in rows], dtype=float).reshape(
            len(rows), len(self.names)
        )

    def rows(self, X: Array) -> list[dict[str, float]]:
        """An array of conditions, shape `n x d`, converted to one mapping by name per row."""
        return [dict(zip(self.names, map(float, row), strict=True)) for row in X]

    def feasible(self, X: Array, tolerance: float = 1e-9) -> NDArray[np.bool_]:
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
        return inside

    def require_feasible(self, conditions: Mapping[str, float]) -> None:
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
        for parameter in self.parameters:
            value = conditions[parameter.name]
            slack = 1e-9 * (parameter.high - parameter.low)
            # Negated, so that nan is refused as well.
            if not (parameter.low - slack <= value <= parameter.high + slack):
                raise OutOfRangeError(
                    f"{parameter.name} = {value:g} {parameter.unit} is outside "
                    f"{parameter.low:g} to {parameter.high:g} {parameter.unit}"
                )
            if parameter.step is not None and _off_step(value, parameter.low, parameter.step):
                raise OutOfRangeError(
                    f"{parameter.name} = {value:g} {parameter.unit} is not {parameter.low:g} and "
                    f"whole steps of {parameter.step:g} {parameter.unit}"
                )
        for constraint in self.constraints:
            total = sum(c * conditions[name] for name, c in constraint.coefficients.items())
            if not constraint.holds(np.asarray(total), 1e-9):
                raise OutOfRangeError(
                    f"{constraint.label}: {total:g} is outside "
                    f"{constraint.low:g} to {constraint.high:g}"
                )


def _off_step(value: float, low: float, step: float) -> bool:
    # Wider than rounding errors: values reach this check through text and the unit cube.
    steps = (value - low) / step
    return abs(steps - round(steps)) > 1e-6
