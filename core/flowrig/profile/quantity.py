"""Quantities such as "50 mL" or "0.02 in", and the units at the end of field names."""

import math
import re
from collections.abc import Iterator, Mapping
from fractions import Fraction
from functools import lru_cache

from attrs import frozen

from flowrig.profile.problems import shown

__all__ = [
    "SUFFIX_UNITS",
    "QuantityError",
    "format_quantity",
    "parse_of_a_device",
    "parse_of_a_rig",
    "parse_quantity",
    "parse_rise_per_min",
    "split_suffix",
    "unit_factors",
]

_NUMBER = re.compile(
    r"\s*([+-]?(?:\d{1,30}\.?\d{0,30}|\.\d{1,30})(?:[eE][+-]?\d{1,3})?)\s*(\S.*?)\s*"
)


SMALLEST = Fraction("1e-18")
"""Smallest quantity that is not 0, in the unit of its kind whose factor is 1."""


class QuantityError(ValueError):
    """A text is not the expected quantity.

    Attributes:
        message: what is wrong.
        expected: the expected quantity, with an example.
    """

    def __init__(self, message: str, expected: str) -> None:
        super().__init__(f"expected {expected}, {message}")
        self.message = message
        self.expected = expected


@frozen
class _Dimension:
    """A kind of quantity.

    Attributes:
        name: in messages.
        units: its units, as multiples of one of them.
        largest: largest value of any rig, with its unit; a larger one is a mistake.
    """

    name: str
    units: Mapping[str, Fraction]
    largest: str


def _scaled(**factors: str) -> dict[str, Fraction]:
    return {unit: Fraction(factor) for unit, factor in factors.items()}


_TIMES = _scaled(ps="1e-12", ns="1e-9", us="1e-6", ms="1e-3", s="1", min="60", h="3600", d="86400")
_VOLUMES = _scaled(
    nL="1e-3", uL="1", mL="1e3", L="1e6", nl="1e-3", ul="1", ml="1e3", l="1e6", mm3="1", cm3="1e3"
)
_AMOUNTS = _scaled(nmol="1e-6", umol="1e-3", mmol="1", mol="1e3")
_LENGTHS = _scaled(nm="1e-6", um="1e-3", mm="1", cm="10", m="1e3") | {"in": Fraction("25.4")}
_PRESSURES = _scaled(Pa="1e-3", kPa="1", MPa="1e3", mbar="0.1", bar="100", psi="6.894757293168361")

_DIMENSIONS = (
    _Dimension("a time", _TIMES, "3650 d"),
    _Dimension("a volume", _VOLUMES, "1000 L"),
    _Dimension("an amount of substance", _AMOUNTS, "1e6 mol"),
    _Dimension("a length", _LENGTHS, "10000 m"),
    _Dimension("a photon energy", _scaled(meV="1e-3", eV="1"), "1000 eV"),
    _Dimension("a pressure", _PRESSURES, "1e6 bar"),
    _Dimension("an amount of memory", _scaled(MB="1e-3", GB="1", TB="1e3"), "1000 TB"),
    _Dimension("a mass", _scaled(ug="1e-3", mg="1", g="1e3", kg="1e6"), "1000 kg"),
    _Dimension("a power", _scaled(uW="1e-3", mW="1", W="1e3"), "1e6 W"),
    _Dimension("a speed of rotation", _scaled(rpm="1"), "1e6 rpm"),
    _Dimension("a number of counts", _scaled(counts="1"), "1e15 counts"),
    _Dimension("a frequency", _scaled(Hz="1", kHz="1e3", MHz="1e6"), "1e6 MHz"),
    _Dimension("a share", {"%": Fraction(1)}, "1e6 %"),
    _Dimension(
        "a temperature", {"degC": Fraction(1), "°C": Fraction(1), "C": Fraction(1)}, "10000 degC"
    ),
    _Dimension(
        "a heating rate",
        {
            f"{degree}/{time}": 1 / _TIMES[time]
            for degree in ("degC", "°C", "C", "K")
            for time in ("s", "min", "h")
        },
        "10000 degC/s",
    ),
    _Dimension(
        "a flow rate",
        {
            f"{volume}/{time}": _VOLUMES[volume] / _TIMES[time]
            for volume in _VOLUMES
            for time in ("s", "min", "h")
        },
        "1000 L/min",
    ),
    _Dimension(
        "a concentration",
        {
            f"{amount}/{volume}": _AMOUNTS[amount] / _VOLUMES[volume]
            for amount in _AMOUNTS
            for volume in ("uL", "mL", "L", "ul", "ml", "l")
        }
        | {"M": Fraction("1e-3"), "mM": Fraction("1e-6"), "uM": Fraction("1e-9")},
        "1000 mol/L",
    ),
    _Dimension("a molar mass", {"g/mol": Fraction(1), "kg/mol": Fraction(1000)}, "1e9 g/mol"),
    _Dimension("a density", {"kg/m3": Fraction("1e-3"), "g/mL": Fraction(1)}, "100 g/mL"),
    _Dimension(
        "a viscosity",
        {"Pa s": Fraction("1e-3"), "mPa s": Fraction("1e-6"), "cP": Fraction("1e-6")},
        "1e6 Pa s",
    ),
    _Dimension("an interfacial tension", {"N/m": Fraction(1), "mN/m": Fraction("1e-3")}, "100 N/m"),
    _Dimension(
        "a diffusivity",
        {"m2/s": Fraction("1e6"), "cm2/s": Fraction("1e2"), "mm2/s": Fraction(1)},
        "1 m2/s",
    ),
)

