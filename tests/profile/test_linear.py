"""Linear flow rules."""

from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from flowrig.profile.linear import RuleError, expand_rules, parse_rule
from flowrig.profile.model import LinearRule

STREAMS = ("CuI", "ZnI2", "CsOA", "ODE")
NUMBERS = st.floats(0.01, 100).map(lambda number: round(number, 3))

Sum = tuple[str, Any]
"""Text of an expression, and the same as a function of the flow rates."""


def _number(value: float) -> Sum:
    return repr(value), lambda _rates: value


def _stream(name: str) -> Sum:
    return name, lambda rates: rates[name]


def _plus(left: Sum, right: Sum) -> Sum:
    return f"{left[0]} + {right[0]}", lambda rates: left[1](rates) + right[1](rates)


def _minus(left: Sum, right: Sum) -> Sum:
    return f"{left[0]} - ({right[0]})", lambda rates: left[1](rates) - right[1](rates)


def _times(factor: float, one: Sum) -> Sum:
    return f"{factor!r} * ({one[0]})", lambda rates: factor * one[1](rates)


def _over(one: Sum, divisor: float) -> Sum:
    return f"({one[0]}) / {divisor!r}", lambda rates: one[1](rates) / divisor


def _negative(one: Sum) -> Sum:
    return f"-({one[0]})", lambda rates: -one[1](rates)


SUMS = st.recursive(
    st.builds(_number, NUMBERS) | st.builds(_stream, st.sampled_from(STREAMS)),
    lambda inner: (
        st.builds(_plus, inner, inner)
        | st.builds(_minus, inner, inner)
        | st.builds(_times, NUMBERS, inner)
        | st.builds(_over, inner, NUMBERS)
        | st.builds(_negative, inner)
    ),
    max_leaves=8,
)
RATES = st.fixed_dictionaries({name: st.floats(0, 1000) for name in STREAMS})


@given(SUMS, RATES)
def test_a_rule_means_what_it_says(expression: Sum, rates: dict[str, float]) -> None:
    """The rule's value is that of the expression, whatever its shape."""
    text, meaning = expression
    assume(len(text) <= 500)
    rule = parse_rule(text)
    size = abs(rule.constant_ul_min) + sum(abs(f) for f in rule.coefficients.values()) * 1000
    assert rule.value(rates) == pytest.approx(meaning(rates), abs=1e-9 * max(size, 1e6))


@pytest.mark.parametrize(
    ("text", "offset"),
    [
        ("CuI * ODE", 4),
        ("1 + CuI / ODE", 8),
        ("CuI / 0", 4),
        ("  __import__('os').system('true')", 13),
        ("CuI ** 2", 5),
        ("CuI if ODE else 1", 4),
        ("1 + [CuI]", 4),
        ("1 + 'a'", 4),
        ("1 + 2j", 4),
        ("CuI < ODE", 4),
        ("(lambda: 1)()", 7),
        ("(CuI := 3)", 5),
        ("CuI.real", 0),
        ("", 0),
        ("CuI +", 5),
        ("1e999 * CuI", 0),
        ("9" * 400 + " * CuI", 0),
        ("CuI" + " + CuI" * 200, 0),
        ("(" * 240 + "CuI" + ")" * 240, 41),
        ("\0", 0),
    ],
)
def test_anything_else_is_refused_and_never_run(text: str, offset: int) -> None:
    """Only sums of streams with constant factors are rules."""
    with pytest.raises(RuleError) as caught:
        parse_rule(text)
    assert caught.value.offset == offset


def test_rules_may_build_on_rules() -> None:
    """A rule that names another dependent stream is put in terms of the independent ones."""
    rules = {"PFO": parse_rule("A + B"), "B": parse_rule("2 * A + 10")}
    expanded, circular = expand_rules(rules)
    assert circular == ()
    assert expanded == {
        "B": LinearRule({"A": 2.0}, 10.0),
        "PFO": LinearRule({"A": 3.0}, 10.0),
    }


def test_rules_in_a_circle_are_named() -> None:
    """Rules that lead back to themselves cannot be expanded."""
    rules = {
        "A": parse_rule("B"),
        "B": parse_rule("A"),
        "C": parse_rule("C + D"),
        "E": parse_rule("D"),
    }
    expanded, circular = expand_rules(rules)
    assert (list(expanded), circular) == (["E"], ("A", "B", "C"))
