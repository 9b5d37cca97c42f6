"""The interface of a chemistry, and what it gets to know of the rig."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

from attrs import field, frozen

from flowrig.emulation.chemistry.parcel import Parcel
from flowrig.emulation.chemistry.product import Product

__all__ = ["Chemistry", "Setup"]


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
        sample_streams: by stream, the species [mol/L] of the rig on which the conformance kit tries
            it; without any, each species of `species` has a stream of its own.
        invented: whether its numbers stand for nothing: everybody who sees them is told.
    """

    species: ClassVar[tuple[str, ...]] = ()
    sample_streams: ClassVar[Mapping[str, Mapping[str, float]]] = {}
    invented: ClassVar[bool] = False

    @abstractmethod
    def __init__(self, settings: Any, setup: Setup) -> None: ...

    @abstractmethod
    def product(self, parcel: Parcel) -> Product:
        """The optics of a parcel; the same parcel always gives the same product."""
