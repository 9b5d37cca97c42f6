"""The command line under odd input, odd consoles and odd signals: words, never a traceback."""

import io
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from some_events import reading

from flowrig.cli.runs.run import _stop_on_signals
from flowrig.cli.terminal.progress import Progress
from flowrig.errors import InputError
from flowrig.journal.journal import FILE_NAME, Event, Journal
from flowrig.run.options import RunOptions
from flowrig.run.start import start_run

Short = Callable[..., Path]


@pytest.mark.parametrize(("encoding", "command"), [("cp1252", "check"), ("cp437", "profiles")])
def test_a_console_without_every_letter_is_written_to(
    short: Short, encoding: str, command: str
) -> None:
    """What a console cannot show becomes a question mark."""
    words = [command, short()] if command == "check" else [command]
    done = subprocess.run(
        [sys.executable, "-m", "flowrig", *words],
        capture_output=True,
        check=False,
        env={**os.environ, "PYTHONIOENCODING": encoding},
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("command", ["check", "profiles"])
def test_brackets_in_a_title_are_text(
    flowrig: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    """A title is a label, whatever it looks like."""
    profile = tmp_path / "odd.toml"
    profile.write_text(
        'extends = "cs3cu2i5-heatup-chem3"\ntitle = "tube [/red] 2"\n', encoding="utf-8"
    )
    monkeypatch.chdir(tmp_path)
    done = flowrig(*{"check": ["check", profile], "profiles": ["profiles"]}[command])
    assert command == "profiles" or "[/red]" in done.stdout


def test_the_panel_shows_odd_titles_and_missing_readings(tmp_path: Path) -> None:
    """Brackets are text; a heater without a reading is reported as such."""
    progress = Progress(tmp_path)
    progress._status.campaign = "tube [/red] 2"
    progress(Event(1, 0.0, "", reading(None, 150.0)))
    console = Console(file=io.StringIO(), width=100)
    console.print(progress._panel())
    shown = console.file.getvalue()  # type: ignore[attr-defined]
    assert "[/red]" in shown
    assert "plate no reading (set 150.0 °C)" in shown


@pytest.mark.parametrize("seed", [-1, 2**32])
def test_a_seed_that_no_generator_takes_is_wrong_input(
    short: Short, tmp_path: Path, seed: int
) -> None:
    """The error is reported before anything is written."""
    with pytest.raises(InputError, match="seed must be 0 to"):
        start_run(short(), RunOptions(folder=tmp_path / "run", simulate=True, seed=seed))
    assert not (tmp_path / "run").exists()


def test_a_profile_of_ones_own_is_never_overwritten(short: Short, tmp_path: Path) -> None:
    """A folder with a profile.toml is no place for a run."""
    mine = tmp_path / "profile.toml"
    short().rename(mine)
    before = mine.read_bytes()
    with pytest.raises(InputError, match="choose another folder"):
        start_run(mine, RunOptions(folder=tmp_path, simulate=True))
    assert mine.read_bytes() == before


def test_a_folder_that_cannot_be_made_is_wrong_input(short: Short, tmp_path: Path) -> None:
    """The message names the folder."""
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(InputError, match="cannot be made"):
        start_run(short(), RunOptions(folder=tmp_path / "file" / "run", simulate=True))


def test_a_run_that_never_began_is_reported(flowrig: Any, tmp_path: Path) -> None:
    """Killed before its first event, a run's folder can be deleted."""
    Journal.create(tmp_path / FILE_NAME).close()
    for command in ("resume", "report"):
        done = flowrig(command, tmp_path, code=2)
        assert "before it began" in done.stderr


def test_runs_that_are_compared_differ(flowrig: Any, tmp_path: Path) -> None:
    """A run that is named twice, in whatever spelling, is wrong input."""
    done = flowrig("compare", tmp_path, tmp_path, code=2)
    assert "is named twice; name each run once" in done.stderr
    done = flowrig("compare", tmp_path, tmp_path / ".." / tmp_path.name, code=2)
    assert "is named twice, also as" in done.stderr


def test_a_report_that_cannot_be_written_is_reported(
    flowrig: Any, short: Short, tmp_path: Path
) -> None:
    """A folder in the way of the report is wrong input; the run's own end is not affected."""
    (tmp_path / "run" / "report.html").mkdir(parents=True)
    done = flowrig("run", short(1, 1), "--simulate", "--out", tmp_path / "run")
    assert "finished" in done.stdout
    assert "cannot be written" in done.stderr
    assert "cannot be written" in flowrig("report", tmp_path / "run", code=2).stderr


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="POSIX signals")
def test_nohup_is_respected() -> None:
    """A hang-up that is ignored stays ignored; otherwise it asks the run to stop."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with _stop_on_signals(print):
            assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
            assert signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL
    finally:
        signal.signal(signal.SIGHUP, before)
