"""Campaigns over ratios, a time and two categories that are killed and gone on with."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from other_devices import plugins_with_kit

from flowrig.campaign.optimizer import new_optimizer
from flowrig.campaign.results import results_for_optimizers
from flowrig.interfaces import Surrogate
from flowrig.journal.events import Decided, Measured
from flowrig.journal.journal import FILE_NAME
from flowrig.learning.from_campaign import new_surrogate
from flowrig.run.options import ResumeOptions, RunOptions
from flowrig.run.start import resume_run, start_run
from flowrig.run_record.reader import RunRecord

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("resumed variables")]  # one run for all

EXPERIMENTS = 6
PROFILE = """extends = "cs3cu2i5-heatup-chem3"
unset = ["space", "dependent_flows", "campaign"]

[calibration]
duration = "10 s"
[analysis]
frames = 8
frame_interval = "100 ms"
reactive_frames = 2
[steady]
hold = "4 s"

[devices.selector]
driver = "kit-valve"
address = "COM31"
positions = { run = 1, fill = 2, off = 10 }
safe = "run"
[path.waste]
valve = "selector"

[settings]
PFO = "0.5 * (CuI + ZnI2 + CsOA + ODE)"
ZnI2 = "100 uL/min"

[sections.reaction]
start = "reactor"
end = "cooling"

[space]
temperature = { is = "plate", range = ["26 degC", "27 degC"] }
reaction_time = { is = "reaction.time", range = ["40 s", "60 s"] }
x_cu = { is = "CuI / (total - PFO)", range = [0.14, 0.24] }
way = { is = "selector", choices = ["off", "fill", "run"] }
[space.caesium.choices]
least = { CsOA = "20 uL/min" }
little = { CsOA = "30 uL/min" }
some = { "CsOA / CuI" = 0.4 }
much = { CsOA = "70 uL/min" }

[campaign]
surrogate = "gp"
[[campaign.stages]]
name = "spread"
optimizer = "random"
experiments = 4
batch = 2
[[campaign.stages]]
name = "climb"
optimizer = "bayes"
candidates = 60
experiments = 2
"""


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run that nothing has interrupted."""
    folder = tmp_path_factory.mktemp("whole")
    (folder / "rig.toml").write_text(PROFILE, encoding="utf-8")
    options = RunOptions(folder=folder / "run", simulate=True, seed=5, plugins=plugins_with_kit())
    outcome = start_run(folder / "rig.toml", options)
    assert (outcome.state, outcome.reason) == ("finished", "")
    return folder / "run"


def killed(whole: Path, folder: Path, kind: str, count: int) -> Path:
    """The folder as it is after a kill just after the n-th event of a kind was written."""
    shutil.copytree(whole, folder)
    for file in folder.iterdir():
        if file.suffix in (".html", ".csv"):
            file.unlink()
    with closing(sqlite3.connect(folder / FILE_NAME)) as journal, journal:
        (last,) = journal.execute(
            "SELECT sequence FROM event WHERE kind = ? ORDER BY sequence LIMIT 1 OFFSET ?",
            (kind, count - 1),
        ).fetchone()
        journal.execute("DELETE FROM array WHERE sequence > ?", (last,))
        journal.execute("DELETE FROM event WHERE sequence > ?", (last,))
    return folder


def resumed(folder: Path) -> None:
    """Go on to the end."""
    outcome = resume_run(folder, ResumeOptions(plugins=plugins_with_kit()))
    assert (outcome.state, outcome.reason) == ("finished", "")


def assert_decisions_follow(record: RunRecord) -> None:
    """A fresh optimizer decides the same from what the journal held before each batch."""

    def surrogate() -> Surrogate:
        return new_surrogate(record.campaign, record.seed, record.profile.space)

    stages = {one.name: one for one in record.campaign.stages}
    decided = list(record.journal.events(Decided))
    for event in decided:
        rows = results_for_optimizers(record, before=event.sequence)
        if len(rows) + 1 < event.data.index:
            continue  # not the first of its batch
        stage = stages[event.data.stage]
        optimizer = new_optimizer(record.profile, stage, record.seed, surrogate)
        optimizer.ingest(rows)
        first = optimizer.suggest_explained(stage.batch)[0]
        assert dict(first.conditions) == dict(event.data.conditions)
        assert dict(first.mean) == dict(event.data.mean)


POINTS = [
    ("measured", 4),  # before the model has seen the last choice of a category
    ("decided", 1),
    ("decided", 2),
    ("experiment", 2),
    ("intent", 25),
    ("outcome", 30),
    ("decided", 5),
    ("measured", 5),
]


@pytest.mark.parametrize("at", POINTS, ids=lambda at: f"{at[0]} {at[1]}")
def test_a_killed_run_goes_on_as_it_was(whole: Path, tmp_path: Path, at: tuple[str, int]) -> None:
    """Wherever it was killed: nothing is lost or done twice, and decisions follow from the
    journal."""
    folder = killed(whole, tmp_path / "run", *at)
    with RunRecord(folder, plugins_with_kit()) as record:
        before = record.experiments()
        decided = record.decisions()
    resumed(folder)
    with RunRecord(folder, plugins_with_kit()) as record:
        after = record.experiments()
        assert [one.index for one in after] == list(range(1, EXPERIMENTS + 1))
        assert repr(after[: len(before)]) == repr(before)  # nan is not itself
        assert record.decisions()[: len(decided)] == decided
        for event in record.journal.events(Measured):
            record.profile.space.require_feasible(event.data.conditions)
        assert_decisions_follow(record)


def test_a_choice_that_was_not_tried_is_in_the_space(whole: Path) -> None:
    """The model is asked for choices of which nothing is measured."""
    with RunRecord(whole, plugins_with_kit()) as record:
        tried = {one.conditions["caesium"] for one in record.experiments()[:4]}
        assert len(tried) < 4
        assert_decisions_follow(record)


def test_the_same_kill_gives_the_same_run(whole: Path, tmp_path: Path) -> None:
    """Two copies that are gone on with are the same, bit for bit."""
    digests = []
    for name in ("a", "b"):
        folder = killed(whole, tmp_path / name, "measured", 3)
        resumed(folder)
        with RunRecord(folder, plugins_with_kit()) as record:
            digests.append(record.journal.digest())
    assert digests[0] == digests[1]
