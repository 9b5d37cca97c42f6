"""The campaign of the paper, to the letter, and in a short form that takes seconds."""

from pathlib import Path
from typing import Any

import pytest

from flowrig.plugins.registry import Plugins
from flowrig.profile import load_profile
from flowrig.run_record.reader import RunRecord
from flowrig_enn.settings import EnsembleSettings

NAME = "cs3cu2i5-heatup-published"
SHORT = f"""
extends = "{NAME}"

[analysis]
frames = 8
frame_interval = "100 ms"
reactive_frames = 2

[campaign.surrogate]
name = "enn"
architecture = "cascade"
members = 2
steps = 2
transform = "identity"
prior_scale = 0.0
weight_decay = 0.0
relevance_decay = 0.0

[[campaign.stages]]
name = "explore"
optimizer = "lhs"
experiments = 4
batch = 4

[[campaign.stages]]
name = "improve"
arm = "optimization"
optimizer = "bayes"
model = "responses"
candidates = 20
refinements = 0
experiments = 1

[[campaign.stages]]
name = "chance"
arm = "random"
optimizer = "random"
experiments = 1
"""


def test_it_says_what_the_paper_says() -> None:
    """Sadeghi et al., Digital Discovery 2025, 4, 1722: stages, arms and networks."""
    campaign = load_profile(NAME, Plugins.discover()).campaign
    assert campaign is not None
    assert campaign.surrogate is not None
    told = [(s.experiments, s.offer.name, s.arm) for s in campaign.stages]
    assert told == [
        (60, "lhs", None),
        (15, "bayes", "optimization"),
        (1, "bayes", "optimization"),
        (16, "random", "random"),
    ]
    acquisitions = [getattr(s.settings, "acquisition", None) for s in campaign.stages]
    assert acquisitions == [None, "ei", "exploit", None]
    networks = campaign.surrogate.settings
    assert isinstance(networks, EnsembleSettings)
    assert (networks.architecture, networks.count, networks.transform) == (
        "cascade",
        20,
        "identity",
    )
    assert networks.prior_scale == networks.weight_decay == networks.relevance_decay == 0.0


def test_a_short_form_of_it_runs_with_its_networks(flowrig: Any, tmp_path: Path) -> None:
    """Every stage and arm, the ensemble of cascades, the report with labels; only smaller."""
    pytest.importorskip("torch")
    file = tmp_path / "short.toml"
    file.write_text(SHORT, encoding="utf-8")
    flowrig("run", file, "--simulate", "--seed", 1, "--out", tmp_path / "run")
    page = (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
    assert "in-situ PLQY proxy (%)" in page
    with RunRecord(tmp_path / "run") as record:
        decided = record.decisions()
        assert [one.arm for one in decided] == [None] * 4 + ["optimization", "random"]
        assert decided[4].objective_mean is not None
        assert record.incumbent() is not None
        assert set(record.summary()["arms"]) == {"optimization", "random"}


@pytest.mark.slow
def test_the_whole_campaign_beats_chance(flowrig: Any, tmp_path: Path) -> None:
    """As published on Chem3: about 31 % by the optimization, far less at random."""
    pytest.importorskip("torch")
    flowrig("run", NAME, "--simulate", "--seed", 1, "--out", tmp_path / "run")
    with RunRecord(tmp_path / "run") as record:
        best = {arm.name: arm.best for arm in record.arms()}
    assert best["optimization"] is not None
    assert best["random"] is not None
    assert best["optimization"].objective > 0.27
    assert best["random"].objective < best["optimization"].objective
