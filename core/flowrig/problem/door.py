"""The one door to the rig: everything that suggests conditions goes through it."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from flowrig.errors import NothingLeftError, OutOfRangeError
from flowrig.problem.feasibility import pulled_inside
from flowrig.problem.space import OFF_STEP, CurvedConstraint, Parameter, Space, Value
from flowrig.problem.steps import all_allowed, has_steps, nearest_allowed

__all__ = ["SNAP", "Door", "Key"]

Array = NDArray[np.float64]
Key = tuple[int, ...]
"""Conditions as whole numbers: of steps, or of `SNAP` for parameters without steps."""

SNAP = 1e-6
"""Distance from bounds and constraints from which conditions are moved onto them, as a fraction of
each range: more than single precision and text lose, less than any instrument resolves. Conditions
closer than this are the same."""

MOST_WHOLE = 1e15
"""Largest number of a `Key`; conditions of another space may be anywhere."""

ROUNDS = 4
"""Small moves onto constraints; the first is enough but for rounding errors."""


class Door:
    """Moves conditions onto bounds, steps and limits, and keeps rounding from repeating any.

    What comes out meets `Space.require_feasible`, lies exactly inside the bounds, and comes out
    unchanged if it goes in again. Conditions that were tried come out once more only if they were
    asked for exactly: where a value was moved to a step and the result was tried, the nearest
    conditions that were not tried come out instead.

    Args:
        space: bounds, steps and constraints.
    """

    def __init__(self, space: Space) -> None:
        self._space = space
        self._low, self._high = space.low, space.high
        self._has_steps = has_steps(space)
        self._names = space.names
        self._is_free = np.array([one.step is None for one in space.parameters])
        # Numbers of steps, or of `SNAP`: conditions are compared as whole numbers of these.
        self._units = np.array(
            [one.step or SNAP * (one.high - one.low) for one in space.parameters]
        )
        self._factors = np.array(
            [[one.coefficients.get(name, 0.0) for name in self._names] for one in space.constraints]
        ).reshape(len(space.constraints), len(self._names))
        self._least = np.array([one.low for one in space.constraints])
        self._most = np.array([one.high for one in space.constraints])
        self._tried: set[Key] = set()
        self._unlisted: list[Key] = []
        self._listed: _Listed | None = None

    def keys(self, batch: Sequence[Mapping[str, Value]]) -> list[Key]:
        """Conditions as whole numbers, the same for conditions that are the same."""
        whole = np.nan_to_num((self._space.array(batch) - self._low) / self._units)
        whole = np.rint(np.clip(whole, -MOST_WHOLE, MOST_WHOLE)).astype(np.int64)
        return [tuple(one) for one in whole.tolist()]

    def note(self, conditions: Mapping[str, Value]) -> None:
        """Count conditions as tried, also such that are outside the space."""
        if self._has_steps:  # else nothing is rounded, and nothing repeated by that
            (key,) = self.keys([conditions])
            self._tried.add(key)
            self._unlisted.append(key)

    def admit(self, conditions: Mapping[str, Any]) -> dict[str, Any]:
        """The nearest conditions that the rig can do.

        Args:
            conditions: by parameter name, in natural units.

        Raises:
            OutOfRangeError: a name is missing or unknown, a value is no finite number, or bounds or
                constraints are broken by more than `SNAP` and, of a constraint, half a step.
            NothingLeftError: rounding would repeat conditions, and all were tried.
        """
        wanted = self._inside_bounds(conditions)
        if not self._has_steps:
            return self._row(self._on_constraints(wanted))
        found = nearest_allowed(self._space, self._near_enough(wanted))
        if found is None:
            raise OutOfRangeError("no conditions near these meet steps and constraints")
        if self._moved_to_steps(wanted, found) and self._is_tried(found):
            return self.admit_new(conditions)
        return self._row(found)

    def admit_all(
        self, batch: Sequence[Mapping[str, Any]], *, note: bool = True
    ) -> list[dict[str, Any]]:
        """The nearest conditions that the rig can do, one after the other.

        Args:
            batch: conditions by parameter name, in natural units.
            note: whether they count as tried afterwards.

        Returns:
            one row for each of the batch; fewer if all conditions were tried in the middle of it.

        Raises:
            OutOfRangeError: as `admit`.
            NothingLeftError: already the first would repeat conditions, and all were tried.
        """
        admitted: list[dict[str, Any]] = []
        for conditions, is_inside in zip(batch, self._inside(batch), strict=True):
            try:
                admitted.append(dict(conditions) if is_inside else self.admit(conditions))
            except NothingLeftError:
                if not admitted:
                    raise
                break
            if note:
                self.note(admitted[-1])
        return admitted

    def _inside(self, batch: Sequence[Mapping[str, Any]]) -> Sequence[bool]:
        """Whether conditions come out as they are; only for large batches, to save time."""
        plain = not self._has_steps and all(tuple(one) == self._names for one in batch)
        if not plain or not all(type(value) is float for one in batch for value in one.values()):
            return [False] * len(batch)
        X = self._space.array(batch)
        totals = (X[:, None, :] * self._factors).sum(axis=-1)
        inside = ((self._low <= X) & (self._high >= X)).all(axis=1)
        inside &= ((self._least <= totals) & (totals <= self._most)).all(axis=1)
        for curved in self._space.curved:
            inside[inside] = curved.slack(X[inside]) >= 0.0
        return list(inside)

    def admit_new(self, conditions: Mapping[str, Any]) -> dict[str, Any]:
        """The nearest conditions that the rig can do and that were not tried.

        In a space in which no parameter has steps, these are the same as of `admit`.

        Raises:
            OutOfRangeError: as `admit`.
            NothingLeftError: all were tried.
        """
        if not self._has_steps:
            return self.admit(conditions)
        wanted = self._near_enough(self._inside_bounds(conditions))
        left = self.untried()
        if left is not None:
            if not len(left):
                raise NothingLeftError(self.all_tried)
            far = np.square((left - wanted) / (self._high - self._low)).sum(axis=1)
            return self._row(left[int(far.argmin())])
        found = nearest_allowed(self._space, wanted, lambda x: not self._is_tried(x))
        if found is None:
            raise NothingLeftError("all conditions near these were tried")
        return self._row(found)

    def untried(self) -> Array | None:
        """The allowed conditions that were not tried, shape `n x d`, in natural units.

        Returns:
            None if a parameter has no step, or if there are too many to list.
        """
        if self._listed is None:
            self._listed = _Listed(self._space)
        for key in self._unlisted:
            self._listed.strike(key)
        self._unlisted.clear()
        return self._listed.left()

    def require_untried(self) -> None:
        """Check that some conditions were not tried, as far as all can be listed.

        Raises:
            NothingLeftError: all were tried.
        """
        if self._has_steps and (left := self.untried()) is not None and not len(left):
            raise NothingLeftError(self.all_tried)

    @property
    def all_tried(self) -> str:
        """The message of `NothingLeftError` where all conditions can be listed."""
        count = 0 if self._listed is None else self._listed.count
        return f"all {count} conditions of the search space were tried"

    def _is_tried(self, x: Array) -> bool:
        return self.keys(self._space.rows(x[None]))[0] in self._tried

    def _inside_bounds(self, conditions: Mapping[str, Any]) -> Array:
        """The values of conditions, shape `d`, moved onto bounds that are broken by `SNAP`."""
        if conditions.keys() != set(self._names):
            self._space.require_feasible(conditions)  # raises, with the names
        x = np.array([_number(one, conditions[one.name]) for one in self._space.parameters])
        slack = SNAP * (self._high - self._low)
        if not ((self._low - slack <= x) & (x <= self._high + slack)).all():
            for one, value in zip(self._space.parameters, x, strict=True):
                one.require_inside(float(value), SNAP)
        return np.asarray(np.clip(x, self._low, self._high))

    def _on_constraints(self, x: Array) -> Array:
        """Conditions that break no constraint; those that do by `SNAP` are moved."""
        if self._space.feasible(x[None])[0]:
            return x
        if self._space.feasible(x[None], SNAP)[0]:
            pulled = pulled_inside(self._space, self._space.to_unit(x[None]))
            if len(pulled):
                return np.asarray(self._space.from_unit(pulled)[0])
        self._space.require_feasible(self._space.rows(x[None])[0])
        return x

    def _near_enough(self, x: Array) -> Array:
        """The same conditions, unless they break a constraint by more than half a step of each.

        Raises:
            OutOfRangeError: they do.
        """
        if not self._space.feasible(x[None], SNAP)[0]:
            for constraint in self._space.constraints:
                factors = [constraint.coefficients.get(one, 0.0) for one in self._space.names]
                half_steps = sum(
                    abs(factor) * (one.step or 0.0) / 2.0
                    for factor, one in zip(factors, self._space.parameters, strict=True)
                )
                constraint.require(float(np.array(factors) @ x), SNAP, half_steps)
            for curved in self._space.curved:
                curved.bounds.require(float(curved.value(x[None])[0]), SNAP, self._reach(curved, x))
        return x

    def _reach(self, curved: CurvedConstraint, x: Array) -> float:
        """How far half a step of each value moves a limited value at most, all added up."""
        half = np.array([0.0 if p.choices else (p.step or 0.0) / 2 for p in self._space.parameters])
        aside = np.clip(np.vstack([x + np.diag(half), x - np.diag(half)]), self._low, self._high)
        moves = np.abs(curved.value(aside) - curved.value(x[None]))
        return float(np.nan_to_num(moves).reshape(2, -1).max(axis=0).sum())

    def _moved_to_steps(self, wanted: Array, found: Array) -> bool:
        apart = np.abs(found - wanted)[~self._is_free] / self._units[~self._is_free]
        return bool((apart > OFF_STEP).any())

    def _row(self, x: Array) -> dict[str, Any]:
        """Conditions by name, moved onto constraints that are broken by a rounding error."""
        x = np.clip(x, self._low, self._high)
        for _ in range(ROUNDS):
            total = (self._factors * x).sum(axis=-1)
            excess = total - np.clip(total, self._least, self._most)
            if not excess.any():
                break
            for one, factors in zip(excess.tolist(), self._factors * self._is_free, strict=True):
                if one and factors.any():
                    moved = x - one * factors / (factors @ factors)
                    x = np.clip(moved, self._low, self._high)
        return self._space.rows(x[None])[0]


class _Listed:
    """The allowed conditions of a space, as far as they can be listed.

    Attributes:
        count: how many there are; 0 if they cannot be listed.
    """

    def __init__(self, space: Space) -> None:
        self._X = all_allowed(space)
        self.count = 0 if self._X is None else len(self._X)
        self._is_left = np.ones(self.count, dtype=bool)
        self._sizes = [(one.steps or 0) + 1 for one in space.parameters]
        if self._X is not None:
            numbers = np.rint((self._X - space.low) / [one.step or 1.0 for one in space.parameters])
            self._places = np.ravel_multi_index(
                tuple(numbers.astype(np.int64).T), tuple(self._sizes)
            )

    def strike(self, key: Key) -> None:
        """Take conditions off the list."""
        if self._X is None or not all(
            0 <= number < size for number, size in zip(key, self._sizes, strict=True)
        ):
            return
        place = np.ravel_multi_index(key, tuple(self._sizes))
        row = int(np.searchsorted(self._places, place))
        if row < self.count and self._places[row] == place:
            self._is_left[row] = False

    def left(self) -> Array | None:
        """Conditions that are still on the list, shape `n x d`; None if there is no list."""
        return None if self._X is None else self._X[self._is_left]


def _number(parameter: Parameter, value: Any) -> float:
    try:
        return parameter.number_of(value)
    except (TypeError, ValueError) as error:
        raise OutOfRangeError(f"{parameter.name} = {value!r} is no number") from error
