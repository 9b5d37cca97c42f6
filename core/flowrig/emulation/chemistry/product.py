"""What a chemistry gives back: what absorbs and emits, and the shapes of spectra."""

import math
from collections.abc import Callable, Mapping

import numpy as np
from attrs import field, frozen
from numpy.typing import NDArray

__all__ = ["Absorber", "AbsorptionEdge", "Emitter", "GaussianBand", "Product", "Shape"]

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
        lifetimes_ns: how the emission decays after a short pulse: pairs of an amplitude and its
            lifetime [ns]; only the ratios of the amplitudes count. Empty where the chemistry says
            nothing of it.
        results: what analyses off the line find, by the name of the quantity: a value and its unit.
            The quantum yield `plqy`, and `peak` and `fwhm` of a Gaussian band, follow from the
            emitters where a chemistry does not say them.
    """

    absorbers: tuple[Absorber, ...] = ()
    emitters: tuple[Emitter, ...] = ()
    lifetimes_ns: tuple[tuple[float, float], ...] = ()
    results: Mapping[str, tuple[float, str]] = field(factory=dict)
