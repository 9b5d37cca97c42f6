"""Quantities with units."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowrig.profile.quantity import (
    SUFFIX_UNITS,
    QuantityError,
    format_quantity,
    parse_quantity,
    split_suffix,
)

UNITS = sorted(set(SUFFIX_UNITS.values()))
FINITE = st.floats(allow_nan=False, allow_infinity=False)


@pytest.mark.parametrize(
    ("text", "unit", "value"),
    [
        ("50 mL", "uL", 50_000.0),
        ("600 uL/min", "uL/min", 600.0),
        ("600 µL/min", "uL/min", 600.0),
        ("600 μL/min", "uL/min", 600.0),
        ("1 mL/h", "uL/min", 1000 / 60),
        ("0.02 in", "mm", 0.508),
        ("50 cm", "mm", 500.0),
        ("180 degC", "degC", 180.0),
        ("180 °C", "degC", 180.0),
        ("-20.5°C", "degC", -20.5),
        ("8 ms", "us", 8000.0),
        ("60 min", "s", 3600.0),
        ("2e-1 mol/L", "mmol/L", 200.0),
        (".5 mmol", "mmol", 0.5),
        ("446 nm", "nm", 446.0),
    ],
)
def test_quantities_convert_exactly(text: str, unit: str, value: float) -> None:
    """A quantity in one unit is the nearest float of its exact value in another."""
    assert parse_quantity(text, unit) == value


@given(FINITE, st.sampled_from(UNITS))
def test_a_formatted_quantity_reads_back(value: float, unit: str) -> None:
    """What `format_quantity` writes, `parse_quantity` reads back to the last bit."""
    assert parse_quantity(format_quantity(value, unit), unit) == value


@given(st.floats(1e-6, 1e6), st.sampled_from(["uL/s", "mL/min", "mL/h", "L/h", "nL/s"]))
def test_units_of_one_kind_differ_by_a_factor(value: float, unit: str) -> None:
    """Ratios of quantities do not depend on the unit that they are expressed in."""
    one = parse_quantity(f"1 {unit}", "uL/min")
    assert parse_quantity(f"{value!r} {unit}", "uL/min") == pytest.approx(value * one, rel=1e-14)


@given(FINITE, st.sampled_from(UNITS), st.sampled_from(UNITS))
def test_a_unit_of_another_kind_is_refused(value: float, given_unit: str, unit: str) -> None:
    """A volume is no flow rate: the error says what was expected and what was given."""
    text = format_quantity(value, given_unit)
    kinds = [{"uL", "mL"}, {"mm", "nm", "um"}, {"s", "ms", "us", "ns"}, {"mol/L", "mmol/L"}]
    same = given_unit == unit or any({given_unit, unit} <= kind for kind in kinds)
    if not same:
        with pytest.raises(QuantityError, match="such as") as caught:
            parse_quantity(text, unit)
        assert text in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "uL",
        "100",
        "100uL/minute",
        "nan uL/min",
        "inf uL/min",
        "1e400 uL/min",
        "1e999999999 uL/min",
        "1_000 uL/min",
        "0x10 uL/min",
        "1,5 uL/min",
        "100 UL/MIN",
        "--1 uL/min",
        100,
        1.5,
        True,
        None,
        "9" * 400 + " uL/min",
        ["1 uL/min"],
    ],
)
def test_what_is_no_quantity_is_refused(text: object) -> None:
    """Numbers without unit, other spellings, and numbers that are not finite are refused."""
    with pytest.raises(QuantityError, match="expected a flow rate such as"):
        parse_quantity(text, "uL/min")


@given(st.text(max_size=30))
def test_no_text_breaks_the_parser(text: str) -> None:
    """Any text is a finite number or refused."""
    try:
        assert math.isfinite(parse_quantity(text, "s"))
    except QuantityError as error:
        assert "expected a time such as" in str(error)  # noqa: PT017


@pytest.mark.parametrize(
    ("field", "key", "unit"),
    [
        ("rate_ul_min", "rate", "uL/min"),
        ("volume_ul", "volume", "uL"),
        ("set_point_min_c", "set_point_min", "degC"),
        ("integration_time_us", "integration_time", "us"),
        ("dark_frames", "dark_frames", ""),
        ("_s", "_s", ""),
    ],
)
def test_suffixes_name_units(field: str, key: str, unit: str) -> None:
    """The end of a field's name says its unit, and the profile's key does without."""
    assert split_suffix(field) == (key, unit)
