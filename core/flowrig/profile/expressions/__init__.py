"""Expressions over the names of a profile: one grammar, dimensions, and no code that is run."""

from flowrig.profile.expressions.errors import ExpressionError
from flowrig.profile.expressions.expression import Bound, Expression, Kind, Meaning, parse
from flowrig.profile.expressions.linear import ratio_of
from flowrig.profile.expressions.units import Unit, unit_of

__all__ = [
    "Bound",
    "Expression",
    "ExpressionError",
    "Kind",
    "Meaning",
    "Unit",
    "parse",
    "ratio_of",
    "unit_of",
]
