"""A rig on which a study takes a moment: few frames, short waits, small volumes."""

from pathlib import Path
from typing import Any

from watched_rig import QUICK, WORLD, plugins_with, run_watched

from flowrig.clock import VirtualClock
from flowrig.profile import Profile, load_profile
from flowrig.run.start import RunOutcome

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
