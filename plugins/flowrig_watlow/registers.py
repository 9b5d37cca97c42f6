"""Addresses, codes and number format of the F4T's Modbus registers.

Relative addresses (counted from 0) of data map 1, and codes: Watlow, "F4T Setup and Operations
User's Guide", 0600-0093-0000, chapter 6. The registers of control mode, output power, set point
range and process value of a loop, of the state of an alarm and of a limit module are known from one
published program only: Espec North America, ChamberConnectLibrary, `watlowf4t.py`. Watlow lists PID
sets 3 to 5; the addresses of sets 1 and 2 are extrapolated with the same distance between
sets.
"""

import math
import struct
from collections.abc import Sequence
from enum import Enum, IntEnum

__all__ = [
    "ALARM_AT_REST",
    "ERROR",
    "EVENTS",
    "FAIL",
    "NONE",
    "OFF",
    "ON",
    "PROGRAM_HOLDS",
    "PROGRAM_STATE",
    "PROGRAM_STATES",
    "SAFE",
    "AlarmKind",
    "AlarmRegister",
    "ControlMode",
    "LimitRegister",
    "LoopRegister",
    "PidRegister",
    "RampAction",
    "RampScale",
    "WordOrder",
]

LOOP_STRIDE = 160
ALARM_STRIDE = 100
LIMIT_STRIDE = 60
PID_STRIDE = 8
ALARM_AT_REST = frozenset({12, 61, 88})
"""States in which an alarm is not active; 88 is the state after power-on."""
ERROR, FAIL, NONE, OFF, ON, SAFE = 28, 32, 61, 62, 63, 1667
EVENTS = (16594, 16596, 16598, 16600, 16822, 16824, 16826)
"""Registers of outputs 1 to 7, each `OFF` or `ON`."""
PROGRAM_STATE = 16568
PROGRAM_STATES = {"IDLE": 62, "RUN": 149, "HOLD": 146}
"""Codes in `PROGRAM_STATE`, by the word that SCPI reports for the same state."""
PROGRAM_HOLDS = frozenset({146, 149, 1783})
"""Codes of a profile that moves the set point now or later: paused, running, calendar start."""


class LoopRegister(IntEnum):
    """A register of control loop 1; two registers hold one IEEE 754 float."""

    USER_CONTROL_MODE = 2730
    SET_POINT_MIN = 2774
    SET_POINT_MAX = 2776
    USER_SET_POINT = 2782
    RAMP_ACTION = 2794
    RAMP_SCALE = 2796
    RAMP_RATE = 2798
    OUTPUT_POWER = 2808
    SET_POINT = 2810
    CONTROL_MODE = 2814
    PROCESS_VALUE = 2820

    def of_loop(self, loop: int) -> int:
        """Address of this register in a control loop, counted from 1."""
        return int(self) + LOOP_STRIDE * (loop - 1)


class PidRegister(IntEnum):
    """A register of the first PID set of control loop 1; two registers hold one IEEE 754 float."""

    HEAT_BAND = 2830
    COOL_BAND = 2832
    INTEGRAL = 2834
    DERIVATIVE = 2836

    def of_set(self, number: int, loop: int) -> int:
        """Address of this register in a PID set of a control loop, both counted from 1."""
        return int(self) + PID_STRIDE * (number - 1) + LOOP_STRIDE * (loop - 1)


class AlarmRegister(IntEnum):
    """A register of alarm 1; thresholds are IEEE 754 floats in two registers."""

    KIND = 1330
    HIGH = 1334
    LOW = 1336
    STATE = 1356

    def of_alarm(self, number: int) -> int:
        """Address of this register in an alarm, counted from 1."""
        return int(self) + ALARM_STRIDE * (number - 1)


class LimitRegister(IntEnum):
    """A register of the limit module in slot 1."""

    STATE = 11250
    STATUS = 11264
    CLEAR = 11288

    def of_slot(self, slot: int) -> int:
        """Address of this register in the module of a slot, counted from 1."""
        return int(self) + LIMIT_STRIDE * (slot - 1)


class AlarmKind(IntEnum):
    """Quantity that an alarm compares with its thresholds: none, the process value, or the
    difference between process value and set point."""

    OFF = 62
    PROCESS = 76
    DEVIATION = 24


class ControlMode(IntEnum):
    """Mode of a control loop: off, control to the set point, or fixed output power."""

    OFF = 62
    AUTO = 10
    MANUAL = 54


class RampAction(IntEnum):
    """Occasions on which the set point follows a ramp; the names are the SCPI words."""

    OFF = 62
    STARTUP = 88
    SETPOINT = 85
    BOTH = 13


class RampScale(IntEnum):
    """Time unit of the ramp rate; the names are the SCPI words."""

    MINUTES = 57
    HOURS = 39


class WordOrder(Enum):
    """The half of a 32-bit float that the first of its two registers holds."""

    LOW_FIRST = "low-first"
    HIGH_FIRST = "high-first"

    @property
    def other(self) -> "WordOrder":
        """The opposite order."""
        return WordOrder.HIGH_FIRST if self is WordOrder.LOW_FIRST else WordOrder.LOW_FIRST

    def words(self, value: float) -> tuple[int, int]:
        """The contents of the two registers that hold a number.

        Raises:
            ValueError: the number does not fit into a 32-bit float.
        """
        try:
            high, low = struct.unpack(">HH", struct.pack(">f", value))
        except OverflowError as error:
            raise ValueError(f"{value:g} is too large") from error
        return (low, high) if self is WordOrder.LOW_FIRST else (high, low)

    def number(self, words: Sequence[int]) -> float:
        """The finite number in two registers.

        Raises:
            ValueError: the registers hold an infinity or "not a number".
        """
        first, second = words
        high, low = (second, first) if self is WordOrder.LOW_FIRST else (first, second)
        (value,) = struct.unpack(">f", struct.pack(">HH", high, low))
        if not math.isfinite(value):
            raise ValueError(f"registers {first:#06x} {second:#06x} hold no finite number")
        return float(value)
