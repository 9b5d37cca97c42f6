"""A number of a scorecard, or the reason why it is not known."""

import math

from attrs import frozen

__all__ = ["Figure", "not_known"]


@frozen
class Figure:
    """A number with its unit, and how it was found.

    Attributes:
        value: the number; None where it is not known.
        unit: its unit; "" for a plain number.
        note: how it was found, or why it is not known, in one clause.
    """

    value: float | None
    unit: str = ""
    note: str = ""

    @property
    def is_known(self) -> bool:
        """Whether there is a number."""
        return self.value is not None and math.isfinite(self.value)


def not_known(why: str, unit: str = "") -> Figure:
    """A number that cannot be known, with the reason in one clause."""
    return Figure(None, unit, why)
