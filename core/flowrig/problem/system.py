"""From the variables that people choose to what is set on the rig: one linear system a condition.

Each variable and each setting is an equation `N / D = v` with N and D linear in what is set, the
row `N - v * D = 0`. A value stands in one row only, so that the determinant is affine in each of
them: one sign at all corners of the space means that the system has a solution everywhere in it.
Multiplied by the determinant, a limit is affine in each value too, so that a limit that holds at
all corners holds everywhere.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from itertools import product

import numpy as np
from attrs import field, frozen
from numpy.typing import NDArray

from flowrig.problem.forms import Form, Ratio
from flowrig.problem.scale import Scale
from flowrig.problem.space import ROUNDING, CurvedConstraint, LinearConstraint, Parameter, Value

__all__ = ["MOST_CORNERS", "Branch", "Equation", "Limit", "Structure", "System"]

Array = NDArray[np.float64]

MOST_CORNERS = 14
"""Most ranges whose corners are all looked at."""

SINGULAR = 1e-10
"""Smallest determinant of rows of length 1 that counts as one."""


@frozen
class Equation:
    """One variable or setting.

    Attributes:
        ratio: the quotient, in terms of what is set.
        value: name of the parameter whose value the quotient has, or a constant.
        label: the equation in messages.
    """

    ratio: Ratio
    value: str | float
    label: str


@frozen
class Limit:
    """`low <= ratio <= high`.

    Attributes:
        label: what is limited, with its unit, in messages.
        ratio: the quotient, in terms of what is set.
        low: lower bound; `-inf` for none.
        high: upper bound; `inf` for none.
        off: by name of what is set, a value at which the limit does not apply: a stream that
            stands still has no smallest flow rate.
        only: the combinations of choices where it applies; None for all.
    """

    label: str
    ratio: Ratio
    low: float
    high: float
    off: Mapping[str, float] = field(factory=dict)
    only: frozenset[tuple[int, ...]] | None = None

    @property
    def inside(self) -> float:
        """A value inside it, for where it does not apply."""
        return min(max(0.0, self.low), self.high)


@frozen
class Structure:
    """Which equations decide what.

    Attributes:
        first: pairs of equation and unknown that are solved one after the other.
        core: equations that are solved together, and their unknowns.
        last: pairs that are solved one after the other when the core is known.
        open: unknowns of which some are decided by no equation.
        surplus: equations of which some decide nothing.
    """

    first: tuple[tuple[int, int], ...]
    core: tuple[tuple[int, ...], tuple[int, ...]]
    last: tuple[tuple[int, int], ...]
    open: tuple[int, ...]
    surplus: tuple[int, ...]


class Branch:
    """The equations for one combination of choices.

    Args:
        parameters: the variables, in the order of the columns of conditions.
        unknowns: names of all that is set.
        equations: one for each unknown.
        scale: the equation that decides by what factor all flow rates are multiplied; an equation
            in its place says that their sum is 1.
    """

    def __init__(
        self,
        parameters: Sequence[Parameter],
        unknowns: Sequence[str],
        equations: Sequence[Equation],
        scale: Scale | None = None,
    ) -> None:
        self.equations = tuple(equations)
        self.unknowns = tuple(unknowns)
        columns = {one.name: column for column, one in enumerate(parameters)}
        self.scale = scale
        self._scaled = [self.unknowns.index(name) for name in (scale.streams if scale else ())]
        self._time_column = columns.get(str(scale.value), -1) if scale else -1
        values = [one.value for one in equations]
        self._column = np.array(
            [columns[one] if isinstance(one, str) else -1 for one in values], dtype=int
        )
        self._constant = np.array([0.0 if isinstance(one, str) else one for one in values])
        self._above = self.factors([one.ratio.above for one in equations])
        self._below = self.factors([one.ratio.below for one in equations])
        self._above_0 = np.array([one.ratio.above.constant for one in equations])
        self._below_0 = np.array([one.ratio.below.constant for one in equations])
        self.structure = _structure(self._above, self._below)

    @property
    def quotients(self) -> tuple[Equation, ...]:
        """The equations but for the one in the place of a time that decides the scale."""
        label = "" if self.scale is None else self.scale.label
        return tuple(one for one in self.equations if one.label != label)

    def factors(self, forms: Sequence[Form]) -> Array:
        """The factors of linear forms, shape `forms x unknowns`."""
        rows = [[one.factors.get(name, 0.0) for name in self.unknowns] for one in forms]
        return np.array(rows, dtype=float).reshape(len(forms), len(self.unknowns))

    @property
    def core_columns(self) -> tuple[int, ...]:
        """Columns of the parameters in the equations that are solved together."""
        core = self._column[list(self.structure.core[0])]
        return tuple(sorted({int(column) for column in core if column >= 0}))

    @property
    def is_affine(self) -> bool:
        """Whether all that is set is a linear function of the variables."""
        return self.scale is None and not self._below[self._column >= 0].any()

    @property
    def has_no_scale(self) -> bool:
        """Whether the equations that are solved together hold ratios only, of what they solve."""
        known: set[int] = set()
        for row, unknown in self.structure.first:
            if self._is_fixed(row, known):
                known.add(unknown)
        return not any(self._is_fixed(row, known) for row in self.structure.core[0])

    def _is_fixed(self, row: int, known: set[int]) -> bool:
        """Whether an equation has a term beside what it is solved for: a constant other than 0, or
        something known that is not always 0, above or below the line."""
        others = sorted(known)
        constant, factors = self._above_0[row], self._above[row, others]
        if self._column[row] >= 0:  # a value only brings in what is below the line
            return bool(
                constant or self._below_0[row] or factors.any() or self._below[row, others].any()
            )
        value = self._constant[row]
        constant = constant - value * self._below_0[row]
        return bool(constant or (factors - value * self._below[row, others]).any())

    def determinant(self, X: Array) -> Array:
        """The determinant of the equations that are solved together, each of length 1, shape `n`;
        0 where it is as good as none."""
        A, _ = self._rows(X)
        core = A[:, self.structure.core[0]][:, :, self.structure.core[1]]
        if not core.shape[1]:
            return np.ones(len(X))
        scale = np.abs(core).max(axis=0, keepdims=True).max(axis=1, keepdims=True)
        core = core / np.where(scale > 0, scale, 1.0)
        length = np.linalg.norm(core, axis=2, keepdims=True)
        found = np.asarray(np.linalg.det(core / np.where(length > 0, length, 1.0)))
        return np.where(np.abs(found) < SINGULAR, 0.0, found)

    def solve(self, X: Array) -> Array:
        """All that is set, shape `n x unknowns`, for conditions of shape `n x d`; nan where there
        is no solution."""
        A, b = self._rows(X)
        found = np.zeros((len(X), len(self.unknowns)))
        with np.errstate(all="ignore"):
            for row, unknown in self.structure.first:
                self._solve_one(A, b, found, row, unknown)
            self._solve_core(A, b, found)
            for row, unknown in self.structure.last:
                self._solve_one(A, b, found, row, unknown)
            if self.scale is not None:
                found[:, self._scaled] *= self._factors_of(self.scale, X, found)[:, None]
        return np.where(np.isfinite(found), found, np.nan)

    def _factors_of(self, scale: Scale, X: Array, found: Array) -> Array:
        """By what all flow rates are multiplied for the wanted time, shape `n`."""
        if self._time_column < 0:
            wanted_s = np.full(len(X), float(scale.value))
        else:
            wanted_s = X[:, self._time_column]
        return np.asarray(scale.routes.seconds(self.unknowns, found) / wanted_s)

    def _rows(self, X: Array) -> tuple[Array, Array]:
        V = np.where(self._column >= 0, X[:, self._column], self._constant)
        A = self._above - V[:, :, None] * self._below
        return A, V * self._below_0 - self._above_0

    def _solve_one(self, A: Array, b: Array, found: Array, row: int, unknown: int) -> None:
        # One after the other: a sum over all would depend on how a processor groups its terms.
        rest = b[:, row]
        for other in np.flatnonzero((self._above[row] != 0) | (self._below[row] != 0)):
            if other != unknown:
                rest = rest - A[:, row, other] * found[:, other]
        found[:, unknown] = rest / A[:, row, unknown]

    def _solve_core(self, A: Array, b: Array, found: Array) -> None:
        rows, unknowns = list(self.structure.core[0]), list(self.structure.core[1])
        if not rows:
            return
        rest = b[:, rows]
        for _, unknown in self.structure.first:
            rest = rest - A[:, rows, unknown] * found[:, unknown, None]
        core = A[:, rows][:, :, unknowns]
        is_sound: NDArray[np.bool_] = np.asarray(
            np.isfinite(core).all(axis=(1, 2)) & np.isfinite(rest).all(axis=1)
        )
        # An identity in the place of what cannot be solved, which gets no solution at the end.
        core = np.where(is_sound[:, np.newaxis, np.newaxis], core, np.eye(len(rows)))
        is_sound &= np.asarray(np.linalg.det(core) != 0.0)
        core = np.where(is_sound[:, np.newaxis, np.newaxis], core, np.eye(len(rows)))
        solved = np.linalg.solve(core, np.nan_to_num(rest)[:, :, None])[:, :, 0]
        found[:, unknowns] = np.where(is_sound[:, None], solved, np.nan)


def _structure(above: Array, below: Array) -> Structure:
    """Which equation is solved for what, from which names stand in which equation."""
    uses, varies = (above != 0) | (below != 0), below != 0
    rows, unknowns = set(range(uses.shape[0])), set(range(uses.shape[1]))
    first, last = [], []
    while True:
        pair = _single(uses, varies, sorted(rows), unknowns)
        if pair is None:
            break
        first.append(pair)
        rows.remove(pair[0])
        unknowns.remove(pair[1])
    while True:
        turned = _single(uses.T, varies.T, sorted(unknowns), rows)
        if turned is None:
            break
        last.append((turned[1], turned[0]))
        rows.remove(turned[1])
        unknowns.remove(turned[0])
    core = tuple(sorted(rows)), tuple(sorted(unknowns))
    return Structure(tuple(first), core, tuple(reversed(last)), *_unmatched(uses, *core))


def _single(
    uses: NDArray[np.bool_], varies: NDArray[np.bool_], rows: Sequence[int], others: set[int]
) -> tuple[int, int] | None:
    """A row with one of the others in it, by a constant factor."""
    for row in rows:
        in_it = [other for other in np.flatnonzero(uses[row]).tolist() if other in others]
        if len(in_it) == 1 and not varies[row, in_it[0]]:
            return row, in_it[0]
    return None


def _unmatched(
    uses: NDArray[np.bool_], rows: Sequence[int], unknowns: Sequence[int]
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Unknowns of which some have no equation, and equations of which some have no unknown.

    These are the underdetermined and the overdetermined part of the equations (Dulmage &
    Mendelsohn, Canadian J. Math. 1958, 10, 517), found from a largest matching.
    """
    row_of: dict[int, int] = {}

    def matched(row: int, seen: set[int]) -> bool:
        for unknown in unknowns:
            if uses[row, unknown] and unknown not in seen:
                seen.add(unknown)
                if unknown not in row_of or matched(row_of[unknown], seen):
                    row_of[unknown] = row
                    return True
        return False

    for row in rows:
        matched(row, set())
    unknown_of = {row: unknown for unknown, row in row_of.items()}
    open_ = _reached({one for one in unknowns if one not in row_of}, unknown_of, uses)
    surplus = _reached({row for row in rows if row not in unknown_of}, row_of, uses.T)
    return tuple(sorted(open_)), tuple(sorted(surplus))


