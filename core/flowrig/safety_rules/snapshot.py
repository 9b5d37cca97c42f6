"""What the kernel is shown, and what it says."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

__all__ = ["Action", "HeaterState", "Snapshot", "StreamState", "Trip"]

Action = Literal["safe", "hold", "halt"]
"""What ends a run: "safe" is the profile's sequence; "hold" is that too, and waits for a person
without a latch; "halt" stops all flow and heat at once, and flushes nothing."""


@dataclass(frozen=True, slots=True)
class HeaterState:
    """One look at a heater.

    Attributes:
        temperature_c: what the sensor reads [°C]; may be not a number.
        set_point_c: what the controller works towards [°C].
        sound: whether the reading can be trusted.
        faults: what the controller reports, one sentence each.
        heating: True after a set point was given, False after it was switched off, None as long as
            nobody gave it a command.
    """

    temperature_c: float
    set_point_c: float
    sound: bool = True
    faults: tuple[str, ...] = ()
    heating: bool | None = None

    @property
    def wanted_c(self) -> float:
        """Where the temperature should go [°C]; nowhere near if the heater is off."""
        return float("-inf") if self.heating is False else self.set_point_c


@dataclass(frozen=True, slots=True)
class StreamState:
    """One look at a stream.

    Attributes:
        pump: the device that drives it.
        state: what the pump says: "running", "stopped", "stalled", …
        rate_ul_min: the flow rate that was commanded [µL/min].
        left_ul: what its syringe holds by now [µL], as far as is known.
        wanted: whether it was started, and not stopped since.
    """

    pump: str
    state: str
    rate_ul_min: float = 0.0
    left_ul: float = float("inf")
    wanted: bool = False

    @property
    def flows(self) -> bool:
        """Whether liquid comes out."""
        return self.state == "running"


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The rig at one moment, or as a command would make it.

    Attributes:
        time_s: rig time [s].
        heaters: by device name.
        streams: by stream name.
    """

    time_s: float
    heaters: Mapping[str, HeaterState]
    streams: Mapping[str, StreamState]

    def flowing(self, streams: tuple[str, ...]) -> tuple[str, ...]:
        """Those of some streams that flow."""
        return tuple(name for name in streams if self.streams[name].flows)

    def with_set_points(self, set_points_c: Mapping[str, float]) -> "Snapshot":
        """As it would be with other set points [°C], by heater."""
        changed = {
            name: replace(self.heaters[name], set_point_c=wanted, heating=True)
            for name, wanted in set_points_c.items()
        }
        return replace(self, heaters={**self.heaters, **changed})

    def with_rates(self, rates_ul_min: Mapping[str, float]) -> "Snapshot":
        """As it would be with other flow rates [µL/min], by stream."""
        changed = {
            name: replace(self.streams[name], rate_ul_min=rate)
            for name, rate in rates_ul_min.items()
        }
        return replace(self, streams={**self.streams, **changed})

    def with_flow(self, streams: tuple[str, ...], running: bool) -> "Snapshot":
        """As it would be with some streams started or stopped."""
        state = "running" if running else "stopped"
        changed = {
            name: replace(self.streams[name], state=state, wanted=running) for name in streams
        }
        return replace(self, streams={**self.streams, **changed})


@dataclass(frozen=True, slots=True)
class Trip:
    """A rule that is broken, or that a command would break.

    Attributes:
        rule: its name.
        device: the heater, or the pump.
        cause: what is wrong, in one clause.
        remedy: what a person should do, in one clause.
        action: how the run has to end.
    """

    rule: str
    device: str
    cause: str
    remedy: str
    action: Action = "safe"

    def __str__(self) -> str:
        return f"{self.device}: {self.cause}; {self.remedy}"
