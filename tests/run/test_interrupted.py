"""Runs that end before their end: kill -9, Ctrl-C, a pump that stalls."""

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest

from flowrig.journal.events import ExperimentBegun, Measured, Resumed, SafeStateSought
from flowrig.journal.journal import FILE_NAME, Journal

Summary = Callable[[Path], dict[str, Any]]


def start(profile: Path, folder: Path) -> "subprocess.Popen[bytes]":
    """A run in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "flowrig", "run", profile, "--simulate", "--out", folder],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def wait_for(folder: Path, kind: str, count: int, process: "subprocess.Popen[bytes]") -> None:
    """Wait until the journal holds so many events of a kind."""
    while process.poll() is None:
        if written(folder / FILE_NAME, kind) >= count:
            return
        time.sleep(0.02)
    pytest.fail("the run ended before it could be interrupted")


def written(path: Path, kind: str) -> int:
    """How many events of a kind a journal that is being written holds."""
    if not path.is_file():
        return 0
    looks_on = f"{path.as_uri()}?mode=ro"
    with (
        suppress(sqlite3.OperationalError),
        closing(sqlite3.connect(looks_on, uri=True)) as journal,
    ):
        found: int = journal.execute(
            "SELECT count(*) FROM event WHERE kind = ?", (kind,)
        ).fetchone()[0]
        return found
    return 0


def measured(folder: Path) -> Counter[int]:
    """How often each experiment was measured."""
    with Journal(folder / FILE_NAME, read_only=True) as journal:
        return Counter(event.data.index for event in journal.events(Measured))


@pytest.mark.parametrize(
    "at",
    [
        ("measured", 2),
        pytest.param(("decided", 3), marks=pytest.mark.slow),
        pytest.param(("outcome", 30), marks=pytest.mark.slow),
    ],
)
def test_a_killed_run_is_resumed_without_loss_or_repetition(
    flowrig: Any, short: Any, summary: Summary, tmp_path: Path, at: tuple[str, int]
) -> None:
    """After kill -9 the rig first goes to its safe state; then every experiment is there, once."""
    folder = tmp_path / "run"
    process = start(short(5, 1), folder)
    wait_for(folder, *at, process)
    process.kill()
    process.wait()
    before = measured(folder)
    assert summary(folder)["state"] == "interrupted"

    done = flowrig("resume", folder)

    assert done.stdout.index("safe state") < done.stdout.index("6/6")
    assert "the rig is in its safe state" in done.stdout
    said = summary(folder)
    assert (said["state"], said["experiments"]) == ("finished", 6)
    after = measured(folder)
    assert set(after) == set(range(1, 7))
    assert max(after.values()) == 1
    assert before.items() <= after.items()
    with Journal(folder / FILE_NAME, read_only=True) as journal:
        kinds = [event.kind for event in journal.events(Resumed, SafeStateSought, ExperimentBegun)]
    assert kinds[kinds.index("resumed") + 1] == "safe-state"


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_ctrl_c_ends_in_the_safe_state_and_says_how_to_go_on(
    flowrig: Any, short: Any, summary: Summary, tmp_path: Path
) -> None:
    """The run waits for a person (3); pumps stand still, the heater is off; resume finishes it."""
    folder = tmp_path / "run"
    process = subprocess.Popen(
        [sys.executable, "-m", "flowrig", "run", short(5, 1), "--simulate", "--out", folder],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    wait_for(folder, "measured", 1, process)
    os.kill(process.pid, signal.SIGINT)
    out, _ = process.communicate(timeout=200)

    assert process.returncode == 3
    assert f"flowrig resume {folder}" in out
    assert "the rig is in its safe state" in out
    assert summary(folder)["state"] == "stopped"
    flowrig("resume", folder)
    assert summary(folder)["experiments"] == 6


@pytest.mark.slow
def test_one_run_has_one_process(flowrig: Any, short: Any, tmp_path: Path) -> None:
    """A second process that wants to go on with a run under way is refused."""
    folder = tmp_path / "run"
    process = start(short(30, 1), folder)
    try:
        wait_for(folder, "measured", 1, process)
        assert "another process" in flowrig("resume", folder, code=2).stderr
    finally:
        process.kill()
        process.wait()


@pytest.mark.slow
def test_a_changed_profile_is_not_resumed(flowrig: Any, short: Any, tmp_path: Path) -> None:
    """The run's own copy of the profile is what its measurements mean."""
    folder = tmp_path / "run"
    process = start(short(5, 1), folder)
    wait_for(folder, "measured", 1, process)
    process.kill()
    process.wait()
    copy = folder / "profile.toml"
    copy.write_text(
        copy.read_text(encoding="utf-8").replace("dye_plqy = 0.1336", "dye_plqy = 0.2"),
        encoding="utf-8",
    )
    assert "were changed" in flowrig("resume", folder, code=2).stderr


def test_a_fault_ends_safe_with_exit_code_1(
    flowrig: Any, short: Any, summary: Summary, tmp_path: Path
) -> None:
    """A plate that never gets steady fails the run; one line says what to check."""
    more = '[steady]\ntimeout = "30 s"\n'
    folder = tmp_path / "run"
    failed = flowrig("run", short(2, 1, more), "--simulate", "--out", folder, code=1)

    assert "plate: not steady" in failed.stderr
    assert "Traceback" not in failed.stderr
    assert "the rig is in its safe state" in failed.stdout
    assert summary(folder)["state"] == "failed"
