"""Linear flow rules such as "0.5 * (CuI + ZnI2 + CsOA + ODE)"; they are parsed, never executed."""

import ast
import math
from collections.abc import Callable, Mapping

from attrs import field, frozen

from flowrig.profile.model import LinearRule

__all__ = ["LONGEST_RULE", "RuleError", "expand_rules", "parse_rule"]

LONGEST_RULE = 500
"""Largest number of characters of a rule."""

_EXAMPLE = 'a linear rule such as "0.5 * (A + B)"'


class RuleError(ValueError):
    """A text is no linear rule.

    Attributes:
        message: what is wrong.
        expected: a correct rule, as an example.
        offset: position of the mistake, in characters from the start of the text.
    """

    def __init__(self, message: str, offset: int = 0) -> None:
        super().__init__(message)
        self.message = message
        self.expected = _EXAMPLE
        self.offset = offset


@frozen
class _Form:
    """`constant + sum(factor * stream)`."""

    constant: float = 0.0
    factors: dict[str, float] = field(factory=dict)

    def scaled(self, by: float) -> "_Form":
        return _Form(self.constant * by, {name: f * by for name, f in self.factors.items()})

    def plus(self, other: "_Form") -> "_Form":
        names = self.factors | other.factors
        total = {n: self.factors.get(n, 0.0) + other.factors.get(n, 0.0) for n in names}
        return _Form(self.constant + other.constant, total)


def parse_rule(text: str) -> LinearRule:
    """Read a linear rule over stream names.

    Numbers, names, `+`, `-`, `*`, `/` and parentheses are allowed; a constant term is a flow rate
    [µL/min].

    Raises:
        RuleError: the text has anything else, a product of two streams, a division by a stream or
            by zero, or a coefficient that is not finite.
    """
    if len(text) > LONGEST_RULE:
        raise RuleError(f"the rule has {len(text)} characters, more than {LONGEST_RULE}")
    leading = len(text) - len(text.lstrip())
    try:
        form = _form(ast.parse(text.strip(), mode="eval").body)
    except RuleError as error:
        raise RuleError(error.message, error.offset + leading) from None
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise RuleError("the rule cannot be read") from error
    if not all(map(math.isfinite, (form.constant, *form.factors.values()))):
        raise RuleError("a coefficient of the rule is not finite")
    return LinearRule(form.factors, form.constant, text=text)


def expand_rules(
    rules: Mapping[str, LinearRule],
) -> tuple[dict[str, LinearRule], tuple[str, ...]]:
    """Replace streams with a rule by their rules, until only streams without a rule are left.

    Returns:
        the expanded rules, and the streams whose flow rates depend on themselves, which have no
        expanded rule.
    """
    expanded: dict[str, LinearRule] = {}
    waiting = dict(rules)
    while waiting:
        ready = {n: r for n, r in waiting.items() if not waiting.keys() & r.coefficients.keys()}
        if not ready:
            break
        for name, rule in ready.items():
            expanded[name] = _substitute(rule, expanded)
            del waiting[name]
    return expanded, tuple(waiting)


def _substitute(rule: LinearRule, known: Mapping[str, LinearRule]) -> LinearRule:
    form = _Form(rule.constant_ul_min)
    for name, factor in rule.coefficients.items():
        inner = known.get(name)
        if inner is None:
            form = form.plus(_Form(0.0, {name: factor}))
        else:
            form = form.plus(_Form(inner.constant_ul_min, dict(inner.coefficients)).scaled(factor))
    return LinearRule(form.factors, form.constant, text=rule.text)


def _form(node: ast.expr) -> _Form:
    match node:
        case ast.Constant(value=bool()):
            raise RuleError("only numbers and streams are allowed", node.col_offset)
        case ast.Constant(value=int() | float() as number):
            return _Form(_number(number, node))
        case ast.Name(id=name):
            return _Form(0.0, {name: 1.0})
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return _form(operand).scaled(-1.0)
        case ast.UnaryOp(op=ast.UAdd(), operand=operand):
            return _form(operand)
        case ast.BinOp(left=left, op=op, right=right):
            combine = _COMBINE.get(type(op))
            if combine is not None:
                return combine(_form(left), _form(right), node)
    raise RuleError("only + - * / of numbers and streams are allowed", node.col_offset)


def _number(number: int | float, node: ast.expr) -> float:
    try:
        return float(number)
    except OverflowError as error:
        raise RuleError("the number is too large", node.col_offset) from error


def _add(left: _Form, right: _Form, _node: ast.expr) -> _Form:
    return left.plus(right)


def _subtract(left: _Form, right: _Form, _node: ast.expr) -> _Form:
    return left.plus(right.scaled(-1.0))


def _multiply(left: _Form, right: _Form, node: ast.expr) -> _Form:
    if left.factors and right.factors:
        raise RuleError("a product of streams is not linear", node.col_offset)
    return left.scaled(right.constant) if left.factors else right.scaled(left.constant)


def _divide(left: _Form, right: _Form, node: ast.expr) -> _Form:
    if right.factors:
        raise RuleError("a division by a stream is not linear", node.col_offset)
    if right.constant == 0:
        raise RuleError("division by zero", node.col_offset)
    parts = {name: f / right.constant for name, f in left.factors.items()}
    return _Form(left.constant / right.constant, parts)


_COMBINE: dict[type[ast.operator], Callable[[_Form, _Form, ast.expr], _Form]] = {
    ast.Add: _add,
    ast.Sub: _subtract,
    ast.Mult: _multiply,
    ast.Div: _divide,
}
