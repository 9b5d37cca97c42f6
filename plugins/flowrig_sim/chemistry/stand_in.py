"""An invented chemistry for any rig, so that every sound profile can be simulated.

Nothing of it is published, fitted or measured. It is smooth, depends on everything that the search
space moves, and has one best point, whose place follows from the seed and the name of the rig.
"""

import math
import zlib
from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from flowrig.emulation import (
    Absorber,
    AbsorptionEdge,
    Chemistry,
    Emitter,
    GaussianBand,
    Parcel,
    Product,
    Setup,
)
from flowrig_sim.chemistry.lifetimes import lifetimes_ns
from flowrig_sim.offers import NoSettings

__all__ = ["StandIn"]

ABSORBANCE = 0.6
"""Absorbance at the wavelength of the analysis in the middle of the space."""
BEST_YIELD = 0.6
"""Largest quantum yield."""
RADIATIVE_NS = 20.0
"""Radiative lifetime [ns]."""
SHARPNESS = 3.0
"""How fast the yield falls with the distance from the best point, in units of the space."""
DEFAULT_EMISSION_NM, DEFAULT_ABSORBANCE_NM = (420.0, 640.0), 350.0
"""Where it emits and absorbs if the analysis does not look for it."""


class StandIn(Chemistry):
    """A smooth response over the search space of the profile; its numbers stand for nothing.

    It sees volume shares, temperatures and times of parcels, and numbers and positions of devices
    of other kinds, each scaled to its range over the search space. What the space does not move has
    no influence. A parcel with less reagent than any of the space is a dilution.
    """

    invented = True
    sample_streams: ClassVar = {"A": {}}

    def __init__(self, settings: NoSettings, setup: Setup) -> None:
        del settings
        rows = [_coordinates(parcel) for parcel in setup.examples]
        names = sorted({name for row in rows for name in row})
        values = {name: [row.get(name, 0.0) for row in rows] for name in names}
        self._ranges = {
            name: (min(some), max(some))
            for name, some in values.items()
            if max(some) - min(some) > 1e-9 * max(abs(max(some)), 1.0)
        }
        # The best point depends on the rig too: two profiles do not share their landscape.
        rng = np.random.default_rng([setup.seed, zlib.crc32(setup.rig.encode())])
        self._best = dict(zip(self._ranges, rng.uniform(0.2, 0.8, len(self._ranges)), strict=True))
        weights = rng.uniform(0.4, 1.0, len(self._ranges))
        self._weights = dict(zip(self._ranges, weights / (weights.sum() or 1.0), strict=True))
        slopes = rng.uniform(-1.0, 1.0, (2, len(self._ranges)))
        slopes /= np.maximum(np.abs(slopes).sum(axis=1, keepdims=True), 1e-9)
        self._shift, self._growth = (
            dict(zip(self._ranges, row.tolist(), strict=True)) for row in slopes
        )
        low, high = setup.emission_nm or DEFAULT_EMISSION_NM
        self._peak_nm, self._span_nm = 0.5 * (low + high), high - low
        at_nm = (setup.absorbance_nm or (DEFAULT_ABSORBANCE_NM,))[0]
        self._edge = AbsorptionEdge(edge_nm=at_nm + 25.0, width_nm=8.0, one_at_nm=at_nm)
        self._reagents = [name for name, role in setup.roles.items() if role == "reagent"]
        self._least = min(map(self._strength, setup.examples), default=0.0)
        self._path_mm = setup.light_path_mm

    def product(self, parcel: Parcel) -> Product:
        """An absorption edge and one emission band, both of which move smoothly."""
        strength = min(self._strength(parcel) / self._least, 1.0) if self._least > 0.0 else 1.0
        if strength <= 0.0:
            return Product()
        unit = self._unit(_coordinates(parcel))
        distance = sum(
            self._weights[name] * (unit[name] - self._best[name]) ** 2 for name in self._ranges
        )
        best = BEST_YIELD * math.exp(-SHARPNESS * distance)
        centred = {name: value - 0.5 for name, value in unit.items()}
        shift = sum(self._shift[name] * centred[name] for name in self._ranges)
        growth = sum(self._growth[name] * centred[name] for name in self._ranges)
        band = GaussianBand(
            round(self._peak_nm + 0.4 * self._span_nm * shift, 2), round(0.12 * self._span_nm, 2)
        )
        return Product(
            absorbers=(
                Absorber(
                    absorbance=strength * ABSORBANCE * (1.0 + growth),
                    shape=self._edge,
                    path_mm=self._path_mm,
                ),
            ),
            emitters=(Emitter(quantum_yield=best, shape=band),),
            lifetimes_ns=lifetimes_ns(best, RADIATIVE_NS),
        )

    def _strength(self, parcel: Parcel) -> float:
        """Share of reagents in a parcel; that of all streams if the rig has no reagents."""
        names = self._reagents or list(parcel.shares)
        return sum(parcel.shares.get(name, 0.0) for name in names)

    def _unit(self, coordinates: Mapping[str, float]) -> dict[str, float]:
        """Coordinates scaled to their ranges over the space, and kept near them."""
        return {
            name: min(max((coordinates.get(name, 0.0) - low) / (high - low), -0.5), 1.5)
            for name, (low, high) in self._ranges.items()
        }


def _coordinates(parcel: Parcel) -> dict[str, float]:
    """What the response may depend on: shares, temperatures [°C], times [s], and devices."""
    found = {f"share of {name}": share for name, share in parcel.shares.items()}
    found["share of the reactive phase"] = parcel.reactive_share
    found["time"] = parcel.seconds()
    for leg in parcel.history():
        if leg.is_heated:
            found[f"temperature in {leg.component}"] = float(leg.temperature_c.mean())
    for name, value in parcel.devices.items():
        if isinstance(value, str):
            found[f"{name} at {value}"] = 1.0
        else:
            found[f"number of {name}"] = value
    return found
