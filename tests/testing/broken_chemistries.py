"""Chemistries that are wrong in one way each, and the check that finds it."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

import numpy as np
from attrs import define, evolve

from flowrig.emulation import Absorber, Product
from flowrig.testing import ChemistryBench, ChemistryConformance
from flowrig.testing.templates.flowrig_template.chemistry import TemplateChemistry
from flowrig.testing.templates.flowrig_template.chemistry_settings import (
    TemplateChemistrySettings,
)

__all__ = ["BROKEN"]


class GivesPercent(TemplateChemistry):
    def product(self, parcel):
        made = super().product(parcel)
        return evolve(
            made,
            emitters=tuple(
                evolve(one, quantum_yield=100.0 * one.quantum_yield) for one in made.emitters
            ),
        )


@define
class Unhashed:
    height: float

    def __call__(self, wavelengths_nm):
        return np.full_like(wavelengths_nm, self.height)


class HasNoHash(TemplateChemistry):
    def product(self, parcel):
        return Product(absorbers=(Absorber(absorbance=0.1, shape=Unhashed(1.0)),))


class DividesByLead(TemplateChemistry):
    def product(self, parcel):
        _ = 1.0 / parcel.mol_per_l["Pb"]
        return super().product(parcel)


class HeatsTheParcel(TemplateChemistry):
    def product(self, parcel):
        for leg in parcel.legs:
            leg.temperature_c[:] += 1.0
        return super().product(parcel)


class RemembersTheLast(TemplateChemistry):
    last = 1.0

    def product(self, parcel):
        made = super().product(parcel)
        self.last *= 0.9
        return evolve(
            made,
            emitters=tuple(
                evolve(one, quantum_yield=self.last * one.quantum_yield) for one in made.emitters
            ),
        )


def bench(broken: type) -> Callable[[], AbstractContextManager[ChemistryBench]]:
    return lambda: nullcontext(ChemistryBench(broken, TemplateChemistrySettings()))


BROKEN = [
    (check, ChemistryConformance, bench(broken), broken.__name__)
    for check, broken in (
        ("test_its_numbers_are_possible", GivesPercent),
        ("test_shapes_are_spectra", HasNoHash),
        ("test_clear_liquid_is_no_error", DividesByLead),
        ("test_parcels_are_unchanged", HeatsTheParcel),
        ("test_the_same_parcel_gives_the_same", RemembersTheLast),
    )
]
