"""Interlocks between heat, flow and readings; each applies to changes on both sides."""

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import ClassVar

from flowrig.safety_rules.snapshot import Action, Snapshot, Trip

__all__ = [
    "FlowNeedsSteadyTemperature",
    "FrozenReading",
    "HeatNeedsFlow",
    "Interlock",
    "ReadingLimit",
    "SyringeNotEmpty",
]

RISE_OVER_S = 20.0
"""Time [s] over which a rise is measured, so that noise does not count as a rise."""


@dataclass
class Interlock(ABC):
    """A rule that is checked at every reading, and that no command may break.

    Attributes:
        streams: streams that it concerns, as the rule says.
        action: how a run ends when the rule is broken.
        grace_s: time [s] for which the rule may be broken.
    """

    name: ClassVar[str]
    streams: tuple[str, ...] = field(default=(), kw_only=True)
    action: Action = field(default="safe", kw_only=True)
    grace_s: float = field(default=0.0, kw_only=True)
    _since_s: float | None = field(default=None, init=False, repr=False)

    def check(self, snapshot: Snapshot) -> Iterator[Trip]:
        """A trip, if the rule has been broken for longer than the grace time."""
        broken = self._broken(snapshot)
        if broken is None:
            self._since_s = None
            return
        if self._since_s is None:
            self._since_s = snapshot.time_s
        if snapshot.time_s - self._since_s >= self.grace_s:
            yield broken

    def refuse(self, before: Snapshot, after: Snapshot) -> Iterator[Trip]:
        """A trip, if a command would break the rule."""
        broken = self._broken(after)
        if broken is not None and self._provokes(before, after):
            yield broken

    def _trip(self, device: str, cause: str, remedy: str) -> Trip:
        return Trip(self.name, device, cause, remedy, self.action)

    @abstractmethod
    def _broken(self, snapshot: Snapshot) -> Trip | None:
        """A trip, if a snapshot breaks the rule; the grace time is not considered."""

    def _provokes(self, before: Snapshot, after: Snapshot) -> bool:
        """Whether the command breaks the rule, and not the state before: it starts a stream."""
        return set(after.flowing(self.streams)) > set(before.flowing(self.streams))


@dataclass
class HeatNeedsFlow(Interlock):
    """A heater is hot, or has a hot set point, only while liquid flows.

    The grace time covers the pause in which pumps change their flow rate. Without a grace time, the
    command that stops the last stream is refused as well.

    Attributes:
        heater: the device.
        above_c: temperature [°C] above which the heater counts as hot.
        streams: at least one of them has to flow.
    """

    name: ClassVar[str] = "heat-needs-flow"
    heater: str
    above_c: float

    def _broken(self, snapshot: Snapshot) -> Trip | None:
        heater = snapshot.heaters[self.heater]
        cold = heater.temperature_c <= self.above_c and heater.wanted_c <= self.above_c
        if cold or snapshot.flowing(self.streams):
            return None
        return self._trip(
            self.heater,
            f"nothing flows while it is above {self.above_c:g} °C or set to get there",
            f"start {' or '.join(self.streams)} first, and stop it last",
        )

    def _provokes(self, before: Snapshot, after: Snapshot) -> bool:
        if after.heaters[self.heater].wanted_c > before.heaters[self.heater].wanted_c:
            return True
        return self.grace_s == 0.0 and self._broken(before) is None


@dataclass
class FlowNeedsSteadyTemperature(Interlock):
    """Streams flow only while a heater is at its set point, or is cold.

    Attributes:
        heater: the device.
        streams: streams that need the temperature.
        tolerance_c: largest distance [°C] from the set point.
        or_below_c: temperature [°C] up to which the set point does not matter; None for none.
    """

    name: ClassVar[str] = "flow-needs-steady-temperature"
    heater: str
    tolerance_c: float
    or_below_c: float | None = None

    def _broken(self, snapshot: Snapshot) -> Trip | None:
        flowing, heater = snapshot.flowing(self.streams), snapshot.heaters[self.heater]
        steady = abs(heater.temperature_c - heater.set_point_c) <= self.tolerance_c
        cold = self.or_below_c is not None and heater.temperature_c <= self.or_below_c
        if not flowing or steady or cold:
            return None
        return self._trip(
            self.heater,
            f"{', '.join(flowing)} would flow or flows while it reads {heater.temperature_c:.1f} °C"
            f" and its set point is {heater.set_point_c:.1f} °C",
            f"wait until it is within {self.tolerance_c:g} °C of its set point",
        )

    def _provokes(self, before: Snapshot, after: Snapshot) -> bool:
        was, now = (one.heaters[self.heater].set_point_c for one in (before, after))
        return now != was or super()._provokes(before, after)


