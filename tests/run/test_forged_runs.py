"""Folders of runs that were changed, forged or moved: words and an exit code, never a traceback."""

import json
import os
import random
import shutil
import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from flowrig.cli import main
from flowrig.journal.format import FILE_NAME, chained
from flowrig.run.options import ResumeOptions
from flowrig.run.start import resume_run
from flowrig.run_record.reader import RunRecord

LONGEST_MESSAGE = 20_000
EXAMPLES = int(os.environ.get("FLOWRIG_FORGED_EXAMPLES", "12"))
"""How many forged runs are tried; a night's worth by the environment."""

ATOMS: tuple[Any, ...] = (
    None, True, 0, 1, -1, 10**9, 2**63, 10**400, 1e308, -1e308, 0.5, "", "x", "a\0b", "\ud800",
    "\x1b[2J", "good", "CuI", "temperature", [], {}, [[]], {"": None}, [1, 2], "nan",
)  # fmt: skip

READING = (
    ["status", "--json"], ["report"], ["report", "--json"], ["report", "--csv"],
    ["export", "--format", "csv"], ["export", "--format", "provenance"],
    ["replay", "--speed", "1e12"], ["plan"],
)  # fmt: skip


def said(*words: object) -> Result:
    """The output of a command: no traceback, no control character, and not endless."""
    done = CliRunner().invoke(main, list(map(str, words)))
    assert isinstance(done.exception, SystemExit | None), (words, repr(done.exception))
    assert len(done.stderr) < LONGEST_MESSAGE
    assert "Traceback" not in done.output
    return done


def rechain(path: Path) -> None:
    """Make the chain of a changed journal hold."""
    with closing(sqlite3.connect(path)) as file:
        rows = file.execute("SELECT sequence, time_s, wall, kind, data FROM event ORDER BY 1")
        chain = ""
        for number, time_s, wall, kind, text in rows.fetchall():
            chain = chained(chain, (number, time_s, wall, kind), text)
            file.execute("UPDATE event SET chain = ? WHERE sequence = ?", (chain, number))
        file.commit()


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The paths of everything in a JSON value."""
    if path:
        yield path
    inside: Any = value.items() if isinstance(value, dict) else ()
    for key, inner in enumerate(value) if isinstance(value, list) else inside:
        yield from places(inner, (*path, key))


def forge(path: Path, draw: random.Random) -> None:
    """Change one value of one event, or its kind, or leave an event out; the chain holds."""
    with closing(sqlite3.connect(path)) as file:
        kinds = [one for (one,) in file.execute("SELECT DISTINCT kind FROM event ORDER BY 1")]
        kind = draw.choice(kinds)
        numbers = [
            one for (one,) in file.execute("SELECT sequence FROM event WHERE kind = ?", (kind,))
        ]
        number = draw.choice(numbers)
        (text,) = file.execute("SELECT data FROM event WHERE sequence = ?", (number,)).fetchone()
        content = json.loads(text)
        match draw.randrange(6):
            case 0:
                file.execute(
                    "UPDATE event SET kind = ? WHERE sequence = ?", (draw.choice(kinds), number)
                )
            case 1:
                other = draw.choice(numbers)
                (text,) = file.execute(
                    "SELECT data FROM event WHERE sequence = ?", (other,)
                ).fetchone()
                content = json.loads(text)
            case _ if everywhere := list(places(content)):
                *above, key = draw.choice(everywhere)
                holder = content
                for step in above:
                    holder = holder[step]
                if draw.random() < 0.2 and isinstance(holder, dict):
                    del holder[key]
                else:
                    holder[key] = draw.choice(ATOMS)
        file.execute("UPDATE event SET data = ? WHERE sequence = ?", (json.dumps(content), number))
        file.commit()
    rechain(path)


@pytest.mark.parametrize(
    "seed",
    [*range(2), *(pytest.param(one, marks=pytest.mark.slow) for one in range(2, EXAMPLES))],
)
def test_a_forged_run_is_shown_or_refused(finished: Any, tmp_path: Path, seed: int) -> None:
    """A chain that holds around values that do not: what can be shown is, the rest is told."""
    folder, draw = tmp_path / "run", random.Random(seed)
    shutil.copytree(finished.folder, folder)
    for _ in range(1 + seed % 3):
        forge(folder / FILE_NAME, draw)
    for command, *options in READING:
        assert said(command, folder, *options).exit_code in {0, 1, 2}


def of_another_run(folder: Path) -> None:
    """The journal of one run beside the profile of another."""
    (folder / "profile.toml").write_text("title = 'another'\n", encoding="utf-8")


def without_profile(folder: Path) -> None:
    (folder / "profile.toml").unlink()


def without_lock(folder: Path) -> None:
    (folder / "lock.sqlite").unlink()


def lock_is_text(folder: Path) -> None:
    (folder / "lock.sqlite").write_text("locked", encoding="utf-8")


def cut(folder: Path, share: float = 0.5) -> None:
    """Only a part of the file was copied."""
    file = folder / FILE_NAME
    data = file.read_bytes()
    file.write_bytes(data[: int(len(data) * share)])


def other_tables(folder: Path) -> None:
    with closing(sqlite3.connect(folder / FILE_NAME)) as file:
        file.execute("ALTER TABLE event ADD COLUMN more TEXT")
        file.commit()


def no_arrays(folder: Path) -> None:
    with closing(sqlite3.connect(folder / FILE_NAME)) as file:
        file.execute("DELETE FROM array")
        file.commit()


def texts_for_arrays(folder: Path) -> None:
    with closing(sqlite3.connect(folder / FILE_NAME)) as file:
        file.execute("UPDATE array SET data = 'x', shape = 'y', dtype = 'z'")
        file.commit()


def is_a_folder(folder: Path) -> None:
    (folder / FILE_NAME).unlink()
    (folder / FILE_NAME).mkdir()


def report_is_a_folder(folder: Path) -> None:
    (folder / "report.html").unlink()
    (folder / "report.html").mkdir()


CHANGES: tuple[Callable[[Path], None], ...] = (
    of_another_run, without_profile, without_lock, lock_is_text, cut, other_tables, no_arrays,
    texts_for_arrays, is_a_folder, report_is_a_folder,
)  # fmt: skip


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_a_changed_folder_is_shown_or_refused(
    finished: Any, tmp_path: Path, change: Callable[[Path], None]
) -> None:
    """Whatever file of it is missing, is of another run, or is something else."""
    folder = tmp_path / "run"
    shutil.copytree(finished.folder, folder)
    change(folder)
    for command, *options in (*READING, ["resume"], ["safe"]):
        assert said(command, folder, *options).exit_code in {0, 1, 2}


def test_a_moved_folder_is_the_same_run(finished: Any, tmp_path: Path) -> None:
    """Nothing in a folder depends on where it is."""
    moved = tmp_path / "elsewhere" / "a run"
    shutil.copytree(finished.folder, moved)
    before = json.loads(said("report", finished.folder, "--json").stdout)
    assert json.loads(said("report", moved, "--json").stdout) == before
    assert said("report", moved).exit_code == 0
    assert said("resume", moved).exit_code == 0
    with RunRecord(moved) as record:
        assert record.state == "finished"


def test_a_folder_that_is_moved_while_it_is_read_is_reported(
    finished: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The report has no place to go to."""
    folder = tmp_path / "run"
    shutil.copytree(finished.folder, folder)
    from flowrig.report import from_record

    content_of = from_record.content_of

    def moved(record: RunRecord, against: Any) -> Any:
        content = content_of(record, against)
        folder.rename(tmp_path / "moved")
        return content

    monkeypatch.setattr("flowrig.report.content_of", moved)
    done = said("report", folder)
    assert done.exit_code == 2
    assert "cannot be written" in done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="an open file cannot be moved there")
