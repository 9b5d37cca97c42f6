"""Studies that are killed at any event, and gone on with."""

from pathlib import Path

import pytest
from quick_rig import LHS, ROBUSTNESS, killed, ran, resumed
from watched_rig import plugins_with

from flowrig.journal.events import Decided, ExperimentBegun, Intent, Measured
from flowrig.run.start import RunOutcome
from flowrig.run_record.reader import RunRecord

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("killed studies")]  # one run for all

REPEATS = """
[[campaign.stages]]
study = "repeatability"
conditions = 2
repeats = 2
"""

LOOKS = """
[[campaign.stages]]
study = "dynamic-residence-time"
sweep = { ODE = ["220 uL/min", "280 uL/min"] }
every = 0.5
frames = 4
"""


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> RunOutcome:
    """A study whose points settle, two that keep their flow, and a design."""
    outcome, _ = ran(tmp_path_factory.mktemp("whole"), REPEATS + ROBUSTNESS + LOOKS + LHS)
    assert outcome.state == "finished", outcome.reason
    return outcome


@pytest.mark.parametrize("share", [place / 20 for place in range(1, 20)])
def test_nothing_is_lost_or_done_twice(whole: RunOutcome, tmp_path: Path, share: float) -> None:
    """The study asks for the same points, and those that kept a flow settle first."""
    folder = killed(whole, tmp_path / "run", share)
    with RunRecord(folder, plugins_with()) as record:
        before = [event.data for event in record.journal.events(Measured)]
    resumed(folder)
    with RunRecord(folder, plugins_with()) as record, whole.record() as unbroken:
        told = [event.data for event in record.journal.events(Decided)]
        assert told == [event.data for event in unbroken.journal.events(Decided)]
        after = [event.data for event in record.journal.events(Measured)]
        assert after[: len(before)] == before
        assert [one.index for one in after] == [one.index for one in told]
        interrupted = [one.index for one in after if one.interrupted]
        begun = [event.data.index for event in record.journal.events(ExperimentBegun)]
        again = {index for index in begun if begun.count(index) > 1}
        assert len(interrupted) <= 1  # one kill, one flow that is lost
        continues = {one.index for one in told if one.continues}
        assert set(interrupted) <= continues
        assert again & continues <= set(interrupted)
        commands = [event.data.command for event in record.journal.events(Intent)]
        assert "start" in commands


def test_the_same_kill_gives_the_same_run(whole: RunOutcome, tmp_path: Path) -> None:
    """Two copies that are gone on with are the same, bit for bit."""
    digests = []
    for name in ("a", "b"):
        folder = killed(whole, tmp_path / name, 0.45)
        resumed(folder)
        with RunRecord(folder, plugins_with()) as record:
            digests.append(record.journal.digest())
    assert digests[0] == digests[1]
