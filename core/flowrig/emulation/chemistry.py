"""What a chemistry sees of the simulated rig, and what it gives back.

A chemistry is a pure function from a parcel of liquid, with its composition and its history, to the
light that the parcel absorbs and emits. It knows no device; of the rig it gets a `Setup` once.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar

import numpy as np
from attrs import field, frozen
from numpy.typing import NDArray

__all__ = [
    "Absorber",
    "AbsorptionEdge",
    "Chemistry",
    "Emitter",
    "GaussianBand",
    "Leg",
    "Parcel",
    "Product",
    "Setup",
    "Shape",
]

Array = NDArray[np.float64]

HC_EV_NM = 1239.84
"""Photon energy [eV] times wavelength [nm]."""

Shape = Callable[[Array], Array]
"""A relative spectrum: values at wavelengths [nm], both of shape `n`.

The world keeps spectra by their shape, so equal shapes must have equal hashes: use a function of a
module, or an instance of a frozen class.
"""


@frozen
class GaussianBand:
    """A band that is Gaussian in photon energy, 1 at its peak.

    Attributes:
        peak_nm: wavelength [nm] of the peak.
        fwhm_nm: full width at half maximum [nm], converted to energy at the peak.
    """

    peak_nm: float
    fwhm_nm: float

    def __call__(self, wavelengths_nm: Array) -> Array:
        """The band at wavelengths [nm]."""
        fwhm_ev = HC_EV_NM * self.fwhm_nm / self.peak_nm**2
        offset_ev = HC_EV_NM / wavelengths_nm - HC_EV_NM / self.peak_nm
        return np.asarray(np.exp(-4 * math.log(2) * (offset_ev / fwhm_ev) ** 2))


@frozen
class AbsorptionEdge:
    """Absorption above a band gap: an edge, then a rise into the ultraviolet; 1 at a wavelength.

    Attributes:
        edge_nm: wavelength [nm] of half the height of the edge.
        width_nm: wavelength [nm] over which the edge rises by a factor e.
        one_at_nm: wavelength [nm] at which the value is 1.
        rise_nm: shift [nm] to shorter wavelengths over which the absorption grows by its height at
            the edge.
    """

    edge_nm: float
    width_nm: float
    one_at_nm: float
    rise_nm: float = 150.0

    def __call__(self, wavelengths_nm: Array) -> Array:
        """The absorption at wavelengths [nm]."""
        return self._raw(wavelengths_nm) / self._raw(np.array(self.one_at_nm))

    def _raw(self, wavelengths_nm: Array) -> Array:
        steps = np.clip((wavelengths_nm - self.edge_nm) / self.width_nm, -60.0, 60.0)
        rise = 1.0 + np.maximum(self.edge_nm - wavelengths_nm, 0.0) / self.rise_nm
        return np.asarray(rise / (1.0 + np.exp(steps)))


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
    """

    shares: Mapping[str, float]
    mol_per_l: Mapping[str, float] = field(factory=dict)
    reactive_share: float = 1.0
    legs: tuple[Leg, ...] = ()
    met: "Callable[[], tuple[tuple[float, Parcel], ...]]" = _nobody

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


@frozen(kw_only=True)
class Absorber:
    """Something that absorbs light.

    Attributes:
        absorbance: decadic absorbance where the shape is 1.
        shape: relative absorption spectrum.
        path_mm: light path [mm] for which `absorbance` holds; the world scales it to its own cell.
    """

    absorbance: float
    shape: Shape
    path_mm: float = 1.0


@frozen(kw_only=True)
class Emitter:
    """Something that emits light in proportion to what the parcel absorbs.

    Attributes:
        quantum_yield: photons emitted for each photon that the parcel absorbs.
        shape: relative emission spectrum.
        window_nm: wavelengths [nm] over which the yield counts photons; None for all.
        is_background: whether this is not the product: it does not drift with the process, and the
            scattered excitation light in the window is part of it.
    """

    quantum_yield: float
    shape: Shape
    window_nm: tuple[float, float] | None = None
    is_background: bool = False


@frozen(kw_only=True)
class Product:
    """The optics of a parcel; a product without absorbers is clear and dark.

    Attributes:
        absorbers: what absorbs.
        emitters: what emits; nothing does where nothing absorbs.
    """

    absorbers: tuple[Absorber, ...] = ()
    emitters: tuple[Emitter, ...] = ()


@frozen(kw_only=True)
class Setup:
    """What a chemistry may know of the rig.

    Attributes:
        rig: name of the profile.
        seed: seed of the world.
        roles: by stream, "reagent", "solvent" or "carrier".
        mol_per_l: by stream, concentrations [mol/L] of its species.
        absorbance_nm: wavelengths [nm] at which the analysis reads absorbances.
        emission_nm: window [nm] in which the analysis looks for emission; None if it does not.
        light_path_mm: light path [mm] of the flow cell that liquid passes last.
        examples: parcels at steady state under conditions from all over the search space.
    """

    rig: str
    seed: int
    roles: Mapping[str, str]
    mol_per_l: Mapping[str, Mapping[str, float]] = field(factory=dict)
    absorbance_nm: tuple[float, ...] = ()
    emission_nm: tuple[float, float] | None = None
    light_path_mm: float = 1.0
    examples: tuple[Parcel, ...] = ()

    @property
    def species(self) -> frozenset[str]:
        """Names of all species in the streams."""
        return frozenset(name for some in self.mol_per_l.values() for name in some)


class Chemistry(ABC):
    """What becomes of liquids that meet, wait and are heated.

    A chemistry is offered by the hook `flowrig_chemistries` as an `Offer` of the kind "chemistry";
    a profile names it in `[simulation]`, with its settings beside.

    Args:
        settings: an instance of the settings class of the offer.
        setup: what is known of the rig.

    Raises:
        InputError: the rig cannot show this chemistry.

    Attributes:
        species: species that it needs; a rig without a stream that `contains` each is refused.
        invented: whether its numbers stand for nothing: everybody who sees them is told.
    """

    species: ClassVar[tuple[str, ...]] = ()
    invented: ClassVar[bool] = False

    @abstractmethod
    def __init__(self, settings: Any, setup: Setup) -> None: ...

    @abstractmethod
    def product(self, parcel: Parcel) -> Product:
        """The optics of a parcel; the same parcel always gives the same product."""
