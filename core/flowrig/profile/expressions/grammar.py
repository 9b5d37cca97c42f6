"""The grammar: from a text to a tree. Nothing of a text is ever run.

```
sum     = product {("+" | "-") product}
product = sign {("*" | "/") sign}
sign    = {"+" | "-"} value
value   = number [unit] | name | name "(" sum {"," sum} ")" | "(" sum ")"
name    = word {"." word}
```
"""

import re
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Generic, Literal, TypeVar

from attrs import frozen

from flowrig.profile.expressions.errors import ExpressionError
from flowrig.profile.expressions.units import NUMBER, Unit, read_unit
from flowrig.profile.problems import shown

__all__ = [
    "LONGEST",
    "Algebra",
    "Call",
    "Name",
    "Negative",
    "Number",
    "Operation",
    "Tree",
    "fold",
    "parse_tree",
]

LONGEST = 500
"""Largest number of characters of an expression."""

DEEPEST = 40
"""Largest number of parentheses, functions and signs inside each other."""

Operator = Literal["+", "-", "*", "/"]

_SPACE = re.compile(r"[ \t]*")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*")

_EXAMPLE = 'an expression such as "0.5 * (A + B)"'


@frozen
class Number:
    """A number with its unit; `at` is its place in the text, from 0, as in every node."""

    value: float
    unit: Unit
    at: int


@frozen
class Name:
    """A plain or dotted name, or "mol(X)" for the molar flow of a species."""

    name: str
    at: int


@frozen
class Call:
    """A named function of other expressions."""

    function: str
    arguments: "tuple[Tree, ...]"
    at: int


@frozen
class Negative:
    """The negative of an expression."""

    of: "Tree"
    at: int


@frozen
class Operation:
    """Two expressions joined by an operator, at whose place it stands."""

    operator: Operator
    left: "Tree"
    right: "Tree"
    at: int


Tree = Number | Name | Call | Negative | Operation


T = TypeVar("T")


class Algebra(ABC, Generic[T]):
    """What each kind of node becomes, from what its parts became."""

    @abstractmethod
    def number(self, node: Number) -> T:
        """A number with its unit."""

    @abstractmethod
    def name(self, node: Name) -> T:
        """A name."""

    @abstractmethod
    def negative(self, node: Negative, of: T) -> T:
        """The negative of a part."""

    @abstractmethod
    def operation(self, node: Operation, left: T, right: T) -> T:
        """Two parts joined by an operator."""

    @abstractmethod
    def call(self, node: Call, arguments: Sequence[T]) -> T:
        """A function of some parts."""


def fold(tree: Tree, algebra: Algebra[T]) -> T:
    """What a tree becomes, part by part."""
    match tree:
        case Number():
            return algebra.number(tree)
        case Name():
            return algebra.name(tree)
        case Negative(of=of):
            return algebra.negative(tree, fold(of, algebra))
        case Call(arguments=arguments):
            return algebra.call(tree, [fold(one, algebra) for one in arguments])
    # A long sum leans to the left: a loop, since Python's stack is short.
    chain = [tree]
    while isinstance(left := chain[-1].left, Operation):
        chain.append(left)
    found = fold(chain[-1].left, algebra)
    for node in reversed(chain):
        found = algebra.operation(node, found, fold(node.right, algebra))
    return found


def parse_tree(text: str) -> Tree:
    """Read an expression.

    Raises:
        ExpressionError: the text is no expression, is longer than `LONGEST`, or is nested deeper
            than `DEEPEST`.
    """
    if len(text) > LONGEST:
        raise ExpressionError(f"it has {len(text)} characters, more than {LONGEST}", 0)
    parser = _Parser(text)
    tree = parser.sum(0)
    if parser.at < len(text):
        raise parser.error(f"{shown(text[parser.at])} does not belong here")
    return tree


class _Parser:
    """Reads a text from left to right; `at` is the place of the next character."""

    def __init__(self, text: str) -> None:
        self._text = text
        self.at = 0
        self._skip()

    def error(self, message: str) -> ExpressionError:
        return ExpressionError(message, min(self.at, len(self._text)), _EXAMPLE)

    def sum(self, depth: int) -> Tree:
        return self._joined(("+", "-"), depth)

    def _joined(self, operators: tuple[Operator, ...], depth: int) -> Tree:
        is_sum = "+" in operators
        left = self._joined(("*", "/"), depth) if is_sum else self._sign(depth)
        while (found := self._one_of(operators)) is not None:
            at, operator = found
            right = self._joined(("*", "/"), depth) if is_sum else self._sign(depth)
            left = Operation(operator, left, right, at)
        return left

    def _one_of(self, operators: tuple[Operator, ...]) -> tuple[int, Operator] | None:
        at = self.at
        for operator in operators:
            if self._take(operator):
                return at, operator
        return None

    def _sign(self, depth: int) -> Tree:
        if depth > DEEPEST:
            raise self.error(f"it is nested deeper than {DEEPEST} times")
        at = self.at
        if self._take("-"):
            return Negative(self._sign(depth + 1), at)
        if self._take("+"):
            return self._sign(depth + 1)
        return self._value(depth)

    def _value(self, depth: int) -> Tree:
        if self._take("("):
            inside = self.sum(depth + 1)
            self._require(")")
            return inside
        at = self.at
        if (number := NUMBER.match(self._text, at)) is not None:
            return self._number(number[0])
        if (name := _NAME.match(self._text, at)) is not None:
            self._go(name.end())
            return self._call(name[0], at, depth) if self._take("(") else Name(name[0], at)
        if at < len(self._text) and (self._text[at].isdigit() or self._text[at] == "."):
            raise self.error("a number is written with digits, and its unit after a space")
        if at < len(self._text):
            raise self.error(f"{shown(self._text[at])} does not belong here")
        raise self.error("a number or a name is missing at the end")

    def _number(self, digits: str) -> Number:
        at = self.at
        value = float(digits)
        if value == float("inf"):
            raise self.error("the number is too large")
        self._go(at + len(digits))
        found = read_unit(self._text, self.at)
        if found is None:
            word = _NAME.match(self._text, self.at)
            if word is not None:
                raise self.error(f"unknown unit {word[0]!r}, or an operator is missing before it")
            return Number(value, Unit(), at)
        self._go(found[1])
        return Number(value, found[0], at)

    def _call(self, function: str, at: int, depth: int) -> Call | Name:
        arguments = [self.sum(depth + 1)]
        while self._take(","):
            arguments.append(self.sum(depth + 1))
        self._require(")")
        if function != "mol":
            return Call(function, tuple(arguments), at)
        (species, *others) = arguments
        if others or not isinstance(species, Name):
            raise ExpressionError("mol takes the name of one species", at, "mol(A)")
        return Name(f"mol({species.name})", at)

    def _require(self, mark: str) -> None:
        if not self._take(mark):
            missing = f"{shown(mark)} is missing"
            raise self.error(missing + (" at the end" if self.at >= len(self._text) else ""))

    def _take(self, mark: str) -> bool:
        if not self._text.startswith(mark, self.at):
            return False
        self._go(self.at + len(mark))
        return True

    def _go(self, at: int) -> None:
        self.at = at
        self._skip()

    def _skip(self) -> None:
        match = _SPACE.match(self._text, self.at)
        self.at = self.at if match is None else match.end()
