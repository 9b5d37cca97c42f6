"""The bodies behind the emulated instruments: a plunger, a plate, a detector at a flow cell."""

import threading
from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import TypeVar

import numpy as np
from attrs import define
from numpy.typing import NDArray

from flowrig.clock import Clock
from flowrig.emulation import DeviceFault
from flowrig_sim.exposures import Exposures, Mark, Scene
from flowrig_sim.flow.plunger import Plunger
from flowrig_sim.fluid_state import FluidState
from flowrig_sim.noise import Drift as SensorDrift
from flowrig_sim.plate import Plate

__all__ = ["CellBody", "FluidAccess", "PlateBody", "PlungerBody"]

T = TypeVar("T")


class FluidAccess:
    """Access of one thread at a time to the fluid state, advanced to the present.

    Args:
        fluid: the fluid state of the world.
        clock: the run's clock.

    Attributes:
        fluid: as above.
        clock: as above.
        lock: is held by the thread that has access.
    """

    def __init__(self, fluid: FluidState, clock: Clock) -> None:
        self.fluid = fluid
        self.clock = clock
        self.lock = threading.Lock()

    def now(self) -> "FluidAccess":
        """A context that locks the fluid state and advances it; it gives the rig time [s]."""
        return self

    def __enter__(self) -> float:
        self.lock.acquire()
        try:
            now_s = self.clock.now_s()
            self.fluid.advance(now_s)
        except BaseException:
            self.lock.release()
            raise
        return now_s

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.lock.release()

    def of_plunger(self, function: Callable[[float], T]) -> T:
        """A value of a plunger at the present rig time [s].

        It follows from the last command alone, so the fluid state need not be advanced for it.
        """
        with self.lock:
            return function(self.clock.now_s())

    @property
    def positions(self) -> Mapping[str, str]:
        """By device, where valves of the path stand that were turned."""
        with self.now():
            return self.fluid.positions

    def put_in(self, component: str, volume_ul: float) -> None:
        """Put a component of another volume [µL] into the path now."""
        with self.now():
            self.fluid.put_in(component, volume_ul)

    def turn(self, device: str, position: str) -> None:
        """Turn a valve of the path now."""
        with self.now() as now_s:
            self.fluid.turn(device, position, now_s)


class PlungerBody:
    """The plunger of a pump; see `flowrig.emulation.PumpBody`."""

    def __init__(self, plunger: Plunger, access: FluidAccess) -> None:
        self._plunger = plunger
        self._access = access

    @property
    def inner_diameter_mm(self) -> float:
        """True inner diameter [mm] of the syringe."""
        return self._plunger.inner_diameter_mm

    @property
    def fill_ul(self) -> float:
        """Liquid [µL] left in the syringe."""
        return self._access.of_plunger(self._plunger.fill_ul)

    @property
    def moved_ul(self) -> float:
        """Net volume [µL] by which the motor has pushed since the world began."""
        return self._access.of_plunger(self._plunger.moved_ul)

    @property
    def rate_ul_min(self) -> float:
        """Flow rate [µL/min] of the newest command, on the line; 0 if a valve leads elsewhere."""
        return 0.0 if self._plunger.is_aside else self._plunger.rate_ul_min

    @property
    def from_reservoir_ul(self) -> float:
        """Volume [µL] drawn from its reservoir since the world began."""
        with self._access.now() as now_s:
            return self._plunger.from_reservoir_ul(now_s)

    @property
    def to_reservoir_ul(self) -> float:
        """Volume [µL] pushed into its reservoir since the world began: a fault."""
        with self._access.now() as now_s:
            return self._plunger.to_reservoir_ul(now_s)

    @property
    def from_line_ul(self) -> float:
        """Volume [µL] drawn from the line since the world began: a fault."""
        with self._access.now() as now_s:
            return self._plunger.from_line_ul(now_s)

    @property
    def stalled(self) -> bool:
        """Whether the motor drives the plunger against an end stop."""
        return self._access.of_plunger(self._plunger.stalled)

    def push(self, rate_ul_min: float) -> None:
        """Push at a flow rate [µL/min], or withdraw at a negative one; 0 stops.

        Raises:
            OutOfRangeError: the rate is not finite.
        """
        with self._access.now() as now_s:
            self._plunger.push(rate_ul_min, now_s)

    def stop_after(self, volume_ul: float) -> None:
        """Stand still after another volume [µL]."""
        with self._access.now() as now_s:
            self._plunger.stop_after(volume_ul, now_s)

    def lead(self, aside: bool) -> None:
        """A valve leads to the reservoir, or to the line."""
        with self._access.now() as now_s:
            self._plunger.lead(aside, now_s)

    def refill(self) -> None:
        """Replace the syringe by a full one."""
        with self._access.now() as now_s:
            self._plunger.refill(now_s)


