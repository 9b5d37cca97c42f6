"""The plainest physical world: one plunger, one plate, one detector, on whatever clock.

What stands behind the benches of the conformance kit, and behind `flowrig emulate`.
"""

import math

import numpy as np
from numpy.typing import NDArray

from flowrig.clock import Clock
from flowrig.emulation.world import HeaterBody, PumpBody, SpectrometerBody, World

__all__ = ["ROOM_C", "BenchWorld", "Detector", "Plate", "Plunger"]

ROOM_C = 22.0
"""Temperature [°C] of the room in which benches stand."""


class Plunger:
    """Pushes liquid out at the rate that it is told, until it is jammed or the syringe is empty.

    Args:
        clock: the bench's clock.
        inner_diameter_mm: inner diameter [mm] of the syringe.
        fill_ul: liquid [µL] in the syringe.

    Attributes:
        inner_diameter_mm: inner diameter [mm] of the syringe.
        rate_ul_min: the flow rate [µL/min] that it was last told.
        starts: how often it began to move.
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
        self._since_s = clock.now_s()
        self._jammed = False

    @property
    def moved_ul(self) -> float:
        """Volume [µL] that came out since the bench began."""
        self._advance()
        return self._moved_ul

    @property
    def fill_ul(self) -> float:
        """Liquid left [µL]."""
        return self._full_ul - self.moved_ul

    @property
    def stalled(self) -> bool:
        """Whether it is jammed, or is told to push and has nothing left."""
        return self._jammed or (self.rate_ul_min > 0.0 and self.fill_ul <= 0.0)

    @property
    def moves(self) -> bool:
        """Whether it is driven now."""
        return self.rate_ul_min != 0.0

    def push(self, rate_ul_min: float) -> None:
        """Move so that a flow rate [µL/min] comes out; 0 stands still."""
        self._advance()
        self.starts += rate_ul_min != 0.0 and not self.moves
        self.rate_ul_min = rate_ul_min

    def jam(self, jammed: bool = True) -> None:
        """Block the plunger, or free it."""
        self._advance()
        self._jammed = jammed

    def _advance(self) -> None:
        now_s = self._clock.now_s()
        if not self._jammed:
            step_ul = self.rate_ul_min * (now_s - self._since_s) / 60.0
            self._moved_ul = min(self._moved_ul + step_ul, self._full_ul)
        self._since_s = now_s


class Plate:
    """A plate that goes to its set point at a constant speed.

    Args:
        clock: the bench's clock.
        speed_c_s: how fast its temperature changes [°C/s].

    Attributes:
        set_points_c: every set point [°C] that it was given and that differs from the one before.
    """

    def __init__(self, clock: Clock, speed_c_s: float = 1.0) -> None:
        self.set_points_c: list[float] = []
        self._clock = clock
        self._speed_c_s = speed_c_s
        self._temperature_c = ROOM_C
        self._since_s = clock.now_s()

    @property
    def set_point_c(self) -> float:
        """The set point [°C] that it works towards; the room's temperature before the first."""
        return self.set_points_c[-1] if self.set_points_c else ROOM_C

    @property
    def temperature_c(self) -> float:
        """What its sensor reads [°C]; not a number on an open sensor."""
        self._advance()
        return self._temperature_c

    @temperature_c.setter
    def temperature_c(self, temperature_c: float) -> None:
        self._since_s = self._clock.now_s()
        self._temperature_c = temperature_c

    def control(self, set_point_c: float) -> None:
        """Work towards a set point [°C]."""
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
    """A detector whose counts say how long it was exposed, in which pixel, and to how much light.

    Args:
        num_pixels: number of pixels.
        wavelength_coefficients: wavelength polynomial in the pixel number, lowest order first [nm].

    Attributes:
        wavelength_coefficients: as above.
        brightness: counts a millisecond in the first pixel; the last pixel gets twice as many.
        lit: whether the light source was opened. Before it is told anything it is not, and there is
            light all the same; once it is shut, it is dark.
        exposures_us: integration time [µs] of every exposure so far.
    """

    def __init__(
        self,
        num_pixels: int = 2068,
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
        """Counts of an exposure of an integration time [µs], shape `n_pixels`."""
        if self._shut:
            return np.zeros(len(self._pixels), dtype=np.uint16)
        slope = 1.0 + self._pixels / max(len(self._pixels) - 1, 1)
        counts = self.brightness * integration_time_us * 1e-3 * slope
        return np.minimum(counts, 65_535.0).astype(np.uint16)

    def expose(self, integration_time_us: int) -> NDArray[np.uint16]:
        """Counts of one exposure that begins now."""
        self.exposures_us.append(integration_time_us)
        return self.counts(integration_time_us)


class BenchWorld(World):
    """One body of each kind, for whoever asks.

    Attributes:
        plunger: behind every pump.
        plate: behind every heater.
        detector: behind every spectrometer.
    """

    def __init__(self, plunger: Plunger, plate: Plate, detector: Detector) -> None:
        self.plunger = plunger
        self.plate = plate
        self.detector = detector

    def pump(self, device: str) -> PumpBody:
        """The plunger."""
        return self.plunger

    def heater(self, device: str) -> HeaterBody:
        """The plate."""
        return self.plate

    def spectrometer(self, device: str) -> SpectrometerBody:
        """The detector."""
        return self.detector
