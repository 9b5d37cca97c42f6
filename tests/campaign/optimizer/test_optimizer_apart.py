"""A whole run whose optimizer has a process of its own."""

from collections.abc import Callable
from pathlib import Path

import pytest

from flowrig.campaign.optimizer import process
from flowrig.run.options import RunOptions
from flowrig.run.start import start_run
from flowrig.run_record.reader import RunRecord


@pytest.mark.slow
def test_a_run_is_the_same_with_its_optimizer_apart(
    short: Callable[..., Path], tmp_path: Path
) -> None:
    """Decisions and measurements are the same bit for bit, and there is nothing to tell."""
    digests = []
    for apart in (False, True):
        folder = tmp_path / f"apart-{apart}"
        outcome = start_run(
            short(2, 1), RunOptions(folder=folder, simulate=True, optimizer_process=apart)
        )
        assert outcome.state == "finished"
        assert (folder / process.LOG_NAME).exists() == apart
        with RunRecord(folder) as record:
            assert record.summary()["health"] == {}
            digests.append(record.journal.digest())
    assert digests[0] == digests[1]
