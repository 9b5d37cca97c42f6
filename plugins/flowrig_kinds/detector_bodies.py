"""What emulated detectors see; the emulators of drivers speak the protocols."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from flowrig.emulation import DeviceFault, Glimpse, Place

__all__ = ["PhaseSensorBody", "TcspcBody"]

Array = NDArray[np.float64]

BRIGHTEST_PER_S = 2.0e5
"""Photons counted in a second where all light is absorbed and emitted again (assumed)."""
DARK_PER_S = 300.0
"""Dark counts in a second, over all bins (assumed)."""
PULSE_NS = 2.0
"""Time [ns] on the axis at which the excitation pulse arrives (assumed)."""
RESPONSE_FWHM_NS = 0.25
"""Full width at half maximum [ns] of the response to a short pulse (assumed: Gaussian)."""
FINER = 8
"""Parts of a bin in which the response is added up."""

CARRIER_LEVEL, REACTIVE_LEVEL, LEVEL_SD = 2.0, 1.2, 0.02
"""Levels [V] of a light gate before carrier and before a slug, and their noise (assumed)."""


class _Body:
    """What emulated detectors have in common: faults, and the newest frame.

    Args:
        place: where it sits.

    Attributes:
        place: as above.
        newest: the newest frame; None before the first one.
        faults: the faults that it can have.
    """

    def __init__(self, place: Place) -> None:
        self.place = place
        self.newest: NDArray[Any] | None = None
        self._is_frozen = False
        self._is_blind = False
        self.faults: Mapping[str, DeviceFault] = {
            "frozen-sensor": DeviceFault(
                "the detector shows its last frame for good", self._freeze
            ),
            "blind": DeviceFault("no light reaches the detector", self._cover),
        }

    def _shown(self, frame: NDArray[Any]) -> NDArray[Any]:
        """The frame, or the one before where the detector is frozen."""
        if self.newest is None or not self._is_frozen:
            self.newest = frame
        return self.newest

    def _freeze(self, on: bool) -> None:
        self._is_frozen = on

    def _cover(self, on: bool) -> None:
        self._is_blind = on


class TcspcBody(_Body):
    """A pulsed laser, a flow cell, and a counter of single photons.

    Pulses are so far apart that each decay ends before the next one, and so weak that no two
    photons of one pulse are counted. The laser has the wavelength at which the chemistry gives its
    absorbances.
    """

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self._since_s = place.clock.now_s()

    def clear(self) -> None:
        """Set all bins to zero, and count from now on."""
        self._since_s = self.place.clock.now_s()

    def histogram(self, bins: int, bin_ns: float) -> NDArray[np.uint32]:
        """Counts in every bin since `clear`, shape `bins`.

        Args:
            bins: number of bins; the first one begins at 0 ns.
            bin_ns: width of a bin [ns].
        """
        seconds = self.place.clock.now_s() - self._since_s
        expected = np.full(bins, DARK_PER_S * seconds / bins)
        if not self._is_blind:
            expected += _photons(self.place.glimpse(seconds), seconds, bins, bin_ns)
        rng = self.place.rng
        counts = np.rint(expected) if rng is None else rng.poisson(expected)
        return self._shown(counts.astype(np.uint32))


class PhaseSensorBody(_Body):
    """Light gates along a tube, the first one at the place of the sensor."""

    def levels(self, places_mm: Sequence[float]) -> Array:
        """Level [V] of every gate now.

        Args:
            places_mm: places [mm] of the gates, in the direction of flow.
        """
        seen = np.array([self.place.reactive_at(place_mm) for place_mm in places_mm])
        levels = CARRIER_LEVEL + (REACTIVE_LEVEL - CARRIER_LEVEL) * seen
        if self._is_blind:
            levels = np.zeros_like(levels)
        if self.place.rng is not None:
            levels = levels + LEVEL_SD * self.place.rng.standard_normal(levels.size)
        return self._shown(levels)


def _photons(seen: Glimpse, seconds: float, bins: int, bin_ns: float) -> Array:
    """Expected photons of the sample in every bin."""
    product = seen.product
    if product is None or not product.lifetimes_ns or seen.reactive <= 0.0:
        return np.zeros(bins)
    absorbance = sum(a.absorbance * seen.light_path_mm / a.path_mm for a in product.absorbers)
    absorbed = -math.expm1(-math.log(10) * absorbance)
    emitted = absorbed * sum(one.quantum_yield for one in product.emitters)
    shape = _decay(product.lifetimes_ns, bins, bin_ns)
    return BRIGHTEST_PER_S * seconds * seen.reactive * emitted * shape


def _decay(lifetimes_ns: Sequence[tuple[float, float]], bins: int, bin_ns: float) -> Array:
    """Share of the photons of a pulse in every bin, after the response of the instrument."""
    edges_ns = np.arange(bins * FINER + 1) * (bin_ns / FINER) - PULSE_NS
    photons = sum(amplitude * tau_ns for amplitude, tau_ns in lifetimes_ns)
    left = np.zeros(edges_ns.size)
    for amplitude, tau_ns in lifetimes_ns:
        left += amplitude * tau_ns / photons * np.exp(-np.maximum(edges_ns, 0.0) / tau_ns)
    fine = -np.diff(left)
    sd = RESPONSE_FWHM_NS / (2.0 * math.sqrt(2.0 * math.log(2.0))) / (bin_ns / FINER)
    reach = min(math.ceil(5.0 * sd), fine.size // 2)
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / max(sd, 1e-9)) ** 2)
    smeared = np.convolve(fine, kernel / kernel.sum(), mode="same")[: fine.size]
    return np.asarray(smeared.reshape(bins, FINER).sum(axis=1))
