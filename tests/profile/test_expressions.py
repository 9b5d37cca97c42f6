"""Expressions: what they mean, which are refused, and that none is ever run."""

import builtins
import random
from contextlib import suppress
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from flowrig.problem.forms import Form, Ratio
from flowrig.profile.expressions import (
    ExpressionError,
    Meaning,
    Unit,
    parse,
    ratio_of,
    unit_of,
)

MEANINGS = {
    **{name: Meaning(unit_of("uL/min")) for name in ("CuI", "ODE", "PFO", "total")},
    "plate": Meaning(unit_of("degC")),
    "reaction.time": Meaning(unit_of("s")),
    "mol(I)": Meaning(unit_of("umol/min")),
    "abs": Meaning(Unit(), "spectrum"),
    "pl": Meaning(unit_of("counts"), "spectrum"),
    "line_peak": Meaning(unit_of("nm"), "series"),
}
RATIOS = {name: Ratio(Form(0.0, {name: 1.0})) for name in ("CuI", "ODE", "PFO", "plate")}
EXAMPLES = (
    "0.5 * (CuI + ODE + PFO)",
    "CuI / (total - PFO)",
    "mol(I) / (mol(I) + 3 umol/min)",
    "area(pl, 345 nm, 700 nm) / at(abs, 300 nm)",
    "1e-3 * plate - -150.5 degC + 3 °C",
    "mean(line_peak) - 446 nm",
    "reaction.time / 2 s + 5 %",
    "800 uL/min / CuI",
    "__import__('os').system('true')",
)
NUMBERS = st.floats(0.01, 100).map(lambda number: round(number, 3))


@pytest.mark.parametrize(
    ("text", "unit", "value"),
    [
        ("CuI + 6 mL/h", "µL/min", 200.0),
        ("-CuI + 3 * 50 uL/min", "µL/min", 50.0),
        ("CuI / (total - PFO)", "", 0.25),
        ("5 % * CuI", "µL/min", 5.0),
        ("2 - 1 - 1", "", 0.0),
        ("12 / 3 / 2", "", 2.0),
        ("2 + 3 * 4", "", 14.0),
        ("reaction.time + 1 min", "s", 70.0),
        ("120 uL / CuI", "s", 72.0),
        ("mean(line_peak)", "nm", 447.0),
        ("area(pl, 0.345 um, 700 nm) / at(abs, 300 nm)", "counts nm", 355.0),
        ("1 mm/s * 3 s", "mm", 3.0),
    ],
)
def test_an_expression_means_what_it_says(text: str, unit: str, value: float) -> None:
    """Units are converted, products bind before sums, and sums go from left to right."""
    bound = parse(text).bind(MEANINGS)
    values = {"CuI": 100.0, "total": 500.0, "PFO": 100.0, "reaction.time": 10.0}
    spectra = {"pl": np.ones(2), "abs": np.ones(2), "line_peak": np.array([446.0, 448.0])}
    functions = {
        "mean": np.mean,
        "area": lambda spectrum, low, high: (high - low) * spectrum[0],
        "at": lambda spectrum, _nm: spectrum[0],
    }
    assert bound.unit.name == unit
    assert bound.evaluate(values | spectra, functions) == pytest.approx(value)


@pytest.mark.parametrize(
    ("text", "offset"),
    [
        ("", 0),
        ("CuI +", 5),
        ("(CuI", 4),
        ("CuI)", 3),
        ("CuI ** 2", 5),
        ("CuI ODE", 4),
        ("3 foo", 2),
        ("3nm", 0),
        ("CuI + plate", 4),
        ("CuI + 3", 4),
        ("CuX + 3", 0),
        ("pl + pl", 3),
        ("area(pl, 3 nm)", 0),
        ("area(CuI, 3 nm, 4 nm)", 5),
        ("at(abs, 3 s)", 8),
        ("mean(abs)", 5),
        ("open(CuI)", 0),
        ("mol(CuI, ODE)", 0),
        ("CuI.real", 0),
        ("1e999", 0),
        ("'a'", 0),
        ("CuI\n", 3),
        ("CuI" + " + CuI" * 200, 0),
        ("__import__('os').system('true')", 11),
    ],
)
def test_anything_else_is_refused_with_its_column(text: str, offset: int) -> None:
    """The offset of an error points at the mistake."""
    with pytest.raises(ExpressionError) as caught:
        parse(text).bind(MEANINGS)
    assert caught.value.offset == offset


def test_depth_has_a_limit() -> None:
    """Parentheses and signs deeper than Python's stack allows are refused, long sums are not."""
    for deep in ("(" * 240 + "CuI" + ")" * 240, "-" * 490 + "CuI", "mean(" * 80 + "CuI" + ")" * 80):
        with pytest.raises(ExpressionError, match="nested deeper"):
            parse(deep)
    long = "+".join(["PFO"] * 125)
    assert parse(long).bind(MEANINGS).evaluate({"PFO": 2.0}) == 250.0
    assert ratio_of(parse(long).bind(MEANINGS), RATIOS) == Ratio(Form(0.0, {"PFO": 125.0}))


