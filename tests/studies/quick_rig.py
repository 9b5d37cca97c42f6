"""A rig on which a study takes a moment: few frames, short waits, small volumes."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from watched_rig import QUICK, WORLD, plugins_with, run_watched

from flowrig.clock import VirtualClock
from flowrig.journal.journal import FILE_NAME
from flowrig.profile import Profile, load_profile
from flowrig.run.options import ResumeOptions
from flowrig.run.start import RunOutcome, resume_run

RIG = QUICK[: QUICK.index("[[campaign.stages]]")] + WORLD

ROBUSTNESS = """
[[campaign.stages]]
name = "robustness"
study = "robustness"
duration = "12 s"
every = "3 s"
"""

LHS = """
[[campaign.stages]]
name = "explore"
optimizer = "lhs"
experiments = 2
"""


def write(folder: Path, stages: str = "") -> Path:
    """A profile with these stages."""
    path = folder / "quick.toml"
    path.write_text(RIG + stages, encoding="utf-8")
    return path


def loaded(folder: Path, stages: str = "") -> Profile:
    """The same, loaded."""
    return load_profile(write(folder, stages), plugins_with())


def ran(folder: Path, stages: str = "", **options: Any) -> tuple[RunOutcome, VirtualClock]:
    """A whole run."""
    outcome, _, clock = run_watched(write(folder, stages), folder / "run", **options)
    return outcome, clock


def killed(whole: RunOutcome, folder: Path, share: float) -> Path:
    """The folder as it is after a kill behind this share of its events."""
    with closing(sqlite3.connect(whole.folder / FILE_NAME)) as journal:
        (count,) = journal.execute("SELECT max(sequence) FROM event").fetchone()
    return killed_behind(whole, folder, max(3, round(share * count)))


def killed_behind(whole: RunOutcome, folder: Path, last: int) -> Path:
    """The folder as it is after a kill behind the event of this number."""
    shutil.copytree(whole.folder, folder)
    with closing(sqlite3.connect(folder / FILE_NAME)) as journal, journal:
        journal.execute("DELETE FROM array WHERE sequence > ?", (last,))
        journal.execute("DELETE FROM event WHERE sequence > ?", (last,))
    return folder


def resumed(folder: Path) -> None:
    """Go on with a run until it is over."""
    outcome = resume_run(folder, ResumeOptions(plugins=plugins_with()))
    assert (outcome.state, outcome.reason) == ("finished", "")
