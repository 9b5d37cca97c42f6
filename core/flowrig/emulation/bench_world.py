"""The simplest world: one plunger, one plate and one detector, without physics between them.

The conformance kit and `flowrig emulate` use it.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from flowrig.clock import Clock
from flowrig.emulation.world import HeaterBody, PumpBody, SpectrometerBody, World

__all__ = ["NUM_PIXELS", "ROOM_C", "BenchWorld", "Detector", "Plate", "Plunger"]

ROOM_C = 22.0
"""Room temperature [°C] of a bench."""

NUM_PIXELS = 2068
"""Number of pixels of a spectrometer whose emulator names no other."""


class Plunger:
    """A plunger that delivers exactly its flow rate until it is jammed or the syringe is empty.

    Args:
        clock: the bench's clock.
        inner_diameter_mm: inner diameter [mm] of the syringe.
        fill_ul: liquid [µL] in the syringe.

    Attributes:
        inner_diameter_mm: inner diameter [mm] of the syringe.
        rate_ul_min: the last commanded flow rate [µL/min].
        starts: number of times that the motor began to move.
    """

    def __init__(
        self, clock: Clock, inner_diameter_mm: float = 14.567, fill_ul: float = math.inf
    ) -> None:
        self.inner_diameter_mm = inner_diameter_mm
        self.rate_ul_min = 0.0
        self.starts = 0
        self._clock = clock
        self._full_ul = fill_ul
        self._moved_ul = 0.0
        self._end_ul: float | None = None
        self._since_s = clock.now_s()
        self._jammed = False

    @property
    def moved_ul(self) -> float:
        """Net volume [µL] delivered since the bench began."""
        self._advance()
        return self._moved_ul

    @property
    def fill_ul(self) -> float:
        """Liquid [µL] left in the syringe."""
        return self._full_ul - self.moved_ul

    @property
    def stalled(self) -> bool:
        """Whether the plunger is jammed, or pushes in an empty syringe."""
        return self._jammed or (self.rate_ul_min > 0.0 and self.fill_ul <= 0.0)

    @property
    def moves(self) -> bool:
        """Whether the motor drives the plunger."""
        return self.rate_ul_min != 0.0

    def push(self, rate_ul_min: float) -> None:
        """Push at a flow rate [µL/min], or withdraw at a negative one; 0 stops."""
        self._advance()
        self.starts += rate_ul_min != 0.0 and not self.moves
        self.rate_ul_min = rate_ul_min
        self._end_ul = None

    def stop_after(self, volume_ul: float) -> None:
        """Stand still after another volume [µL], if it moves."""
        if self.rate_ul_min == 0.0:
            return
        self._end_ul = self.moved_ul + math.copysign(volume_ul, self.rate_ul_min)

    def jam(self, jammed: bool = True) -> None:
        """Jam the plunger, or free it."""
        self._advance()
        self._jammed = jammed

    def _advance(self) -> None:
        now_s = self._clock.now_s()
        if not self._jammed:
            step_ul = self.rate_ul_min * (now_s - self._since_s) / 60.0
            aim_ul = self._moved_ul + step_ul
            if self._end_ul is not None:
                stop = min if self.rate_ul_min > 0.0 else max
                aim_ul = stop(aim_ul, self._end_ul)
            self._moved_ul = min(aim_ul, self._full_ul)
        self._since_s = now_s


class Plate:
    """A plate that goes to its set point at a constant rate.

    Args:
        clock: the bench's clock.
        speed_c_s: rate of change [°C/s] of its temperature.

    Attributes:
        set_points_c: all set points [°C] so far; repetitions of the current one are left out.
    """

    def __init__(self, clock: Clock, speed_c_s: float = 1.0) -> None:
        self.set_points_c: list[float] = []
        self._clock = clock
        self._speed_c_s = speed_c_s
        self._temperature_c = ROOM_C
        self._since_s = clock.now_s()

    @property
    def set_point_c(self) -> float:
        """The current set point [°C]; room temperature before the first one."""
        return self.set_points_c[-1] if self.set_points_c else ROOM_C

    @property
    def temperature_c(self) -> float:
        """Reading [°C] of the sensor; tests set it, for instance to nan for an open sensor."""
        self._advance()
        return self._temperature_c

    @temperature_c.setter
    def temperature_c(self, temperature_c: float) -> None:
        self._since_s = self._clock.now_s()
        self._temperature_c = temperature_c

    def control(self, set_point_c: float) -> None:
        """Control the temperature to a set point [°C]."""
        if not self.set_points_c or set_point_c != self.set_point_c:
            self._advance()
            self.set_points_c.append(set_point_c)

    def _advance(self) -> None:
        now_s = self._clock.now_s()
        reach_c = self._speed_c_s * (now_s - self._since_s)
        self._since_s = now_s
        difference_c = self.set_point_c - self._temperature_c
        if math.isfinite(difference_c):
            self._temperature_c += max(-reach_c, min(reach_c, difference_c))


class Detector:
    """A noise-free detector: counts are proportional to exposure, brightness and a slope by pixel.

    The slope goes from 1 in the first pixel to 2 in the last, so a test can recognize exposure and
    pixel in the counts.

    Args:
        num_pixels: number of pixels.
        wavelength_coefficients: wavelength polynomial [nm] in the pixel number, lowest order first.

    Attributes:
        wavelength_coefficients: as above.
        brightness: counts per millisecond in the first pixel.
        lit: whether a command opened the light source. Before the first command it is False, and
            the detector sees light nevertheless; after the command to shut it is dark.
        exposures_us: integration times [µs] of all exposures so far.
    """

    def __init__(
        self,
        num_pixels: int = NUM_PIXELS,
        wavelength_coefficients: tuple[float, ...] = (200.0, 0.37, -4.0e-5, 2.5e-9),
    ) -> None:
        self.wavelength_coefficients = wavelength_coefficients
        self.brightness = 100.0
        self.lit = False
        self.exposures_us: list[int] = []
        self._shut = False
        self._pixels = np.arange(num_pixels)

    def light(self, on: bool) -> None:
        """Open or shut the light source."""
        self.lit = on
        self._shut = not on

    def wavelengths_nm(self) -> NDArray[np.float64]:
        """Wavelength [nm] of every pixel, shape `n_pixels`."""
        polynomial = np.polynomial.Polynomial(self.wavelength_coefficients)
        return np.asarray(polynomial(self._pixels), dtype=float)

    def counts(self, integration_time_us: int) -> NDArray[np.uint16]:
        """Counts for an integration time [µs], shape `n_pixels`; not recorded as an exposure."""
        if self._shut:
            return np.zeros(len(self._pixels), dtype=np.uint16)
        slope = 1.0 + self._pixels / max(len(self._pixels) - 1, 1)
        counts = self.brightness * integration_time_us * 1e-3 * slope
        return np.minimum(counts, 65_535.0).astype(np.uint16)

    def expose(self, integration_time_us: int) -> NDArray[np.uint16]:
        """Counts of one exposure that begins now, shape `n_pixels`."""
        self.exposures_us.append(integration_time_us)
        return self.counts(integration_time_us)


class BenchWorld(World):
    """One body of each kind; every device name gets the same one.

    Attributes:
        plunger: the body behind every pump.
        plate: the body behind every heater.
        detector: the body behind every spectrometer.
        other: the body behind every device of another kind; None for none.
    """

    def __init__(
        self, plunger: Plunger, plate: Plate, detector: Detector, other: Any = None
    ) -> None:
        self.plunger = plunger
        self.plate = plate
        self.detector = detector
        self.other = other

    def pump(self, device: str) -> PumpBody:
        """The plunger."""
        return self.plunger

    def heater(self, device: str) -> HeaterBody:
        """The plate."""
        return self.plate

    def spectrometer(self, device: str) -> SpectrometerBody:
        """The detector."""
        return self.detector

    def body(self, device: str) -> Any:
        """The body of another kind."""
        return super().body(device) if self.other is None else self.other