_EXAMPLES = {
    "uL/min": "100 uL/min",
    "uL": "400 uL",
    "mL": "50 mL",
    "mmol": "0.48 mmol",
    "mol/L": "0.1 mol/L",
    "mmol/L": "10 mmol/L",
    "mm": "0.5 mm",
    "nm": "300 nm",
    "eV": "2.4 eV",
    "um": "5 um",
    "s": "20 s",
    "ms": "8 ms",
    "us": "8 ms",
    "ns": "20 ns",
    "min": "10 min",
    "degC": "120 degC",
    "degC/min": "20 degC/min",
    "kPa": "100 kPa",
    "Hz": "10 Hz",
    "GB": "8 GB",
    "%": "3 %",
    "g/mol": "601 g/mol",
    "kg/m3": "790 kg/m3",
    "mPa s": "3.9 mPa s",
    "mN/m": "5 mN/m",
    "m2/s": "1e-9 m2/s",
}

SUFFIX_UNITS: Mapping[str, str] = {
    "_kg_m3": "kg/m3",
    "_mpa_s": "mPa s",
    "_mn_m": "mN/m",
    "_m2_s": "m2/s",
    "_ul_min": "uL/min",
    "_c_min": "degC/min",
    "_mmol_l": "mmol/L",
    "_mol_l": "mol/L",
    "_g_mol": "g/mol",
    "_mmol": "mmol",
    "_kpa": "kPa",
    "_ul": "uL",
    "_ml": "mL",
    "_mm": "mm",
    "_nm": "nm",
    "_ev": "eV",
    "_um": "um",
    "_ms": "ms",
    "_us": "us",
    "_ns": "ns",
    "_hz": "Hz",
    "_gb": "GB",
    "_percent": "%",
    "_s": "s",
    "_c": "degC",
}
"""Units by the end of field names."""


def unit_factors() -> Iterator[tuple[str, str, Fraction]]:
    """Every unit that a profile can use: its dimension, its text, and its size in base units."""
    for dimension in _DIMENSIONS:
        for text, factor in dimension.units.items():
            yield dimension.name, text, factor


@lru_cache(maxsize=4096)
def split_suffix(name: str) -> tuple[str, str]:
    """A field's name without its unit, and the unit: ("rate", "uL/min") for "rate_ul_min".

    Returns:
        the name and "" if it does not end in a unit.
    """
    for suffix, unit in SUFFIX_UNITS.items():
        if name.endswith(suffix) and len(name) > len(suffix):
            return name.removesuffix(suffix), unit
    return name, ""


