"""Studies whose points need a change of the rig by a person."""

from pathlib import Path

import pytest
from quick_rig import RIG, killed_behind, resumed
from watched_rig import plugins_with, run_watched

from flowrig.journal.events import ExperimentBegun, HandAsked, HandDone, Measured
from flowrig.planning.plan import plan_campaign
from flowrig.profile import load_profile
from flowrig.run_record.reader import RunRecord

COIL = """
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
"""

STUDY = """
[[campaign.stages]]
study = "sweep"
sweep = { reaction_time = ["10 s", "20 s"] }
repeats = 1
"""


@pytest.mark.slow
def test_a_reactor_is_asked_for_and_its_volume_is_in_the_journal(tmp_path: Path) -> None:
    """Planned; asked before each point that needs another one; and again after a kill."""
    file = tmp_path / "coil.toml"
    file.write_text(RIG.replace("[[space]]\n", COIL.lstrip(), 1) + STUDY, encoding="utf-8")
    plan = plan_campaign(load_profile(file, plugins_with()))
    assert [one.asks[:14] for one in plan.questions] == ["put in reactor"] * 2
    outcome, _, _ = run_watched(file, tmp_path / "run")
    assert outcome.state == "finished", outcome.reason
    with outcome.record() as record:
        volumes = [e.data.volumes_ul for e in record.journal.events(HandDone) if e.data.volumes_ul]
        taus_s = [one.conditions["reaction_time"] for one in record.experiments()]
        again = [e.sequence for e in record.journal.events(ExperimentBegun)][1]
        change = next(e.sequence for e in record.journal.events(HandAsked) if e.sequence > again)
    first, second = (one["reactor"] for one in volumes)
    assert taus_s == [10.0, 20.0]
    assert second > first
    folder = killed_behind(outcome, tmp_path / "killed", change)
    resumed(folder)
    with RunRecord(folder, plugins_with()) as record:
        told = [e.data.volumes_ul for e in record.journal.events(HandDone) if e.data.volumes_ul]
        assert told == volumes
        assert [e.data.index for e in record.journal.events(Measured)] == [1, 2]
