"""Runs that die between steps of their own, or at a coil by hand, go on afterwards."""

import subprocess
import sys
from pathlib import Path

import pytest

from flowrig.journal.events import EventData, HandAsked, HandDone, Measured
from flowrig.journal.journal import FILE_NAME, Journal
from flowrig.plugins.registry import Plugins
from flowrig.run.options import ResumeOptions
from flowrig.run.start import resume_run

KILLED = """
import os, sys
from flowrig.plugins.registry import Plugins
from flowrig.run.options import RunOptions
from flowrig.run.start import start_run

def die(event):
    if sys.argv[3] in event.kind + " " + str(getattr(event.data, "what", "")):
        os._exit(9)

options = RunOptions(
    folder=sys.argv[2], simulate=True, plugins=Plugins.discover(), listeners=[die]
)
start_run(sys.argv[1], options)
"""

LOOP = (Path(__file__).parents[1] / "profile" / "systems" / "s15.toml").read_text("utf-8")
STAGE = """
[[campaign.stages]]
name = "explore"
optimizer = "lhs"
experiments = 2
batch = 2
"""

COIL = """
extends = "cs3cu2i5-heatup-chem3"

[analysis]
frames = 8
frame_interval = "100 ms"
reactive_frames = 2

[path.reactor]
volume = ["10 uL", "800 uL"]
by_hand = "Put a coil of this volume into the plate"

[sections.reaction]
start = "reactor"
end = "cooling"

[[space]]
name = "reaction_time"
is = "reaction.time"
range = ["5 s", "40 s"]

[[space]]
name = "ODE"
stream = "ODE"
range = ["220 uL/min", "280 uL/min"]

[fixed_temperatures]
plate = "26 degC"

[dependent_flows]
PFO = "0.5 * (CuI + ZnI2 + CsOA + ODE)"
CuI = "0.4 * ODE"
ZnI2 = "0.4 * ODE"
CsOA = "0.2 * ODE"
"""

RIGS = {
    "between steps": (LOOP.partition("[[campaign.stages]]")[0] + STAGE, "mix, step"),
    "while it measures": (LOOP.partition("[[campaign.stages]]")[0] + STAGE, "sample frames"),
    "asked for a coil": (COIL + STAGE, "hand-asked"),
    "with a new coil": (COIL + STAGE, "hand-done"),
}


def events(folder: Path, *kinds: type[EventData]) -> list[EventData]:
    """What the journal of a run holds of some kinds."""
    with Journal(folder / FILE_NAME, read_only=True) as journal:
        return [event.data for event in journal.events(*kinds)]


@pytest.mark.slow
@pytest.mark.parametrize("where", RIGS)
def test_a_killed_run_goes_on(where: str, tmp_path: Path) -> None:
    """Every experiment is measured once; a coil that was put in is not asked for again."""
    text, event = RIGS[where]
    profile, folder = tmp_path / "rig.toml", tmp_path / "run"
    profile.write_text(text, encoding="utf-8")
    command = [sys.executable, "-c", KILLED, str(profile), str(folder), event]
    died = subprocess.run(command, timeout=300, check=False)
    assert died.returncode == 9
    before = events(folder, HandDone)
    assert not events(folder, Measured)
    outcome = resume_run(folder, ResumeOptions(plugins=Plugins.discover()))
    assert outcome.state == "finished", outcome.reason
    measured = [one for one in events(folder, Measured) if isinstance(one, Measured)]
    assert [one.index for one in measured] == [1, 2]
    if event.startswith("hand"):
        assert len(before) == (event == "hand-done")
        assert len(events(folder, HandDone)) == 2
        assert len(events(folder, HandAsked)) == (2 if before else 3)
