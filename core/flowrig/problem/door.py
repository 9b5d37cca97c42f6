"""The one door to the rig: everything that suggests conditions goes through it."""

import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from flowrig.errors import NothingLeftError, OutOfRangeError
from flowrig.problem.feasibility import pulled_inside
from flowrig.problem.space import OFF_STEP, Space
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
        self._tried: set[Key] = set()
        self._unlisted: list[Key] = []
        self._listed: _Listed | None = None

    def key(self, conditions: Mapping[str, float]) -> Key:
        """Conditions as whole numbers, the same for conditions that are the same."""
        return self._key(self._space.array([conditions])[0])

    def note(self, conditions: Mapping[str, float]) -> None:
        """Count conditions as tried, also such that are outside the space."""
        key = self.key(conditions)
        self._tried.add(key)
        self._unlisted.append(key)

    def admit(self, conditions: Mapping[str, Any]) -> dict[str, float]:
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
        if self._moved_to_steps(wanted, found) and self._key(found) in self._tried:
            return self.admit_new(conditions)
        return self._row(found)

    def admit_all(self, batch: Iterable[Mapping[str, Any]]) -> list[dict[str, float]]:
        """The nearest conditions that the rig can do, one after the other; they count as tried.

        Returns:
            one row for each of the batch; fewer if all conditions were tried in the middle of it.

        Raises:
            OutOfRangeError: as `admit`.
            NothingLeftError: already the first would repeat conditions, and all were tried.
        """
        admitted: list[dict[str, float]] = []
        for conditions in batch:
            try:
                admitted.append(self.admit(conditions))
            except NothingLeftError:
                if not admitted:
                    raise
                break
            self.note(admitted[-1])
        return admitted

    def admit_new(self, conditions: Mapping[str, Any]) -> dict[str, float]:
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
        found = nearest_allowed(self._space, wanted, lambda x: self._key(x) not in self._tried)
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

    def _key(self, x: Array) -> Key:
        return tuple(
            _whole((value - one.low) / (one.step or SNAP * (one.high - one.low)))
            for one, value in zip(self._space.parameters, x.tolist(), strict=True)
        )

    def _inside_bounds(self, conditions: Mapping[str, Any]) -> Array:
        """The values of conditions, shape `d`, moved onto bounds that are broken by `SNAP`."""
        values = {name: _number(name, value) for name, value in conditions.items()}
        if set(values) != set(self._space.names):
            self._space.require_feasible(values)  # raises, with the names
        x = self._space.array([values])[0]
        slack = SNAP * (self._high - self._low)
        if not ((self._low - slack <= x) & (x <= self._high + slack)).all():
            for one, value in zip(self._space.parameters, x, strict=True):
                one.require_inside(float(value), SNAP)
        return np.clip(x, self._low, self._high)

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
        return x

    def _moved_to_steps(self, wanted: Array, found: Array) -> bool:
        steps = [one.step or np.inf for one in self._space.parameters]
        return bool((np.abs(found - wanted) / np.array(steps) > OFF_STEP).any())

    def _row(self, x: Array) -> dict[str, float]:
        """Conditions by name, moved onto constraints that are broken by a rounding error."""
        free = np.array([one.step is None for one in self._space.parameters])
        x = np.clip(x, self._low, self._high)
        for _ in range(ROUNDS):
            for constraint in self._space.constraints:
                factors = np.array(
                    [constraint.coefficients.get(name, 0.0) for name in self._space.names]
                )
                total = float(factors @ x)
                excess = total - min(max(total, constraint.low), constraint.high)
                along = factors * free
                if excess and along.any():
                    x = np.clip(x - excess * along / (along @ along), self._low, self._high)
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


def _number(name: str, value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError) as error:
        raise OutOfRangeError(f"{name} = {value!r} is no number") from error


def _whole(value: float) -> int:
    """The nearest whole number; beyond `MOST_WHOLE` that, and 0 for nan."""
    return 0 if math.isnan(value) else round(min(max(value, -MOST_WHOLE), MOST_WHOLE))
