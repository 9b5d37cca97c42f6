"""Numbers as people read them."""

import math
from collections.abc import Iterable

from attrs import frozen

__all__ = ["Quantity", "decimals_for", "duration", "grouped", "with_unit"]

THIN_SPACE = "\u2009"


def decimals_for(values: Iterable[float], significant: int) -> int:
    """How many decimals give the largest of some values so many significant digits, at most 6."""
    largest = max((abs(value) for value in values if math.isfinite(value)), default=0.0)
    if largest == 0.0:
        return 0
    return min(6, max(0, significant - 1 - math.floor(math.log10(largest))))


def grouped(value: float, decimals: int = 0) -> str:
    """A number with thin spaces between thousands from 10 000 on; a dash if it is not finite."""
    if not math.isfinite(value):
        return "–"
    text = f"{abs(value):,.{decimals}f}"
    text = text.replace(",", THIN_SPACE if abs(value) >= 10_000 else "")
    negative = value < 0 and float(f"{value:.{decimals}f}") != 0
    return f"−{text}" if negative else text


def with_unit(value: float, unit: str, significant: int = 4) -> str:
    """A number with its unit and no zeros at its end, for instance "0.5 mm"."""
    text = grouped(value, decimals_for([value], significant))
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return f"{text}{THIN_SPACE}{unit}" if unit else text


def duration(seconds: float) -> str:
    """A time span in hours and minutes, or in seconds below two minutes."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min"


@frozen
class Quantity:
    """Something that has values, and how they are shown.

    Attributes:
        name: what it is called.
        unit: unit of the values as shown; "" where they have none.
        factor: what a stored value is multiplied by to be shown, for instance 100 for percent.
        significant: how many digits say something.
    """

    name: str
    unit: str = ""
    factor: float = 1.0
    significant: int = 3

    @property
    def label(self) -> str:
        """Name and unit, for an axis."""
        return f"{self.name} ({self.unit})" if self.unit else self.name

    def text(self, value: float | str, sd: float | None = None) -> str:
        """A stored value as people read it, with its unit and, if given, its uncertainty."""
        if isinstance(value, str):
            return value
        unit = f"{THIN_SPACE}{self.unit}" if self.unit else ""
        shown = value * self.factor
        decimals = decimals_for([shown], self.significant)
        if sd is None:
            return f"{grouped(shown, decimals)}{unit}"
        uncertain = f"{grouped(shown, decimals)} ± {grouped(sd * self.factor, decimals)}"
        return f"({uncertain}){unit}" if unit else uncertain
