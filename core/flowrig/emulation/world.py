"""The physical side of emulated instruments: what a plunger, a plate and a detector really do.

An emulator translates its protocol into calls on a body; a world connects the bodies by physics.
Bodies may be called from the emulators' threads: a world locks, and advances itself lazily to
`clock.now_s()` at each call, so that the order of calls at one moment does not matter.
"""

from abc import ABC, abstractmethod
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

__all__ = ["HeaterBody", "PumpBody", "SpectrometerBody", "World"]


class PumpBody(Protocol):
    """A motor with a syringe on it."""

    @property
    def inner_diameter_mm(self) -> float:
        """True inner diameter [mm] of the syringe on the pump."""
        ...

    @property
    def fill_ul(self) -> float:
        """Liquid left [µL]."""
        ...

    @property
    def moved_ul(self) -> float:
        """Volume [µL] by which the plunger has pushed since the world began.

        What it has withdrawn counts as negative.
        """
        ...

    @property
    def stalled(self) -> bool:
        """Whether the plunger cannot go where the motor drives it."""
        ...

    def push(self, rate_ul_min: float) -> None:
        """Move the plunger so that a flow rate [µL/min] comes out; 0 stands still.

        A negative rate withdraws.
        """
        ...


class HeaterBody(Protocol):
    """A plate with its sensor and an ideal control loop."""

    @property
    def temperature_c(self) -> float:
        """What the sensor reads [°C]."""
        ...

    def control(self, set_point_c: float) -> None:
        """Work towards a set point [°C]."""
        ...


class SpectrometerBody(Protocol):
    """A detector behind a flow cell, with the light source on its trigger line."""

    @property
    def wavelength_coefficients(self) -> tuple[float, ...]:
        """Wavelength polynomial in the pixel number, lowest order first [nm]."""
        ...

    def light(self, on: bool) -> None:
        """Open or shut the light source."""
        ...

    def expose(self, integration_time_us: int) -> NDArray[np.uint16]:
        """Counts of one exposure that begins now, shape `n_pixels`."""
        ...


class World(ABC):
    """Everything physical behind one simulated rig."""

    @abstractmethod
    def pump(self, device: str) -> PumpBody:
        """The body behind a device of the profile."""

    @abstractmethod
    def heater(self, device: str) -> HeaterBody:
        """The body behind a device of the profile."""

    @abstractmethod
    def spectrometer(self, device: str) -> SpectrometerBody:
        """The body behind a device of the profile."""

    def refill(self, stream: str) -> None:  # noqa: B027 - where syringes never empty
        """A person puts a full syringe on the pump of a stream that stands still."""
