"""Addresses, codes and number format of the F4T's Modbus registers.

Relative addresses (counted from 0) of data map 1, and codes: Watlow, "F4T Setup and Operations
User's Guide", 0600-0093-0000, chapter 6. The registers of control mode, output power, set point
range and process value of a loop, of the state of an alarm and of a limit module are known from one
published program only: Espec North America, ChamberConnectLibrary, `watlowf4t.py`. Watlow lists PID
sets 3 to 5; the addresses of sets 1 and 2 are extrapolated with the same distance between
sets.
"""

import struct
from collections.abc import Sequence
from enum import Enum, IntEnum

from flowrig_watlow.temperature import NO_NUMBER

__all__ = [
    "ALARM_AT_REST",
    "ERROR",
    "EVENTS",
    "FAIL",
    "NONE",
    "OFF",
    "ON",
    "PROGRAM_AT_REST",
    "PROGRAM_ENDS",
    "PROGRAM_STATE",
    "PROGRAM_STATES",
    "SAFE",
    "AlarmKind",
    "AlarmRegister",
    "ControlMode",
    "LimitRegister",
    "LoopRegister",
    "OldMap",
    "PidRegister",
    "PlainRegister",
    "ProgramAction",
    "ProgramRegister",
    "RampAction",
    "RampScale",
    "StepType",
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
PROGRAM_ENDS = {"COMPLETE": 252, "TERMINATED": 253}
"""Codes in `PROGRAM_STATE` after a profile has ended."""
PROGRAM_AT_REST = frozenset({61, 62, 251, 252, 253})
"""Codes of a profile that does not move the set point: none, off, not started, complete,
terminated. Every other one counts as one that does, now or later, as 146 (paused), 149 (running)
and 1783 (calendar start) do."""


class LoopRegister(IntEnum):
    """A register of control loop 1; two registers hold one IEEE 754 float."""

    USER_CONTROL_MODE = 2730
    SET_POINT_MIN = 2774
    SET_POINT_MAX = 2776
    USER_SET_POINT = 2782
    MANUAL_POWER = 2784
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


class PlainRegister(IntEnum):
    """A register that is there once; soft keys are 20 registers apart."""

    PART_NUMBER = 16
    DISPLAY_UNIT = 1328
    ETHERNET_UNIT = 6730
    KEY_STATE = 6844
    KEY_PRESS = 6850
    TARGET = 16602
    SENSOR = 27586


class ProgramRegister(IntEnum):
    """A register of the stored profiles."""

    NUMBER = 16558
    STEP = 16560
    START = 16562
    RESUME = 16564
    END = 16566
    MINUTES_LEFT = 16570
    HOURS_LEFT = 16572
    PRESENT = 16588
    PRESENT_STEP = 16590
    STEP_TYPE = 16592
    STEP_SECONDS_LEFT = 16622
    STEP_MINUTES_LEFT = 16624
    STEP_HOURS_LEFT = 16626
    EDITED_NAME = 18606
    EDITED = 18888
    EDITED_STEPS = 18920
    EDITED_LOG = 19038
    EDITED_SOAK = 19086


class ProgramAction(IntEnum):
    """A code that starts, pauses, resumes or ends a profile."""

    PAUSE = 146
    RESUME = 147
    TERMINATE = 148
    START = 1782
    CALENDAR_START = 1783


class OldMap(IntEnum):
    """A register of data map 2 or 3, which imitate the older F4: 16-bit numbers of control loop 1
    (TestEquity, "F4T Touch Screen Controller User's Guide", rev. 4.0, 2019, chapter 4)."""

    PROCESS_VALUE = 100
    INPUT_ERROR = 101
    SET_POINT = 300
    DECIMALS = 606
    UNIT = 901
    RESUME = 1209
    HOLD = 1210
    TERMINATE = 1217
    EVENTS = 2000


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
    SIDES = 1332
    HIGH = 1334
    LOW = 1336
    HYSTERESIS = 1338
    SILENCING = 1340
    LATCHING = 1342
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


class StepType(IntEnum):
    """What the set point does in a step of a profile."""

    RAMP_TIME = 1928
    RAMP_RATE = 81
    SOAK = 87
    INSTANT = 1927
    WAIT = 1542
    END = 27


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
            ValueError: the registers hold an infinity, "not a number", or a number that stands for
                one of them in SCPI.
        """
        first, second = words
        high, low = (second, first) if self is WordOrder.LOW_FIRST else (first, second)
        (value,) = struct.unpack(">f", struct.pack(">HH", high, low))
        if not abs(value) < NO_NUMBER:
            raise ValueError(f"registers {first:#06x} {second:#06x} hold no finite number")
        return float(value)