@dataclass
class SyringeNotEmpty(Interlock):
    """A stream flows only while its syringe holds more than a remainder.

    Attributes:
        streams: streams whose syringes are watched.
        remainder_ul: volume [µL] that has to stay in each syringe.
        supplied: those of the streams that draw from a supply instead of a syringe.
    """

    name: ClassVar[str] = "syringe-not-empty"
    remainder_ul: float = 0.0
    supplied: tuple[str, ...] = ()

    def _broken(self, snapshot: Snapshot) -> Trip | None:
        for stream in snapshot.flowing(self.streams):
            state = snapshot.streams[stream]
            if state.left_ul <= self.remainder_ul:
                source = "supply" if stream in self.supplied else "syringe"
                return self._trip(
                    state.pump,
                    f"the {source} of {stream} holds {max(state.left_ul, 0.0) / 1000:.2f} mL, "
                    f"and {self.remainder_ul / 1000:g} mL have to stay in it",
                    f"refill {stream}",
                )
        return None


@dataclass
class ReadingLimit(Interlock):
    """A reading stays within a limit; one without a value breaks the rule.

    Attributes:
        reading: as DEVICE.QUANTITY.
        breaks: "above" the limit, "below" it, or if it "rises faster than" the limit per minute.
        limit: in the unit.
        unit: of the reading, for messages.
        streams: the rule holds while one of them flows; always, if there are none.
    """

    name: ClassVar[str] = "reading-limit"
    reading: str
    breaks: str
    limit: float
    unit: str = ""
    _past: list[tuple[float, float]] = field(default_factory=list, init=False, repr=False)

    def check(self, snapshot: Snapshot) -> Iterator[Trip]:
        """A trip, if the rule has been broken for longer than the grace time."""
        now = (snapshot.time_s, snapshot.readings[self.reading])
        while len(self._past) > 1 and self._past[1][0] <= now[0] - RISE_OVER_S:
            del self._past[0]
        self._past.append(now)
        yield from super().check(snapshot)

    def _broken(self, snapshot: Snapshot) -> Trip | None:
        value, unit, shown = snapshot.readings[self.reading], self.unit, "has no value"
        if self.streams and not snapshot.flowing(self.streams):
            return None
        if math.isfinite(value):
            rises = self.breaks == "rises faster than"
            if rises:
                value, unit = self._rise(snapshot.time_s, value), f"{unit}/min"
            if not (value < self.limit if self.breaks == "below" else value > self.limit):
                return None
            shown = f"{'rises by' if rises else 'is'} {value:.4g} {unit}, "
            shown += f"{'more than' if rises else self.breaks} {self.limit:.4g} {unit}"
        device, _, quantity = self.reading.partition(".")
        is_pressure = "pressure" in quantity
        advice = "look for a blocked or leaking line" if is_pressure else f"look at {device}"
        return self._trip(device, f"{quantity} {shown}", advice)

    def _rise(self, time_s: float, value: float) -> float:
        """Rise for each minute since the oldest value of `RISE_OVER_S`; 0 where that is shorter."""
        then_s, before = self._past[0] if self._past else (time_s, value)
        return (value - before) * 60 / (time_s - then_s) if time_s - then_s >= RISE_OVER_S else 0.0


@dataclass
class FrozenReading(Interlock):
    """A reading changes while liquid flows, be it by a digit.

    Time without flow does not count: at rest a sound sensor may show one value.

    Attributes:
        reading: as DEVICE.QUANTITY; one without a value has not changed.
        longest_s: time [s] with flow after which a reading that has not changed is frozen.
        streams: time counts while one of them flows.
    """

    name: ClassVar[str] = "frozen-reading"
    reading: str
    longest_s: float
    _last: Snapshot | None = field(default=None, init=False, repr=False)
    _still_s: float = field(default=0.0, init=False, repr=False)

    def check(self, snapshot: Snapshot) -> Iterator[Trip]:
        """A trip, if the reading has not changed for too long."""
        last, self._last, now = self._last, snapshot, snapshot.readings[self.reading]
        if last is None or (math.isfinite(now) and now != last.readings[self.reading]):
            self._still_s = 0.0
        elif last.flowing(self.streams):  # a long gap between two looks is no sign of the sensor
            self._still_s += min(snapshot.time_s - last.time_s, RISE_OVER_S)
        for trip in super().check(snapshot):
            self._still_s = 0.0
            yield trip

    def _provokes(self, before: Snapshot, after: Snapshot) -> bool:
        return False  # only flow shows whether the sensor works again

    def _broken(self, snapshot: Snapshot) -> Trip | None:
        if self._still_s < self.longest_s:
            return None
        device, _, quantity = self.reading.partition(".")
        cause = f"{quantity} has stood still for {self._still_s:.0f} s while liquid flows"
        return self._trip(device, cause, "check the sensor and its wires")
