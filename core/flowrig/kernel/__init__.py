"""The safety kernel: rules on snapshots of the rig, in the standard library alone.

It opens nothing, waits for nothing and moves nothing: it is handed what the rig reads and what a
command would change, and says which rule that breaks. Whoever asks acts on it.
"""

from flowrig.kernel.heaters import HEATS_UNASKED, TOO_HOT, HeaterWatch
from flowrig.kernel.interlocks import FlowNeedsSteadyTemperature, HeatNeedsFlow, SyringeNotEmpty
from flowrig.kernel.limits import OperatingLimits
from flowrig.kernel.snapshot import Action, HeaterState, Snapshot, StreamState, Trip
from flowrig.kernel.streams import StreamWatch
from flowrig.kernel.supervisor import Rule, Supervisor
from flowrig.kernel.thermal import NOISE_SDS, ThermalModel, Thresholds, thresholds_of

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
