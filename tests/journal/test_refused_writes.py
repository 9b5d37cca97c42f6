"""A journal that takes nothing more, and listeners that fail, keep no rig from its safe state."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from some_events import ended, happened, measured, outcome, reading, resumed
from watched_rig import WORLD, assert_at_rest, plugins_with, run_watched

from flowrig.errors import InputError, JournalError
from flowrig.journal.events import ListenerFailed, Notice, Unknown
from flowrig.journal.journal import FILE_NAME, AnyEvent, Journal
from flowrig.run.options import ResumeOptions
from flowrig.run.start import resume_run

Short = Callable[..., Path]


@pytest.mark.slow
def test_a_full_disk_ends_the_run_in_the_safe_state(
    short: Short, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing can be written: the rig is at rest, the reason names the disk, and a resume works."""
    create = Journal.create

    def small(path: Path) -> Journal:
        journal = create(path)
        journal._connection.execute("PRAGMA max_page_count=60")
        return journal

    monkeypatch.setattr(Journal, "create", small)
    outcome, world, clock = run_watched(short(2, 1, WORLD), tmp_path / "run")

    assert (outcome.state, outcome.exit_code) == ("failed", 1)
    assert "full" in outcome.reason
    assert_at_rest(world, clock)
    assert resume_run(tmp_path / "run", ResumeOptions(plugins=plugins_with())).state == "finished"
    with Journal(tmp_path / "run" / FILE_NAME) as journal:
        sequences = [event.sequence for event in journal.events()]
        assert sequences == list(range(1, len(sequences) + 1))


def kinds(journal: Journal) -> list[tuple[int, str]]:
    """Number and kind of everything in a journal."""
    return [(event.sequence, event.kind) for event in journal.events()]


def test_a_write_that_fails_leaves_the_journal_as_it_was(tmp_path: Path) -> None:
    """Neither half an event nor a gap stays behind; the next event follows the last good one."""
    with Journal.create(tmp_path / FILE_NAME) as journal:
        journal.append(happened("first"), 0.0)
        journal.note(reading(), 0.5)
        for write in (journal.append, journal.note, journal.keep):
            with pytest.raises(TypeError):
                write(Unknown(kind="bad", extra={"not": object()}), 1.0)
        journal.append(outcome(), 1.0)
        journal._connection.execute("PRAGMA query_only=ON")
        with pytest.raises(JournalError, match="cannot be written"):
            journal.append(happened("refused"), 2.0)
        journal._connection.execute("PRAGMA query_only=OFF")
        journal.append(happened("second"), 3.0)
        written = ["first", "reading", "outcome", "second", "notice"]
        assert kinds(journal) == list(enumerate(written, 1))
        (notice,) = journal.events(Notice)
        assert "look after its disk" in notice.data.text


def test_what_has_happened_is_written_as_soon_as_that_is_possible(tmp_path: Path) -> None:
    """With its arrays, in order, and reported once it is there; a refused event is not."""
    heard: list[str] = []
    with Journal.create(tmp_path / FILE_NAME) as journal:
        journal.listen(lambda event: heard.append(event.kind))
        journal._connection.execute("PRAGMA query_only=ON")
        kept = journal.keep(measured(), 1.0, {"counts": np.arange(4)})
        with pytest.raises(JournalError):
            journal.append(happened("refused"), 2.0)
        for _ in range(2):
            with pytest.raises(JournalError):
                journal.note(reading(), 2.0)
        journal.keep(ended(), 3.0)
        with pytest.raises(JournalError):
            journal.require_written()
        assert (heard, kinds(journal)) == ([], [])
        journal._connection.execute("PRAGMA query_only=OFF")
        journal.append(resumed(), 4.0)
        journal.require_written()
        assert heard == ["measured", "ended", "resumed", "notice"]
        assert kinds(journal) == list(enumerate(heard, 1))
        assert list(journal.arrays(kept.sequence)["counts"]) == [0, 1, 2, 3]


