"""Values of an F4T besides temperatures: profile, alarm settings and PID sets."""

import math

from attrs import astuple, frozen

from flowrig.errors import OutOfRangeError
from flowrig_watlow.registers import AlarmKind

__all__ = ["AlarmSetting", "PidSet", "ProgramStatus"]

LARGEST = 99_999.0
"""Largest value that the controller accepts for any parameter (Watlow, "F4T Setup and Operations
User's Guide", 0600-0093-0000)."""


@frozen
class ProgramStatus:
    """The profile that is selected on the controller.

    Attributes:
        state: state as the controller spells it; published programs know `IDLE`, `RUN`, `HOLD`.
        name: name of the profile; empty if the selected number holds none.
    """

    state: str
    name: str


@frozen(kw_only=True)
class AlarmSetting:
    """Condition under which an alarm becomes active.

    Attributes:
        kind: quantity that is compared with the thresholds.
        low_c: lower threshold [°C]; [K] for a deviation alarm.
        high_c: upper threshold [°C]; [K] for a deviation alarm.
    """

    kind: AlarmKind
    low_c: float
    high_c: float


@frozen(kw_only=True)
class PidSet:
    """One set of control parameters of a control loop.

    Attributes:
        heat_band_c: proportional band of heating [K].
        cool_band_c: proportional band of cooling [K].
        integral_s: integral time [s]; 0 for none.
        derivative_s: derivative time [s]; 0 for none.

    Raises:
        OutOfRangeError: a value is negative, above 99 999, or not a number.
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
        """Whether all values agree within the rounding of 32-bit floats."""
        return all(
            math.isclose(mine, theirs, rel_tol=1e-5, abs_tol=1e-5)
            for mine, theirs in zip(astuple(self), astuple(other), strict=True)
        )