class PlateBody:
    """A heated plate and its sensor; see `flowrig.emulation.HeaterBody`."""

    def __init__(self, plate: Plate, sensor: SensorDrift, access: FluidAccess) -> None:
        self._plate = plate
        self._sensor = sensor
        self._access = access

    @property
    def temperature_c(self) -> float:
        """Reading [°C] of the sensor."""
        with self._access.lock:
            now_s = self._access.clock.now_s()
            self._access.fluid.advance_plates(now_s)
            return self._plate.temperature_c + self._sensor.at(now_s)

    def control(self, set_point_c: float) -> None:
        """Control the temperature to a set point [°C]; the plate gets no colder than the room."""
        with self._access.now() as now_s:
            self._plate.control(set_point_c, now_s)


@define(eq=False)
class _Ahead:
    """Exposures that were computed before their time.

    Attributes:
        times_s: rig times [s] at which they begin.
        counts: shape `n x n_pixels`.
        mark: for the way back.
        scene: for which they hold.
        causes: of the fluid state, likewise.
        plan: the plan that they follow.
        taken: number of exposures that are over.
    """

    times_s: Sequence[float]
    counts: NDArray[np.uint16]
    mark: Mark
    scene: Scene
    causes: tuple[object, ...]
    plan: Sequence[float]
    taken: int = 0


class CellBody:
    """A detector at a flow cell, with its light; see `flowrig.emulation.SpectrometerBody`.

    The light is on until `light` shuts it. A detector at no cell sees darkness.

    Where the clock knows when the next exposures begin, all are computed with the first one. They
    are given up if they turn out to be wrong: at another time, after a command to a pump or a
    heater, in another light.

    Args:
        exposures: what the detector sees.
        coefficients: wavelength polynomial [nm] in the pixel number, lowest order first.
        access: access to the fluid state.
        has_slugs: whether a carrier forms slugs, which can then be missing.
        lines: number of lines that it looks at in turn; 0 for none.
    """

    def __init__(
        self,
        exposures: Exposures,
        coefficients: tuple[float, ...],
        access: FluidAccess,
        *,
        has_slugs: bool = True,
        lines: int = 0,
    ) -> None:
        self._lines = lines
        self._exposures = exposures
        self._coefficients = coefficients
        self._access = access
        self._is_lit = True
        self._has_bubble = False
        self._lacks_slugs = False
        self._ahead: _Ahead | None = None
        self._broken_plan: Sequence[float] | None = None
        self.faults: dict[str, DeviceFault] = {
            "bubble": DeviceFault("a bubble sits in the cell and scatters the light", self._block),
        }
        if has_slugs:
            self.faults["no-slugs"] = DeviceFault("no slug arrives, only carrier", self._starve)
        if lines:
            words = f"line {self._blocked} of {lines} that it looks at blocks"
            self.faults["line-blocked"] = DeviceFault(words, self._block_line)

    @property
    def wavelength_coefficients(self) -> tuple[float, ...]:
        """Wavelength polynomial [nm] in the pixel number, lowest order first."""
        return self._coefficients

    def light(self, on: bool) -> None:
        """Open or shut the light source."""
        with self._access.now():
            self._is_lit = on

    def expose(self, integration_time_us: int) -> NDArray[np.uint16]:
        """Counts of one exposure that begins now, shape `n_pixels`."""
        with self._access.lock:
            now_s = self._access.clock.now_s()
            scene = Scene(integration_time_us, self._is_lit, self._has_bubble, self._lacks_slugs)
            ahead = self._ahead
            if ahead is not None and not self._holds(ahead, now_s, scene):
                self._exposures.rewind(ahead.mark, ahead.taken)
                # A plan that was not kept once is not followed again: it could be wrong each time.
                self._ahead, self._broken_plan = None, ahead.plan
                ahead = None
            if ahead is None:
                self._access.fluid.advance(now_s)
                ahead = self._look_ahead(now_s, scene)
            if ahead is None:
                return self._exposures.now(now_s, scene)
            ahead.taken += 1
            self._ahead = ahead if ahead.taken < len(ahead.times_s) else None
            return np.asarray(ahead.counts[ahead.taken - 1])

    def _look_ahead(self, now_s: float, scene: Scene) -> _Ahead | None:
        plan = self._access.clock.planned_s()
        first = bisect_left(plan, now_s)
        times_s = plan[first:]
        is_planned = plan is not self._broken_plan and len(times_s) > 1 and times_s[0] == now_s
        if not (is_planned and self._access.fluid.can_foresee):
            return None
        counts, mark = self._exposures.ahead(times_s, scene)
        return _Ahead(times_s, counts, mark, scene, self._access.fluid.causes, plan)

    def _holds(self, ahead: _Ahead, now_s: float, scene: Scene) -> bool:
        return (
            ahead.times_s[ahead.taken] == now_s
            and ahead.scene == scene
            and ahead.causes == self._access.fluid.causes
        )

    def _block(self, on: bool) -> None:
        self._has_bubble = on

    @property
    def _blocked(self) -> int:
        """The line that the fault blocks: one in the middle."""
        return self._lines // 2 + 1

    def _block_line(self, on: bool) -> None:
        with self._access.now() as now_s:
            self._access.fluid.block(self._blocked if on else None, now_s)

    def _starve(self, on: bool) -> None:
        self._lacks_slugs = on
