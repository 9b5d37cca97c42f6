"""The shipped checks in the whole reference campaign: a bubble and a fading lamp are told."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from watched_rig import WORLD, WatchedWorld, run_watched

from flowrig.journal.events import ExperimentBegun, Measured, RunStarted
from flowrig.journal.journal import AnyEvent

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]

CAMPAIGN = """\
extends = "cs3cu2i5-heatup-chem3"

[analysis]
frames = 80
reactive_frames = 20

[campaign]
surrogate = { name = "gp" }

[quality.shape]
use = "spectral-outlier"

[quality.drift]
use = "drift"
features = ["pla"]

[campaign.reference]
at = { temperature = "160 degC", CsOA = "28 uL/min" }
every = 10

[[campaign.stages]]
name = "explore"
optimizer = "lhs"
experiments = 60
batch = 60
order_by = "temperature"

[[campaign.stages]]
name = "improve"
optimizer = "bayes"
acquisition = "ei"
experiments = 15

[[campaign.stages]]
name = "exploit"
optimizer = "bayes"
acquisition = "exploit"
experiments = 1
"""

BUBBLE = 40
"""Number of the experiment with a bubble in the absorbance cell."""

FADE_PER_HOUR = 0.03
"""Of the light that excites the emission."""


class Fading:
    """The optics of a cell whose light fades from the start of the run on."""

    def __init__(self, optics: Any) -> None:
        self._optics = optics
        self.time_s = 0.0

    def counts(self, views: Any, integration_time_us: int) -> Any:
        left = np.float32((1.0 - FADE_PER_HOUR) ** (self.time_s / 3600.0))
        return self._optics.counts(views, integration_time_us) * left


def ran(folder: Path, listener: Any = None) -> tuple[list[Any], dict[str, list[tuple[int, str]]]]:
    """The experiments of a campaign, and by check, which are doubted and why."""
    path = folder / "campaign.toml"
    path.write_text(CAMPAIGN + WORLD, encoding="utf-8")
    outcome, _, _ = run_watched(
        path, folder / "run", seed=1, listeners=[listener] if listener else []
    )
    assert outcome.state == "finished", outcome.reason
    with outcome.record() as record:
        found: dict[str, list[tuple[int, str]]] = {"shape": [], "drift": []}
        for one in record.summary()["quality"]:
            found[one["check"]].append((one["experiment"], one["text"]))
        return record.experiments(), found


def test_a_healthy_campaign_has_hardly_a_doubt(tmp_path: Path) -> None:
    """Of 92 experiments, 16 of them at the reference condition, few look odd; nothing drifts."""
    experiments, doubts = ran(tmp_path)
    assert len(experiments) == 76 + 16
    assert doubts["drift"] == []
    assert len(doubts["shape"]) <= 3
    assert sum(one.quality == "good" for one in experiments) >= 88


def test_a_bubble_and_a_fading_lamp_are_told(tmp_path: Path) -> None:
    """The bubble at its experiment, the lamp at the reference condition."""

    def spoil(event: AnyEvent) -> None:
        if isinstance(event.data, RunStarted):  # before the instruments are there
            return
        world = WatchedWorld.newest
        exposures = world.spectrometer("hdx_pl")._exposures
        if not isinstance(exposures._optics, Fading):
            exposures._optics = Fading(exposures._optics)
        exposures._optics.time_s = event.time_s
        bubble = world.spectrometer("hdx_absorbance").faults["bubble"]
        if isinstance(event.data, ExperimentBegun | Measured) and event.data.index == BUBBLE:
            bubble.switch(isinstance(event.data, ExperimentBegun))

    experiments, doubts = ran(tmp_path, spoil)
    by_number = {one.index: one for one in experiments}
    assert by_number[BUBBLE].quality != "good"
    assert BUBBLE in [number for number, _ in doubts["shape"]]
    assert len(doubts["shape"]) <= 4
    assert doubts["drift"]
    assert by_number[doubts["drift"][0][0]].decision.reference
    assert all("pla of repeated conditions has fallen" in text for _, text in doubts["drift"])
