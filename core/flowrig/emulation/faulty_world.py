"""What goes wrong behind an instrument: in front of any world, whatever instrument drives it.

Each body is the world's own with a fault in front of it. What a fault does, the world's body really
does: a stalled plunger stands still, a plate whose heater is stuck gets hot.
"""

import math
import threading
from collections.abc import Callable, Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from flowrig.clock import Clock
from flowrig.emulation.device_fault import DeviceFault
from flowrig.emulation.world import HeaterBody, PumpBody, SpectrometerBody, World

__all__ = ["FaultyHeater", "FaultyPump", "FaultySpectrometer", "FaultyWorld", "with_faults"]

FULL_POWER_C: Final = 500.0
"""Set point [°C] that stands for a heater that is always on (assumed)."""
ROOM_C: Final = 22.0
AIR_SHARE: Final = 0.1
"""How much of the plate's excess over the room the air above it has (assumed)."""
AIR_TIME_S: Final = 150.0
"""Time constant [s] of a sensor in air, ten times that in its well (assumed)."""
DARK_PERCENT: Final = 2.0
"""Percentile of a frame's counts that is taken for its dark pedestal where no frame was dark."""
NO_POWER_C: Final = -273.15
"""Set point [°C] that stands for a heater that gets no power."""


class FaultyPump:
    """A plunger that can stall and a syringe that can be empty; see `PumpBody`.

    Args:
        body: the plunger.
    """

    def __init__(self, body: PumpBody) -> None:
        self._body = body
        self._rate_ul_min = 0.0
        self._stuck = False
        self._empty = False
        self.faults: Mapping[str, DeviceFault] = {
            "stall": DeviceFault("the plunger is blocked, and the motor gives up", self._stall),
            "syringe-empty": DeviceFault("there is no liquid left to push out", self._run_empty),
        }

    @property
    def inner_diameter_mm(self) -> float:
        """True inner diameter [mm] of the syringe."""
        return self._body.inner_diameter_mm

    @property
    def fill_ul(self) -> float:
        """Liquid left [µL]."""
        return 0.0 if self._empty else self._body.fill_ul

    @property
    def moved_ul(self) -> float:
        """Volume [µL] that the plunger has pushed out since the world began."""
        return self._body.moved_ul

    @property
    def stalled(self) -> bool:
        """Whether the plunger cannot go where the motor wants it."""
        return self._is_blocked or self._body.stalled

    def push(self, rate_ul_min: float) -> None:
        """Move the plunger, if it moves; 0 stands still."""
        self._rate_ul_min = rate_ul_min
        self._body.push(0.0 if self._is_blocked else rate_ul_min)

    @property
    def _is_blocked(self) -> bool:
        return self._rate_ul_min != 0.0 and (
            self._stuck or (self._empty and self._rate_ul_min > 0.0)
        )

    def _stall(self, on: bool) -> None:
        self._stuck = on
        self.push(self._rate_ul_min)

    def _run_empty(self, on: bool) -> None:
        self._empty = on
        self.push(self._rate_ul_min)


class FaultyHeater:
    """A plate whose sensor can freeze, break or fall out, and whose heater can stick.

    See `HeaterBody`.

    The control loop believes its sensor: in front of a frozen one it gives full power below the set
    point, and none above; with a broken one it gives none. A sensor beside its well follows the
    warm air above the plate, slowly.

    Args:
        body: the plate.
        now_s: rig time [s].
    """

    def __init__(self, body: HeaterBody, now_s: Callable[[], float] = lambda: 0.0) -> None:
        self._body = body
        self._now_s = now_s
        self._loose: tuple[float, float] | None = None
        self._set_point_c: float | None = None
        self._frozen_c: float | None = None
        self._open = False
        self._stuck_on = False
        self.faults: Mapping[str, DeviceFault] = {
            "frozen-sensor": DeviceFault("the sensor shows for ever what it showed", self._freeze),
            "loose-sensor": DeviceFault(
                "the sensor fell out of its well: it follows warm air, ten times as slowly",
                self._let_fall,
            ),
            "open-sensor": DeviceFault("the sensor is broken and shows no number", self._break),
            "heater-stuck-on": DeviceFault(
                "full power whatever the controller says, as behind a welded relay", self._stick
            ),
        }

    @property
    def temperature_c(self) -> float:
        """What the sensor reads [°C]; not a number if it is broken."""
        if self._open:
            return math.nan
        if self._frozen_c is not None:
            return self._frozen_c
        return self._body.temperature_c if self._loose is None else self._in_air_c(*self._loose)

    def _in_air_c(self, then_s: float, then_c: float) -> float:
        """What a sensor beside its well reads [°C], and has read at a rig time [s] before."""
        now_s = self._now_s()
        air_c = ROOM_C + AIR_SHARE * (self._body.temperature_c - ROOM_C)
        reads_c = air_c + (then_c - air_c) * math.exp((then_s - now_s) / AIR_TIME_S)
        self._loose = (now_s, reads_c)
        return reads_c

    def control(self, set_point_c: float) -> None:
        """Work towards a set point [°C], as far as sensor and heater allow."""
        self._set_point_c = set_point_c
        self._drive()

    def _drive(self) -> None:
        if self._stuck_on:
            self._body.control(FULL_POWER_C)
        elif self._set_point_c is None:
            return
        elif self._open:
            self._body.control(NO_POWER_C)
        elif self._frozen_c is None and self._loose is None:
            self._body.control(self._set_point_c)
        else:
            heats = self.temperature_c < self._set_point_c
            self._body.control(FULL_POWER_C if heats else NO_POWER_C)

    def _freeze(self, on: bool) -> None:
        self._frozen_c = self._body.temperature_c if on else None
        self._drive()

    def _let_fall(self, on: bool) -> None:
        self._loose = (self._now_s(), self._body.temperature_c) if on else None
        self._drive()

    def _break(self, on: bool) -> None:
        self._open = on
        self._drive()

    def _stick(self, on: bool) -> None:
        was, self._stuck_on = self._stuck_on, on
        if was and self._set_point_c is None:
            self._body.control(NO_POWER_C)
        self._drive()


