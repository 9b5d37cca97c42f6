"""Detectors that are silent, blind or stuck: the run is safe, and no number of theirs counts."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from test_detectors import DECAY

import flowrig
from flowrig.journal.events import SafeStateSought
from flowrig.journal.journal import FILE_NAME, Journal
from flowrig.rig.simulated import emulated
from flowrig.run.start import RunOutcome, resume_run


def run(folder: Path, *faults: str) -> RunOutcome:
    """A run with faults of the counter."""

    @contextmanager
    def simulator(*arguments: Any, **options: Any) -> Iterator[Any]:
        with emulated(*arguments, **options) as rig:
            for fault in faults:
                rig.emulators["counter"].inject(fault)
            yield rig

    (folder / "rig.toml").write_text(DECAY, encoding="utf-8")
    options = flowrig.RunOptions(folder=folder / "run", simulate=True, seed=3, simulator=simulator)
    return flowrig.start_run(folder / "rig.toml", options)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("blind", "nothing decays above the background"),
        ("frozen-sensor", "all 3 frames are one and the same exposure"),
    ],
)
def test_what_shows_nothing_of_the_sample_counts_as_nothing(
    tmp_path: Path, fault: str, said: str
) -> None:
    """The experiment is bad, and says why."""
    assert run(tmp_path, fault).state == "finished"
    with flowrig.RunRecord(tmp_path / "run") as record:
        (one,) = record.experiments()
        assert one.quality == "bad"
        assert any(said in flag for flag in one.flags), one.flags


@pytest.mark.slow
def test_a_silent_counter_ends_the_run_and_a_resume_goes_on(tmp_path: Path) -> None:
    """The rig reaches its safe state; the resumed run has the same axis, and finishes."""
    outcome = run(tmp_path, "mute after=4")
    assert outcome.state in ("failed", "held")
    assert "counter" in outcome.reason
    with Journal(tmp_path / "run" / FILE_NAME, read_only=True) as journal:
        assert [event.data.reached for event in journal.events(SafeStateSought)] == [True]
    assert resume_run(tmp_path / "run").state == "finished"
    with flowrig.RunRecord(tmp_path / "run") as record:
        assert [one.quality for one in record.experiments()] == ["good"]
