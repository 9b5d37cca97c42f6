"""A disk that fills up: reported before an experiment, survived during one; nothing is lost."""

import sqlite3
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from watched_rig import QUICK, WORLD, assert_at_rest, plugins_with, run_watched

from flowrig.journal.events import Calibrated, ExperimentBegun, Intent, Measured
from flowrig.journal.journal import FILE_NAME, Journal
from flowrig.run import disk_space
from flowrig.run.options import ResumeOptions
from flowrig.run.start import resume_run
from flowrig.run_record.reader import RunRecord

EVERY = 14
"""Every how manieth write is tried; the commits of one run are some hundred."""


@pytest.fixture
def quick(tmp_path: Path) -> Path:
    """A campaign of one experiment that hardly waits."""
    path = tmp_path / "quick.toml"
    path.write_text(QUICK.format(experiments=1) + WORLD, encoding="utf-8")
    return path


class FullDisk(sqlite3.Connection):
    """A connection to a disk that is full from the n-th commit on."""

    left = 0
    was_full = False

    def execute(self, statement: str, *values: Any) -> sqlite3.Cursor:
        """As SQLite does, when there is no page left."""
        if statement == "COMMIT":
            FullDisk.left -= 1
            if FullDisk.left < 0:
                FullDisk.was_full = True
                raise sqlite3.OperationalError("database or disk is full")
        return super().execute(statement, *values)


@pytest.fixture
def full_after(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Gives new journals a disk that is full after some writes."""
    create, connect = Journal.create, sqlite3.connect

    def give(writes: int) -> None:
        monkeypatch.setattr(FullDisk, "left", writes)
        monkeypatch.setattr(FullDisk, "was_full", False)

        def on_a_full_disk(path: Path) -> Journal:
            with monkeypatch.context() as patch:
                patch.setattr(
                    sqlite3, "connect", lambda *args, **how: connect(*args, factory=FullDisk, **how)
                )
                return create(path)

        monkeypatch.setattr(Journal, "create", on_a_full_disk)

    return give


def test_a_disk_that_is_full_at_any_write_loses_nothing(
    quick: Path, tmp_path: Path, full_after: Callable[[int], None]
) -> None:
    """Whichever write is refused: the rig is at rest, and the run is resumed with all it had."""
    was_full, writes, tried = True, 1, 0
    while was_full:
        folder = tmp_path / str(writes)
        full_after(writes)
        outcome, world, clock = run_watched(quick, folder)
        was_full, tried = FullDisk.was_full, tried + 1
        assert_at_rest(world, clock)
        is_reported = "disk is full" in outcome.reason or "make room on the disk" in outcome.reason
        assert outcome.state == "finished" or (was_full and is_reported)
        with RunRecord(folder, plugins_with()) as record:
            before = [event.sequence for event in record.journal.events()]
        assert len(before) >= writes
        if was_full:
            assert resume_run(folder, ResumeOptions(plugins=plugins_with())).state == "finished"
        with RunRecord(folder, plugins_with()) as record:
            after = [event.sequence for event in record.journal.events()]
            measured = Counter(event.data.index for event in record.journal.events(Measured))
        assert after[: len(before)] == before
        assert measured == {1: 1}
        writes += EVERY
    assert tried > 3


def room_of(monkeypatch: pytest.MonkeyPatch, *free: int) -> None:
    """Free bytes of the disk at each question; the last number is repeated."""
    left = list(free)

    def usage(path: Path) -> SimpleNamespace:
        return SimpleNamespace(free=left.pop(0) if len(left) > 1 else left[0])

    monkeypatch.setattr(disk_space.shutil, "disk_usage", usage)


def test_a_campaign_that_does_not_fit_does_not_begin(
    quick: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Free and needed room are reported, and nothing has flowed; with room the run is resumed."""
    room_of(monkeypatch, 30 * 2**20)
    outcome, world, clock = run_watched(quick, tmp_path / "run")
    assert (outcome.state, outcome.exit_code) == ("held", 3)
    assert "has 30 MiB free; 1 experiments need up to 64 MiB" in outcome.reason
    assert_at_rest(world, clock)
    with Journal(tmp_path / "run" / FILE_NAME, read_only=True) as journal:
        commands = {event.data.command for event in journal.events(Intent)}
    assert "start" not in commands
    room_of(monkeypatch, 2**40)
    assert resume_run(tmp_path / "run", ResumeOptions(plugins=plugins_with())).state == "finished"


def test_a_disk_that_gets_short_holds_the_run_before_the_next_experiment(
    quick: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was calibrated is kept, the rig is at rest, and the run waits for room."""
    room_of(monkeypatch, 2**40, 2**20)
    outcome, world, clock = run_watched(quick, tmp_path / "run")
    assert (outcome.state, outcome.exit_code) == ("held", 3)
    assert_at_rest(world, clock)
    with Journal(tmp_path / "run" / FILE_NAME, read_only=True) as journal:
        assert journal.last(Calibrated) is not None
        assert journal.last(ExperimentBegun) is None
