"""What the emulated instruments hold: a plunger, a plate, a detector at a cell."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Protocol

import numpy as np
from attrs import field, frozen
from numpy.typing import NDArray

from flowrig.clock import Clock
from flowrig.emulation import DeviceFault
from flowrig_sim.detector import Detector
from flowrig_sim.disturbances import Disturbances
from flowrig_sim.flowpath import FlowCell
from flowrig_sim.noise import Drift
from flowrig_sim.optics import Light
from flowrig_sim.plate import Plate
from flowrig_sim.plugs import PlugTrain
from flowrig_sim.plunger import Plunger
from flowrig_sim.process import Process

__all__ = ["CellBody", "Moment", "Optics", "PlateBody", "PlungerBody"]


BUBBLE_SHARE = 0.3
"""Share of the light that gets past a bubble in the cell (assumed)."""


class Optics(Protocol):
    """Light that reaches a detector."""

    def counts(
        self, light: Light | None, excitation: float, reactive: float, exposure_us: float
    ) -> NDArray[np.float32]:
        """Expected counts above dark, shape `p`.

        Args:
            light: what the reactive phase does, or None where there is only carrier.
            excitation: intensity of the excitation relative to its mean.
            reactive: how much of the exposure sees reactive phase, 0 to 1.
            exposure_us: integration time [µs].
        """
        ...


@frozen
class Moment:
    """One lock around the world, which is brought up to date whenever somebody enters.

    Attributes:
        process: what advances.
        clock: the run's clock.
    """

    process: Process
    clock: Clock
    _lock: threading.Lock = field(factory=threading.Lock)

    @contextmanager
    def now(self) -> Iterator[float]:
        """Hold the world still; yields the rig time [s]."""
        with self._lock:
            now_s = self.clock.now_s()
            self.process.advance(now_s)
            yield now_s


class PlungerBody:
    """A pump's plunger; see `flowrig.emulation.PumpBody`."""

    def __init__(self, plunger: Plunger, moment: Moment) -> None:
        self._plunger = plunger
        self._moment = moment

    @property
    def inner_diameter_mm(self) -> float:
        """True inner diameter [mm] of the syringe."""
        return self._plunger.inner_diameter_mm

    @property
    def fill_ul(self) -> float:
        """Liquid left [µL]."""
        with self._moment.now() as now_s:
            return self._plunger.fill_ul(now_s)

    @property
    def moved_ul(self) -> float:
        """Volume [µL] by which the plunger has pushed since the world began, as commanded."""
        with self._moment.now() as now_s:
            return self._plunger.moved_ul(now_s)

    @property
    def stalled(self) -> bool:
        """Whether the motor drives the plunger against an end stop."""
        with self._moment.now() as now_s:
            return self._plunger.stalled(now_s)

    def push(self, rate_ul_min: float) -> None:
        """Push at a flow rate [µL/min], or withdraw at a negative one; 0 stands still.

        Raises:
            OutOfRangeError: the rate is not finite.
        """
        with self._moment.now() as now_s:
            self._plunger.push(rate_ul_min, now_s)

    def refill(self) -> None:
        """Put a full syringe in the place of this one."""
        with self._moment.now() as now_s:
            self._plunger.refill(now_s)


class PlateBody:
    """A heated plate and its sensor; see `flowrig.emulation.HeaterBody`."""

    def __init__(self, plate: Plate, sensor: Drift, moment: Moment) -> None:
        self._plate = plate
        self._sensor = sensor
        self._moment = moment

    @property
    def temperature_c(self) -> float:
        """What the sensor reads [°C]."""
        with self._moment.now() as now_s:
            return self._plate.temperature_c + self._sensor.at(now_s)

    def control(self, set_point_c: float) -> None:
        """Work towards a set point [°C]; the room is the coldest that it gets."""
        with self._moment.now() as now_s:
            self._plate.control(set_point_c, now_s)


class CellBody:
    """A detector at a flow cell, with its light; see `flowrig.emulation.SpectrometerBody`.

    The light burns until its line shuts it.
    """

    def __init__(
        self,
        cell: FlowCell,
        train: PlugTrain,
        optics: Optics,
        detector: Detector,
        *,
        disturbances: Disturbances,
        moment: Moment,
    ) -> None:
        self._cell = cell
        self._train = train
        self._optics = optics
        self._detector = detector
        self._disturbances = disturbances
        self._moment = moment
        self._on = True
        self._bubble = False
        self._plugless = False
        self.faults: Mapping[str, DeviceFault] = {
            "bubble": DeviceFault("a bubble sits in the cell and scatters the light", self._clog),
            "no-plugs": DeviceFault("no plug arrives, only carrier", self._starve),
        }

    @property
    def wavelength_coefficients(self) -> tuple[float, ...]:
        """Wavelength polynomial in the pixel number, lowest order first [nm]."""
        return self._detector.coefficients

    def light(self, on: bool) -> None:
        """Open or shut the light source."""
        with self._moment.now():
            self._on = on

    def expose(self, integration_time_us: int) -> NDArray[np.uint16]:
        """Counts of one exposure that begins now, shape `n_pixels`."""
        with self._moment.now() as now_s:
            view = self._moment.process.view(self._cell, now_s)
            reactive = self._train.seen(
                view.total_ul, view.reactive_share, view.flow_ul_min, integration_time_us * 1e-6
            )
            if not self._on:
                return self._detector.read(None)
            light = None
            if view.product is not None and not (self._bubble or self._plugless):
                light = self._disturbances.light(view.product, now_s)
            excitation = self._disturbances.excitation(now_s)
            if self._bubble:
                excitation *= BUBBLE_SHARE
            return self._detector.read(
                self._optics.counts(light, excitation, reactive, integration_time_us)
            )

    def _clog(self, on: bool) -> None:
        self._bubble = on

    def _starve(self, on: bool) -> None:
        self._plugless = on
