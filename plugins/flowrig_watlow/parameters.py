"""What an F4T can be asked about itself, besides temperatures."""

import math

from attrs import astuple, frozen

from flowrig.errors import OutOfRangeError
from flowrig_watlow.registers import AlarmKind

__all__ = ["AlarmSetting", "PidSet", "ProgramStatus"]

LARGEST = 99_999.0
"""Largest number that the controller takes for any parameter (Watlow, "F4T Setup and Operations
User's Guide", 0600-0093-0000)."""


@frozen
class ProgramStatus:
    """The profile that is selected on the controller, in the controller's own words.

    Attributes:
        state: what it does, `IDLE`, `RUN` or `HOLD` as far as users report.
        name: its name; empty where there is none.
    """

    state: str
    name: str


@frozen(kw_only=True)
class AlarmSetting:
    """When an alarm warns.

    Attributes:
        kind: what it compares.
        low_c: lower threshold [°C]; of a deviation [K].
        high_c: upper threshold [°C]; of a deviation [K].
    """

    kind: AlarmKind
    low_c: float
    high_c: float


@frozen(kw_only=True)
class PidSet:
    """One set of control parameters.

    Attributes:
        heat_band_c: proportional band of heating [K].
        cool_band_c: proportional band of cooling [K].
        integral_s: integral time [s]; 0 for none.
        derivative_s: derivative time [s]; 0 for none.

    Raises:
        OutOfRangeError: one of them is negative, too large, or no number.
    """

    heat_band_c: float
    cool_band_c: float
    integral_s: float
    derivative_s: float

    def __attrs_post_init__(self) -> None:
        for name in ("heat_band_c", "cool_band_c", "integral_s", "derivative_s"):
            value = getattr(self, name)
            if not 0.0 <= value <= LARGEST:
                raise OutOfRangeError(f"{name} must be from 0 to {LARGEST:g}, got {value:g}")

    def is_close_to(self, other: "PidSet") -> bool:
        """Whether the numbers are the same but for rounding to single precision."""
        return all(
            math.isclose(mine, theirs, rel_tol=1e-5, abs_tol=1e-5)
            for mine, theirs in zip(astuple(self), astuple(other), strict=True)
        )
