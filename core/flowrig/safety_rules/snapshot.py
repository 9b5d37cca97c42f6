"""Snapshots of the rig, which the rules check, and trips, which they return."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

__all__ = ["Action", "HeaterState", "Snapshot", "StreamState", "Trip"]

Action = Literal["safe", "hold", "halt"]
"""What follows a trip: "safe" is the profile's sequence; "hold" waits for a person, then goes safe,
and needs no reset; "halt" stops all flow and heat at once, and flushes nothing."""


@dataclass(frozen=True, slots=True)
class HeaterState:
    """A heater at one moment.

    Attributes:
        temperature_c: reading of the sensor [°C]; can be not a number.
        set_point_c: set point that the controller reports [°C].
        sound: whether the reading is valid.
        faults: faults that the controller reports, one sentence each.
        heating: True after a command with a set point, False after a command to switch off, None
            before the first command.
    """

    temperature_c: float
    set_point_c: float
    sound: bool = True
    faults: tuple[str, ...] = ()
    heating: bool | None = None

    @property
    def wanted_c(self) -> float:
        """Temperature that the heater should reach [°C]; minus infinity if it is off."""
        return float("-inf") if self.heating is False else self.set_point_c


@dataclass(frozen=True, slots=True)
class StreamState:
    """A stream at one moment.

    Attributes:
        pump: the device that drives it.
        state: state that the pump reports: "running", "stopped", "stalled", …
        rate_ul_min: the flow rate that was commanded [µL/min].
        left_ul: volume [µL] in its syringe by the account.
        wanted: whether it was started, and not stopped since.
    """

    pump: str
    state: str
    rate_ul_min: float = 0.0
    left_ul: float = float("inf")
    wanted: bool = False

    @property
    def flows(self) -> bool:
        """Whether the pump delivers liquid."""
        return self.state == "running"


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The rig at one moment, or after a planned command.

    Attributes:
        time_s: rig time [s].
        heaters: by device name.
        streams: by stream name.
        readings: values of other devices, by DEVICE.QUANTITY.
    """

    time_s: float
    heaters: Mapping[str, HeaterState]
    streams: Mapping[str, StreamState]
    readings: Mapping[str, float] = field(default_factory=dict)

    def flowing(self, streams: tuple[str, ...]) -> tuple[str, ...]:
        """The given streams that flow."""
        return tuple(name for name in streams if self.streams[name].flows)

    def with_set_points(self, set_points_c: Mapping[str, float]) -> "Snapshot":
        """The snapshot with other set points [°C], by heater."""
        changed = {
            name: replace(self.heaters[name], set_point_c=wanted, heating=True)
            for name, wanted in set_points_c.items()
        }
        return replace(self, heaters={**self.heaters, **changed})

    def with_rates(self, rates_ul_min: Mapping[str, float]) -> "Snapshot":
        """The snapshot with other flow rates [µL/min], by stream."""
        changed = {
            name: replace(self.streams[name], rate_ul_min=rate)
            for name, rate in rates_ul_min.items()
        }
        return replace(self, streams={**self.streams, **changed})

    def with_flow(self, streams: tuple[str, ...], running: bool) -> "Snapshot":
        """The snapshot with some streams started or stopped."""
        state = "running" if running else "stopped"
        changed = {
            name: replace(self.streams[name], state=state, wanted=running) for name in streams
        }
        return replace(self, streams={**self.streams, **changed})


@dataclass(frozen=True, slots=True)
class Trip:
    """A rule that is broken, or that a command would break.

    Attributes:
        rule: name of the rule.
        device: the heater, the pump, or the device that reports a reading.
        cause: the fault, in one clause.
        remedy: advice to the person, in one clause.
        action: how the run has to end.
    """

    rule: str
    device: str
    cause: str
    remedy: str
    action: Action = "safe"

    def __str__(self) -> str:
        return f"{self.device}: {self.cause}; {self.remedy}"
