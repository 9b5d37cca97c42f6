"""Expressions as ratios of two linear forms, which is what equations and limits are made of."""

import math
from collections.abc import Mapping, Sequence

from flowrig.problem.forms import Form, Ratio
from flowrig.profile.expressions.errors import ExpressionError
from flowrig.profile.expressions.expression import Bound
from flowrig.profile.expressions.grammar import (
    Algebra,
    Call,
    Name,
    Negative,
    Number,
    Operation,
    fold,
)
from flowrig.profile.expressions.units import Unit

__all__ = ["ratio_of"]


Scaled = tuple[Ratio, Unit]


def ratio_of(bound: Bound, ratios: Mapping[str, Ratio]) -> Ratio:
    """An expression as the quotient of two linear forms.

    Args:
        bound: the expression.
        ratios: what each of its names is in terms of controls.

    Returns:
        the quotient, in `bound.unit`.

    Raises:
        ExpressionError: it is no such quotient, or it divides by zero everywhere.
    """
    found, unit = fold(bound.expression.tree, _Ratios(bound, ratios))
    found = Ratio(found.above.scaled(unit.factor(bound.unit)), found.below)
    for form in (found.above, found.below):
        if not all(map(math.isfinite, (form.constant, *form.factors.values()))):
            raise ExpressionError("a coefficient of it is not finite", 0)
    return found


class _Ratios(Algebra[Scaled]):
    """Each part as a quotient, with its unit."""

    def __init__(self, bound: Bound, ratios: Mapping[str, Ratio]) -> None:
        self._meanings = bound.meanings
        self._ratios = ratios

    def number(self, node: Number) -> Scaled:
        return Ratio(Form(node.value)), node.unit

    def name(self, node: Name) -> Scaled:
        if node.name not in self._ratios:
            raise ExpressionError(
                f"{node.name!r} is measured, not set", node.at, "names of controls"
            )
        return self._ratios[node.name], self._meanings[node.name].unit

    def negative(self, node: Negative, of: Scaled) -> Scaled:
        return Ratio(of[0].above.scaled(-1.0), of[0].below), of[1]

    def call(self, node: Call, arguments: Sequence[Scaled]) -> Scaled:
        raise ExpressionError(
            f"{node.function}() is measured, not set", node.at, "flows and settings"
        )

    def operation(self, node: Operation, left: Scaled, right: Scaled) -> Scaled:
        (one, unit), (other, other_unit) = left, right
        if node.operator == "*":
            return self._ratio(node, one, other), unit.times(other_unit)
        if node.operator == "/":
            if not other.above.constant and not other.above.factors:
                raise ExpressionError("a division by zero", node.at)
            inverse = Ratio(other.below, other.above)
            return self._ratio(node, one, inverse), unit.times(other_unit, -1)
        sign = 1.0 if node.operator == "+" else -1.0
        other = Ratio(other.above.scaled(sign * other_unit.factor(unit)), other.below)
        return self._sum(node, one, other), unit

    def _ratio(self, node: Operation, one: Ratio, other: Ratio) -> Ratio:
        if one.below == other.above:
            return Ratio(one.above, other.below)
        if one.above == other.below:
            return Ratio(other.above, one.below)
        above, below = one.above.times(other.above), one.below.times(other.below)
        if above is None or below is None:
            raise self._not_linear(node)
        return _plain(above, below)

    def _sum(self, node: Operation, one: Ratio, other: Ratio) -> Ratio:
        if one.below == other.below:
            return Ratio(one.above.plus(other.above), one.below)
        first, second = one.above.times(other.below), other.above.times(one.below)
        below = one.below.times(other.below)
        if first is None or second is None or below is None:
            raise self._not_linear(node)
        return _plain(first.plus(second), below)

    def _not_linear(self, node: Operation) -> ExpressionError:
        return ExpressionError(
            "this is no ratio of two linear expressions, so that flows cannot be solved for",
            node.at,
            "sums of controls with constant factors, or one such sum divided by another",
        )


def _plain(above: Form, below: Form) -> Ratio:
    """The quotient with a denominator of 1 where that is a constant."""
    if below.factors or below.constant == 1.0:
        return Ratio(above, below)
    constant = below.constant
    factors = {name: one / constant for name, one in above.factors.items()}
    return Ratio(Form(above.constant / constant, factors))
