"""Interfaces of the physical side of emulated instruments: bodies, and the world behind them.

An emulator translates its protocol into calls to a body: a plunger, a plate or a detector. A world
connects the bodies by physics. The threads of the emulators call the bodies, so a world needs a
lock. It advances to `clock.now_s()` at each call, so the order of calls at one moment does not
matter.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from flowrig.errors import InputError

__all__ = ["HeaterBody", "PumpBody", "SpectrometerBody", "World", "stop_after"]


class PumpBody(Protocol):
    """The motor of a pump, with the syringe on it."""

    @property
    def inner_diameter_mm(self) -> float:
        """True inner diameter [mm] of the syringe on the pump."""
        ...

    @property
    def fill_ul(self) -> float:
        """Liquid [µL] left in the syringe."""
        ...

    @property
    def moved_ul(self) -> float:
        """Net volume [µL] by which the plunger has pushed since the world began.

        Withdrawn volume counts as negative.
        """
        ...

    @property
    def stalled(self) -> bool:
        """Whether the motor drives the plunger and the plunger cannot move."""
        ...

    def push(self, rate_ul_min: float) -> None:
        """Push at a flow rate [µL/min], or withdraw at a negative one; 0 stops."""
        ...


def stop_after(body: PumpBody, volume_ul: float) -> None:
    """Let a plunger that moves stand still after another volume [µL], as a motor counts its steps.

    An emulated pump hears of the end of a run with the next request only. A body of a world has an
    optional method `stop_after(volume_ul)`; without it the plunger goes on until then.

    Args:
        body: the plunger.
        volume_ul: by which it still moves, in either direction.
    """
    stop = getattr(body, "stop_after", None)
    if stop is not None:
        stop(volume_ul)


class HeaterBody(Protocol):
    """A heated plate with its sensor and an ideal control loop."""

    @property
    def temperature_c(self) -> float:
        """Reading [°C] of the sensor."""
        ...

    def control(self, set_point_c: float) -> None:
        """Control the temperature to a set point [°C]."""
        ...


class SpectrometerBody(Protocol):
    """A detector behind a flow cell, with the light source on its trigger line."""

    @property
    def wavelength_coefficients(self) -> tuple[float, ...]:
        """Wavelength polynomial [nm] in the pixel number, lowest order first."""
        ...

    def light(self, on: bool) -> None:
        """Open or shut the light source."""
        ...

    def expose(self, integration_time_us: int) -> NDArray[np.uint16]:
        """Counts of one exposure that begins now, shape `n_pixels`."""
        ...


class World(ABC):
    """The physics behind one simulated rig."""

    @abstractmethod
    def pump(self, device: str) -> PumpBody:
        """The body behind a pump of the profile, by the name of the device."""

    @abstractmethod
    def heater(self, device: str) -> HeaterBody:
        """The body behind a heater of the profile, by the name of the device."""

    @abstractmethod
    def spectrometer(self, device: str) -> SpectrometerBody:
        """The body behind a spectrometer of the profile, by the name of the device."""

    def body(self, device: str) -> Any:
        """The body behind a device of another kind, made by the class that the kind offers.

        Raises:
            InputError: the world has none.
        """
        raise InputError(f"this world has nothing to put behind {device!r}")

    def drive_through(  # noqa: B027 - optional for a world
        self, device: str, wrap: Callable[[PumpBody], PumpBody]
    ) -> None:
        """Put something in front of what a device without a syringe drives.

        A world that does not know such a device ignores it.

        Args:
            device: of a kind that drives a stream.
            wrap: takes what drives the stream in this world, and returns what the device drives.
        """

    def analysed(self) -> Mapping[str, float]:
        """What the off-line channels of the profile find of what is at the end of the path now.

        Returns:
            values in the units of the profile, by CHANNEL.QUANTITY; a quantity of which the world
            knows nothing is left out.
        """
        return {}

    def can_be_analysed(self) -> Collection[str] | None:
        """The results, by CHANNEL.QUANTITY, that `analysed` has in the middle of the search space.

        Returns:
            None where that is not known before something flows.
        """
        return None

    def put_in(  # noqa: B027 - optional for a world
        self, component: str, volume_ul: float
    ) -> None:
        """Put a component of another volume [µL] into the path, as a person would while nothing
        flows; one of the same volume stays as it is."""

    def refill(self, stream: str) -> None:  # noqa: B027 - optional for a world
        """Put a full syringe on the stopped pump of a stream, or fill its supply, as a person
        would."""
