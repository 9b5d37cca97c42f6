"""A campaign with several goals, killed and resumed: journal, status, summary and report agree."""

import contextlib
from pathlib import Path
from typing import Any

import pytest
from watched_rig import QUICK, WORLD, plugins_with, run_watched

from flowrig.journal.events import Measured
from flowrig.report import content_of, render
from flowrig.run.options import ResumeOptions
from flowrig.run.start import resume_run
from flowrig.run_record.scorecard import scorecard_of
from flowrig.run_record.status import RunStatus

pytestmark = pytest.mark.slow

GOALS = """
[features]
waste_ml = "experiment.waste"

[objective]
name = "pareto"

[[objective.goals]]
response = "a300"
worst = -1.0
best = 1.0

[[objective.goals]]
response = "waste_ml"
worst = "10 mL"
best = "1 mL"
"""


class Killed(BaseException):
    """The end of the process."""


def test_every_place_tells_the_same_front(tmp_path: Path) -> None:
    path = tmp_path / "goals.toml"
    path.write_text(QUICK.format(experiments=5) + GOALS + WORLD, encoding="utf-8")
    count = 0

    def kill(event: Any) -> None:
        nonlocal count
        count += isinstance(event.data, Measured)
        if count == 3:
            raise Killed

    with contextlib.suppress(Killed):
        run_watched(path, tmp_path / "run", listeners=[kill])
    after = RunStatus()
    outcome = resume_run(tmp_path / "run", ResumeOptions(plugins=plugins_with(), listeners=[after]))
    assert outcome.state == "finished", outcome.reason
    whole = RunStatus()
    with outcome.record() as record:
        for event in record.journal.events():
            whole(event)
        front = record.summary()["front"]
        assert 1 <= len(front["experiments"]) <= 5
        assert 0.0 < front["hypervolume"] < 2.0
        assert whole.as_json()["front"] == front
        assert after.as_json()["front"] == front
        card = scorecard_of(record)
        assert card.hypervolume.value == front["hypervolume"]
        assert "reference point: a300 -1, waste_ml 10" in card.hypervolume.note
        best = record.best()
        assert best is not None
        assert best.index in [one["index"] for one in front["experiments"]]
        measured = [event.data for event in record.journal.events(Measured)]
        assert all(one.goals is not None for one in measured)
        wastes = [one.features["waste_ml"] for one in measured]
        assert all(one is not None and one > 0.0 for one in wastes)
        assert "Several goals" in render(content_of(record))