def test_what_is_kept_is_written_at_the_end_at_the_latest(tmp_path: Path) -> None:
    """Whoever closes the journal tries once more."""
    with Journal.create(tmp_path / FILE_NAME) as journal:
        journal._connection.execute("PRAGMA query_only=ON")
        journal.keep(ended(), 1.0)
        journal._connection.execute("PRAGMA query_only=OFF")
    with Journal(tmp_path / FILE_NAME, read_only=True) as journal:
        assert kinds(journal) == [(1, "ended")]


@contextmanager
def heard_journal(
    path: Path, monkeypatch: pytest.MonkeyPatch, factory: type[sqlite3.Connection]
) -> Iterator[tuple[Journal, list[str]]]:
    """A new journal on a disk of a kind, and the kinds of events that its listener receives."""
    connect, heard = sqlite3.connect, list[str]()
    Journal.create(path).close()
    monkeypatch.setattr(
        sqlite3, "connect", lambda *args, **how: connect(*args, factory=factory, **how)
    )
    with Journal(path) as journal:
        journal.listen(lambda event: heard.append(event.kind))
        yield journal, heard


class ForgetsToSay(sqlite3.Connection):
    """A commit is done, and then fails."""

    fails = 0

    def execute(self, statement: str, *values: Any) -> sqlite3.Cursor:
        """As SQLite does where the last synchronization is not acknowledged."""
        done = super().execute(statement, *values)
        if statement == "COMMIT" and self.fails:
            self.fails -= 1
            raise sqlite3.OperationalError("disk I/O error")
        return done


def test_a_commit_that_was_one_is_not_made_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An event that is in the file though its commit failed is there once, and reported once."""
    with heard_journal(tmp_path / FILE_NAME, monkeypatch, ForgetsToSay) as (journal, heard):
        monkeypatch.setattr(ForgetsToSay, "fails", 1)
        journal.keep(outcome(), 1.0)
        assert heard == ["outcome", "notice"]
        assert kinds(journal) == [(1, "outcome"), (2, "notice")]


@pytest.mark.slow
def test_a_listener_that_fails_does_not_end_the_run(short: Short, tmp_path: Path) -> None:
    """A terminal that went away is noted and not written to again; the campaign goes on."""
    heard: list[str] = []

    def gone(event: AnyEvent) -> None:
        heard.append(event.kind)
        if event.kind == "intent":
            raise BrokenPipeError("the terminal is gone")

    outcome, _, _ = run_watched(short(2, 1, WORLD), tmp_path / "run", listeners=[gone])

    assert outcome.state == "finished"
    assert heard.count("intent") == 1
    with Journal(tmp_path / "run" / FILE_NAME) as journal:
        (failed,) = journal.events(ListenerFailed)
    assert "terminal is gone" in failed.data.error


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"", "interrupted before it began"), (b"no database at all" * 99, "not a database")],
)
def test_a_file_that_is_no_journal_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    """An empty or foreign file is wrong input."""
    (tmp_path / FILE_NAME).write_bytes(content)
    with pytest.raises(InputError, match=message):
        Journal(tmp_path / FILE_NAME)


class TakesNoCommit(sqlite3.Connection):
    """Insertions go well, as nothing reaches the disk before the commit, which fails."""

    is_full = True

    def execute(self, statement: str, *values: Any) -> sqlite3.Cursor:
        """As SQLite does where its log has no room."""
        if statement == "COMMIT" and self.is_full:
            super().execute("ROLLBACK")
            raise sqlite3.OperationalError("disk I/O error")
        return super().execute(statement, *values)


def test_a_kept_event_is_not_reported_before_it_is_on_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A routine reading that can be inserted does not pass off a measurement as written."""
    with heard_journal(tmp_path / FILE_NAME, monkeypatch, TakesNoCommit) as (journal, heard):
        journal.keep(measured(), 1.0)
        with pytest.raises(JournalError):
            journal.note(reading(), 2.0)
        assert heard == []
        monkeypatch.setattr(TakesNoCommit, "is_full", False)
        journal.note(reading(), 3.0)
        assert heard == ["measured", "reading", "notice"]
