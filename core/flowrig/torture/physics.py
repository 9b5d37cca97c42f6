"""The physical values of plungers, plates and lamps, recorded behind all faults and emulators."""

from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np
from attrs import define, field

from flowrig.clock import VirtualClock
from flowrig.emulation import HeaterBody, PumpBody, SpectrometerBody, World
from flowrig.emulation.faulty_world import (
    FaultyHeater,
    FaultyPump,
    FaultySpectrometer,
    FaultyWorld,
)

__all__ = ["Course", "Physics", "WatchedSpectrometer", "WatchedWorld", "off_target_s"]


@define(eq=False)
class Course:
    """A quantity over time that keeps each value until the next change.

    Attributes:
        times_s: rig times [s] of the changes.
        values: the value from each change on.
    """

    times_s: list[float] = field(factory=list)
    values: list[float] = field(factory=list)

    def note(self, time_s: float, value: float) -> None:
        """Add a value from a rig time [s] on."""
        self.times_s.append(time_s)
        self.values.append(value)

    def at(self, time_s: float, before: float = 0.0) -> float:
        """The value just after a rig time [s]; `before` ahead of the first change."""
        index = int(np.searchsorted(self.times_s, time_s, side="right"))
        return self.values[index - 1] if index else before

    def between(self, from_s: float, until_s: float) -> list[float]:
        """All values between two rig times [s], including the value at the first."""
        changes = zip(self.times_s, self.values, strict=True)
        return [self.at(from_s), *(v for t, v in changes if from_s < t < until_s)]

    def spans(self, until_s: float) -> list[tuple[float, float, float]]:
        """Begin [s], end [s] and value of each span; the last ends at a rig time [s]."""
        ends = [*self.times_s[1:], max(until_s, self.times_s[-1])] if self.times_s else []
        return list(zip(self.times_s, ends, self.values, strict=True))


class Physics:
    """The physical values of a rig over time, by device.

    Args:
        clock: the rig's clock; temperatures are recorded whenever its time moves on.

    Attributes:
        rates_ul_min: flow rate [µL/min] of each plunger.
        temperatures_c: temperature [°C] of each plate.
        lights: 1 while a light was open, else 0.
        starts: how often each plunger began to move.
    """

    def __init__(self, clock: VirtualClock) -> None:
        self.rates_ul_min: dict[str, Course] = {}
        self.temperatures_c: dict[str, Course] = {}
        self.lights: dict[str, Course] = {}
        self.starts: dict[str, int] = {}
        self._clock = clock
        self._pumps: dict[str, PumpBody] = {}
        self._heaters: dict[str, HeaterBody] = {}
        clock.listen(self.look)

    def look(self) -> None:
        """Record every temperature."""
        now_s = self._clock.now_s()
        for device, heater in self._heaters.items():
            self.temperatures_c[device].note(now_s, heater.temperature_c)

    def moved_ul(self) -> dict[str, float]:
        """Volume [µL] that each plunger has pushed out."""
        return {device: pump.moved_ul for device, pump in self._pumps.items()}

    def reservoirs_ul(self, device: str) -> tuple[float, float, float]:
        """What a plunger drew from its reservoir, pushed into it, and drew from the path [µL].

        All are 0 in a world that knows no reservoirs.
        """
        body = self._pumps[device]
        names = ("from_reservoir_ul", "to_reservoir_ul", "from_line_ul")
        drawn_ul, pushed_ul, sucked_ul = (float(getattr(body, name, 0.0)) for name in names)
        return drawn_ul, pushed_ul, sucked_ul

    def add_pump(self, device: str, body: PumpBody) -> Callable[[float], None]:
        """Add a plunger; returns the function that records its flow rates [µL/min]."""
        self._pumps[device] = body
        course = self.rates_ul_min[device] = Course()
        self.starts[device] = 0

        def record(rate_ul_min: float) -> None:
            now_s = self._clock.now_s()
            self.starts[device] += rate_ul_min != 0.0 and course.at(now_s) == 0.0
            course.note(now_s, rate_ul_min)

        return record

    def add_heater(self, device: str, body: HeaterBody) -> None:
        """Add a plate."""
        self._heaters[device] = body
        self.temperatures_c[device] = Course()

    def add_light(self, device: str) -> Callable[[bool], None]:
        """Add a light; returns the function that records whether it is open."""
        course = self.lights[device] = Course()
        return lambda on: course.note(self._clock.now_s(), float(on))


class _WatchedPump(FaultyPump):
    """A plunger whose physical flow rates are recorded, behind all faults."""

    def __init__(self, body: PumpBody, record: Callable[[float], None]) -> None:
        super().__init__(body)
        self._record = record

    def _drive(self, rate_ul_min: float) -> None:
        self._record(rate_ul_min)
        super()._drive(rate_ul_min)


class WatchedSpectrometer(FaultySpectrometer):
    """A detector whose light is recorded, and whose wavelengths can be shifted.

    Attributes:
        shift_nm: shift [nm] of its wavelengths.
    """

    def __init__(self, body: SpectrometerBody, record: Callable[[bool], None]) -> None:
        super().__init__(body)
        self.shift_nm = 0.0
        self._record = record

    @property
    def wavelength_coefficients(self) -> tuple[float, ...]:
        """Wavelength polynomial [nm] in the pixel number, lowest order first."""
        first, *others = super().wavelength_coefficients
        return (first + self.shift_nm, *others)

    def _drive_light(self, on: bool) -> None:
        self._record(on)
        super()._drive_light(on)


class WatchedWorld(FaultyWorld):
    """A world that records the physical values of its bodies, behind all faults and emulators.

    Args:
        world: the world without faults.
        physics: takes the recorded values.

    Attributes:
        spectrometers: the detectors by device.
    """

    def __init__(self, world: World, physics: Physics) -> None:
        super().__init__(world)
        self._physics = physics
        self.spectrometers: dict[str, WatchedSpectrometer] = {}

    def _faulty_pump(self, device: str, body: PumpBody) -> FaultyPump:
        return _WatchedPump(body, self._physics.add_pump(device, body))

    def _faulty_heater(self, device: str, body: HeaterBody) -> FaultyHeater:
        self._physics.add_heater(device, body)
        return super()._faulty_heater(device, body)

    def _faulty_spectrometer(self, device: str, body: SpectrometerBody) -> FaultySpectrometer:
        watched = WatchedSpectrometer(body, self._physics.add_light(device))
        self.spectrometers[device] = watched
        return watched


def off_target_s(
    course: Course, target_c: Callable[[float], float], span: tuple[float, float], off_c: float
) -> float:
    """For how long [s] a temperature was too far from its target.

    Args:
        course: the temperature [°C].
        target_c: the target [°C] at a rig time [s].
        span: begin and end [s] of the time span.
        off_c: distance [°C] from which on the temperature is too far.
    """
    begin_s, end_s = span
    times: Sequence[float] = [begin_s, *(t for t in course.times_s if begin_s < t < end_s), end_s]
    return sum(
        later - sooner
        for sooner, later in pairwise(times)
        if abs(course.at(sooner) - target_c(sooner)) > off_c
    )
