"""The bodies behind the emulated instruments: a plunger, a plate, a detector at a flow cell."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Protocol

import numpy as np
from attrs import field, frozen
from numpy.typing import NDArray

from flowrig.clock import Clock
from flowrig.emulation import DeviceFault, Product
from flowrig_sim.disturbances import Disturbances
from flowrig_sim.flow.flowpath import FlowCell
from flowrig_sim.flow.plunger import Plunger
from flowrig_sim.flow.slugs import SlugTrain
from flowrig_sim.fluid_state import FluidState
from flowrig_sim.noise import Drift as SensorDrift
from flowrig_sim.optics.detector import Detector
from flowrig_sim.optics.spectra import Drift
from flowrig_sim.plate import Plate

__all__ = ["CellBody", "FluidAccess", "Optics", "PlateBody", "PlungerBody"]

BUBBLE_SHARE = 0.3
"""Fraction of the light that passes a bubble in the cell (assumed)."""


class Optics(Protocol):
    """The light path from the source through a flow cell to a detector."""

    def counts(
        self, product: Product | None, drift: Drift, reactive: float, exposure_us: float
    ) -> NDArray[np.float32]:
        """Expected counts above dark, shape `p`.

        Args:
            product: optics of the reactive phase; None for carrier alone.
            drift: of absorption, emission and excitation.
            reactive: fraction of the exposure that sees reactive phase, 0 to 1.
            exposure_us: integration time [µs].
        """
        ...


@frozen
class FluidAccess:
    """Access of one thread at a time to the fluid state, advanced to the present.

    Attributes:
        fluid: the fluid state of the world.
        clock: the run's clock.
    """

    fluid: FluidState
    clock: Clock
    _lock: threading.Lock = field(factory=threading.Lock)

    @contextmanager
    def now(self) -> Iterator[float]:
        """Lock the fluid state and advance it; yields the rig time [s]."""
        with self._lock:
            now_s = self.clock.now_s()
            self.fluid.advance(now_s)
            yield now_s

    @property
    def positions(self) -> Mapping[str, str]:
        """By device, where valves of the path stand that were turned."""
        with self.now():
            return self.fluid.positions

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
        with self._access.now() as now_s:
            return self._plunger.fill_ul(now_s)

    @property
    def moved_ul(self) -> float:
        """Net volume [µL] by which the motor has pushed since the world began."""
        with self._access.now() as now_s:
            return self._plunger.moved_ul(now_s)

    @property
    def rate_ul_min(self) -> float:
        """Flow rate [µL/min] of the newest command."""
        return self._plunger.rate_ul_min

    @property
    def stalled(self) -> bool:
        """Whether the motor drives the plunger against an end stop."""
        with self._access.now() as now_s:
            return self._plunger.stalled(now_s)

    def push(self, rate_ul_min: float) -> None:
        """Push at a flow rate [µL/min], or withdraw at a negative one; 0 stops.

        Raises:
            OutOfRangeError: the rate is not finite.
        """
        with self._access.now() as now_s:
            self._plunger.push(rate_ul_min, now_s)

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
        with self._access.now() as now_s:
            return self._plate.temperature_c + self._sensor.at(now_s)

    def control(self, set_point_c: float) -> None:
        """Control the temperature to a set point [°C]; the plate gets no colder than the room."""
        with self._access.now() as now_s:
            self._plate.control(set_point_c, now_s)


class CellBody:
    """A detector at a flow cell, with its light; see `flowrig.emulation.SpectrometerBody`.

    The light is on until `light` shuts it. A detector at no cell sees darkness.
    """

    def __init__(
        self,
        cell: FlowCell | None,
        train: SlugTrain,
        optics: Optics,
        detector: Detector,
        *,
        disturbances: Disturbances,
        access: FluidAccess,
    ) -> None:
        self._cell = cell
        self._train = train
        self._optics = optics
        self._detector = detector
        self._disturbances = disturbances
        self._access = access
        self._is_lit = True
        self._has_bubble = False
        self._lacks_slugs = False
        self.faults: Mapping[str, DeviceFault] = {
            "bubble": DeviceFault("a bubble sits in the cell and scatters the light", self._block),
            "no-slugs": DeviceFault("no slug arrives, only carrier", self._starve),
        }

    @property
    def wavelength_coefficients(self) -> tuple[float, ...]:
        """Wavelength polynomial [nm] in the pixel number, lowest order first."""
        return self._detector.coefficients

    def light(self, on: bool) -> None:
        """Open or shut the light source."""
        with self._access.now():
            self._is_lit = on

    def expose(self, integration_time_us: int) -> NDArray[np.uint16]:
        """Counts of one exposure that begins now, shape `n_pixels`."""
        with self._access.now() as now_s:
            if self._cell is None:
                return self._detector.read(None)
            content = self._access.fluid.content(self._cell, now_s)
            reactive = self._train.reactive_fraction(
                content.total_ul,
                content.reactive_share,
                content.flow_ul_min,
                integration_time_us * 1e-6,
            )
            if not self._is_lit:
                return self._detector.read(None)
            hidden = self._has_bubble or self._lacks_slugs
            drift = self._disturbances.at(now_s, BUBBLE_SHARE if self._has_bubble else 1.0)
            return self._detector.read(
                self._optics.counts(
                    None if hidden else content.product, drift, reactive, integration_time_us
                )
            )

    def _block(self, on: bool) -> None:
        self._has_bubble = on

    def _starve(self, on: bool) -> None:
        self._lacks_slugs = on
