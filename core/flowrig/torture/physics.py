"""What plungers, plates and lamps really did, written down behind every fault and emulator."""

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise

import numpy as np
from attrs import define, field, frozen
from numpy.typing import NDArray

from flowrig.clock import VirtualClock
from flowrig.emulation import DeviceFault, HeaterBody, PumpBody, SpectrometerBody, World

__all__ = ["Course", "Physics", "WatchedSpectrometer", "WatchedWorld", "off_target_s"]


@define(eq=False)
class Course:
    """A quantity that keeps each value until the next.

    Attributes:
        times_s: rig times [s] of the changes.
        values: the value from each of them on.
    """

    times_s: list[float] = field(factory=list)
    values: list[float] = field(factory=list)

    def note(self, time_s: float, value: float) -> None:
        """The quantity has a value from a rig time [s] on."""
        self.times_s.append(time_s)
        self.values.append(value)

    def at(self, time_s: float, before: float = 0.0) -> float:
        """Its value just after a rig time [s]."""
        index = int(np.searchsorted(self.times_s, time_s, side="right"))
        return self.values[index - 1] if index else before

    def between(self, from_s: float, until_s: float) -> list[float]:
        """Every value that it had between two rig times [s], the first included."""
        changes = zip(self.times_s, self.values, strict=True)
        return [self.at(from_s), *(v for t, v in changes if from_s < t < until_s)]

    def spans(self, until_s: float) -> list[tuple[float, float, float]]:
        """Begin [s], end [s] and value of each stretch, the last up to a rig time [s]."""
        ends = [*self.times_s[1:], max(until_s, self.times_s[-1])] if self.times_s else []
        return list(zip(self.times_s, ends, self.values, strict=True))


class Physics:
    """The course of everything physical, by device.

    Args:
        clock: the rig's clock; temperatures are written down whenever it moves on.

    Attributes:
        rates_ul_min: how fast each plunger was driven.
        temperatures_c: what each plate's own sensor would read, in health.
        lights: 1 while a light was open.
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
        """Write down every temperature."""
        now_s = self._clock.now_s()
        for device, heater in self._heaters.items():
            self.temperatures_c[device].note(now_s, heater.temperature_c)

    def moved_ul(self) -> dict[str, float]:
        """Volume [µL] that each plunger has pushed out."""
        return {device: pump.moved_ul for device, pump in self._pumps.items()}

    def add_pump(self, device: str, body: PumpBody) -> Callable[[float], None]:
        """Watch a plunger; returns where its rates [µL/min] are to be told."""
        self._pumps[device] = body
        course = self.rates_ul_min[device] = Course()
        self.starts[device] = 0

        def told(rate_ul_min: float) -> None:
            now_s = self._clock.now_s()
            self.starts[device] += rate_ul_min != 0.0 and course.at(now_s) == 0.0
            course.note(now_s, rate_ul_min)

        return told

    def add_heater(self, device: str, body: HeaterBody) -> None:
        """Watch a plate."""
        self._heaters[device] = body
        self.temperatures_c[device] = Course()

    def add_light(self, device: str) -> Callable[[bool], None]:
        """Watch a light; returns where it is to be told."""
        course = self.lights[device] = Course()
        return lambda on: course.note(self._clock.now_s(), float(on))


@frozen(eq=False)
class _WatchedPump:
    body: PumpBody
    told: Callable[[float], None]

    @property
    def inner_diameter_mm(self) -> float:
        return self.body.inner_diameter_mm

    @property
    def fill_ul(self) -> float:
        return self.body.fill_ul

    @property
    def moved_ul(self) -> float:
        return self.body.moved_ul

    @property
    def stalled(self) -> bool:
        return self.body.stalled

    def push(self, rate_ul_min: float) -> None:
        self.told(rate_ul_min)
        self.body.push(rate_ul_min)


@define(eq=False)
class WatchedSpectrometer:
    """A detector, whose light is watched and whose grating can be touched.

    Attributes:
        body: the detector.
        told: hears of its light.
        shift_nm: how far [nm] its wavelengths have moved.
    """

    body: SpectrometerBody
    told: Callable[[bool], None]
    shift_nm: float = 0.0

    @property
    def wavelength_coefficients(self) -> tuple[float, ...]:
        """Wavelength polynomial in the pixel number, lowest order first [nm]."""
        first, *others = self.body.wavelength_coefficients
        return (first + self.shift_nm, *others)

    @property
    def faults(self) -> Mapping[str, DeviceFault]:
        """What the detector's own world can do wrong."""
        found: Mapping[str, DeviceFault] = getattr(self.body, "faults", {})
        return found

    def light(self, on: bool) -> None:
        """Open or shut the light source."""
        self.told(on)
        self.body.light(on)

    def expose(self, integration_time_us: int) -> NDArray[np.uint16]:
        """Counts of one exposure, shape `n_pixels`."""
        return self.body.expose(integration_time_us)


class WatchedWorld(World):
    """A world in front of which everything is written down.

    Args:
        world: the world.
        physics: where it is written down.
    """

    def __init__(self, world: World, physics: Physics) -> None:
        self._world = world
        self._physics = physics
        self.spectrometers: dict[str, WatchedSpectrometer] = {}

    def pump(self, device: str) -> PumpBody:
        """The plunger behind a device."""
        body = self._world.pump(device)
        return _WatchedPump(body, self._physics.add_pump(device, body))

    def refill(self, stream: str) -> None:
        """A full syringe for a stream."""
        self._world.refill(stream)

    def heater(self, device: str) -> HeaterBody:
        """The plate behind a device."""
        body = self._world.heater(device)
        self._physics.add_heater(device, body)
        return body

    def spectrometer(self, device: str) -> SpectrometerBody:
        """The detector behind a device."""
        body = self._world.spectrometer(device)
        watched = WatchedSpectrometer(body, self._physics.add_light(device))
        self.spectrometers[device] = watched
        return watched


def off_target_s(
    course: Course, target_c: Callable[[float], float], span: tuple[float, float], off_c: float
) -> float:
    """For how long [s] a temperature was too far from where it should be.

    Args:
        course: the temperature.
        target_c: where it should be [°C] at a rig time [s].
        span: from when until when [s].
        off_c: from which distance [°C] on it counts.
    """
    begin_s, end_s = span
    times: Sequence[float] = [begin_s, *(t for t in course.times_s if begin_s < t < end_s), end_s]
    return sum(
        later - sooner
        for sooner, later in pairwise(times)
        if abs(course.at(sooner) - target_c(sooner)) > off_c
    )
