"""Safety rules on snapshots of the rig, with the standard library alone.

A rule takes a snapshot, and one planned command, and returns trips; it controls no instrument.
"""

from flowrig.safety_rules.heaters import HEATS_UNASKED, TOO_HOT, HeaterWatch
from flowrig.safety_rules.interlocks import (
    FlowNeedsSteadyTemperature,
    HeatNeedsFlow,
    SyringeNotEmpty,
)
from flowrig.safety_rules.limits import OperatingLimits
from flowrig.safety_rules.snapshot import Action, HeaterState, Snapshot, StreamState, Trip
from flowrig.safety_rules.streams import StreamWatch
from flowrig.safety_rules.supervisor import Rule, Supervisor
from flowrig.safety_rules.thermal import NOISE_SDS, ThermalModel, Thresholds, thresholds_of

__all__ = [
    "HEATS_UNASKED",
    "NOISE_SDS",
    "TOO_HOT",
    "Action",
    "FlowNeedsSteadyTemperature",
    "HeatNeedsFlow",
    "HeaterState",
    "HeaterWatch",
    "OperatingLimits",
    "Rule",
    "Snapshot",
    "StreamState",
    "StreamWatch",
    "Supervisor",
    "SyringeNotEmpty",
    "ThermalModel",
    "Thresholds",
    "Trip",
    "thresholds_of",
]
