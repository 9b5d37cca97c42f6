"""Checks of chemistries, and their bench: parcels of known composition and history."""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from flowrig.emulation import Chemistry, Leg, Parcel, Product, Setup, Shape
from flowrig.testing.conformance.checks import Level, earns, require

__all__ = ["ChemistryBench", "ChemistryConformance"]

WAVELENGTHS_NM = np.linspace(200.0, 1100.0, 300)
MOL_PER_L = 0.005
"""Concentration of a species in the stream that has it, unless the chemistry says another one."""
SOLVENT = "Solvent"


class ChemistryBench:
    """A bench for a chemistry: a rig with its sample streams and a solvent.

    Args:
        chemistry: the class.
        settings: an instance of its settings class.
    """

    def __init__(self, chemistry: type[Chemistry], settings: Any) -> None:
        self._class = chemistry
        self._settings = settings
        self._streams = dict(chemistry.sample_streams) or {
            f"{name}_stock": {name: MOL_PER_L} for name in chemistry.species
        }
        self._streams[SOLVENT] = {}

    def fresh(self) -> Chemistry:
        """A new chemistry."""
        roles = dict.fromkeys(self._streams, "reagent") | {SOLVENT: "solvent"}
        examples = tuple(self.parcel(share) for share in np.linspace(0.2, 1.0, 16).tolist())
        setup = Setup(
            rig="bench",
            seed=1,
            roles=roles,
            mol_per_l=self._streams,
            absorbance_nm=(365.0,),
            emission_nm=(400.0, 700.0),
            examples=examples,
        )
        return self._class(self._settings, setup)

    def parcel(self, strength: float, celsius: float = 150.0, seconds: float = 40.0) -> Parcel:
        """A parcel behind a heated reactor.

        Args:
            strength: share of all reagents together, 0 to 1; the rest is solvent.
            celsius: temperature [°C] of the reactor.
            seconds: time [s] in it.
        """
        reagents = [name for name in self._streams if name != SOLVENT]
        shares = dict.fromkeys(reagents, strength / max(len(reagents), 1))
        shares[SOLVENT] = 1.0 - sum(shares.values())
        species = {name for some in self._streams.values() for name in some}
        leg = Leg(
            component="reactor",
            kind="reactor",
            seconds=seconds,
            temperature_c=np.full(8, celsius),
            is_heated=celsius > 25.0,
            flow_ul_min=700.0,
            inner_diameter_mm=0.762,
        )
        return Parcel(
            shares=shares,
            mol_per_l={
                one: sum(
                    share * self._streams[name].get(one, 0.0) for name, share in shares.items()
                )
                for one in species
            },
            reactive_share=0.5,
            legs=(leg,),
        )

    def parcels(self) -> Iterator[Parcel]:
        """Parcels thick and thin, hot and cold, short and long."""
        for strength in (1.0, 0.5, 0.1):
            for celsius in (25.0, 60.0, 150.0):
                for seconds in (0.5, 30.0, 600.0):
                    yield self.parcel(strength, celsius, seconds)


class ChemistryConformance:
    """The conformance suite of chemistries; a test class adds the fixture `bench`."""

    @earns(Level.BRONZE)
    def test_its_numbers_are_possible(self, bench: ChemistryBench) -> None:
        """Absorbances are finite and not negative, and quantum yields lie from 0 to 1."""
        chemistry = bench.fresh()
        for parcel in bench.parcels():
            _require_possible(chemistry.product(parcel))

    @earns(Level.BRONZE)
    def test_shapes_are_spectra(self, bench: ChemistryBench) -> None:
        """A shape gives one finite value for each wavelength, not negative, and has a hash."""
        chemistry = bench.fresh()
        for parcel in bench.parcels():
            for shape in _shapes(chemistry.product(parcel)):
                _require_spectrum(shape)

    @earns(Level.SILVER)
    def test_clear_liquid_is_no_error(self, bench: ChemistryBench) -> None:
        """Solvent alone, and a parcel that met nothing, give a product."""
        chemistry, clear = bench.fresh(), bench.parcel(0.0)
        nothing = Parcel(
            shares=dict.fromkeys(clear.shares, 0.0),
            mol_per_l=dict.fromkeys(clear.mol_per_l, 0.0),
        )
        for parcel in (clear, nothing):
            try:
                product = chemistry.product(parcel)
            except Exception as error:
                raise AssertionError(
                    f"clear liquid is an error: {error!r}; the lamp reference is taken through it, "
                    "so return Product() where there is nothing"
                ) from error
            _require_possible(product)

    @earns(Level.SILVER)
    def test_parcels_are_unchanged(self, bench: ChemistryBench) -> None:
        """product() does not change the temperatures of a parcel."""
        chemistry, parcel = bench.fresh(), bench.parcel(0.5)
        kept = parcel.legs[0].temperature_c.copy()
        chemistry.product(parcel)
        require(
            np.array_equal(kept, parcel.legs[0].temperature_c),
            "product() changes the temperatures of the parcel, which others see too; use a copy",
        )

    @earns(Level.GOLD)
    def test_the_same_parcel_gives_the_same(self, bench: ChemistryBench) -> None:
        """A parcel gives the same product again, whatever came in between, in any instance."""
        chemistry = bench.fresh()
        first = chemistry.product(bench.parcel(0.5))
        for parcel in bench.parcels():
            chemistry.product(parcel)
        again = (chemistry.product(bench.parcel(0.5)), bench.fresh().product(bench.parcel(0.5)))
        require(
            all(_sampled(one) == _sampled(first) for one in again),
            "the same parcel gives another product the second time; draw random numbers from the "
            "seed of the Setup once, and keep nothing from one parcel to the next",
        )


def _shapes(product: Product) -> list[Shape]:
    return [one.shape for one in (*product.absorbers, *product.emitters)]


def _require_possible(product: Product) -> None:
    require(
        isinstance(product, Product),
        f"product() returns {type(product).__name__}; return a flowrig.emulation.Product",
    )
    for absorber in product.absorbers:
        require(
            math.isfinite(absorber.absorbance)
            and absorber.absorbance >= 0.0
            and absorber.path_mm > 0.0,
            f"an absorber has the absorbance {absorber.absorbance} over {absorber.path_mm} mm; "
            "nothing absorbs less than nothing",
        )
    for emitter in product.emitters:
        require(
            math.isfinite(emitter.quantum_yield) and 0.0 <= emitter.quantum_yield <= 1.0,
            f"an emitter has the quantum yield {emitter.quantum_yield}; it is a fraction, 0 to 1",
        )


def _require_spectrum(shape: Shape) -> None:
    values: NDArray[np.float64] = np.asarray(shape(WAVELENGTHS_NM))
    require(
        values.shape == WAVELENGTHS_NM.shape
        and bool(np.isfinite(values).all())
        and bool((values >= 0.0).all()),
        f"the shape {shape!r} gives values of shape {values.shape}, from {values.min()} to "
        f"{values.max()}, at {WAVELENGTHS_NM.size} wavelengths; give one finite value for each",
    )
    try:
        hash(shape)
    except TypeError as error:
        raise AssertionError(
            f"the shape {shape!r} has no hash, by which the world keeps its spectrum; use a "
            "function of a module, or an instance of a frozen class"
        ) from error


def _sampled(product: Product) -> list[tuple[float, ...]]:
    """All numbers of a product."""
    return [
        *((one.absorbance, one.path_mm, *one.shape(WAVELENGTHS_NM)) for one in product.absorbers),
        *((one.quantum_yield, *one.shape(WAVELENGTHS_NM)) for one in product.emitters),
    ]
