"""Runs that never were, for the report."""

import math
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from flowrig.interfaces import Quality
from flowrig.measurement.sample import Spectrum
from flowrig.plugins.registry import Plugins
from flowrig.profile import Profile, load_profile_text
from flowrig.report import Expectation, Experiment, Prediction, ReportContent

PROFILES = Path(__file__).parents[2] / "profiles"
WAVELENGTHS_NM = np.linspace(200.0, 1050.0, 2068)


@cache
def reference_profile() -> Profile:
    """The reference rig, without its campaign."""
    text = (PROFILES / "cs3cu2i5-heatup.toml").read_text(encoding="utf-8")
    rig, _, _ = text.partition("\n[campaign]")
    return load_profile_text(rig, "cs3cu2i5-heatup.toml", Plugins.discover())


def band(center_nm: float, fwhm_nm: float) -> np.ndarray:
    """A band of height 1."""
    return np.exp(-4 * math.log(2) * ((WAVELENGTHS_NM - center_nm) / fwhm_nm) ** 2)


def fake_experiment(index: int, stage: str, rng: np.random.Generator) -> Experiment:
    """An experiment on a smooth landscape with noise; later stages choose better conditions."""
    profile = reference_profile()
    chosen = {v.name: float(rng.uniform(*v.range)) for v in profile.variables}
    if stage != "explore":
        wanted = {"temperature": 178.0, "CuI": 118.0, "ZnI2": 114.0, "CsOA": 26.0, "ODE": 246.0}
        chosen = {n: 0.8 * wanted[n] + 0.2 * chosen[n] for n in chosen}
    a300 = 0.55 + 0.003 * (chosen["ZnI2"] - 100) + 0.002 * (chosen["CsOA"] - 50)
    yield_ = 0.04 + 0.27 / (1 + math.exp((chosen["CsOA"] - 40 - (chosen["CuI"] - 100) / 2) / 9))
    pla = 2.0e6 * yield_ * (1 - 10**-a300) * (0.7 + 0.3 * (chosen["temperature"] - 120) / 60)
    truth = {"a300": a300, "pli": pla / 92.0, "pla": pla}
    noise = {"a300": 0.031, "pli": 0.052, "pla": 0.042}
    features = {n: v * (1 + noise[n] * rng.standard_normal()) for n, v in truth.items()}

    def objective(values: dict[str, float]) -> float:
        responses = np.array([values[name] for name in profile.objective.responses])
        return float(profile.objective.value(responses))

    def expectation(error: float) -> Expectation:
        off = 1 + error * rng.standard_normal()
        guess = {n: truth[n] * off for n in profile.objective.responses}
        return Expectation(
            {n: Prediction(v, abs(v) * error) for n, v in guess.items()},
            Prediction(objective(guess), objective(guess) * error * 1.2),
        )

    return Experiment(
        index=index,
        stage=stage,
        conditions=chosen,
        features=features,
        objective=objective(features),
        expected=None if stage == "explore" else expectation(0.06),
        held_out=expectation(0.08),
        reason="" if stage == "explore" else "expected improvement 0.8 %",
    )


def spectra(experiment: Experiment) -> tuple[Spectrum, Spectrum]:
    """An absorbance and an emission spectrum with noise that fit an experiment's features."""
    rng = np.random.default_rng(3)
    noise = rng.standard_normal((2, WAVELENGTHS_NM.size))
    shape = band(286, 40) + 0.2 * band(240, 60)
    absorbance = experiment.features["a300"] * shape / np.interp(300, WAVELENGTHS_NM, shape)
    absorbance += 0.002 * noise[0]
    glow, pixel_nm = band(445, 80), WAVELENGTHS_NM[1] - WAVELENGTHS_NM[0]
    emission = experiment.features["pla"] * glow / (glow.sum() * pixel_nm)
    emission += 20000 * band(300, 13.5) + 4 * noise[1]
    frames = np.arange(50)
    return (
        Spectrum(WAVELENGTHS_NM, absorbance, frames),
        Spectrum(WAVELENGTHS_NM, emission, frames),
    )


def fake_content(count: int = 76) -> ReportContent:
    """A campaign of so many experiments; the 23rd failed and the 41st is in doubt."""
    rng = np.random.default_rng(11)
    stages = ["explore"] * 60 + ["improve"] * 15 + ["exploit"]
    experiments = [fake_experiment(i + 1, stages[i], rng) for i in range(count)]
    for i, change in ((22, "failed"), (40, "doubtful")):
        if i < count:
            experiments[i] = _spoilt(experiments[i], change)
    shown = spectra(experiments[0]) if count else ()
    return ReportContent(
        title="60 Latin-hypercube, 15 expected-improvement and 1 exploitation experiments",
        profile=reference_profile(),
        state="finished",
        seed=7,
        experiments=tuple(experiments),
        spectra=dict(zip(("absorbance", "photoluminescence"), shown, strict=False)),
        duration_s=29_340.0,
        provenance={
            "flowrig": "0.1.0",
            "pump_cui": "Chemyx Fusion 6000, serial number 12345, firmware 2.1",
            "plate": "Watlow F4T",
            "torch": "2.6.0",
        },
    )


def _spoilt(experiment: Experiment, how: str) -> Experiment:
    plain = {"index": experiment.index, "stage": experiment.stage}
    if how == "failed":
        return Experiment(
            **plain, conditions=experiment.conditions, remark="plate: no steady temperature in 1 h"
        )
    return Experiment(
        **plain,
        conditions=experiment.conditions,
        features=experiment.features,
        objective=experiment.objective,
        quality=Quality.DOUBTFUL,
        remark="hdx_pl: 3 of 50 used frames are saturated",
    )


@pytest.fixture
def content() -> Callable[[int], ReportContent]:
    """Makes a campaign of so many experiments."""
    return fake_content
