"""Units with their dimensions, so that sums of unlike quantities are found before a run."""

import math
import re
from collections.abc import Mapping
from fractions import Fraction
from functools import cache

from attrs import field, frozen

from flowrig.profile.quantity import unit_factors

__all__ = ["NUMBER", "Unit", "read_unit", "unit_of"]

Powers = tuple[tuple[str, int], ...]
"""Powers of base quantities, sorted by name, without zeros."""

_DIMENSIONS: Mapping[str, Powers] = {
    "a time": (("time", 1),),
    "a volume": (("length", 3),),
    "an amount of substance": (("amount", 1),),
    "a length": (("length", 1),),
    "a photon energy": (("photon energy", 1),),
    "a pressure": (("pressure", 1),),
    "a frequency": (("time", -1),),
    "a share": (),
    "a temperature": (("temperature", 1),),
    "a heating rate": (("temperature", 1), ("time", -1)),
    "a flow rate": (("length", 3), ("time", -1)),
    "a concentration": (("amount", 1), ("length", -3)),
    "a velocity": (("length", 1), ("time", -1)),
    "a mass": (("mass", 1),),
    "a power": (("power", 1),),
    "a speed of rotation": (("rotation", 1),),
    "a number of counts": (("counts", 1),),
    "a density": (("length", -3), ("mass", 1)),
    "a viscosity": (("pressure", 1), ("time", 1)),
    "an interfacial tension": (("length", 1), ("pressure", 1)),
    "a diffusivity": (("length", 2), ("time", -1)),
}
"""By the name of a dimension in `flowrig.profile.quantity`. The base units there fit each other:
1 µL is 1 mm³, and 1 mmol/µL the base unit of concentrations."""

_SHOWN: tuple[tuple[str, str], ...] = (
    ("s", "s"),
    ("uL/min", "µL/min"),
    ("uL", "µL"),
    ("degC", "°C"),
    ("degC/min", "°C/min"),
    ("mm", "mm"),
    ("eV", "eV"),
    ("kPa", "kPa"),
    ("Hz", "Hz"),
    ("mmol", "mmol"),
    ("mol/L", "mol/L"),
    ("mm/s", "mm/s"),
    ("mg", "mg"),
    ("mW", "mW"),
    ("rpm", "rpm"),
    ("counts", "counts"),
    ("counts nm", "counts nm"),
    ("umol/min", "µmol/min"),
)
"""Units in which results are given, as in a profile and as people read them."""

NUMBER = re.compile(r"(?:\d{1,30}(?:\.\d{0,30})?|\.\d{1,30})(?:[eE][+-]?\d{1,3})?(?![\w.])")
"""A number without a sign; `12nm` is not one, so that a unit stands apart from it."""

_ATOM = re.compile(r"[A-Za-zµμ°%]+3?(?![\w.(])")


@frozen
class Unit:
    """A unit of measurement.

    Attributes:
        powers: powers of base quantities.
        scale: size in units of which every base quantity has one, for instance 60 for 1 min.
        text: the unit as a profile may write it; "" for a plain number.
    """

    powers: Powers = ()
    scale: Fraction = Fraction(1)
    text: str = field(default="", eq=False)

    @property
    def name(self) -> str:
        """The unit as people read it: "µL/min", or "" for a plain number."""
        return dict(_SHOWN).get(self.text, self.text)

    @property
    def dimension(self) -> str:
        """The kind of quantity in words: "a flow rate"."""
        known = (name for name, powers in _DIMENSIONS.items() if powers == self.powers)
        return "a plain number" if not self.powers else next(known, f"a quantity in {self.usual}")

    @property
    def given(self) -> "Unit":
        """The unit in which a result is given: this one if a profile can write it."""
        return self if self.powers and self.text else self.usual

    @property
    def usual(self) -> "Unit":
        """The unit in which results of the same dimension are given."""
        if not self.powers:
            return Unit()
        for text, _ in _SHOWN:
            if unit_of(text).powers == self.powers:
                return unit_of(text)
        return Unit(self.powers, Fraction(1), _composed(self.powers))

    def factor(self, to: "Unit") -> float:
        """What a value in this unit is multiplied with to be in another of the same dimension."""
        try:
            return float(self.scale / to.scale)
        except OverflowError:
            return math.inf

    def times(self, other: "Unit", power: int = 1) -> "Unit":
        """The unit of a product, or with a power of -1 of a quotient."""
        sums = dict(self.powers)
        for name, exponent in other.powers:
            sums[name] = sums.get(name, 0) + power * exponent
        powers = tuple(sorted((name, exponent) for name, exponent in sums.items() if exponent))
        text = self.text if other == Unit() else other.text if self == Unit() and power == 1 else ""
        return Unit(powers, self.scale * other.scale**power, text)

    def __str__(self) -> str:
        return self.name or "a plain number"


@cache
def _atoms() -> Mapping[str, Unit]:
    """Every unit of a profile whose text has no division."""
    found = {
        text: Unit(_DIMENSIONS[dimension], factor, text)
        for dimension, text, factor in unit_factors()
        if dimension in _DIMENSIONS and "/" not in text
    }
    return found | {"%": Unit((), Fraction(1, 100), "%"), "K": found["degC"]}


@cache
def unit_of(text: str) -> Unit:
    """The unit of a text such as "uL/min"; "" is that of plain numbers.

    Raises:
        ValueError: there is no such unit.
    """
    if not text:
        return Unit()
    found = read_unit(text, 0)
    if found is None or found[1] != len(text):
        raise ValueError(f"unknown unit {text!r}")
    return found[0]


def read_unit(text: str, start: int) -> tuple[Unit, int] | None:
    """The longest unit at a place of a text, and where it ends.

    A division inside a unit has no spaces around it, so that "5 s / x" divides by a name.

    Returns:
        None if the text has no unit there.
    """
    first = _atom(text, start)
    if first is None:
        return None
    unit, end = first
    while end < len(text) and text[end] in "/ ":
        beside = _atom(text, end + 1)
        if beside is None:
            break
        unit, end = unit.times(beside[0], -1 if text[end] == "/" else 1), beside[1]
    return Unit(unit.powers, unit.scale, _plain(text[start:end])), end


def _atom(text: str, start: int) -> tuple[Unit, int] | None:
    match = _ATOM.match(text, start)
    unit = None if match is None else _atoms().get(_plain(match[0]))
    return None if match is None or unit is None else (unit, match.end())


def _plain(text: str) -> str:
    return text.replace("µ", "u").replace("μ", "u")


def _composed(powers: Powers) -> str:
    """A text for a unit that has no name of its own."""
    bases = {
        "time": "s",
        "length": "mm",
        "amount": "mmol",
        "photon energy": "eV",
        "pressure": "kPa",
        "temperature": "degC",
        "mass": "mg",
        "power": "mW",
        "rotation": "rpm",
        "counts": "counts",
    }
    # A unit that no profile can write, of a plugin's analysis, is a base quantity of its own.
    above = [bases.get(n, n) + (f"^{p}" if p > 1 else "") for n, p in powers if p > 0]
    below = [bases.get(n, n) + (f"^{-p}" if p < -1 else "") for n, p in powers if p < 0]
    return "/".join([" ".join(above) or "1", *below])
