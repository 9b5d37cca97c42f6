"""Where a device of any kind sits in the world: all that its emulated body may see and do."""

from typing import Protocol

import numpy as np
from attrs import frozen

from flowrig.clock import Clock
from flowrig.emulation.bench_world import ROOM_C
from flowrig.emulation.chemistry import Product

__all__ = ["AIR_BAR", "Glimpse", "Place", "StillPlace"]

AIR_BAR = 1.013
"""Pressure of the air [bar]."""


@frozen(kw_only=True, eq=False)
class Glimpse:
    """What passes a place while a detector looks at it.

    Attributes:
        product: optics of the reactive phase; None if there is only carrier.
        reactive: share of the time in which the detector sees reactive phase, 0 to 1.
        light_path_mm: light path [mm] there.
    """

    product: Product | None = None
    reactive: float = 0.0
    light_path_mm: float = 1.0


class Place(Protocol):
    """A spot of the world at which a device sits.

    Attributes:
        clock: the run's clock.
        rng: source of the noise of the device; None where it has none.
    """

    clock: Clock
    rng: np.random.Generator | None

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

    def velocity_mm_s(self) -> float:
        """Velocity [mm/s] of what passes; 0 where the bore is not known."""
        ...

    def glimpse(self, seconds: float) -> Glimpse:
        """What passes while a detector looks at it for a time [s] that begins now."""
        ...

    def reactive_at(self, distance_mm: float) -> float:
        """Share of the reactive phase at a point, 0 to 1, at a distance [mm] downstream."""
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
        seen: what a detector sees there; tests set it.
        effects: the newest value of each effect, by name.
    """

    rng: np.random.Generator | None = None

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.temperature_c = ROOM_C
        self.pressure_bar = AIR_BAR
        self.seen = Glimpse()
        self.effects: dict[str, float | str] = {}

    def flow_ul_min(self) -> float:
        """Nothing flows."""
        return 0.0

    def velocity_mm_s(self) -> float:
        """Nothing flows."""
        return 0.0

    def glimpse(self, seconds: float) -> Glimpse:
        """The same for any time."""
        return self.seen

    def reactive_at(self, distance_mm: float) -> float:
        """The same at any distance."""
        return self.seen.reactive

    def act(self, effect: str, value: float | str) -> None:
        """Remember an effect."""
        self.effects[effect] = value
