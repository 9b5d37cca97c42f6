"""A bench for the fluidic world: set flows and temperatures, wait, take and process frames."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path

import numpy as np
from attrs import evolve, frozen
from numpy.typing import NDArray

from flowrig.clock import VirtualClock
from flowrig.emulation import Product
from flowrig.interfaces.spectrometer import Frames
from flowrig.measurement.features import extract_features
from flowrig.measurement.sample import Features, Sample
from flowrig.plugins.registry import Plugins
from flowrig.profile import Profile, load_profile_text
from flowrig.profile.model import ChemistryChoice
from flowrig_sim.optics.spectra import EmissionOptics
from flowrig_sim.settings import FluidicSettings
from flowrig_sim.world import FluidicWorld

PROFILE_FILE = Path(__file__).parents[2] / "profiles" / "cs3cu2i5-heatup.toml"
CENTRE = {"temperature": 150.0, "CuI": 100.0, "ZnI2": 100.0, "CsOA": 50.0, "ODE": 250.0}
STANDSTILL = {"CuI": 0.0, "ZnI2": 0.0, "CsOA": 0.0, "ODE": 0.0, "PFO": 0.0}
EXPOSURE_US = 8000


@cache
def installed() -> Plugins:
    """The installed plugins."""
    return Plugins.discover()


@cache
def heat_up_profile() -> Profile:
    """The reference rig, without its campaign."""
    text = PROFILE_FILE.read_text(encoding="utf-8").partition("\n[campaign]")[0]
    return load_profile_text(text, PROFILE_FILE.name, installed())


def chosen(name: str) -> ChemistryChoice:
    """A chemistry with its default settings."""
    offer = installed().offer("chemistry", name)
    return ChemistryChoice(offer, offer.settings())


def optics(product: Product) -> tuple[float, float]:
    """Absorbance at 300 nm in the published cell, and emission area [counts·nm]."""
    seen = EmissionOptics(np.linspace(200.0, 1100.0, 901), 1.016)
    return seen.absorption.at(product, 300.0), seen.area(product)


def with_component(profile: Profile, name: str, **changes: object) -> Profile:
    """The same rig with one component of its flow path changed."""
    return evolve(profile, path={**profile.path, name: evolve(profile.path[name], **changes)})


@frozen
class References:
    """Dark spectra of both spectrometers, and the lamp through carrier."""

    dark_absorbance: NDArray[np.float64]
    dark_pl: NDArray[np.float64]
    lamp: NDArray[np.float64]


class Bench:
    """The world of the reference rig, with a virtual clock and without drivers."""

    def __init__(
        self,
        seed: int = 1,
        *,
        profile: Profile | None = None,
        fill_ul: Mapping[str, float] | None = None,
        start_s: float = 0.0,
        **settings: object,
    ) -> None:
        self.profile = heat_up_profile() if profile is None else profile
        if "chemistry" in settings:
            settings["chemistry"] = chosen(settings["chemistry"])
        self.clock = VirtualClock(start_s)
        self.world = FluidicWorld(
            self.profile, FluidicSettings(**settings), self.clock, seed, fill_ul
        )
        self.analysis = self.profile.analysis
        self.absorbance = self.world.spectrometer(self.analysis.absorbance.spectrometer)
        self.pl = self.world.spectrometer(self.analysis.photoluminescence.spectrometer)
        self.plate = self.world.heater("plate")

    @property
    def now_s(self) -> float:
        """Rig time [s]."""
        return self.clock.now_s()

    def wait(self, duration_s: float) -> None:
        """Let rig time [s] pass."""
        self.clock.sleep(duration_s)

    def flow(self, flow_rates_ul_min: Mapping[str, float]) -> None:
        """Set the flow rate [µL/min] of some streams."""
        for stream, rate_ul_min in flow_rates_ul_min.items():
            self.world.pump(self.profile.streams[stream].pump).push(rate_ul_min)

    def heat(self, temperature_c: float) -> None:
        """Heat or cool to a set point [°C] and wait until the plate has reached it."""
        self.plate.control(temperature_c)
        self.wait(60 * abs(temperature_c - self.plate.temperature_c) / 5 + 150)

    def start(self, conditions: Mapping[str, float]) -> float:
        """Bring the plate to temperature, then start the pumps; returns τ [s]."""
        self.heat(conditions["temperature"])
        rates = self.profile.flow_rates_ul_min(conditions)
        self.flow(rates)
        return 1000.0 / sum(rates.values()) * 60.0

    def references(self) -> References:
        """Dark frames, then the lamp through carrier oil."""
        for body in (self.absorbance, self.pl):
            body.light(False)
        dark_absorbance, dark_pl = self.mean(self.absorbance, 20), self.mean(self.pl, 20)
        for body in (self.absorbance, self.pl):
            body.light(True)
        return References(dark_absorbance, dark_pl, self.mean(self.absorbance, 20))

    def mean(self, body: object, count: int) -> NDArray[np.float64]:
        """Mean of some frames."""
        return np.mean([body.expose(EXPOSURE_US) for _ in range(count)], axis=0)

    def measure(self, references: References, frames: int = 200) -> Features:
        """Frames every 400 ms from both spectrometers, processed as the profile says."""
        absorbed, emitted, times_s = [], [], []
        for _ in range(frames):
            times_s.append(self.now_s)
            absorbed.append(self.absorbance.expose(EXPOSURE_US))
            emitted.append(self.pl.expose(EXPOSURE_US))
            self.wait(self.analysis.frame_interval_s)
        return extract_features(
            self.analysis,
            {
                self.analysis.absorbance.spectrometer: _sample(
                    self.absorbance, absorbed, times_s, references.dark_absorbance, references.lamp
                ),
                self.analysis.photoluminescence.spectrometer: _sample(
                    self.pl, emitted, times_s, references.dark_pl, None
                ),
            },
            self.analysis.table_features,
        )


def _sample(
    body: object,
    counts: list[NDArray[np.uint16]],
    times_s: list[float],
    dark: NDArray[np.float64],
    lamp: NDArray[np.float64] | None,
) -> Sample:
    stacked = np.stack(counts)
    frames = Frames(
        time_s=times_s[-1],
        counts=stacked,
        times_s=np.array(times_s),
        integration_time_us=EXPOSURE_US,
        saturated=stacked.max(axis=1) >= 65535,
    )
    pixels = np.arange(stacked.shape[1])
    wavelengths_nm = np.polynomial.polynomial.polyval(pixels, body.wavelength_coefficients)
    return Sample(frames=frames, wavelengths_nm=wavelengths_nm, dark=dark, lamp=lamp)
