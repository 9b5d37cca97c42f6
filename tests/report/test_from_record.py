"""From a run's journal to its report."""

import math
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest
from some_events import begun, decided, device, measured

from flowrig.interfaces import OptimizerSettings, Quality, SurrogateSettings
from flowrig.journal.events import (
    Calibrated,
    Decided,
    Ended,
    ExperimentBegun,
    Measured,
    ModelChecked,
    Objective,
    Opened,
    Prediction,
    SafeStateSought,
)
from flowrig.journal.journal import FILE_NAME, Journal
from flowrig.plugins import Offer
from flowrig.plugins.registry import Plugins
from flowrig.report import ReportContent, content_of, render
from flowrig.run_record.changes import PROFILE_NAME
from flowrig.run_record.reader import RunRecord

CAMPAIGN = """
[campaign]
title = "Three tries"
seed = 5
surrogate = { name = "nothing" }

[[campaign.stages]]
name = "try"
optimizer = "nothing"
experiments = 3
"""
PIXELS = 86
SPECTROMETERS = ("hdx_absorbance", "hdx_pl")


class WithNothing:
    """The installed plugins, and a surrogate and an optimizer that are only named."""

    def __init__(self) -> None:
        self._plugins = Plugins.discover()

    def __getattr__(self, name: str) -> object:
        return getattr(self._plugins, name)

    def offers(self, kind: str) -> Mapping[str, Offer]:
        settings = {"surrogate": SurrogateSettings, "optimizer": OptimizerSettings}
        found = dict(self._plugins.offers(kind))
        if kind in settings:
            found["nothing"] = Offer(
                kind=kind, name="nothing", target="x:Y", settings=settings[kind]
            )
        return found

    def offer(self, kind: str, name: str) -> Offer:
        return self.offers(kind)[name] if name == "nothing" else self._plugins.offer(kind, name)


@pytest.fixture
def folder(tmp_path: Path, content: Callable[[int], ReportContent]) -> Path:
    """A run whose first experiment is good, whose second is bad and whose third failed."""
    source = Path(__file__).parents[2] / "profiles" / "cs3cu2i5-heatup.toml"
    rig, _, _ = source.read_text(encoding="utf-8").partition("\n[campaign]")
    (tmp_path / PROFILE_NAME).write_text(rig + CAMPAIGN, encoding="utf-8")
    wavelengths_nm = np.linspace(200.0, 1050.0, PIXELS)
    conditions = [dict(e.conditions) for e in content(3).experiments]
    with Journal.create(tmp_path / FILE_NAME) as journal:
        started = begun(
            profile="cs3cu2i5-heatup-chem3",
            campaign="",
            experiments=3,
            objective=Objective(name="PLQY proxy", unit="%"),
            seed=5,
            versions={"flowrig": "0.1.0"},
        )
        journal.append(started, 0.0)
        plate = device(vendor="Watlow", model="F4T", serial_number="42")
        journal.append(Opened(devices={"plate": plate}), 1.0)
        references = {
            f"{name}.{what}": array
            for name in SPECTROMETERS
            for what, array in {
                "dark": np.zeros(PIXELS),
                "lamp": np.full(PIXELS, 9000.0),
                "wavelengths_nm": wavelengths_nm,
            }.items()
        }
        journal.append(Calibrated(), 2.0, references)
        for index, chosen in enumerate(conditions, start=1):
            journal.append(choice(index, chosen), 3.0)
        journal.append(ExperimentBegun(index=1), 4.0)
        journal.append(result(1, 0.31), 300.0, arrays())
        journal.append(ExperimentBegun(index=2), 301.0)
        journal.append(result(2, None), 600.0, arrays())
        check = Prediction(
            index=1,
            mean={"a300": 0.5},
            sd={"a300": 0.02},
            objective_mean=0.3,
            objective_sd=0.01,
        )
        journal.append(ModelChecked(predictions=(check,)), 601.0)
        journal.append(ExperimentBegun(index=3), 602.0)
        text = "the plate is silent"
        journal.append(SafeStateSought(reached=False, steps=(), text=text), 700.0)
        journal.append(Ended(state="unknown", reason=text), 701.0)
    return tmp_path


def choice(index: int, conditions: Mapping[str, float]) -> Decided:
    """A decision; a model was asked from the second experiment on."""
    asked = index > 1
    return decided(
        index,
        stage="try",
        conditions=conditions,
        mean={"a300": 0.5} if asked else {},
        sd={"a300": 0.03} if asked else {},
        objective_mean=0.25 if asked else None,
        objective_sd=0.05 if asked else None,
    )


def result(index: int, objective: float | None) -> Measured:
    """A measurement, bad if its objective has no value."""
    return measured(
        index,
        features={"a300": None if objective is None else 0.55, "pli": 1e3, "pla": 2e5},
        objective=objective,
        quality="bad" if objective is None else "good",
        flags=("a300 has no finite value",) if objective is None else (),
        started_s=10.0,
    )


def arrays() -> dict[str, np.ndarray]:
    """Averaged spectra, and frames of which every other one caught reactive phase."""
    counts = np.full((200, PIXELS), 8000, dtype=np.uint16)
    counts[::2] -= np.arange(200, dtype=np.uint16)[::2, None]
    raw = {f"{name}.counts": counts for name in SPECTROMETERS}
    spectrum = np.linspace(1.0, 0.0, PIXELS)
    return {**raw, "absorbance": spectrum, "photoluminescence": 1000 * spectrum}


def test_a_journal_becomes_a_report(folder: Path) -> None:
    """What was decided, measured, predicted and failed comes back from the journal alone."""
    with RunRecord(folder, WithNothing()) as record:  # type: ignore[arg-type]
        made = content_of(record)
    good, bad, failed = made.experiments
    assert (made.title, made.seed, made.state, made.simulated) == (
        "Three tries",
        5,
        "unknown",
        True,
    )
    assert made.best is good
    assert good.expected is None
    assert good.held_out is not None
    assert good.held_out.features["a300"].mean == 0.5
    assert bad.quality is Quality.BAD
    assert math.isnan(bad.features["a300"])
    assert bad.expected is not None
    assert bad.expected.objective is not None
    assert bad.expected.objective.sd == 0.05
    assert not failed.succeeded
    assert failed.remark == "the plate is silent"
    assert made.provenance["plate"] == "Watlow F4T, serial number 42"
    assert any("safe" in note or "silent" in note for note in made.notes)
    assert set(made.spectra) == {"absorbance", "photoluminescence"}
    assert set(made.spectra["absorbance"].frames) == set(range(100, 200, 2))
    assert "31.0\u2009%" in render(made)
