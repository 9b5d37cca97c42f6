"""Stages that end when the model is good enough."""

from collections.abc import Callable
from pathlib import Path

import pytest

import flowrig as package
from flowrig.campaign.model_check import model_r2
from flowrig.journal.events import Calibrated, Explored
from flowrig.plugins.registry import Plugins
from flowrig.profile import check_profile
from flowrig.run_record.reader import RunRecord

EXPLORE = """\
[[campaign.stages]]
name = "explore"
optimizer = "random"
experiments = 24
until_r2 = {wanted}

[[campaign.stages]]
name = "after"
optimizer = "random"
experiments = 1

[simulation]
world = "fluidic"
chemistry = "chem3"
noise = 0.0
"""

Short = Callable[..., Path]


def exploring(short: Short, wanted: float) -> Path:
    """A campaign whose first stage goes on until the model explains so much."""
    path = short()
    head, _, _ = path.read_text(encoding="utf-8").partition("[[campaign.stages]]")
    path.write_text(head + EXPLORE.format(wanted=wanted), encoding="utf-8")
    return path


@pytest.mark.slow
def test_a_stage_ends_when_the_model_explains_enough(short: Short, tmp_path: Path) -> None:
    """From ten experiments on it is looked for, written down once, and holds after a resume."""
    folder = tmp_path / "run"
    outcome = package.start_run(
        exploring(short, 0.2), package.RunOptions(folder=folder, simulate=True, seed=4)
    )
    assert (outcome.state, outcome.reason) == ("finished", "")
    with RunRecord(folder) as record:
        (explored,) = record.journal.events(Explored)
        stages = [e.decision.stage for e in record.experiments()]
        count = explored.data.experiments
        assert 10 <= count < 24
        assert stages == ["explore"] * count + ["after"]
        assert explored.data.r2 >= 0.2
        before = record.journal.digest()

    package.resume_run(folder)
    with RunRecord(folder) as record:
        assert record.journal.digest() == before
        assert len(list(record.journal.events(Calibrated))) == 1
        assert len(list(record.journal.events(Explored))) == 1
        seen = model_r2(record)
        assert seen is not None
        assert seen() == seen_again(record)


def seen_again(record: RunRecord) -> float:
    """The same journal gives the same number."""
    again = model_r2(record)
    assert again is not None
    return again()


@pytest.mark.parametrize("wanted", [0.0, 1.0, 80.0])
def test_what_no_model_reaches_is_refused(short: Short, wanted: float) -> None:
    """R² of noisy measurements lies between 0 and 1."""
    (problem,) = check_profile(exploring(short, wanted), Plugins.discover())
    assert "more than 0 and less than 1" in str(problem)
