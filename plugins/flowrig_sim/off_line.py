"""What analyses off the line find of a product."""

from collections.abc import Mapping

import numpy as np

from flowrig.emulation import GaussianBand, Product
from flowrig.profile import Profile
from flowrig.profile.model.off_line import OffLine, at_age, value_in
from flowrig.profile.quantity import QuantityError
from flowrig_sim.instruments import FluidAccess
from flowrig_sim.noise import generator

__all__ = ["Analyses", "found_off_line"]

ANALYSIS_RSD = 0.02
"""Relative standard deviation of an analysis off the line, of one sample (assumed)."""

KEPT = 0.7
"""Share of an amount that a stored sample keeps until the last age of its series (assumed; Liang et
al., Nanoscale Adv. 2023, 5, 2038: 5 h at 80 °C)."""

SHARP = 0.02
"""Noise of a wavelength as a share of that of an amount (assumed: 0.2 nm at 500 nm)."""


class Analyses:
    """Analyses of what is at the outlet of a rig.

    Args:
        profile: the rig.
        access: the fluid state.
        seed: seed of the world.
        noise: factor of all noise.
    """

    def __init__(self, profile: Profile, access: FluidAccess, seed: int, noise: float) -> None:
        self._units = profile.analysis.off_line_units
        self._stored = profile.analysis.stored
        self._access = access
        self._seed = seed
        self._rsd = ANALYSIS_RSD * noise

    def found(self) -> dict[str, float]:
        """What they find of what is there now, by CHANNEL.QUANTITY."""
        fluid = self._access.fluid
        if fluid.path.outlet is None:
            return {}
        with self._access.now() as now_s:
            product = fluid.content(fluid.path.outlet, now_s).product
        rng = generator(self._seed, f"analyses at {now_s:.3f} s")
        invented = type(fluid.chemistry).invented
        found = found_off_line(self._units, product, invented, self._rsd, rng)
        for channel in self._stored.values():
            fresh = found_off_line(channel.units, product, invented, 0.0, rng)
            found |= _aged(channel, fresh, self._rsd, rng)
        return found

    def known(self, product: Product) -> frozenset[str]:
        """What they find of a product, by CHANNEL.QUANTITY, without its value."""
        invented, rng = type(self._access.fluid.chemistry).invented, generator(0, "analyses")
        return frozenset(found_off_line(self._units, product, invented, 0.0, rng))


def _aged(
    channel: OffLine, fresh: Mapping[str, float], rsd: float, rng: np.random.Generator
) -> dict[str, float]:
    """What is found of stored samples: every amount is lost by the first order."""
    found = {}
    for name, value in fresh.items():
        share = SHARP if channel.units[name] == "nm" else 1.0
        for series, ages_s in channel.series_s.items():
            for age_s in ages_s:
                left = KEPT ** (share * age_s / ages_s[-1])
                noise = 1.0 + share * rsd * float(rng.standard_normal())
                found[at_age(name, series, age_s)] = value * left * noise
    return found


def found_off_line(
    units: Mapping[str, str],
    product: Product | None,
    invented: bool,
    rsd: float,
    rng: np.random.Generator,
) -> dict[str, float]:
    """Values of off-line quantities, with the noise of an analysis.

    Args:
        units: by CHANNEL.QUANTITY.
        product: what is analysed; None where there is nothing.
        invented: whether the chemistry stands for nothing; then it has an answer to everything.
        rsd: relative standard deviation of an analysis.
        rng: source of its noise.

    Returns:
        values by CHANNEL.QUANTITY, without those of which the chemistry says nothing.
    """
    known = {} if product is None else _results(product)
    found = {}
    for name, unit in units.items():
        share = SHARP if unit == "nm" else 1.0
        noise = 1.0 + share * rsd * float(rng.standard_normal())
        value, given = known.get(name.partition(".")[2], (float("nan"), ""))
        try:
            found[name] = value_in(f"{value:.12g} {given}", unit) * noise
        except QuantityError:  # nothing is known, or in a unit of another kind
            if invented and product is not None:
                found[name] = known["plqy"][0] * noise
    return found


def _results(product: Product) -> dict[str, tuple[float, str]]:
    """What can be found of a product, by quantity, with its unit."""
    emitters = [one for one in product.emitters if not one.is_background]
    found = {"plqy": (100.0 * sum(one.quantum_yield for one in emitters), "%")}
    bands = [one for one in emitters if isinstance(one.shape, GaussianBand)]
    if bands:
        brightest = max(bands, key=lambda one: one.quantum_yield).shape
        assert isinstance(brightest, GaussianBand)
        found["peak"] = (brightest.peak_nm, "nm")
        found["fwhm"] = (brightest.fwhm_nm, "nm")
    return found | dict(product.results)