def test_division_by_zero_is_a_value() -> None:
    """A feature divided by one that is 0 has no finite value, and ends nothing."""
    bound = parse("CuI / ODE").bind(MEANINGS)
    assert not np.isfinite(bound.evaluate({"CuI": 1.0, "ODE": 0.0}))
    values = bound.evaluate({"CuI": np.array([1.0, 2.0]), "ODE": np.array([0.0, 4.0])})
    assert values[1] == 0.5


SUMS = st.recursive(
    NUMBERS.map(lambda value: f"{value!r} uL/min") | st.sampled_from(["CuI", "ODE", "PFO"]),
    lambda inner: (
        st.builds("({} + {})".format, inner, inner)
        | st.builds("{} - ({})".format, inner, inner)
        | st.builds("{1!r} * ({0})".format, inner, NUMBERS)
        | st.builds("({}) / {!r}".format, inner, NUMBERS)
        | st.builds("-({})".format, inner)
    ),
    max_leaves=6,
)
RATES = st.fixed_dictionaries(dict.fromkeys(("CuI", "ODE", "PFO"), st.floats(1, 1000)))


@given(SUMS, SUMS, RATES)
def test_a_ratio_has_the_value_of_its_expression(
    above: str, below: str, rates: dict[str, float]
) -> None:
    """The quotient of two linear forms is the same number as the expression."""
    text = f"({above}) / ({below})"
    assume(len(text) <= 500)
    bound = parse(text).bind(MEANINGS)
    try:
        ratio = ratio_of(bound, RATIOS)
    except ExpressionError:
        return  # a divisor that is 0 for any rates
    values = rates | {"plate": 0.0}
    forms = (ratio.above, ratio.below)
    sizes = [abs(f.constant) + sum(map(abs, f.factors.values())) * 1000 for f in forms]
    assume(abs(ratio.below.value(values)) > 1e-6 * max(sizes[1], 1.0))
    expected = bound.evaluate(values)
    assert ratio.value(values) == pytest.approx(expected, rel=1e-6, abs=1e-6 * sizes[0])


@pytest.mark.parametrize(
    ("text", "offset"),
    [("CuI * ODE", 4), ("CuI / ODE + ODE / CuI", 10), ("reaction.time", 0), ("CuI / (0 * CuI)", 4)],
)
def test_what_cannot_be_solved_for_is_refused(text: str, offset: int) -> None:
    """Equations are ratios of linear forms of what is set."""
    with pytest.raises(ExpressionError) as caught:
        ratio_of(parse(text).bind(MEANINGS), RATIOS)
    assert caught.value.offset == offset


@given(st.sampled_from(["uL/min", "mL/h", "degC", "s", "h", "nm", "eV", "mol/L", "M", "bar/min"]))
def test_units_are_read_back(text: str) -> None:
    """A unit reads as itself, and so does what people see of it."""
    unit = unit_of(text)
    assert unit_of(unit.name) == unit
    assert unit.factor(unit) == 1.0
    assert Fraction(unit.scale) > 0


def _mutated(rng: random.Random) -> str:
    """An example with characters changed, doubled, cut out, or exchanged with another's."""
    text = rng.choice(EXAMPLES)
    for _ in range(rng.randint(1, 2)):
        at, length = rng.randrange(len(text) + 1), rng.randint(0, 4)
        piece = rng.choice(
            (
                rng.choice("()+-*/.,:'\"[]{}%°µ_ eE0123456789\n\0xj="),
                text[at : at + rng.randint(1, 9)] * rng.choice((2, 3, 60)),
                rng.choice(EXAMPLES)[at : at + 9],
                rng.choice(("nm", "uL/min", "mol(", "lambda: ", "__class__", "9" * 40, "((((((")),
            )
        )
        text = text[:at] + piece + text[at + length :]
    return text


def _read_all(count: int, seed: int) -> int:
    """Read mutated expressions, and do with each all that a profile does; the number that have a
    meaning."""
    rng, meaningful = random.Random(seed), 0
    values = dict.fromkeys(MEANINGS, 3.0)
    functions = dict.fromkeys(
        ("at", "area", "peak", "energy", "fwhm", "mean", "spread", "first", "last", "smallest"),
        lambda *_: 2.0,
    )
    for _ in range(count):
        try:
            bound = parse(_mutated(rng)).bind(MEANINGS)
        except ExpressionError:
            continue
        meaningful += 1
        assert isinstance(float(bound.evaluate(values, functions)), float)
        with suppress(ExpressionError):
            ratio_of(bound, RATIOS)
    return meaningful


def _nothing_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    def run(*_: Any, **__: Any) -> None:
        raise AssertionError("a text was run")

    for name in ("eval", "exec", "compile", "__import__"):
        monkeypatch.setattr(builtins, name, run)


def test_mutated_expressions_neither_crash_nor_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """Any text is refused with an `ExpressionError`, or has a value; nothing of it is run."""
    with monkeypatch.context() as patched:
        _nothing_runs(patched)
        meaningful = _read_all(5_000, seed=1)
    assert meaningful > 100


@pytest.mark.slow
def test_a_million_mutated_expressions(monkeypatch: pytest.MonkeyPatch) -> None:
    """As `test_mutated_expressions_neither_crash_nor_run`, a million of them."""
    with monkeypatch.context() as patched:
        _nothing_runs(patched)
        meaningful = _read_all(1_000_000, seed=2)
    assert meaningful > 30_000
