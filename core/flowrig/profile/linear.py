"""Linear flow rules such as "0.5 * (CuI + ZnI2 + CsOA + ODE)"; they are parsed, never executed."""

import math
from collections.abc import Mapping, Sequence

from attrs import field, frozen

from flowrig.profile.expressions import ExpressionError, Unit, unit_of
from flowrig.profile.expressions.grammar import (
    Algebra,
    Call,
    Name,
    Negative,
    Number,
    Operation,
    fold,
    parse_tree,
)
from flowrig.profile.model import LinearRule

__all__ = ["RuleError", "expand_rules", "parse_rule"]

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

    Numbers, names, `+`, `-`, `*`, `/` and parentheses are allowed; a constant term without a unit
    is a flow rate [µL/min].

    Raises:
        RuleError: the text has anything else, a product of two streams, a division by a stream or
            by zero, or a coefficient that is not finite.
    """
    try:
        form = fold(parse_tree(text), _Forms())
    except ExpressionError as error:
        raise RuleError(f"the rule cannot be read: {error.message}", error.offset) from error
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


class _Forms(Algebra[_Form]):
    """Each part of a rule as a linear form."""

    def number(self, node: Number) -> _Form:
        flow = unit_of("uL/min")
        if node.unit.powers not in ((), flow.powers):
            raise RuleError(f"{node.unit.dimension} in a rule for flow rates", node.at)
        factor = node.unit.factor(flow if node.unit.powers else Unit())
        return _Form(node.value * factor)

    def name(self, node: Name) -> _Form:
        if not node.name.isidentifier():
            raise RuleError("only streams are allowed in a rule", node.at)
        return _Form(0.0, {node.name: 1.0})

    def negative(self, node: Negative, of: _Form) -> _Form:
        return of.scaled(-1.0)

    def call(self, node: Call, arguments: Sequence[_Form]) -> _Form:
        raise RuleError("only + - * / of numbers and streams are allowed", node.at)

    def operation(self, node: Operation, left: _Form, right: _Form) -> _Form:
        if node.operator == "*":
            return _multiply(left, right, node)
        if node.operator == "/":
            return _divide(left, right, node)
        return left.plus(right if node.operator == "+" else right.scaled(-1.0))


def _multiply(left: _Form, right: _Form, node: Operation) -> _Form:
    if left.factors and right.factors:
        raise RuleError("a product of streams is not linear", node.at)
    return left.scaled(right.constant) if left.factors else right.scaled(left.constant)


def _divide(left: _Form, right: _Form, node: Operation) -> _Form:
    if right.factors:
        raise RuleError("a division by a stream is not linear", node.at)
    if right.constant == 0:
        raise RuleError("division by zero", node.at)
    parts = {name: f / right.constant for name, f in left.factors.items()}
    return _Form(left.constant / right.constant, parts)
