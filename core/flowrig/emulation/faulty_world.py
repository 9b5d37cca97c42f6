"""Faults of plungers, plates and detectors, in front of any world and behind any instrument.

Each class wraps a body of a world and changes the commands to it or the readings from it. The body
really does what the fault implies: a stalled plunger stands still, and a plate with a stuck heater
gets hot.
"""

import math
import threading
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from flowrig.clock import Clock
from flowrig.emulation.bench_world import ROOM_C
from flowrig.emulation.device_fault import DeviceFault
from flowrig.emulation.world import HeaterBody, PumpBody, SpectrometerBody, World, stop_after

__all__ = ["FaultyHeater", "FaultyPump", "FaultySpectrometer", "FaultyWorld", "with_faults"]

FULL_POWER_C: Final = 500.0
"""Set point [°C] that drives a body like a heater that is always on (assumed)."""
NO_POWER_C: Final = -273.15
"""Set point [°C] that drives a body like a heater without power."""
AIR_SHARE: Final = 0.1
"""Excess of the air above a plate over the room, as a fraction of the plate's excess (assumed)."""
AIR_TIME_S: Final = 150.0
"""Time constant [s] of a sensor in air, ten times that in its well (assumed)."""
SLIPPING: Final = 0.9
"""Share of its flow rate that a pump with a slipping drive delivers."""
DARK_PERCENT: Final = 2.0
"""Percentile of a frame's counts that replaces the dark pedestal before any dark frame."""


