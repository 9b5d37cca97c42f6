"""A journal that takes nothing more, and listeners that fail, keep no rig from its safe state."""

from collections.abc import Callable
from pathlib import Path

import pytest
from watched_rig import WORLD, assert_at_rest, plugins_with, run_watched

from flowrig.errors import InputError, JournalError
from flowrig.journal import FILE_NAME, Event, Journal
from flowrig.runs import resume_run

Short = Callable[..., Path]


def test_a_full_disk_ends_the_run_in_the_safe_state(
    short: Short, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Though nothing could be written the rig is at rest, the reason says so; resume goes on."""
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
    assert resume_run(tmp_path / "run", plugins=plugins_with()).state == "finished"
    with Journal(tmp_path / "run" / FILE_NAME) as journal:
        sequences = [event.sequence for event in journal.events()]
        assert sequences == list(range(1, len(sequences) + 1))


def test_a_write_that_fails_leaves_the_journal_as_it_was(tmp_path: Path) -> None:
    """Neither half an event nor a gap stays behind; the next event follows the last good one."""
    with Journal.create(tmp_path / FILE_NAME) as journal:
        journal.append("first", 0.0)
        with pytest.raises(TypeError):
            journal.append("bad", 1.0, {"not": object()})
        journal._connection.execute("PRAGMA query_only=ON")
        with pytest.raises(JournalError, match="cannot be written"):
            journal.append("refused", 2.0)
        journal._connection.execute("PRAGMA query_only=OFF")
        journal.append("second", 3.0)
        assert [(e.sequence, e.kind) for e in journal.events()] == [(1, "first"), (2, "second")]


def test_a_listener_that_fails_does_not_end_the_run(short: Short, tmp_path: Path) -> None:
    """A terminal that went away is noted and not written to again; the campaign goes on."""
    heard: list[str] = []

    def gone(event: Event) -> None:
        heard.append(event.kind)
        if event.kind == "intent":
            raise BrokenPipeError("the terminal is gone")

    outcome, _, _ = run_watched(short(2, 1, WORLD), tmp_path / "run", listeners=[gone])

    assert outcome.state == "finished"
    assert heard.count("intent") == 1
    with Journal(tmp_path / "run" / FILE_NAME) as journal:
        (failed,) = journal.events("listener-failed")
    assert "terminal is gone" in failed.data["error"]


@pytest.mark.parametrize(
    ("content", "says"),
    [(b"", "interrupted before it began"), (b"no database at all" * 99, "not a database")],
)
def test_a_file_that_is_no_journal_is_told(tmp_path: Path, content: bytes, says: str) -> None:
    """An empty or foreign file is wrong input."""
    (tmp_path / FILE_NAME).write_bytes(content)
    with pytest.raises(InputError, match=says):
        Journal(tmp_path / FILE_NAME)
