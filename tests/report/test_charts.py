"""Axes, marks and numbers."""

import math
import re

import numpy as np
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from flowrig.report.svg.charts import Axes, Axis, Series, curve, filled, nice_ticks, points, steps
from flowrig.report.svg.markup import Markup, tag
from flowrig.report.svg.numbers import Quantity, decimals_for, duration, grouped, with_unit

ends = st.floats(min_value=-1e9, max_value=1e9, allow_subnormal=False)


@example(low=1.0, span=800000001.0, count=4)
@given(low=ends, span=st.floats(min_value=1e-6, max_value=1e9), count=st.integers(2, 12))
def test_ticks_are_round_and_inside(low: float, span: float, count: int) -> None:
    """Ticks lie inside the axis at even, round distances, neither too many nor too few."""
    high = low + span
    assume(high - low > 1e-9 * max(abs(low), abs(high)))
    ticks = nice_ticks(low, high, count)
    assert all(low - 1e-6 * span <= tick <= high + 1e-6 * span for tick in ticks)
    assert math.floor(count / 2.5) <= len(ticks) <= count + 1
    if len(ticks) > 1:
        mantissa = 10 ** (math.log10((ticks[-1] - ticks[0]) / (len(ticks) - 1)) % 1)
        assert min(abs(mantissa - nice) for nice in (1, 2, 5, 10)) < 1e-2


@pytest.mark.parametrize(("low", "high"), [(1.0, 1.0), (2.0, 1.0), (0.0, math.inf)])
def test_an_axis_without_length_has_no_ticks(low: float, high: float) -> None:
    """Ends that are not in order or not finite are an error that shows them."""
    with pytest.raises(ValueError, match="expected finite ends"):
        nice_ticks(low, high)


@given(st.lists(st.floats(-1e12, 1e12), max_size=5))
def test_an_axis_shows_all_values(values: list[float]) -> None:
    """An axis around any values, even none or equal ones, has length and shows them."""
    axis = Axis.around("x", [*values, math.nan])
    assert axis.low < axis.high
    assert all(axis.low <= value <= axis.high for value in values)


def test_a_curve_breaks_where_it_has_no_value() -> None:
    """Values that are not finite leave a gap, and no nan reaches the drawing."""
    axes = Axes(Axis("x", 0, 4), Axis("y", 0, 1))
    drawn = curve(axes, [0, 1, 2, 3, 4], [0.1, 0.2, math.nan, 0.4, 0.5], "line")
    assert drawn.count("M") == 2
    assert "nan" not in drawn
    assert curve(axes, [0, 1], [math.nan, math.nan], "line") == ""
    assert filled(axes, [0, 1], [math.nan, math.nan], "area") == ""


def test_curves_stay_inside_the_plot() -> None:
    """What lies outside the axes is cut off."""
    axes = Axes(Axis("x", 0, 1), Axis("y", 0, 1))
    drawn = curve(axes, np.linspace(-1, 2, 31), np.linspace(-5, 5, 31), "line")
    numbers = [float(n) for n in re.findall(r"[\d.]+", drawn.partition('d="')[2].split('"')[0])]
    assert min(numbers[::2]) >= axes.left - 0.1
    assert max(numbers[::2]) <= axes.right + 0.1
    assert min(numbers[1::2]) >= axes.top - 0.1
    assert max(numbers[1::2]) <= axes.bottom + 0.1


def test_steps_of_nothing_are_nothing() -> None:
    """A run without a measurement has no best-so-far line."""
    assert steps(Axes(Axis("x", 0, 1), Axis("y", 0, 1)), [], [], "line") == ""


def test_points_carry_hints_and_error_bars() -> None:
    """Each point has its words and a bar of twice the standard deviation."""
    axes = Axes(Axis("x", 0, 1), Axis("y", 0, 1))
    drawn = points(axes, Series(style=7, x=[0.5], y=[0.5], sd=[0.25], hints=["a <b>"]))
    assert "<title>a &lt;b&gt;</title>" in drawn
    height = (axes.bottom - axes.top) / 2
    low, high = re.findall(r"M[\d.]+ ([\d.]+)V([\d.]+)", drawn)[0]
    assert float(low) - float(high) == pytest.approx(height, abs=0.2)


@given(st.text(), st.text())
def test_markup_escapes(words: str, value: str) -> None:
    """Text and attribute values never end their element."""
    made = tag("p", words, title=value)
    assert made.count("<") == 2
    assert made.count('"') == 2
    assert tag("p", Markup("<b></b>")) == "<p><b></b></p>"


def test_attributes_follow_their_values() -> None:
    """None and False leave an attribute out, True writes it bare, numbers are short."""
    assert tag("g", class_="a", stroke_width=1.50, hidden=True, x=None, y=False) == (
        '<g class="a" stroke-width="1.5" hidden></g>'
    )


@pytest.mark.parametrize(
    ("shown", "text"),
    [
        (grouped(18639.44), "18\u2009639"),
        (grouped(9999.0), "9999"),
        (grouped(-0.04, 1), "0.0"),
        (grouped(-1.25, 1), "−1.2"),
        (grouped(math.nan), "–"),
        (with_unit(50.0, "mL"), "50\u2009mL"),
        (with_unit(0.508, "mm", 2), "0.51\u2009mm"),
        (with_unit(100.0, "mL", 2), "100\u2009mL"),
        (duration(90.0), "90 s"),
        (duration(29_340.0), "8 h 09 min"),
        (duration(300.0), "5 min"),
        (Quantity("yield", "%", 100.0).text(0.31549, 0.0123), "(31.5 ± 1.2)\u2009%"),
        (Quantity("A300").text(0.55, 0.01), "0.550 ± 0.010"),
        (Quantity("A300").label, "A300"),
    ],
)
def test_numbers_read_as_people_write_them(shown: str, text: str) -> None:
    """Thin spaces, true minus signs, sensible digits."""
    assert shown == text


@given(st.lists(st.floats(-1e12, 1e12), max_size=4), st.integers(1, 6))
def test_decimals_are_few_and_enough(values: list[float], significant: int) -> None:
    """The largest value keeps its significant digits unless it is very small."""
    decimals = decimals_for(values, significant)
    assert 0 <= decimals <= 6
    largest = max((abs(v) for v in values), default=0.0)
    if largest > 1.0:
        assert round(largest, decimals) == pytest.approx(
            largest, rel=0.51 * 10 ** (1 - significant)
        )