@pytest.mark.slow
def test_a_folder_that_is_moved_during_a_run_does_not_change_its_end(
    short: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The exit code is that of the run; that its report has no place is told."""
    folder = tmp_path / "run"
    from flowrig.run import session

    check_campaign = session.check_campaign

    def moved(*given: Any) -> None:
        folder.rename(tmp_path / "moved")
        check_campaign(*given)

    monkeypatch.setattr(session, "check_campaign", moved)
    done = said("run", short(2, 1), "--simulate", "--out", folder)
    assert done.exit_code in {0, 1}
    assert str(folder) in done.stderr


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0, reason="a superuser may do everything"
)
def test_a_folder_without_permission_is_reported(finished: Any, tmp_path: Path) -> None:
    """Reading, writing or both are not allowed."""
    folder = tmp_path / "run"
    shutil.copytree(finished.folder, folder)
    for mode in (0o000, 0o500):
        folder.chmod(mode)
        try:
            for command, *options in (*READING, ["resume"], ["safe"]):
                assert said(command, folder, *options).exit_code in {0, 2}
        finally:
            folder.chmod(0o700)


def test_an_event_that_cannot_be_read_counts_as_liquid_that_is_gone(
    finished: Any, tmp_path: Path
) -> None:
    """The account is never too high: a resume takes every syringe as empty."""
    folder = tmp_path / "run"
    shutil.copytree(finished.folder, folder)
    with closing(sqlite3.connect(folder / FILE_NAME)) as file:
        (last,) = file.execute(
            "SELECT sequence FROM event WHERE kind = 'measured' ORDER BY 1 LIMIT 1 OFFSET 2"
        ).fetchone()
        file.execute("DELETE FROM array WHERE sequence > ?", (last,))
        file.execute("DELETE FROM event WHERE sequence > ?", (last,))
        (number, text) = file.execute(
            "SELECT sequence, data FROM event WHERE kind = 'outcome' "
            "AND data LIKE '%dispensed_ul%' ORDER BY 1 DESC LIMIT 1"
        ).fetchone()
        content = json.loads(text)
        content["dispensed_ul"]["CuI"] = None
        file.execute("UPDATE event SET data = ? WHERE sequence = ?", (json.dumps(content), number))
        file.commit()
    rechain(folder / FILE_NAME)
    status = said("status", folder)
    assert f"event {number}, 'outcome': dispensed_ul.CuI has a value" in status.stderr
    streams = ("CuI", "ZnI2", "CsOA", "ODE", "PFO")
    outcome = resume_run(folder, ResumeOptions(refilled=streams))
    assert outcome.state == "finished"
    with RunRecord(folder) as record:
        (charged,) = [e for e in record.journal.events() if e.kind == "cut-liquid"]
        assert f"event {number} moved cannot be read" in charged.data.text
        assert len(record.experiments()) == 5
