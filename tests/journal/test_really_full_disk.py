"""A disk that really takes no more, by the operating system and not by a stand-in."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from flowrig.journal.journal import FILE_NAME
from flowrig.run_record.reader import RunRecord

SCRIPT = Path(__file__).parents[1] / "helpers" / "small_disk.py"
LARGEST = 1_300_000
"""Bytes; an experiment of the short campaign measures half a million."""


@pytest.mark.skipif(sys.platform == "win32", reason="no limit on the size of files there")
@pytest.mark.slow
def test_a_run_ends_safe_when_the_system_takes_no_more(
    short: Callable[..., Path], flowrig: Any, tmp_path: Path
) -> None:
    """The rig goes to its safe state, one line gives the reason; no acknowledged event is lost."""
    folder = tmp_path / "run"
    done = subprocess.run(
        [sys.executable, SCRIPT, str(LARGEST), "run", short(4, 1), "--simulate", "--out", folder],
        capture_output=True,
        encoding="utf-8",
        check=False,
        timeout=200,
    )
    assert done.returncode == 1, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert f"{FILE_NAME} cannot be written" in done.stderr
    reported = [
        line for line in done.stdout.splitlines() if line.strip().partition("/")[0].isdigit()
    ]
    with RunRecord(folder) as record:
        before = [experiment.index for experiment in record.experiments()]
    assert 0 < len(reported) <= len(before) < 5, done.stdout

    flowrig("resume", folder)
    with RunRecord(folder) as record:
        assert record.state == "finished"
        after = [experiment.index for experiment in record.experiments()]
    assert after[: len(before)] == before
    assert sorted(after) == list(range(1, 6))