def parse_quantity(text: object, unit: str) -> float:
    """Read a quantity such as "50 mL" and express it in a unit.

    Conversion is exact up to the final rounding: "0.02 in" is 0.508 mm.

    Args:
        text: a number and a unit; "µ" and "u" are the same, and so are "°C" and "degC".
        unit: one of the values of `SUFFIX_UNITS`.

    Raises:
        QuantityError: not a text, no number, no unit, a unit of another kind, or not finite.
    """
    dimension = next(one for one in _DIMENSIONS if unit in one.units)
    expected = f'{dimension.name} such as "{_EXAMPLES.get(unit, f"1 {unit}")}"'
    if not isinstance(text, str):
        raise QuantityError(f"got {shown(text)} without quotes and unit", expected)
    match = _NUMBER.fullmatch(text.replace("µ", "u").replace("μ", "u"))
    if match is None:
        raise QuantityError(f"got {shown(text)}", expected)
    factor = dimension.units.get(match[2])
    if factor is None:
        raise QuantityError(f"got {shown(text)}", expected)
    try:
        value = float(Fraction(match[1]) * factor / dimension.units[unit])
    except OverflowError:
        value = math.inf
    if not math.isfinite(value):
        raise QuantityError(f"got {shown(text)}, which is too large", expected)
    return value


def parse_of_a_rig(text: object, unit: str) -> float:
    """As `parse_quantity`, for a quantity that a rig can have.

    Raises:
        QuantityError: as `parse_quantity`; or larger than anything on a rig, or too near to 0.
    """
    # The same few quantities stand in every profile of a rig; exact fractions take their time.
    return _of_a_rig(text, unit) if type(text) is str else _parse_of_a_rig(text, unit)


def _parse_of_a_rig(text: object, unit: str) -> float:
    value = parse_quantity(text, unit)
    dimension = next(one for one in _DIMENSIONS if unit in one.units)
    number, _, largest_unit = dimension.largest.partition(" ")
    exact = abs(Fraction(value) * dimension.units[unit])
    expected = f'{dimension.name} such as "{_EXAMPLES.get(unit, f"1 {unit}")}"'
    if exact > Fraction(number) * dimension.units[largest_unit]:
        too_large = f"got {shown(text)}, which is too large"
        raise QuantityError(too_large, f"{expected}, at most {dimension.largest}")
    if 0 < exact < SMALLEST:
        raise QuantityError(f"got {shown(text)}, which is too small", f"{expected}, or 0")
    return value


_of_a_rig = lru_cache(maxsize=2048)(_parse_of_a_rig)


def parse_of_a_device(text: object, unit: str) -> float:
    """As `parse_of_a_rig`, in the unit of any device: one of no table has to be written as it is.

    Raises:
        QuantityError: as `parse_of_a_rig`.
    """
    if any(unit in one.units for one in _DIMENSIONS):
        return parse_of_a_rig(text, unit)
    expected = f'a quantity such as "{f"1 {unit}".rstrip()}"'
    match = _NUMBER.fullmatch(f"{text} {'' if unit else '-'}") if isinstance(text, str) else None
    if match is None or match[2] != (unit or "-"):
        raise QuantityError(f"got {shown(text)}", expected)
    return float(match[1])


def parse_rise_per_min(text: object, unit: str) -> float:
    """Read a rise for each time, such as "1 bar/min", and express it in a unit for each minute.

    Raises:
        QuantityError: it is none.
    """
    expected = f'a rise such as "1 {unit}/min"'
    amount, slash, time = text.rpartition("/") if isinstance(text, str) else ("", "", "")
    factor = _TIMES.get(time.strip())
    if not (slash and factor):
        raise QuantityError(f"got {shown(text)}", expected)
    try:
        return parse_of_a_device(amount, unit) * float(60 / factor)
    except QuantityError as error:
        raise QuantityError(error.message, expected) from error


def format_quantity(value: float, unit: str) -> str:
    """A quantity as in a profile; `parse_quantity` returns exactly the same number."""
    return f"{float(value)!r} {unit}"
