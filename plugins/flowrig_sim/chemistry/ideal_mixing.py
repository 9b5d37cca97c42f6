"""Ideal mixing: a dye that is thinned by solvent, seen by Beer and Lambert.

Source: the Beer-Lambert law, and nothing else: no reaction, no change of the spectrum. Published:
nothing is needed. Fitted: nothing. Assumed: the band of the dye, which the settings can change; its
default is a xanthene-like dye, whose extinction is of the usual size.

Use it to calibrate a flow path: times, shares and dispersion show themselves in the absorbance.
"""

from typing import ClassVar

from flowrig.emulation import Absorber, Chemistry, Emitter, GaussianBand, Parcel, Product, Setup
from flowrig.errors import InputError
from flowrig_sim.offers import IdealMixingSettings

__all__ = ["IdealMixing"]

MM_PER_CM = 10.0


class IdealMixing(Chemistry):
    """One species absorbs and emits, in proportion to its concentration."""

    sample_streams: ClassVar = {"Dye": {"dye": 1e-3}}

    def __init__(self, settings: IdealMixingSettings, setup: Setup) -> None:
        if settings.dye not in setup.species:
            raise InputError(
                f"{setup.rig}: ideal mixing needs the species {settings.dye!r} in a stream, for "
                f'instance contains = {{ {settings.dye} = "1 mmol/L" }}; the streams contain '
                f"{', '.join(sorted(setup.species)) or 'no species'}"
            )
        self._settings = settings
        self._absorption = GaussianBand(settings.absorption_nm, settings.absorption_width_nm)
        self._emission = GaussianBand(settings.emission_nm, settings.emission_width_nm)

    def product(self, parcel: Parcel) -> Product:
        """`A = ε c l`, and emission in proportion to what is absorbed."""
        mol_per_l = parcel.mol_per_l[self._settings.dye]
        if mol_per_l <= 0.0:
            return Product()
        per_mm = self._settings.extinction_l_mol_cm * mol_per_l / MM_PER_CM
        return Product(
            absorbers=(Absorber(absorbance=per_mm, shape=self._absorption),),
            emitters=(Emitter(quantum_yield=self._settings.quantum_yield, shape=self._emission),),
        )
