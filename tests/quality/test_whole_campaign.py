"""The shipped checks in the whole reference campaign: a bubble and a fading lamp are told."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from watched_rig import WORLD, WatchedWorld, run_watched

from flowrig.journal.events import ExperimentBegun, Measured
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

[[campaign.stages]]
name = "before"
study = "repeatability"
repeats = 4

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

[[campaign.stages]]
name = "after"
study = "repeatability"
repeats = 4
"""

BUBBLE = 40
"""Number of the experiment with a bubble in the absorbance cell."""

FADE_PER_HOUR = 0.03
"""Of the light that excites the emission."""


class Fading:
    """The optics of a cell whose light fades from the start of the run on."""

    def __init__(self, optics: Any, world: WatchedWorld) -> None:
        self._optics, self._world = optics, world
        self.time_s = 0.0

    def counts(self, views: Any, integration_time_us: int) -> Any:
        return self._optics.counts(views, integration_time_us) * self.share

    @property
    def share(self) -> Any:
        import numpy as np

        return np.float32((1.0 - FADE_PER_HOUR) ** (self.time_s / 3600.0))


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
    """Of a hundred experiments at most two look odd, and nothing drifts."""
    experiments, doubts = ran(tmp_path)
    assert len(experiments) == 100
    assert doubts["drift"] == []
    assert len(doubts["shape"]) <= 2
    assert sum(one.quality == "good" for one in experiments) >= 95


def test_a_bubble_and_a_fading_lamp_are_told(tmp_path: Path) -> None:
    """The bubble at its experiment, the lamp once the condition of the start comes back."""
    fading: list[Fading] = []

    def spoil(event: AnyEvent) -> None:
        world = WatchedWorld.newest
        if not fading:
            exposures = world.spectrometer("hdx_pl")._exposures
            exposures._optics = Fading(exposures._optics, world)
            fading.append(exposures._optics)
        fading[0].time_s = event.time_s
        bubble = world.spectrometer("hdx_absorbance").faults["bubble"]
        if isinstance(event.data, ExperimentBegun | Measured) and event.data.index == BUBBLE:
            bubble.switch(isinstance(event.data, ExperimentBegun))

    experiments, doubts = ran(tmp_path, spoil)
    bubbled = next(one for one in experiments if one.index == BUBBLE)
    assert bubbled.quality != "good"
    assert BUBBLE in numbers(doubts["shape"])
    assert len(doubts["shape"]) <= 4
    assert doubts["drift"]
    assert min(numbers(doubts["drift"])) > 88
    assert all("pla of repeated conditions has fallen" in text for _, text in doubts["drift"])


def numbers(doubts: Sequence[tuple[int, str]]) -> list[int]:
    return [number for number, _ in doubts]
