"""Expressions with the meaning of their names: dimensions and values."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Literal

import numpy as np
from attrs import evolve, field, frozen

from flowrig.profile.expressions.errors import ExpressionError
from flowrig.profile.expressions.grammar import (
    Algebra,
    Call,
    Name,
    Negative,
    Number,
    Operation,
    Tree,
    fold,
    parse_tree,
)
from flowrig.profile.expressions.units import Unit, unit_of
from flowrig.profile.problems import nearest

__all__ = ["FUNCTIONS", "Bound", "Expression", "Kind", "Meaning", "parse"]

MOST_NAMED = 20
"""Largest number of names in a message."""

Kind = Literal["number", "series", "spectrum", "spectra"]

_NM = unit_of("nm")


@frozen
class Meaning:
    """What a name stands for.

    Attributes:
        unit: the unit of its values; of a spectrum, that of its ordinate.
        kind: one number, a series of numbers, a spectrum, or a series of spectra.
        axis: of a spectrum, the unit of its axis.
        over: of a series, what it runs over; two series are computed with each other only if they
            run over the same.
    """

    unit: Unit
    kind: Kind = "number"
    axis: Unit = _NM
    over: str = ""


@frozen
class Function:
    """The signature of a named function whose first argument has a kind of its own.

    Attributes:
        of: kind of the first argument.
        places: number of the other arguments, which are places on the axis of the first one.
        unit: the unit of the result from that of the first argument and that of its axis.
        is_of_light: whether the axis has to be one of wavelengths.
    """

    of: Kind
    places: int
    unit: Callable[[Unit, Unit], Unit]
    is_of_light: bool = False


def _same(unit: Unit, _axis: Unit) -> Unit:
    return unit


def _over(unit: Unit, axis: Unit) -> Unit:
    """The unit of an area: ordinate times axis, whatever a profile can write."""
    return evolve(unit.times(axis), text=f"{unit.text} {axis.text}".strip())


FUNCTIONS: Mapping[str, Function] = {
    "at": Function("spectrum", 1, _same),
    "area": Function("spectrum", 2, _over),
    "peak": Function("spectrum", 2, lambda _, axis: axis, is_of_light=True),
    "energy": Function("spectrum", 2, lambda _, axis: unit_of("eV"), is_of_light=True),
    "fwhm": Function("spectrum", 2, lambda _, axis: axis, is_of_light=True),
    **{
        name: Function("series", 0, _same)
        for name in ("mean", "spread", "first", "last", "smallest")
    },
}
"""Functions by name. `mol(X)` is no function but a name of its own: the molar flow of X."""


@frozen
class Expression:
    """A text that was read, without the meaning of its names.

    Attributes:
        text: the text.
        tree: the same as a tree.
    """

    text: str
    tree: Tree = field(eq=False, repr=False)

    @property
    def names(self) -> tuple[str, ...]:
        """Every name, each once, in the order of the text; a molar flow as "mol(X)"."""
        found: list[str] = fold(self.tree, _Names())
        return tuple(dict.fromkeys(found))

    def bind(self, meanings: Mapping[str, Meaning]) -> "Bound":
        """The expression with the meaning of its names.

        Args:
            meanings: by name; molar flows as "mol(X)".

        Raises:
            ExpressionError: a name or function is unknown, or units do not fit each other.
        """
        meaning = fold(self.tree, _Meanings(meanings))
        return Bound(self, meaning.unit, meaning.kind, dict(meanings), meaning.over)


@frozen
class Bound:
    """An expression whose names have a meaning.

    Attributes:
        expression: the expression.
        natural: the unit in which its value comes out of the computation.
        kind: one number, or a series of numbers.
        meanings: what the names stand for.
        over: of a series, what it runs over.
    """

    expression: Expression
    natural: Unit
    kind: Kind
    meanings: Mapping[str, Meaning] = field(repr=False)
    over: str = ""

    @property
    def unit(self) -> Unit:
        """The unit of the values that `evaluate` returns."""
        return self.natural.given

    def evaluate(
        self,
        values: Mapping[str, Any],
        functions: Mapping[str, Callable[..., Any]] | None = None,
    ) -> Any:
        """The value; nan or inf where a division by zero leaves none.

        Args:
            values: by name, in the units of the meanings: numbers, or arrays of one shape.
            functions: by name; each gets its first argument, and places in the unit of its axis.

        Returns:
            a number or an array, in `unit`.
        """
        with np.errstate(all="ignore"):
            evaluation = _Values(self.meanings, values, functions or {})
            found, natural = fold(self.expression.tree, evaluation)
            factor = natural.factor(self.unit)
            return found if factor == 1.0 else found * factor


def parse(text: str) -> Expression:
    """Read an expression.

    Raises:
        ExpressionError: the text is no expression.
    """
    return Expression(text, parse_tree(text))


class _Names(Algebra[list[str]]):
    """All names, in the order of the text."""

    def number(self, node: Number) -> list[str]:
        return []

    def name(self, node: Name) -> list[str]:
        return [node.name]

    def negative(self, node: Negative, of: list[str]) -> list[str]:
        return of

    def operation(self, node: Operation, left: list[str], right: list[str]) -> list[str]:
        return left + right

    def call(self, node: Call, arguments: Sequence[list[str]]) -> list[str]:
        return [name for one in arguments for name in one]


class _Meanings(Algebra[Meaning]):
    """The unit and the kind of each part."""

    def __init__(self, meanings: Mapping[str, Meaning]) -> None:
        self._meanings = meanings

    def number(self, node: Number) -> Meaning:
        return Meaning(node.unit)

    def name(self, node: Name) -> Meaning:
        if node.name not in self._meanings:
            raise _unknown(node.name, self._meanings, node.at)
        return self._meanings[node.name]

    def negative(self, node: Negative, of: Meaning) -> Meaning:
        return self._numeric(of, node.at)

    def operation(self, node: Operation, left: Meaning, right: Meaning) -> Meaning:
        left, right = self._numeric(left, node.at), self._numeric(right, node.at)
        kind: Kind = "series" if "series" in (left.kind, right.kind) else "number"
        if left.over and right.over and left.over != right.over:
            message = f"a series over {left.over} and one over {right.over}"
            raise ExpressionError(message, node.at, "series over the same, or numbers of them")
        over = left.over or right.over
        if node.operator in "*/":
            power = 1 if node.operator == "*" else -1
            return Meaning(left.unit.times(right.unit, power), kind, over=over)
        if left.unit.powers != right.unit.powers:
            joined = "added" if node.operator == "+" else "subtracted"
            message = f"{left.unit.dimension} and {right.unit.dimension} cannot be {joined}"
            raise ExpressionError(message, node.at, "two of the same kind")
        return Meaning(left.unit, kind, over=over)

    def call(self, node: Call, arguments: Sequence[Meaning]) -> Meaning:
        function = FUNCTIONS.get(node.function)
        if function is None:
            raise _unknown(node.function, (*FUNCTIONS, "mol"), node.at, "function")
        first, *others = arguments
        if len(others) != function.places:
            message = f"{node.function} takes {1 + function.places} arguments"
            raise ExpressionError(f"{message}, got {1 + len(others)}", node.at)
        of_each = function.of == "spectrum" and first.kind == "spectra"
        if first.kind != function.of and not of_each:
            message = f"{node.function} takes {_A_KIND[function.of]}, got {_A_KIND[first.kind]}"
            raise ExpressionError(message, node.arguments[0].at)
        axis = first.axis
        if function.is_of_light and axis != _NM:
            message = f"{node.function} takes a spectrum over wavelengths, got one over {axis}"
            raise ExpressionError(message, node.arguments[0].at, "at() or area()")
        for tree, given in zip(node.arguments[1:], others, strict=True):
            if given.unit.powers != axis.powers or not isinstance(tree, Number):
                message = f"{node.function} takes {axis.dimension} here"
                example = f"446 {axis}" if axis == _NM else f"10 {axis}"
                raise ExpressionError(message, tree.at, f'a constant such as "{example}"')
        kind: Kind = "series" if of_each else "number"
        return Meaning(function.unit(first.unit, axis), kind, over=first.over if of_each else "")

    def _numeric(self, meaning: Meaning, at: int) -> Meaning:
        if meaning.kind in ("spectrum", "spectra"):
            raise ExpressionError("a spectrum is no number", at, "a function of it, as area()")
        return meaning


_A_KIND: Mapping[Kind, str] = {
    "number": "a number",
    "series": "a series",
    "spectrum": "a spectrum",
    "spectra": "a series of spectra",
}


def _unknown(name: str, known: Iterable[str], at: int, what: str = "name") -> ExpressionError:
    names = sorted(known)
    expected = f"one of {', '.join(names[:MOST_NAMED])}" if names else ""
    return ExpressionError(f"unknown {what} {name!r}", at, expected, nearest(name, names))


class _Values(Algebra[tuple[Any, Unit]]):
    """The value of each part, with its unit."""

    def __init__(
        self,
        meanings: Mapping[str, Meaning],
        values: Mapping[str, Any],
        functions: Mapping[str, Callable[..., Any]],
    ) -> None:
        self._meanings = meanings
        self._values = values
        self._functions = functions

    def number(self, node: Number) -> tuple[Any, Unit]:
        return node.value, node.unit

    def name(self, node: Name) -> tuple[Any, Unit]:
        return self._values[node.name], self._meanings[node.name].unit

    def negative(self, node: Negative, of: tuple[Any, Unit]) -> tuple[Any, Unit]:
        return -of[0], of[1]

    def operation(
        self, node: Operation, left: tuple[Any, Unit], right: tuple[Any, Unit]
    ) -> tuple[Any, Unit]:
        if node.operator == "*":
            return np.multiply(left[0], right[0]), left[1].times(right[1])
        if node.operator == "/":
            return np.divide(left[0], right[0]), left[1].times(right[1], -1)
        factor = right[1].factor(left[1])
        other = right[0] if factor == 1.0 else right[0] * factor
        return (left[0] + other if node.operator == "+" else left[0] - other), left[1]

    def call(self, node: Call, arguments: Sequence[tuple[Any, Unit]]) -> tuple[Any, Unit]:
        function = FUNCTIONS[node.function]
        (first, unit), *others = arguments
        named = node.arguments[0]
        axis = self._meanings[named.name].axis if isinstance(named, Name) else _NM
        places = [value * given.factor(axis) for value, given in others]
        return self._functions[node.function](first, *places), function.unit(unit, axis)
