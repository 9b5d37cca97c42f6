"""Where a device of any kind sits in the world: all that its emulated body may see and do."""

from typing import Protocol

from flowrig.clock import Clock
from flowrig.emulation.bench_world import ROOM_C

__all__ = ["AIR_BAR", "Place", "StillPlace"]

AIR_BAR = 1.013
"""Pressure of the air [bar]."""


class Place(Protocol):
    """A spot of the world at which a device sits.

    Attributes:
        clock: the run's clock.
    """

    clock: Clock

    @property
    def temperature_c(self) -> float:
        """Temperature [°C] there."""
        ...

    @property
    def pressure_bar(self) -> float:
        """Absolute pressure [bar] there."""
        ...

    def flow_ul_min(self) -> float:
        """Flow rate [µL/min] of all that passes."""
        ...

    def act(self, effect: str, value: float | str) -> None:
        """Tell the world what the device does there; a world takes no notice of what it ignores.

        Args:
            effect: name of the effect with its unit, as "stir_rpm" or "position".
            value: its strength, or the name of a position.
        """
        ...


class StillPlace:
    """A place at room temperature and pressure through which nothing flows.

    Args:
        clock: the run's clock.

    Attributes:
        clock: as above.
        temperature_c: as in `Place`; tests set it.
        pressure_bar: as in `Place`; tests set it.
        effects: the newest value of each effect, by name.
    """

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.temperature_c = ROOM_C
        self.pressure_bar = AIR_BAR
        self.effects: dict[str, float | str] = {}

    def flow_ul_min(self) -> float:
        """Nothing flows."""
        return 0.0

    def act(self, effect: str, value: float | str) -> None:
        """Remember an effect."""
        self.effects[effect] = value