class FaultySpectrometer:
    """A detector that can be blinded or hang, and a lamp that can fail; see `SpectrometerBody`.

    Args:
        body: the detector and its light source.
    """

    def __init__(self, body: SpectrometerBody) -> None:
        self._body = body
        self._wanted_lit: bool | None = None
        self._lamp_failed = False
        self._blinded = False
        self._frozen = False
        self._dimmed = False
        self._strayed = False
        self._dark: float | None = None
        self._seen: NDArray[np.uint16] | None = None
        self.faults: Mapping[str, DeviceFault] = {
            "lamp-off": DeviceFault("the light source is out, whatever its line says", self._fail),
            "saturation": DeviceFault("every pixel is at full scale", self._blind),
            "frozen-sensor": DeviceFault("every frame is the one before", self._freeze),
            "lamp-dim": DeviceFault("the light source gives half of what it gave", self._dim),
            "stray-light": DeviceFault("a tenth of full scale more, as room light", self._stray),
            **getattr(body, "faults", {}),
        }

    @property
    def wavelength_coefficients(self) -> tuple[float, ...]:
        """Wavelength polynomial in the pixel number, lowest order first [nm]."""
        return self._body.wavelength_coefficients

    def light(self, on: bool) -> None:
        """Open or shut the light source, if it works."""
        self._wanted_lit = on
        self._body.light(on and not self._lamp_failed)

    def expose(self, integration_time_us: int) -> NDArray[np.uint16]:
        """Counts of one exposure that begins now, shape `n_pixels`."""
        counts = self._body.expose(integration_time_us)
        full = np.iinfo(counts.dtype).max
        if self._wanted_lit is False:
            self._dark = float(counts.mean())
        if self._dimmed:
            dark = np.percentile(counts, DARK_PERCENT) if self._dark is None else self._dark
            counts = (dark + 0.5 * (counts - np.minimum(counts, dark))).astype(counts.dtype)
        if self._strayed:
            counts = np.minimum(counts.astype(float) + 0.1 * full, full).astype(counts.dtype)
        if self._blinded:
            counts = np.full_like(counts, np.iinfo(counts.dtype).max)
        if self._frozen and self._seen is not None:
            return self._seen
        self._seen = counts
        return counts

    def _fail(self, on: bool) -> None:
        was, self._lamp_failed = self._lamp_failed, on
        if on:
            self._body.light(False)
        elif was and self._wanted_lit is not False:
            self._body.light(True)

    def _blind(self, on: bool) -> None:
        self._blinded = on

    def _freeze(self, on: bool) -> None:
        self._frozen = on

    def _dim(self, on: bool) -> None:
        self._dimmed = on

    def _stray(self, on: bool) -> None:
        self._strayed = on


FaultyBody = FaultyPump | FaultyHeater | FaultySpectrometer


class FaultyWorld(World):
    """A world in which every body can be given a fault.

    Args:
        world: the world as it is in health.

    Attributes:
        clock: the run's, which whoever builds emulators on it says.
    """

    def __init__(self, world: World) -> None:
        self.clock: Clock | None = None
        self._world = world
        self._bodies: dict[str, FaultyBody] = {}
        self._lock = threading.Lock()

    def pump(self, device: str) -> FaultyPump:
        """The plunger behind a device."""
        with self._lock:
            body = self._bodies.get(device)
            if not isinstance(body, FaultyPump):
                body = self._bodies[device] = FaultyPump(self._world.pump(device))
            return body

    def heater(self, device: str) -> FaultyHeater:
        """The plate behind a device."""
        with self._lock:
            body = self._bodies.get(device)
            if not isinstance(body, FaultyHeater):
                body = self._bodies[device] = FaultyHeater(self._world.heater(device), self._now_s)
            return body

    def spectrometer(self, device: str) -> FaultySpectrometer:
        """The detector behind a device."""
        with self._lock:
            body = self._bodies.get(device)
            if not isinstance(body, FaultySpectrometer):
                body = self._bodies[device] = FaultySpectrometer(self._world.spectrometer(device))
            return body

    def refill(self, stream: str) -> None:
        """As the world behind."""
        self._world.refill(stream)

    def _now_s(self) -> float:
        return 0.0 if self.clock is None else self.clock.now_s()

    def faults(self, device: str) -> Mapping[str, DeviceFault]:
        """What can go wrong behind a device whose body was asked for, by name."""
        body = self._bodies.get(device)
        return {} if body is None else body.faults


def with_faults(world: World) -> FaultyWorld:
    """A world in which bodies can be given faults; the world itself, if it is one already."""
    return world if isinstance(world, FaultyWorld) else FaultyWorld(world)
