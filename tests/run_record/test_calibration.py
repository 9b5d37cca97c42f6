"""Calibration of the proxy: statistics, messages, and what is written for the next run."""

import json
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from flowrig.cli import main
from flowrig.errors import InputError
from flowrig.plugins.registry import Plugins
from flowrig.problem.objective import PlqyProxy
from flowrig.profile import load_profile
from flowrig.run.options import RunOptions
from flowrig.run.start import start_run
from flowrig.run_record.off_line.calibration import Mean, _fitted, calibrate_dye, calibrate_proxy
from flowrig.run_record.reader import RunRecord

pytestmark = pytest.mark.xdist_group("calibration")  # what they share is made once

CAMPAIGN = """
extends = "cs3cu2i5-heatup"
[analysis.channels.sphere]
use = "off-line"
gives = { plqy = "%" }
[campaign]
title = "for the line"
[[campaign.stages]]
name = "spread"
optimizer = "lhs"
experiments = 3
batch = 3
"""


@given(
    st.floats(-0.1, 0.1),
    st.floats(0.1, 3.0),
    st.lists(st.floats(0.0, 1.0), min_size=4, max_size=12, unique=True),
)
def test_a_line_without_noise_is_found(intercept: float, slope: float, x: list[float]) -> None:
    """Whatever line and yields: slope and intercept come out, with small errors."""
    plqy = np.array(x)
    if np.ptp(plqy) < 0.01:
        return
    found = _fitted(tuple(range(len(x))), "sphere.plqy", intercept + slope * plqy, plqy)
    assert found.slope == pytest.approx(slope, rel=1e-6)
    assert found.intercept == pytest.approx(intercept, abs=1e-6)
    assert found.slope_sd < 1e-6
    assert found.r2 == pytest.approx(1.0)


def test_the_standard_errors_are_those_of_repeated_experiments() -> None:
    """Over many runs with noise the slopes scatter as each of them says."""
    rng = np.random.default_rng(1)
    plqy = np.linspace(0.05, 0.6, 12)
    found = [
        _fitted(tuple(range(12)), "", 0.02 + 0.9 * plqy + 0.01 * rng.standard_normal(12), plqy)
        for _ in range(400)
    ]
    assert np.std([one.slope for one in found]) == pytest.approx(
        np.sqrt(np.mean([one.slope_sd**2 for one in found])), rel=0.1
    )
    assert np.std([one.intercept for one in found]) == pytest.approx(
        np.sqrt(np.mean([one.intercept_sd**2 for one in found])), rel=0.1
    )


def test_a_mean_and_its_scatter() -> None:
    assert Mean.of([1.0, 2.0, 3.0]) == Mean(value=2.0, sd=1.0, count=3)
    assert np.isnan(Mean.of([1.0]).sd)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A short campaign of the reference rig, with yields from a sphere."""
    home = tmp_path_factory.mktemp("calibrate")
    (home / "rig.toml").write_text(CAMPAIGN, encoding="utf-8")
    options = RunOptions(folder=home / "run", simulate=True)
    assert start_run(home / "rig.toml", options).state == "finished"
    return home / "run"


def flowrig(*words: Any) -> Any:
    return CliRunner().invoke(main, [str(word) for word in words])


def test_the_proxy_rises_with_the_yield(run: Path) -> None:
    """On the emulated rig the slope is about 1, and its background an intercept."""
    done = flowrig("calibrate", "proxy", run, "--json")
    assert done.exit_code == 0, done.output
    found = json.loads(done.output)
    assert found["slope"] == pytest.approx(1.0, abs=0.3)
    assert 0.0 < found["slope_sd"] < 0.3
    assert found["experiments"] == [1, 2, 3]
    assert "<svg" in (run / "calibration.html").read_text(encoding="utf-8")


def test_a_result_that_is_no_objective_changes_no_decision(run: Path) -> None:
    """The proxy is the objective; the yields stand beside it."""
    with RunRecord(run) as record:
        assert record.waiting() == []
        assert {e.decision.stage for e in record.experiments()} == {"spread"}
        assert all(e.results["sphere.plqy"] >= 0.0 for e in record.experiments())


def test_the_numbers_are_written_for_the_next_run(run: Path) -> None:
    """Into a profile, with their origin; the run keeps what it began with."""
    path = run.parent / "next.toml"
    path.write_text('# my rig\nextends = "cs3cu2i5-heatup"\n', encoding="utf-8")
    kept = (run / "profile.toml").read_bytes()
    with patch.object(RunRecord, "simulated", new=False):
        assert flowrig("calibrate", "proxy", run, "--write", path).exit_code == 0
        before = path.read_text(encoding="utf-8")
        done = flowrig("calibrate", "dye", run, "--plqy", "20%", "--experiment", 1, "--write", path)
    assert done.exit_code == 0, done.output
    assert "+dye_plqy = 0.2 " in done.output
    assert path.with_name("next.toml.bak2").read_text(encoding="utf-8") == before
    text = path.read_text(encoding="utf-8")
    assert text.startswith("# my rig\n")
    assert "calibrated from run, experiments 1" in text
    objective = load_profile(path, Plugins.discover()).objective
    assert isinstance(objective, PlqyProxy)
    with RunRecord(run) as record:
        assert objective.dye_plqy == pytest.approx(0.2)
        a300 = record.experiment(1).features["a300"]
        assert objective.dye_absorbance == pytest.approx(a300, rel=1e-5)
    assert (run / "profile.toml").read_bytes() == kept


def test_a_simulated_run_writes_a_new_profile_alone(run: Path) -> None:
    """A profile that is there stays, and nothing lies beside it; a new one extends the run's."""
    mine, new = run.parent / "mine.toml", run.parent / "new.toml"
    mine.write_text('extends = "cs3cu2i5-heatup"\n', encoding="utf-8")
    for words in (("proxy", run), ("dye", run, "--plqy", "20%")):
        done = flowrig("calibrate", *words, "--write", mine)
        assert done.exit_code == 2
        assert "was simulated" in done.output
        done = flowrig("calibrate", *words, "--json", "--write", new)
        assert done.exit_code == 0, done.output
        json.loads(done.stdout)
        text = new.read_text(encoding="utf-8")
        assert 'extends = "rig.toml"' in text
        objective = load_profile(new, Plugins.discover()).objective
        assert isinstance(objective, PlqyProxy)
        new.unlink()
    assert objective.dye_plqy == pytest.approx(0.2)
    assert mine.read_text(encoding="utf-8") == 'extends = "cs3cu2i5-heatup"\n'
    assert not list(run.parent.glob("mine.toml.*"))


def test_what_cannot_be_calibrated_is_said(run: Path) -> None:
    path = run.parent / "other.toml"
    path.write_text('extends = "cspbbr3-larp-published"\n', encoding="utf-8")
    with patch.object(RunRecord, "simulated", new=False):
        done = flowrig("calibrate", "dye", run, "--plqy", "13%", "--write", path)
    assert done.exit_code == 2
    assert "has to be plqy-proxy" in done.output
    assert path.read_text(encoding="utf-8") == 'extends = "cspbbr3-larp-published"\n'
    assert "0.13" in flowrig("calibrate", "dye", run, "--plqy", "0.13").output
    with RunRecord(run) as record:
        with pytest.raises(InputError, match="a line needs 3"):
            calibrate_proxy(record, only=[1, 2])
        with pytest.raises(InputError, match="no experiment 9"):
            calibrate_dye(record, 0.1, [9])
