"""What the hardware did, read from the log of the emulated rig."""

import json
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path

from attrs import define, field

__all__ = ["Hardware"]

HEATS_ABOVE_C = 50.0
"""A heater whose set point [°C] is above this one heats."""

NEVER_S = float("inf")


@define
class Hardware:
    """The courses of everything that moves, heats or shines, in time [s] of the system's clock.

    Attributes:
        changes: by device and quantity: time [s] and value of each change.
    """

    changes: Mapping[tuple[str, str], list[tuple[float, float]]] = field(factory=dict)

    @classmethod
    def of(cls, log: Path) -> "Hardware":
        """Read a log, also one that is being written."""
        changes: dict[tuple[str, str], list[tuple[float, float]]] = {}
        for line in log.read_text("utf-8").splitlines():
            try:
                one = json.loads(line)
            except json.JSONDecodeError:  # the last line is being written
                break
            key = (one["device"], one["quantity"])
            changes.setdefault(key, []).append((one["t"], one["value"]))
        return cls(changes)

    def active(self, quantity: str, above: float = 0.0) -> tuple[str, ...]:
        """Devices whose newest value of a quantity is above a limit."""
        newest = {device: c[-1][1] for (device, q), c in self.changes.items() if q == quantity}
        return tuple(device for device, value in newest.items() if value > above)

    @property
    def heats(self) -> tuple[str, ...]:
        """Heaters that heat now."""
        return self.active("set point, degC", HEATS_ABOVE_C)

    @property
    def flows(self) -> tuple[str, ...]:
        """Pumps that push now."""
        return self.active("flow rate, uL/min")

    @property
    def shines(self) -> tuple[str, ...]:
        """Spectrometers whose light is open now."""
        return self.active("light")

    def ended_s(self, quantity: str, since_s: float, above: float = 0.0, but: str = "") -> float:
        """How long [s] after a time the last device came to rest for good; 0 if before.

        Args:
            quantity: flow rate, set point or light.
            since_s: the time [s].
            above: a value above this one is no rest.
            but: devices that begin with one of these names, separated by blanks, do not count.
        """
        last_s = since_s
        for (device, q), course in self.changes.items():
            if q != quantity or (but and device.startswith(tuple(but.split()))):
                continue
            if course[-1][1] > above:
                return NEVER_S
            for (_, value), (end_s, _) in pairwise(course):
                if value > above:
                    last_s = max(last_s, end_s)
        return last_s - since_s

    def off_after_s(self, since_s: float) -> Mapping[str, float]:
        """How long [s] after a time heat, reagents, all flow and light ended for good."""
        return {
            "heat": self.ended_s("set point, degC", since_s, HEATS_ABOVE_C),
            "reagents": self.ended_s("flow rate, uL/min", since_s, but="pump_ode pump_pfo"),
            "flow": self.ended_s("flow rate, uL/min", since_s),
            "light": self.ended_s("light", since_s),
        }

    def hottest_c(self, since_s: float) -> float:
        """The highest temperature [°C] of any plate since a time [s]."""
        return max(
            (
                value
                for (_, quantity), course in self.changes.items()
                if quantity == "temperature, degC"
                for t, value in course
                if t >= since_s
            ),
            default=float("nan"),
        )
