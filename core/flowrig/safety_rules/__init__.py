"""Safety rules on snapshots of the rig, with the standard library alone.

A rule takes a snapshot, and one planned command, and returns trips; it controls no instrument.
"""

from flowrig.safety_rules.heaters import HEATS_UNASKED, TOO_HOT, HeaterWatch
from flowrig.safety_rules.interlocks import (
    FlowNeedsSteadyTemperature,
    FrozenReading,
    HeatNeedsFlow,
    ReadingLimit,
    SyringeNotEmpty,
)
from flowrig.safety_rules.limits import OperatingLimits
from flowrig.safety_rules.snapshot import Action, HeaterState, Snapshot, StreamState, Trip
from flowrig.safety_rules.streams import StreamWatch
from flowrig.safety_rules.supervisor import Rule, Supervisor
from flowrig.safety_rules.thermal import SHORTEST_FROZEN_S, Thresholds

__all__ = [
    "HEATS_UNASKED",
    "SHORTEST_FROZEN_S",
    "TOO_HOT",
    "Action",
    "FlowNeedsSteadyTemperature",
    "FrozenReading",
    "HeatNeedsFlow",
    "HeaterState",
    "HeaterWatch",
    "OperatingLimits",
    "ReadingLimit",
    "Rule",
    "Snapshot",
    "StreamState",
    "StreamWatch",
    "Supervisor",
    "SyringeNotEmpty",
    "Thresholds",
    "Trip",
]
