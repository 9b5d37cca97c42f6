"""What a chemistry sees: a parcel of liquid with its composition and its history."""

import math
from collections.abc import Callable, Iterator, Mapping

import numpy as np
from attrs import field, frozen
from numpy.typing import NDArray

__all__ = ["Leg", "Parcel"]

Array = NDArray[np.float64]


@frozen(kw_only=True, eq=False)
class Leg:
    """What a parcel met in one component of the flow path.

    Attributes:
        component: name of the component.
        kind: its kind, for instance "reactor".
        seconds: how long [s] the parcel was in it.
        temperature_c: temperatures [°C] at regular times during the stay, shape `n`, `n` >= 1.
        is_heated: whether a heater acts on the component.
        flow_ul_min: flow rate [µL/min] of all phases when the parcel entered.
        inner_diameter_mm: bore [mm] of the component.
    """

    component: str
    kind: str
    seconds: float
    temperature_c: Array
    is_heated: bool
    flow_ul_min: float
    inner_diameter_mm: float

    @property
    def velocity_mm_s(self) -> float:
        """Mean velocity [mm/s]."""
        return self.flow_ul_min / 60.0 / (math.pi / 4 * self.inner_diameter_mm**2)


def _nobody() -> "tuple[tuple[float, Parcel], ...]":
    return ()


@frozen(kw_only=True, eq=False)
class Parcel:
    """A small volume of the reactive phase: what it is made of, and what it went through.

    Attributes:
        shares: volume share of each stream in the reactive phase; the sum is 1 unless nothing but
            clear liquid was there before.
        mol_per_l: concentration [mol/L] by species, from `contains` of the streams.
        reactive_share: share of the reactive phase in the flow; 1 in a single phase.
        legs: what the parcel met since streams joined for the last time, newest last.
        met: gives the parcels that met there, each with its share in the reactive phase.
        devices: by device of any other kind, as a valve or a stirrer, the number or the position at
            which it works when the parcel is looked at.
    """

    shares: Mapping[str, float]
    mol_per_l: Mapping[str, float] = field(factory=dict)
    reactive_share: float = 1.0
    legs: tuple[Leg, ...] = ()
    met: "Callable[[], tuple[tuple[float, Parcel], ...]]" = _nobody
    devices: Mapping[str, float | str] = field(factory=dict)

    @property
    def parents(self) -> "tuple[tuple[float, Parcel], ...]":
        """The parcels that met at the last junction, each with its share; none if none did."""
        return self.met()

    def heated_legs(self) -> tuple[Leg, ...]:
        """The legs in heated components since the last junction."""
        return tuple(leg for leg in self.legs if leg.is_heated)

    def seconds(self) -> float:
        """Time [s] since the last junction."""
        return sum(leg.seconds for leg in self.legs)

    def history(self) -> Iterator[Leg]:
        """All legs of the parcel and of all parcels that met in it, in no particular order."""
        yield from self.legs
        for _, parent in self.parents:
            yield from parent.history()