class FaultyPump:
    """A plunger that can stall or slip, with a syringe that can be empty; see `PumpBody`.

    Args:
        body: the plunger of the world.
    """

    def __init__(self, body: PumpBody) -> None:
        self._body = body
        self._rate_ul_min = 0.0
        self._end_ul: float | None = None
        self._stuck = False
        self._empty = False
        self._delivers = 1.0
        self._counted = (0.0, 0.0)
        self.faults: Mapping[str, DeviceFault] = {
            "stall": DeviceFault("the plunger is blocked, and the motor gives up", self._stall),
            "slips": DeviceFault(
                f"the drive slips: the pump delivers {SLIPPING:.0%} of what it counts", self._slip
            ),
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
        """Net volume [µL] by which the motor has pushed since the world began."""
        counted_ul, true_ul = self._counted
        return counted_ul + (self._body.moved_ul - true_ul) / self._delivers

    @property
    def stalled(self) -> bool:
        """Whether the motor drives the plunger and the plunger cannot move."""
        return self._is_blocked or self._body.stalled

    def push(self, rate_ul_min: float) -> None:
        """Push at a flow rate [µL/min], unless a fault blocks the plunger; 0 stops."""
        self._rate_ul_min, self._end_ul = rate_ul_min, None
        self._drive(0.0 if self._is_blocked else rate_ul_min)

    def stop_after(self, volume_ul: float) -> None:
        """Stand still after another volume [µL], where the world's plunger can."""
        self._end_ul = self.moved_ul + math.copysign(volume_ul, self._rate_ul_min)
        stop_after(self._body, volume_ul * self._delivers)

    def _go_on(self) -> None:
        """Move as commanded, where a fault has begun or ended; what was to end still does."""
        end_ul = self._end_ul
        self.push(self._rate_ul_min)
        if end_ul is not None:
            left_ul = math.copysign(1.0, self._rate_ul_min) * (end_ul - self.moved_ul)
            self.stop_after(max(left_ul, 0.0))

    def _drive(self, rate_ul_min: float) -> None:
        self._body.push(rate_ul_min * self._delivers)

    @property
    def _is_blocked(self) -> bool:
        return self._rate_ul_min != 0.0 and (
            self._stuck or (self._empty and self._rate_ul_min > 0.0)
        )

    def _slip(self, on: bool) -> None:
        self._counted = self.moved_ul, self._body.moved_ul
        self._delivers = SLIPPING if on else 1.0
        self._go_on()

    def _stall(self, on: bool) -> None:
        self._stuck = on
        self._go_on()

    def _run_empty(self, on: bool) -> None:
        self._empty = on
        self._go_on()


class FaultyHeater:
    """A plate whose sensor can freeze, break or fall out, and whose heater can stick on.

    See `HeaterBody`. The control loop acts on the reading of the sensor. With a frozen or fallen
    sensor the loop gives full power below the set point and none above; with a broken sensor it
    gives none. A sensor that fell out of its well follows slowly the warm air above the plate.

    Args:
        body: the plate of the world.
        now_s: reads the rig time [s].
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
            "frozen-sensor": DeviceFault("the sensor keeps its last reading", self._freeze),
            "loose-sensor": DeviceFault(
                "the sensor fell out of its well and follows the air, ten times as slowly",
                self._let_fall,
            ),
            "open-sensor": DeviceFault("the sensor is broken and gives no reading", self._break),
            "heater-stuck-on": DeviceFault(
                "the heater has full power at all times, as behind a welded relay", self._stick
            ),
        }

    @property
    def temperature_c(self) -> float:
        """Reading [°C] of the sensor; nan if the sensor is broken."""
        if self._open:
            return math.nan
        if self._frozen_c is not None:
            return self._frozen_c
        return self._body.temperature_c if self._loose is None else self._in_air_c(*self._loose)

    def _in_air_c(self, then_s: float, then_c: float) -> float:
        """Reading [°C] of a sensor in air now, from its reading [°C] at an earlier rig time [s]."""
        now_s = self._now_s()
        air_c = ROOM_C + AIR_SHARE * (self._body.temperature_c - ROOM_C)
        reads_c = air_c + (then_c - air_c) * math.exp((then_s - now_s) / AIR_TIME_S)
        self._loose = (now_s, reads_c)
        return reads_c

    def control(self, set_point_c: float) -> None:
        """Control the temperature to a set point [°C], as far as sensor and heater allow."""
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
        # A freed heater that never had a set point has no other command to return to.
        if was and self._set_point_c is None:
            self._body.control(NO_POWER_C)
        self._drive()


class FaultySpectrometer:
    """A detector that can saturate or freeze, with a lamp that can fail; see `SpectrometerBody`.

    Args:
        body: the detector of the world, with its light source.
    """

    def __init__(self, body: SpectrometerBody) -> None:
        self._body = body
        # None: no command yet; the light of most worlds is on then.
        self._wanted_lit: bool | None = None
        self._lamp_failed = False
        self._blinded = False
        self._frozen = False
        self._dimmed = False
        self._strayed = False
        self._dark: float | None = None
        self._seen: NDArray[np.uint16] | None = None
        self.faults: Mapping[str, DeviceFault] = {
            "lamp-off": DeviceFault(
                "the light source is out, whatever its control line says", self._fail
            ),
            "saturation": DeviceFault("every pixel is at full scale", self._blind),
            "frozen-sensor": DeviceFault("every frame repeats the last one", self._freeze),
            "lamp-dim": DeviceFault("the light source gives half of its light", self._dim),
            "stray-light": DeviceFault("room light adds a tenth of full scale", self._stray),
            **getattr(body, "faults", {}),
        }

    @property
    def wavelength_coefficients(self) -> tuple[float, ...]:
        """Wavelength polynomial [nm] in the pixel number, lowest order first."""
        return self._body.wavelength_coefficients

    def light(self, on: bool) -> None:
        """Open or shut the light source; a failed one stays dark."""
        self._wanted_lit = on
        self._drive_light(on and not self._lamp_failed)

    def _drive_light(self, on: bool) -> None:
        self._body.light(on)

    def expose(self, integration_time_us: int) -> NDArray[np.uint16]:
        """Counts of one exposure that begins now, shape `n_pixels`."""
        counts = self._body.expose(integration_time_us)
        if self._wanted_lit is False:
            self._dark = float(counts.mean())
        if self._dimmed:
            dark = np.percentile(counts, DARK_PERCENT) if self._dark is None else self._dark
            counts = (dark + 0.5 * (counts - np.minimum(counts, dark))).astype(counts.dtype)
        full = np.iinfo(counts.dtype).max if self._strayed or self._blinded else 0
        if self._strayed:
            counts = np.minimum(counts.astype(float) + 0.1 * full, full).astype(counts.dtype)
        if self._blinded:
            counts = np.full_like(counts, full)
        if self._frozen and self._seen is not None:
            return self._seen
        self._seen = counts
        return counts

    def _fail(self, on: bool) -> None:
        was, self._lamp_failed = self._lamp_failed, on
        if on:
            self._drive_light(False)
        elif was and self._wanted_lit is not False:
            self._drive_light(True)

    def _blind(self, on: bool) -> None:
        self._blinded = on

    def _freeze(self, on: bool) -> None:
        self._frozen = on

    def _dim(self, on: bool) -> None:
        self._dimmed = on

    def _stray(self, on: bool) -> None:
        self._strayed = on


class FaultyWorld(World):
    """A world in which every body can be given faults.

    A subclass that puts more in front of a body overrides `_faulty_pump`, `_faulty_heater` or
    `_faulty_spectrometer`.

    Args:
        world: the world without faults.

    Attributes:
        clock: the run's clock; the context of an emulator sets it.
    """

    def __init__(self, world: World) -> None:
        self.clock: Clock | None = None
        self._world = world
        self._pumps: dict[str, FaultyPump] = {}
        self._heaters: dict[str, FaultyHeater] = {}
        self._spectrometers: dict[str, FaultySpectrometer] = {}
        self._others: dict[str, Any] = {}
        # Two threads of an emulator that ask at once must get the same body.
        self._lock = threading.Lock()

    def pump(self, device: str) -> FaultyPump:
        """The plunger behind a device."""
        with self._lock:
            if device not in self._pumps:
                self._pumps[device] = self._faulty_pump(device, self._world.pump(device))
            return self._pumps[device]

    def heater(self, device: str) -> FaultyHeater:
        """The plate behind a device."""
        with self._lock:
            if device not in self._heaters:
                self._heaters[device] = self._faulty_heater(device, self._world.heater(device))
            return self._heaters[device]

    def spectrometer(self, device: str) -> FaultySpectrometer:
        """The detector behind a device."""
        with self._lock:
            if device not in self._spectrometers:
                body = self._world.spectrometer(device)
                self._spectrometers[device] = self._faulty_spectrometer(device, body)
            return self._spectrometers[device]

    def body(self, device: str) -> Any:
        """The body behind a device of another kind; its faults are its own attribute `faults`."""
        with self._lock:
            if device not in self._others:
                self._others[device] = self._world.body(device)
                self._world.drive_through(device, partial(self._driven, device))
            return self._others[device]

    def _driven(self, device: str, body: PumpBody) -> PumpBody:
        """What a device without a syringe drives, as if it were a plunger that is watched."""
        self._pumps[device] = self._faulty_pump(device, body)
        return self._pumps[device]

    def analysed(self) -> Mapping[str, float]:
        """What off-line analyses find; see `World`."""
        return self._world.analysed()

    def put_in(self, component: str, volume_ul: float) -> None:
        """Put a component of another volume [µL] into the path."""
        self._world.put_in(component, volume_ul)

    def refill(self, stream: str) -> None:
        """Replace the syringe of a stream by a full one."""
        self._world.refill(stream)

    def faults(self, device: str) -> Mapping[str, DeviceFault]:
        """The faults of the body behind a device by name; empty before the body was asked for."""
        if device in self._others:  # also one that drives a stream: it has no plunger
            return getattr(self._others[device], "faults", {})
        for bodies in (self._pumps, self._heaters, self._spectrometers):
            if device in bodies:
                return bodies[device].faults
        return {}

    def _faulty_pump(self, device: str, body: PumpBody) -> FaultyPump:
        return FaultyPump(body)

    def _faulty_heater(self, device: str, body: HeaterBody) -> FaultyHeater:
        return FaultyHeater(body, self._now_s)

    def _faulty_spectrometer(self, device: str, body: SpectrometerBody) -> FaultySpectrometer:
        return FaultySpectrometer(body)

    def _now_s(self) -> float:
        return 0.0 if self.clock is None else self.clock.now_s()


def with_faults(world: World) -> FaultyWorld:
    """A world in which bodies can be given faults: the world itself if it is one already."""
    return world if isinstance(world, FaultyWorld) else FaultyWorld(world)