def _reached(found: set[int], partner: Mapping[int, int], uses: NDArray[np.bool_]) -> set[int]:
    """What alternating paths of a matching reach from some beginnings.

    Args:
        found: the beginnings.
        partner: by each matched one of the other side, its partner on the side of the beginnings.
        uses: which of the other side belong to which of this side, shape `others x these`.
    """
    while (
        more := {own for other, own in partner.items() if any(uses[other, one] for one in found)}
        - found
    ):
        found = found | more
    return found


class System:
    """The equations and limits of a rig, by combination of choices.

    Args:
        parameters: the variables.
        unknowns: names of all that is set.
        equations: by the numbers of the choices of all parameters with choices, in their order.
        limits: windows on quotients of what is set.
        scales: by combination of choices, the time that decides the scale of all flow rates.
    """

    def __init__(
        self,
        parameters: Sequence[Parameter],
        unknowns: Sequence[str],
        equations: Mapping[tuple[int, ...], Sequence[Equation]],
        limits: Sequence[Limit],
        scales: Mapping[tuple[int, ...], Scale] | None = None,
    ) -> None:
        self.parameters = tuple(parameters)
        self.unknowns = tuple(unknowns)
        self.limits = tuple(limits)
        self.branches = {
            choice: Branch(parameters, unknowns, some, (scales or {}).get(choice))
            for choice, some in equations.items()
        }
        self._choosing = [j for j, one in enumerate(self.parameters) if one.choices]

    def solve(self, X: Array) -> Array:
        """All that is set, shape `n x unknowns`, for conditions of shape `n x d`; nan where there
        is no solution."""
        X = np.asarray(X, dtype=float)
        if not self._choosing:
            return self.branches[()].solve(X)
        found = np.full((len(X), len(self.unknowns)), np.nan)
        chosen = np.rint(np.nan_to_num(X[:, self._choosing], nan=-1.0)).astype(int)
        for choice, branch in self.branches.items():
            here = (chosen == choice).all(axis=1)
            if here.any():
                found[here] = branch.solve(X[here])
        return found

    def controls(self, conditions: Mapping[str, Value]) -> dict[str, float]:
        """All that is set, by name, for one condition by parameter name.

        Raises:
            OutOfRangeError: a value is no choice of a category.
        """
        x = [[one.number_of(conditions[one.name]) for one in self.parameters]]
        return dict(zip(self.unknowns, self.solve(np.array(x))[0].tolist(), strict=True))

    def values(self, limit: Limit, X: Array) -> Array:
        """The limited quotient, shape `n`, for conditions of shape `n x d`.

        Where the limit does not apply, a value inside it; nan where there is no solution.
        """
        X = np.asarray(X, dtype=float)
        values = self._values(limit, self.solve(X))
        if limit.only is not None:
            chosen = np.rint(np.nan_to_num(X[:, self._choosing], nan=-1.0)).astype(int)
            applies = [tuple(row) in limit.only for row in chosen.tolist()]
            values = np.where(applies, values, limit.inside)
        return values

    def _values(self, limit: Limit, found: Array) -> Array:
        ratio, columns = limit.ratio, {name: j for j, name in enumerate(self.unknowns)}
        above, below = (
            sum(
                (one * found[:, columns[name]] for name, one in form.factors.items()),
                np.full(len(found), form.constant),
            )
            for form in (ratio.above, ratio.below)
        )
        with np.errstate(all="ignore"):
            value = above / below
        for name, off in limit.off.items():
            inside = min(max(off, limit.low), limit.high)
            value = np.where(found[:, columns[name]] == off, inside, value)
        return np.asarray(value)

    def corners(
        self, choice: tuple[int, ...], columns: Sequence[int] | None = None
    ) -> Array | None:
        """The corners of the ranges for one combination of choices, shape `n x d`.

        Args:
            choice: numbers of the choices.
            columns: of the ranges whose ends are combined, the others at their lower ends; all by
                default.

        Returns:
            None if more than `MOST_CORNERS` ranges are combined.
        """
        ranges = [j for j, one in enumerate(self.parameters) if not one.choices]
        ranges = ranges if columns is None else list(columns)
        if len(ranges) > MOST_CORNERS:
            return None
        low = np.array([one.low for one in self.parameters], dtype=float)
        high = np.array([one.high for one in self.parameters], dtype=float)
        low[self._choosing] = choice
        X = np.repeat(low[None], 2 ** len(ranges), axis=0)
        if ranges:
            ends = np.array(list(product((False, True), repeat=len(ranges))))
            X[:, ranges] = np.where(ends, high[ranges], low[ranges])
        return X

    def extremes(self, limit: Limit) -> tuple[float, float] | None:
        """Smallest and largest value of a limited quotient in the box of the ranges.

        Along each variable the quotient rises or falls all the way, so that both are at corners.

        Returns:
            None if the corners are too many, or if a time on which it depends is no quotient.
        """
        found = []
        for choice, branch in self.branches.items():
            if limit.only is not None and choice not in limit.only:
                continue
            if branch.scale is not None and _grows(limit, branch.scale):
                return None
            X = self.corners(choice)
            if X is None:
                return None
            found.append(self.values(limit, X))
        values = np.concatenate(found)
        return float(np.nanmin(values, initial=np.inf)), float(np.nanmax(values, initial=-np.inf))

    @cached_property
    def constraints(self) -> tuple[tuple[LinearConstraint, ...], tuple[CurvedConstraint, ...]]:
        """The limits that cut the box of the ranges: linear ones, and others."""
        linear, curved = [], []
        for limit in self.limits:
            ends = self.extremes(limit)
            slack = ROUNDING * max(1.0, *(abs(b) for b in _finite(limit)))
            if ends is not None and limit.low - slack <= ends[0] <= ends[1] <= limit.high + slack:
                continue
            affine = self._affine(limit)
            if affine is not None:
                linear.append(affine)
            else:
                curved.append(self._curved(limit))
        return tuple(linear), tuple(curved)

    def _curved(self, limit: Limit) -> CurvedConstraint:
        return CurvedConstraint(limit.label, lambda X: self.values(limit, X), limit.low, limit.high)

    def _affine(self, limit: Limit) -> LinearConstraint | None:
        """A limit as a linear constraint; None if it is none."""
        if self._choosing or limit.off or limit.ratio.below.factors:
            return None
        (branch,) = self.branches.values()
        if not branch.is_affine:
            return None
        d = len(self.parameters)
        origin, *ones = self.values(limit, np.vstack([np.zeros((1, d)), np.eye(d)])).tolist()
        factors = {
            one.name: value - origin for one, value in zip(self.parameters, ones, strict=True)
        }
        return LinearConstraint(limit.label, factors, limit.low - origin, limit.high - origin)


def _grows(limit: Limit, scale: Scale) -> bool:
    """Whether a quotient changes where all flow rates are multiplied by one factor."""
    above, below = limit.ratio.above, limit.ratio.below
    is_of_flows = {*above.factors, *below.factors} & {*scale.streams}
    return bool(is_of_flows) and bool(above.constant or below.constant)


def _finite(limit: Limit) -> Iterator[float]:
    yield from (bound for bound in (limit.low, limit.high) if np.isfinite(bound))
    yield 0.0
