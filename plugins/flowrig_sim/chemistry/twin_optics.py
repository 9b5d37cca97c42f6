"""Spectra that show what a twin predicts."""

from collections.abc import Mapping, Sequence

import numpy as np
from attrs import frozen

from flowrig.emulation import Absorber, AbsorptionEdge, Emitter, GaussianBand, Product, Setup
from flowrig.errors import InputError
from flowrig.profile.model import Profile
from flowrig_sim.optics.spectra import dye_area

__all__ = ["PredictedOptics"]

HC_EV_NM = 1239.84
"""Photon energy [eV] times wavelength [nm]."""
ABSORBANCE, QUANTUM_YIELD = 0.6, 0.3
"""Absorbance and quantum yield where the twin predicts none (assumed)."""
LEAST_ABSORBANCE = 1e-3
"""Absorbance below which the product counts as invisible."""
LEAST_WIDTH_NM = 2.0
"""Smallest width of a band; a model may predict a negative one."""
WIDTH_SHARE = 0.12
"""Width of the band, as a share of the window, where the twin predicts none (assumed)."""
EDGE_NM = 25.0
"""Distance [nm] of the absorption edge above the wavelengths at which the product absorbs."""
_OF_EMISSION = {"at": "height", "area": "area", "peak": "peak", "energy": "energy", "fwhm": "fwhm"}


@frozen(kw_only=True)
class PredictedOptics:
    """Turns predicted features into what absorbs and emits.

    Attributes:
        columns: place among the predictions of what a feature is: "absorbance", "area", "height",
            "peak", "energy" or "fwhm" of the emission.
        absorbance_nm: wavelength [nm] of the absorbance.
        height_nm: wavelength [nm] of the height of the emission.
        emission_nm: window [nm] of the emission.
        excitation_nm: wavelength [nm] of the light that excites emission.
        light_path_mm: light path [mm] of the flow cells.
    """

    columns: Mapping[str, int]
    absorbance_nm: float
    height_nm: float
    emission_nm: tuple[float, float]
    excitation_nm: float
    light_path_mm: float

    @classmethod
    def of(
        cls, profile: Profile, responses: Sequence[str], setup: Setup, excitation_nm: float
    ) -> "PredictedOptics":
        """What spectra have to show, from the features that a twin predicts.

        Raises:
            InputError: a prediction is no feature that spectra can be made for.
        """
        columns, places_nm = dict[str, int](), dict[str, float]()
        for column, name in enumerate(responses):
            what, place_nm = _what(profile, name)
            if what in columns:
                raise InputError(
                    f"a twin cannot simulate {name!r} beside {responses[columns[what]]!r}: it can "
                    "show one absorbance and one emission band"
                )
            columns[what], places_nm[what] = column, place_nm
        return cls(
            columns=columns,
            absorbance_nm=places_nm.get("absorbance", excitation_nm),
            height_nm=places_nm.get("height", 0.0),
            emission_nm=setup.emission_nm or (excitation_nm + 50.0, excitation_nm + 250.0),
            excitation_nm=excitation_nm,
            light_path_mm=setup.light_path_mm,
        )

    def product(self, predicted: Sequence[float], strength: float) -> Product:
        """The optics of a parcel; a clear and dark one where it absorbs next to nothing.

        Args:
            predicted: the predicted features.
            strength: concentration, as a fraction of that for which they are predicted.
        """
        values = {what: float(predicted[column]) for what, column in self.columns.items()}
        absorbance = values.get("absorbance", ABSORBANCE)
        if strength <= 0.0 or absorbance <= LEAST_ABSORBANCE:
            return Product()
        edge_nm = max(self.absorbance_nm, self.excitation_nm) + EDGE_NM
        edge = AbsorptionEdge(edge_nm=edge_nm, width_nm=8.0, one_at_nm=self.absorbance_nm)
        band = self._band(values)
        absorbed = dye_area(1.0, absorbance * float(edge(np.array(self.excitation_nm))))
        quantum_yield = QUANTUM_YIELD
        if "area" in values:
            quantum_yield = max(values["area"], 0.0) / absorbed
        elif "height" in values:
            nm = np.linspace(*self.emission_nm, 1000)
            area_nm = float(np.trapezoid(band(nm), nm)) / float(band(np.array(self.height_nm)))
            quantum_yield = max(values["height"], 0.0) * area_nm / absorbed
        absorber = Absorber(
            absorbance=strength * absorbance, shape=edge, path_mm=self.light_path_mm
        )
        emitter = Emitter(quantum_yield=quantum_yield, shape=band, window_nm=self.emission_nm)
        return Product(absorbers=(absorber,), emitters=(emitter,))

    def _band(self, values: Mapping[str, float]) -> GaussianBand:
        """The emission band, its peak inside the window; rounded, as the world keeps its shapes."""
        low, high = self.emission_nm
        peak_nm = values.get("peak", 0.5 * (low + high))
        if values.get("energy", 0.0) > 0.0:
            peak_nm = HC_EV_NM / values["energy"]
        width_nm = values.get("fwhm", WIDTH_SHARE * (high - low))
        return GaussianBand(
            round(min(max(peak_nm, low), high), 2), round(max(width_nm, LEAST_WIDTH_NM), 2)
        )


def _what(profile: Profile, name: str) -> tuple[str, float]:
    """What a feature is, and the wavelength [nm] at which it is read.

    Raises:
        InputError: no spectrum can be made for it.
    """
    feature = profile.features.get(name)
    reading = None if feature is None else feature.only
    what = ""
    if reading is not None:
        through = profile.analysis.channels[reading.channel].offer.needs_light
        what = _OF_EMISSION[reading.how]
        if through:
            what = "absorbance" if reading.how == "at" else ""
    if reading is None or not what:
        raise InputError(
            f"a twin cannot simulate {name!r}: it shows one absorbance, at() of a channel with a "
            "lamp, and one emission band, its at(), area(), peak(), energy() and fwhm()"
        )
    return what, reading.window_nm[0]
